"""Reads specifications of components, and collects every problem before it raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, TypeVar, cast

from agentmem import catalogue, registry
from agentmem.clock import duration
from agentmem.core import Embedder, Index, Namespace
from agentmem.errors import AgentMemError, ConfigError, InputError, PluginError, nearest
from agentmem.fields import hints, is_duration, violation

T = TypeVar("T")

_CONTRACTS: dict[str, type] = {**registry.BASES, "embedders": Embedder, "indexes": Index}


def parse_namespace(value: object) -> Namespace:
    """`acme/user-7`, or a sequence of strings, as a tuple; ConfigError for an empty part."""
    if isinstance(value, str):
        parts: Sequence[object] = value.split("/")
    elif isinstance(value, Sequence):
        parts = value
    else:
        parts = ()
    if not parts or not all(isinstance(part, str) and part.strip() for part in parts):
        raise ConfigError(
            f"{value!r} is not a namespace: give non-empty parts, as in 'acme/user-7'"
        )
    return tuple(str(part) for part in parts)


class Reader:
    """One configuration: where it comes from, and what is wrong with it so far."""

    def __init__(self, source: str, base: Path | None = None) -> None:
        self.source = source
        self.base = base or Path()
        self.problems: list[str] = []
        self._open: tuple[Path, ...] = ()  # files being read, outermost first

    @classmethod
    def open(cls, path: Path) -> tuple[Reader, Any]:
        """The reader of a file, and the file's content."""
        return cls(str(path), path.parent), catalogue.read_yaml(path)

    def finish(self) -> None:
        """Raise one ConfigError with all problems, if there are any."""
        if self.problems:
            raise ConfigError("\n".join(self.problems))

    def problem(self, key: str, message: str) -> None:
        """Note what is wrong at a key path."""
        separator = "" if not key or key.startswith("[") else ": "
        place = f"{self.source}{separator}{key}"
        self.problems += [f"{place}: {line}" for line in message.splitlines()]

    def attempt(self, call: Callable[[], T], key: str) -> T | None:
        """The value of a call; None and a problem if it raises a ConfigError or InputError."""
        try:
            return call()
        except (ConfigError, InputError) as error:
            self.problem(key, str(error))
            return None

    def mapping(self, content: Any, key: str) -> Mapping[str, Any]:
        """A mapping with string keys; empty, and a problem, for anything else."""
        if content is None:
            return {}
        if isinstance(content, Mapping) and all(isinstance(name, str) for name in content):
            return content
        self.problem(key, f"{content!r}: give a mapping, as in 'key: value'")
        return {}

    def components(self, group: str, spec: Any, key: str) -> tuple[Any, ...]:
        """The components of a specification, in order."""
        if isinstance(spec, Sequence) and not isinstance(spec, str):
            found = [self._component(group, one, f"{key}[{i}]") for i, one in enumerate(spec)]
        else:
            found = [self._component(group, spec, key)]
        return tuple(component for several in found for component in several)

    def single(self, group: str, spec: Any, key: str) -> Any:
        """The one component of a specification; None and a problem if it is not one."""
        before = len(self.problems)
        found = self.components(group, spec, key)
        if len(found) == 1:
            return found[0]
        if len(self.problems) == before:
            self.problem(key, f"give one of {group}, not {len(found)}")
        return None

    def _component(self, group: str, spec: Any, key: str) -> tuple[Any, ...]:
        if isinstance(spec, Path):
            return self._file(group, spec, key)
        if isinstance(spec, str):
            return self._named(group, spec, key)
        if isinstance(spec, Mapping):
            return self._mapped(group, spec, key)
        if isinstance(spec, _CONTRACTS[group]) and not isinstance(spec, type):
            return (spec,)
        self.problem(key, f"{spec!r}: give a name of {group}, a file, or 'name: {{key: value}}'")
        return ()

    def _named(self, group: str, name: str, key: str) -> tuple[Any, ...]:
        if name.endswith((".yaml", ".yml")):
            return self._file(group, self.base / Path(name).expanduser(), key)
        if ":" in name or registry.knows(group, name):
            return self._made(group, name, None, key)
        files = _entries(group)
        if name in files:
            return self._file(group, files[name], key)
        allowed = {*registry.names(group), *files}
        hint = f"{nearest(name, allowed)}, or a dotted path 'package.module:Name'"
        self.problem(key, f"{name!r}: unknown name{hint}")
        return ()

    def _mapped(self, group: str, spec: Mapping[Any, Any], key: str) -> tuple[Any, ...]:
        if group in spec:
            content = {name: value for name, value in spec.items() if name != "description"}
            if len(content) > 1:
                others = ", ".join(repr(name) for name in content if name != group)
                self.problem(key, f"unknown key {others}; allowed: description, {group}")
            return self.components(group, spec[group], f"{key}.{group}" if key else group)
        if len(spec) != 1:
            self.problem(key, f"{dict(spec)!r}: give one name, as in '- name: {{key: value}}'")
            return ()
        name, options = next(iter(spec.items()))
        if not isinstance(name, str):
            self.problem(key, f"{name!r}: the name of one of {group} is a string")
            return ()
        if options is None:
            return self._named(group, name, key)
        if ":" not in name and not registry.knows(group, name) and name in _entries(group):
            self.problem(key, f"{name!r} is a file of the catalogue and takes no options")
            return ()
        return self._made(group, name, options, key)

    def _made(self, group: str, name: str, options: Any, key: str) -> tuple[Any, ...]:
        cls = self.attempt(lambda: registry.find(group, name), key)
        if cls is None:
            return ()
        made = self.construct(cls, options, f"{key}.{name}" if key else name)
        if made is None:
            return ()
        if not isinstance(made, _CONTRACTS[group]):
            raise PluginError(f"{name!r} does not have the methods that agentmem asks of {group}")
        return (made,)

    def _file(self, group: str, path: Path, key: str) -> tuple[Any, ...]:
        if path.resolve() in self._open:
            self.problem(key, f"{path} includes itself")
            return ()
        inner = Reader(str(path), path.parent)
        inner._open = (*self._open, path.resolve())
        found: tuple[Any, ...] = ()
        content = self.attempt(lambda: catalogue.read_yaml(path), key)
        if content is not None:
            found = inner.components(group, content, "")
        self.problems += inner.problems
        return found

    def construct(self, cls: Callable[..., T], options: Any, key: str) -> T | None:
        """An instance from plain options; None and the problems if they do not fit."""
        before = len(self.problems)
        values = self.values(cls, self.mapping(options, key), key)
        if len(self.problems) > before:
            return None
        try:
            return cls(**values)
        except PluginError:
            raise
        except AgentMemError as error:
            if not isinstance(error, ValueError):
                raise
            self.problem(key, str(error))
        except (TypeError, ValueError) as error:
            self.problem(key, f"{type(error).__name__}: {error}")
        return None

    def values(
        self, cls: Callable[..., Any], options: Mapping[str, Any], key: str
    ) -> dict[str, Any]:
        """Options with the types of the fields; every unfit one is a problem."""
        known = _parameters(cls)
        values: dict[str, Any] = {}
        for name, value in options.items():
            path = f"{key}.{name}" if key else name
            if name not in known:
                self.problem(path, f"unknown key{nearest(name, known)}")
            elif (wrong := _unfit(cls, name, value, values)) is not None:
                self.problem(path, f"{value!r}: {wrong}")
        return values


def _entries(group: str) -> dict[str, Path]:
    return catalogue.entries(group) if group in ("policies", "stores") else {}


def _parameters(cls: Callable[..., Any]) -> tuple[str, ...]:
    kinds = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(name for name, p in signature(cls).parameters.items() if p.kind in kinds)


def _unfit(cls: Callable[..., Any], name: str, value: Any, values: dict[str, Any]) -> str | None:
    """Put the coerced value into `values`, or say what is wrong with it."""
    hint = hints(cls).get(name) if isinstance(cls, type) and is_dataclass(cls) else None
    if hint is None:
        values[name] = value
        return None
    try:
        if is_duration(hint) and isinstance(value, str):
            value = duration(value)
        value = _coerced(cast(type, cls), name, value)
    except InputError as error:  # not a duration
        return str(error).removeprefix(f"{value!r} is ")
    except ValueError as error:
        return violation(hint, value) or str(error)
    if wrong := violation(hint, value):
        return wrong
    values[name] = value
    return None


@cache
def _adapter(cls: type, name: str) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hints(cls)[name])


def _coerced(cls: type, name: str, value: Any) -> Any:
    """The value with the field's type; ValueError with the reason if it has another.

    Strict, in JSON's sense: lists become tuples and whole numbers floats, but no text becomes a
    number and no number a truth value.
    """
    from pydantic import ValidationError

    try:
        text = json.dumps(value)
    except TypeError:
        raise ValueError("give plain data: numbers, text, true or false, lists, mappings") from None
    try:
        return _adapter(cls, name).validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError("; ".join(dict.fromkeys(e["msg"] for e in error.errors()))) from None
