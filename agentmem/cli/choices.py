"""policies, stores, config: what there is to choose from, and what is wrong with a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from agentmem import catalogue, registry
from agentmem.cli.session import Session, clean, columns, command
from agentmem.config import build_policies, build_stores, dump, load_config
from agentmem.errors import ConfigError, nearest
from agentmem.fields import hints, label

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


def _summary(cls: Any) -> str:
    return (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")


def list_components(session: Session, group: str) -> None:
    """What there is, built in, from plug-ins and in the catalogue."""
    described = catalogue.describe(group)
    for name in registry.names(group):
        if name not in described:
            described[name] = _summary(registry.find(group, name))
    table = columns("name", "what it is")
    for name, text in sorted(described.items()):
        table.add_row(name, clean(text))
    session.show([{"name": n, "description": t} for n, t in sorted(described.items())], table)


def _options(cls: Any) -> list[dict[str, Any]]:
    """Each option's name, what it may be, and its default."""
    if not is_dataclass(cls):
        return []
    words = hints(cls if isinstance(cls, type) else type(cls))
    return [
        {
            "name": one.name,
            "allowed": label(words[one.name]),
            "default": None if one.default is MISSING else one.default,
        }
        for one in fields(cls)
        if one.init
    ]


def show_component(session: Session, name: NameArgument, group: str) -> None:
    """Options, units, ranges and defaults of one; of a catalogue entry, what it consists of."""
    build: Callable[..., tuple[Any, ...]] = build_policies if group == "policies" else build_stores
    entries = catalogue.entries(group)
    known = ":" in name or registry.knows(group, name)
    if not known and name not in entries:
        allowed = {*entries, *registry.names(group)}
        raise ConfigError(f"no {name!r} among {group}{nearest(name, allowed)}")
    classes: list[Any] = (
        [registry.find(group, name)] if known else [type(one) for one in build(name)]
    )
    content = None if name not in entries else catalogue.read_yaml(entries[name])
    parts: list[dict[str, Any]] = [
        {
            "name": registry.name_of(group, cls),
            "description": inspect.getdoc(cls) or "",
            "options": _options(cls),
        }
        for cls in dict.fromkeys(classes)
    ]
    lines: list[Any] = []
    for part in parts:
        table = columns("option", "allowed", "default")
        for option in part["options"]:
            table.add_row(option["name"], option["allowed"], str(option["default"]))
        lines += [part["name"], part["description"], "", table, ""]
    if content is not None:
        lines += [f"{entries[name]}:", entries[name].read_text(encoding="utf-8").rstrip()]
    session.show({"name": name, "components": parts, "entry": content}, *lines)


def check_config(
    session: Session, file: Annotated[Path, typer.Argument(help="A YAML configuration.")]
) -> None:
    """Say everything that is wrong with a configuration, or what it comes to."""
    plain = dump(load_config(file))
    text = yaml.safe_dump(plain, sort_keys=False).rstrip() if plain else "(all defaults)"
    session.show({"ok": True, "config": plain}, f"{file} is right. Beside the defaults:", text)


def _bound(body: Callable[..., None], group: str) -> Callable[..., None]:
    """The body for one group, with a signature that does not name it."""
    bound = partial(body, group=group)
    signature = inspect.signature(body)
    kept = [one for one in signature.parameters.values() if one.name != "group"]

    def call(session: Session, **given: Any) -> None:
        bound(session, **given)

    call.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    call.__annotations__ = {k: v for k, v in body.__annotations__.items() if k != "group"}
    call.__doc__ = body.__doc__
    return call


def register(app: typer.Typer) -> None:
    """Add these groups of commands."""
    for group, text in (("policies", "Memory policies."), ("stores", "Memory structures.")):
        part = typer.Typer(help=text, no_args_is_help=True)
        command(part, "list", _bound(list_components, group), "plain")
        command(part, "show", _bound(show_component, group), "plain")
        app.add_typer(part, name=group)
    config = typer.Typer(help="Configuration files.", no_args_is_help=True)
    command(config, "check", check_config, "plain")
    app.add_typer(config, name="config")
