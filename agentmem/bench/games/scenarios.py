"""What is divided in the division game: pools of items, and what they are worth to either side.

`own`         1,000 scenarios made here under the rules of Lewis et al. (2017, arXiv 1706.05125)
`casino`      priorities of the 601 people's negotiations in `casino.json`, which is derived from
              CaSiNo (Chawla et al. 2021, CC BY 4.0); `casino:PATH` reads a file of that corpus
`dealornodeal:PATH`  a data file of Lewis et al., which is for non-commercial use and not shipped
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from agentmem.bench.keys import key
from agentmem.bench.oracles.division import Division
from agentmem.errors import InputError, nearest

OWN = 1000  # scenarios of our own
TOTAL = 10  # what the pool is worth to either side
ITEMS = (5, 7)  # least and most items in a pool
PACKAGES = 3  # of each type, in CaSiNo
POINTS = {"High": 5, "Medium": 4, "Low": 3}  # of a package by its priority, in CaSiNo
SOURCES = ("own", "casino", "dealornodeal:PATH", "casino:PATH")

Values = tuple[int, ...]  # points of one item of each type

_SPLIT = re.compile(r"<(input|partner_input)> ([\d ]+?) </\1>")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A pool, and what its items are worth: one game."""

    pool: tuple[int, ...]  # items of each type
    values: tuple[Values, Values]  # of seat 0 and seat 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """Scenarios of one kind."""

    items: tuple[str, ...]  # names of the types, in the plural
    walk_away: int  # points of each side without a deal
    all: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """What could be had in a scenario."""

    division: Division
    total: tuple[int, int]  # points of the whole pool for either side
    nash: float  # greatest product of gains over walking away
    fair: tuple[float, float]  # points of either side where the worse-off one has most


@cache
def scenarios(source: str) -> Scenarios:
    """The scenarios of a source, read once.  InputError for an unknown one or an unfit file."""
    kind, _, path = source.partition(":")
    if source == "own":
        return _own()
    if kind == "casino":
        return _casino(path)
    if kind == "dealornodeal" and path:
        return _deal_or_no_deal(path)
    raise InputError(f"unknown scenarios {source!r}{nearest(source, SOURCES)}")


@cache
def best(scenario: Scenario, walk_away: int) -> Best:
    """What could be had in a scenario, by enumeration."""
    division = Division(scenario.pool, scenario.values)
    gains = np.maximum(division.utilities - walk_away, 0.0)
    fair = division.utilities[division.egalitarian_set].max(axis=0)
    first, second = (int(points) for points in division.ideal)
    return Best(
        division=division,
        total=(first, second),
        nash=float(gains.prod(axis=1).max()),
        fair=(float(fair[0]), float(fair[1])),
    )


@cache
def drawn(count: int, draw: int) -> tuple[int, ...]:
    """The places 0..count-1 in the order of a draw."""
    return tuple(sorted(range(count), key=lambda place: key("scenario", draw, place)))


def _own() -> Scenarios:
    """1,000 of all scenarios that the rules allow, in an order that hashes give.

    Three types, 5 to 7 items, at least one of each; each side's values weigh the pool to 10; each
    type is worth something to somebody, and at least one to both.
    """
    chosen = sorted(_allowed(), key=lambda one: key("own scenarios", one.pool, one.values))[:OWN]
    return Scenarios(items=("books", "hats", "balls"), walk_away=0, all=tuple(chosen))


def _allowed() -> Iterator[Scenario]:
    least, most = ITEMS
    for pool in product(range(1, most + 1), repeat=3):
        if not least <= sum(pool) <= most:
            continue
        rows = [range(TOTAL // some + 1) for some in pool]
        fit = [v for v in product(*rows) if sum(map(int.__mul__, pool, v)) == TOTAL]
        for first, second in product(fit, repeat=2):
            if all(map(max, first, second)) and any(map(min, first, second)):
                yield Scenario(pool, (first, second))


def _casino(path: str) -> Scenarios:
    """The priorities of a file of the corpus; without a path, those that come with the package."""
    if path:
        pairs = _priorities(path)
    else:
        text = files("agentmem.bench.games").joinpath("casino.json").read_text(encoding="utf-8")
        pairs = [one.split() for one in json.loads(text)["priorities"]]
    made = [
        Scenario((PACKAGES,) * 3, (tuple(map(int, first)), tuple(map(int, second))))
        for first, second in pairs
    ]
    return Scenarios(items=("food", "water", "firewood"), walk_away=5, all=tuple(made))


def _priorities(path: str) -> list[list[str]]:
    """Of each negotiation, both sides' points of food, water and firewood, as `543 354`."""
    try:
        content = json.loads(_text(path))
        sides = [one["participant_info"].values() for one in content]
        return [
            [_points(first["value2issue"]), _points(second["value2issue"])]
            for first, second in sides
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not a file of CaSiNo: {type(error).__name__} {error}; give a list of "
            "negotiations with participant_info -> value2issue -> High, Medium, Low"
        ) from None


def _points(issues: dict[str, Any]) -> str:
    of = {issue: POINTS[priority] for priority, issue in issues.items()}
    return "".join(str(of[issue]) for issue in ("Food", "Water", "Firewood"))


def _deal_or_no_deal(path: str) -> Scenarios:
    """The scenarios of a data file; a dialogue told from both sides counts once."""
    found: dict[frozenset[Values], Scenario] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        sides = {name: tuple(map(int, words.split())) for name, words in _SPLIT.findall(line)}
        if set(sides) != {"input", "partner_input"} or {len(s) for s in sides.values()} != {6}:
            raise InputError(
                f"{path}:{number}: not a line of Deal or No Deal; it needs <input> and "
                "<partner_input> with count and value of three types"
            )
        one, other = sides["input"], sides["partner_input"]
        if one[::2] != other[::2]:
            raise InputError(f"{path}:{number}: the two sides have different pools")
        scenario = Scenario(one[::2], (one[1::2], other[1::2]))
        found.setdefault(frozenset((one, other)), scenario)
    if not found:
        raise InputError(f"{path}: no scenarios in it")
    return Scenarios(items=("books", "hats", "balls"), walk_away=0, all=tuple(found.values()))


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"scenarios cannot be read from {path}: {error}") from None


def listed(items: Sequence[str], counts: Sequence[int]) -> str:
    """`books 3, hats 1, balls 2`"""
    return ", ".join(f"{item} {count}" for item, count in zip(items, counts, strict=True))
