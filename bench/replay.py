"""Vectorised matches between simulated players, and tables of them like those of the sources.

A player here is anything with `opening() -> float` and `chance(Past) -> array`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.surrogates.published import Coefficients, Past, level

STATES, COLUMNS, FIFTHS = 4, 7, 5
CERTAIN = 30.0  # log-odds of a move that is always made


class Player(Protocol):
    def opening(self) -> float: ...

    def chance(self, past: Past) -> NDArray[np.float64]: ...


def constant(chance: float) -> Coefficients:
    """A partner that cooperates with one chance, whatever happened."""
    odds = CERTAIN * (2 * chance - 1) if chance in (0, 1) else float(np.log(chance / (1 - chance)))
    return Coefficients(first=odds, after=(odds,) * STATES, bad=(0,) * COLUMNS, good=(0,) * COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Design:
    """Who meets whom: `who[match, seat]` indexes `players`; `windows[match]` rounds are visible."""

    players: Sequence[Player]
    who: NDArray[np.int_]
    windows: NDArray[np.int_]
    rounds: int
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """All decisions, each array of shape (rounds, matches, seats)."""

    who: NDArray[np.int_]
    kind: NDArray[np.bool_]
    chance: NDArray[np.float64]
    state: NDArray[np.int_]
    good: NDArray[np.int_]
    bad: NDArray[np.int_]
    last_two: NDArray[np.bool_]  # the partners' last two moves were kind
    older: NDArray[np.int_]  # rounds since the latest unkind move before them, 0 if none of lag 3-4
    visible: NDArray[np.int_]  # rounds


def play(design: Design) -> Decisions:
    """Every match, all at once; the same seed draws the same numbers, whoever plays."""
    who, rounds = design.who, design.rounds
    shape = (rounds, *who.shape)
    draws = np.random.default_rng(design.seed).random(shape)
    kind = np.zeros(shape, bool)
    all_kind = np.zeros(shape, bool)  # the others, all of them
    others = np.zeros((rounds + 1, *who.shape), int)  # their kind moves so far
    found: dict[str, list[Any]] = {name: [] for name in Decisions.__annotations__}
    for t in range(rounds):
        past, extra = _past(t, who, design.windows, kind, all_kind, others)
        chance = np.empty(who.shape)
        for index, player in enumerate(design.players):
            mask = who == index
            chance[mask] = player.chance(_of(past, mask)) if t else player.opening()
        kind[t] = draws[t] < chance
        together = kind[t].sum(1, keepdims=True) - kind[t]
        all_kind[t] = together == who.shape[1] - 1
        others[t + 1] = others[t] + together
        state = 3 - 2 * np.asarray(past.own, int) - np.asarray(past.last, int)
        row = {"who": who, "kind": kind[t], "chance": chance, "state": state, **extra}
        row |= {"good": past.good, "bad": past.bad, "visible": past.rounds}
        for name, values in row.items():
            found[name].append(values)
    return Decisions(**{name: np.array(values) for name, values in found.items()})


def _past(
    t: int,
    who: NDArray[np.int_],
    windows: NDArray[np.int_],
    kind: NDArray[np.bool_],
    all_kind: NDArray[np.bool_],
    others: NDArray[np.int_],
) -> tuple[Past, dict[str, Any]]:
    """What each seat sees before round `t`, from 0, and what it may not see."""
    seen = np.broadcast_to(np.minimum(windows, t)[:, None], who.shape)
    start = np.maximum(t - windows, 0)
    rows = np.arange(len(who))
    good = others[t] - others[start, rows]
    none = np.zeros(who.shape, bool)
    lag = [all_kind[t - n] if t >= n else none for n in range(1, 5)]
    older = np.where(~lag[2] & (t >= 3), 3, np.where(~lag[3] & (t >= 4), 4, 0))
    past = Past(
        own=kind[t - 1] if t else none,
        last=lag[0],
        before=lag[1] & (seen >= 2),
        rounds=seen,
        good=good,
        bad=seen * (who.shape[1] - 1) - good,
    )
    return past, {"last_two": lag[0] & lag[1], "older": older}


def _of(past: Past, mask: NDArray[np.bool_]) -> Past:
    return Past(**{name: np.asarray(getattr(past, name))[mask] for name in Past.__slots__})


Table = dict[str, Any]


def table(made: Decisions, index: int) -> Table:
    """Chances of cooperating of player `index`, 0..1, and the share of decisions in each cell.

    As in the sources: the first round counts in `cooperation`, `first` and `fifths` only.
    """
    mine = made.who == index
    fifth = (np.arange(len(mine)) * FIFTHS // len(mine))[:, None, None]
    later = mine.copy()
    later[0] = False
    cells = {
        "after": (made.state, STATES, later),
        "bad": (level(made.bad), COLUMNS, later),
        "good": (level(made.good), COLUMNS, later),
        "fifths": (np.broadcast_to(fifth, mine.shape), FIFTHS, mine),
    }
    found: Table = {
        "cooperation": float(made.chance[mine].mean()),
        "first": float(made.chance[0][mine[0]].mean()),
        "share": {},
    }
    for name, (cell, size, mask) in cells.items():
        weight = np.bincount(cell[mask], minlength=size)
        total = np.bincount(cell[mask], made.chance[mask], minlength=size)
        found[name] = np.divide(total, weight, out=np.full(size, np.nan), where=weight > 0)
        found["share"][name] = weight / mine.sum()
    return found


def older_effect(made: Decisions, older: Mapping[int, float]) -> dict[str, float]:
    """What a defection at lag 3-4 does after two kind moves, for players by index.

    `hidden`, `visible`: P(C) where it does and does not stand in the window; `adjusted`: the mean
    change in P(C), each decision with it and without it, by the players' log-odds `older`.
    """
    mask = np.isin(made.who, list(older)) & made.last_two & (made.older > 0)
    visible = mask & (made.visible >= made.older)
    shift = np.array([older.get(i, 0.0) for i in range(made.who.max() + 1)])[made.who]
    chance = np.clip(made.chance, 1e-9, 1 - 1e-9)
    odds = np.log(chance / (1 - chance))
    other = 1 / (1 + np.exp(-(odds + np.where(visible, -shift, shift))))
    change = np.where(visible, made.chance - other, other - made.chance)
    return {
        "hidden": float(made.chance[mask & ~visible].mean()),
        "visible": float(made.chance[visible].mean()),
        "adjusted": float(change[mask].mean()),
    }
