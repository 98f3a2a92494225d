"""What a configuration field may hold: units and bounds, written once, in its annotation.

    half_life: Annotated[Seconds, Bounds(above=0)] = 2592000.0

The dataclass checks itself with `check` in `__post_init__`; the configuration reader and
`agentmem policies show` read the same marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from math import inf, isnan
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from agentmem.errors import ConfigError, nearest

__all__ = ["Bounds", "Seconds", "Unit", "check", "hints", "label", "violation"]


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The range of a number; `above` and `below` are exclusive, `least` and `most` inclusive."""

    above: float = -inf
    least: float = -inf
    below: float = inf
    most: float = inf

    def __contains__(self, value: float) -> bool:
        inside = self.above < value < self.below and self.least <= value <= self.most
        return inside and not isnan(value)

    def __str__(self) -> str:
        ends = ((">", self.above), (">=", self.least), ("<", self.below), ("<=", self.most))
        return " and ".join(f"{sign} {end:g}" for sign, end in ends if abs(end) != inf)


_WORDS: Mapping[Any, str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    Mapping[str, float]: "numbers by name",
}

Seconds = Annotated[float, Unit("seconds")]


@cache
def hints(cls: type) -> Mapping[str, Any]:
    """The annotations of a dataclass's fields, marks included."""
    found = get_type_hints(cls, include_extras=True)
    return {field.name: found[field.name] for field in fields(cls) if field.init}


def marks(hint: Any) -> Iterator[Any]:
    """The units and bounds in an annotation, optional ones included."""
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
        yield from marks(hint.__origin__)
    elif get_origin(hint) in (Union, UnionType):
        for part in get_args(hint):
            yield from marks(part)


def choices(hint: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation, without their marks: `int | None` -> (int, None)."""
    if get_origin(hint) is Annotated:
        return choices(hint.__origin__)
    if get_origin(hint) in (Union, UnionType):
        return tuple(choice for part in get_args(hint) for choice in choices(part))
    return (hint,)


def is_duration(hint: Any) -> bool:
    """Whether a field holds seconds, so that a configuration may say `7d`."""
    return Unit("seconds") in tuple(marks(hint))


def label(hint: Any) -> str:
    """An annotation in words: `seconds > 0, or nothing`."""
    names = []
    for choice in choices(hint):
        if get_origin(choice) is Literal:
            names.append(" | ".join(repr(value) for value in get_args(choice)))
        elif get_origin(choice) is tuple:
            names.append(f"a list of {label(get_args(choice)[0])}")
        elif choice is not NoneType:
            names.append(_WORDS.get(choice, getattr(choice, "__name__", str(choice))))
    kind = " | ".join(names)
    found = tuple(marks(hint))
    units = [mark.name for mark in found if isinstance(mark, Unit)]
    bounds = [str(mark) for mark in found if isinstance(mark, Bounds)]
    optional = ", or nothing" if NoneType in choices(hint) else ""
    return " ".join([units[0] if units else kind, *bounds]) + optional


def violation(hint: Any, value: object) -> str | None:
    """What is wrong with a field's value, or None.  Looks at marked numbers and at literals."""
    kinds = choices(hint)
    if value is None and NoneType in kinds:
        return None
    for kind in kinds:
        if get_origin(kind) is Literal and value not in get_args(kind):
            return f"unknown value{nearest(value, map(str, get_args(kind)))}"
    found = tuple(marks(hint))
    if not found:
        return None
    allowed = (int, float) if float in kinds else (int,)
    if isinstance(value, bool) or not isinstance(value, allowed):
        return f"must be {label(hint)}" + _advice(hint, value)
    for mark in found:
        if isinstance(mark, Bounds) and value not in mark:
            return f"must be {label(hint)}"
    return None


def _advice(hint: Any, value: object) -> str:
    if is_duration(hint) and isinstance(value, str):
        return f"; in Python write agentmem.clock.duration({value!r})"
    return ""


def check(component: Any) -> None:
    """Raise a ConfigError that names every field of a dataclass with a value it cannot have."""
    cls: type = type(component)
    owner = getattr(cls, "name", None)
    prefix = owner if isinstance(owner, str) else cls.__name__
    lines = []
    for name, hint in hints(cls).items():
        value = getattr(component, name)
        if wrong := violation(hint, value):
            lines.append(f"{prefix}.{name} = {value!r}: {wrong}")
    if lines:
        raise ConfigError("\n".join(lines))
