"""What all commands share: the options, the memory they open, how they answer and how they fail."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer
from rich.console import Console
from rich.table import Table

from agentmem.clock import SimulatedClock, seconds
from agentmem.config import MemoryConfig, load_config, parse_namespace
from agentmem.errors import AgentMemError, ConfigError, InputError, NotFound, PlanError
from agentmem.memory import AgentMemory

ERROR, USAGE, REFUSED = 1, 2, 3
USAGE_ERROR: Any = typer.BadParameter.__mro__[2]  # click's base class, wherever typer keeps click
DEFAULT_DB = "agentmem.db"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout, errors on stderr.")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", envvar="AGENTMEM_CONFIG", help="A YAML file.")
]
DbOption = Annotated[
    Path | None, typer.Option("--db", envvar="AGENTMEM_DB", help="The memory's file.")
]
NamespaceOption = Annotated[
    str | None,
    typer.Option("--namespace", "-n", envvar="AGENTMEM_NAMESPACE", help="As in acme/user-7."),
]
NowOption = Annotated[
    str | None, typer.Option("--now", help="Pretend: ISO 8601 with zone, 2026-01-31T09:00:00Z.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
EverywhereOption = Annotated[bool, typer.Option("--everywhere", help="All namespaces of the file.")]
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", help="Filter: kind=chunk, data.topic=work, or JSON; repeatable."),
]


class Refused(AgentMemError):
    """Nothing was done, because somebody or something said no."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """One command's circumstances."""

    as_json: bool
    config: Path | None
    db: Path | None
    namespace: str | None
    now: str | None

    def settings(self) -> MemoryConfig:
        """The configuration, with the file and namespace of the command line."""
        settings = load_config(self.config)
        if self.db is not None:
            settings = replace(settings, path=str(self.db))
        elif settings.path == ":memory:":
            settings = replace(settings, path=DEFAULT_DB)
        if self.namespace is not None:
            settings = replace(settings, namespace=parse_namespace(self.namespace))
        return settings

    @contextmanager
    def memory(self, *, make: bool = False, background: bool = False) -> Iterator[AgentMemory]:
        """The memory, open; NotFound if there is no file yet, unless it may be made.

        A command that ends at once leaves what a model is to do to `agentmem extract`.
        """
        settings = self.settings()
        if not background:
            settings = replace(settings, extraction=replace(settings.extraction, background=False))
        if not make and settings.path != ":memory:" and not Path(settings.path).exists():
            raise NotFound(f"there is no memory at {settings.path}; `agentmem add` makes one")
        clock = None if self.now is None else SimulatedClock(instant("--now", self.now))
        with AgentMemory(settings, clock=clock) as memory:
            yield memory

    def show(self, data: Any, *lines: str | Table) -> None:
        """Answer: the data as one line of JSON, or the lines to a person."""
        if self.as_json:
            typer.echo(json.dumps(data))
            return
        console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        for line in lines:
            console.print(line if isinstance(line, Table) else clean(line))

    def confirm(self, question: str, yes: bool) -> None:
        """Go on only with a yes: --yes, or an answer; Refused otherwise."""
        if yes:
            return
        if self.as_json:
            raise Refused("not confirmed: with --json say --yes")
        try:
            agreed = typer.confirm(question, default=False, err=True)
        except typer.Abort:  # no answer: the input has ended
            agreed = False
        if not agreed:
            raise Refused("nothing was done")


def clean(text: str) -> str:
    """Without control characters: a remembered text must not steer the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def instant(option: str, text: str) -> float:
    """Seconds of an ISO 8601 moment with a zone; InputError otherwise."""
    try:
        return seconds(datetime.fromisoformat(text))
    except InputError:
        reason = "has no zone"
    except ValueError:
        reason = "is not ISO 8601"
    raise InputError(f"{option} {text!r} {reason}: write 2026-01-31T09:00:00Z or ...+01:00")


def filters(parts: list[str] | None) -> dict[str, Any] | None:
    """The filter of some --where options, all of which must hold; None without any."""
    clauses: list[dict[str, Any]] = []
    for part in parts or ():
        name, found, value = part.partition("=")
        if part.lstrip().startswith("{"):
            clauses.append(parsed("--where", part))
        elif found and name.strip():
            clauses.append({name.strip(): _value(value.strip())})
        else:
            raise InputError(f"--where {part!r}: write field=value, or a JSON object")
    if not clauses:
        return None
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def parsed(option: str, text: str) -> dict[str, Any]:
    """The JSON object in an option; InputError for anything else."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"{option} {text!r} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{option} {text!r} is not a JSON object")
    return found


def exit_code(error: Exception) -> int:
    """1 error, 2 usage or configuration, 3 refused."""
    if isinstance(error, PlanError | Refused):
        return REFUSED
    usage = isinstance(error, ConfigError | InputError) and not isinstance(error, NotFound)
    return USAGE if usage else ERROR


def report(error: BaseException, message: str, code: int, *, as_json: bool) -> None:
    """Say on stderr what went wrong."""
    if as_json:
        body = {"type": type(error).__name__, "message": message, "exit_code": code}
        typer.echo(json.dumps({"error": body}), err=True)
    else:
        typer.echo(f"{'refused' if code == REFUSED else 'error'}: {clean(message)}", err=True)


Form = Literal["memory", "plain"]
_COMMON: Mapping[Form, Mapping[str, Any]] = {
    "plain": {"as_json": JsonOption},
    "memory": {
        "as_json": JsonOption,
        "config": ConfigOption,
        "db": DbOption,
        "namespace": NamespaceOption,
        "now": NowOption,
    },
}
_DEFAULTS = {"as_json": False, "config": None, "db": None, "namespace": None, "now": None}


def command(app: typer.Typer, name: str, body: Callable[..., None], form: Form = "memory") -> None:
    """Make `body(session, ...)` a command that also takes the options that all share."""
    common = _COMMON[form]

    def call(**given: Any) -> None:
        session = Session(**_DEFAULTS | {key: given.pop(key) for key in common})
        try:
            body(session, **given)
        except BrokenPipeError:
            raise
        except (AgentMemError, OSError) as error:
            code = exit_code(error)
            report(error, str(error), code, as_json=session.as_json)
            raise typer.Exit(code) from error

    hints = get_type_hints(body, include_extras=True)
    own = list(inspect.signature(body).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    both = [one.replace(kind=keyword, annotation=hints[one.name]) for one in own]
    both += [
        inspect.Parameter(key, keyword, default=_DEFAULTS[key], annotation=common[key])
        for key in common
    ]
    call.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]  # what typer reads
    call.__annotations__ = {one.name: one.annotation for one in both}
    call.__doc__ = body.__doc__
    app.command(name)(call)


def read_text(source: str | None, path: Path | None) -> str:
    """A text from the argument, from a file, or, for `-` or nothing, from stdin."""
    if source is not None and path is not None:
        raise InputError("give a text or --file, not both")
    if path is not None:
        return path.read_text(encoding="utf-8")
    if source is None or source == "-":
        return sys.stdin.read()
    return source


def columns(*names: str) -> Table:
    """A table without lines."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for name in names:
        table.add_column(name, overflow="fold", min_width=len(name))
    return table
