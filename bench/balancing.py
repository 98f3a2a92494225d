"""Fits S4 to tables of published play: b, g and r by replay, k, u and o as the source estimates.

The source's estimates of b, g and r come from a model without own moves, that of o from another
one, with them; put together as they are they overshoot (`bench/results/profiles.md` shows by how
much).  Gauss-Newton on the table's cells, each weighed by its decisions, with common draws, held
near the source's estimates, since the cells alone leave g and k open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matching import Group, numbers, replayed
from numpy.typing import NDArray
from replay import Player, Table

from agentmem.bench.surrogates.inertia import Inertia, mind
from agentmem.bench.surrogates.published import Past
from agentmem.bench.surrogates.reading import BEFORE, LAST

STEPS = 12
SMALL = 0.02  # change of a coefficient for its derivative
PRIOR = 0.03  # of moving b, ln g or r by one: a miss of 10 points in a tenth of the decisions

Fitted = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """S4 as a player of replays."""

    who: Inertia

    def opening(self) -> float:
        return float(self.who.cooperate(0.0, 0.0, 0.0, 0.0))

    def chance(self, past: Past) -> NDArray[np.float64]:
        last, before, own = (
            2 * np.asarray(moves, float) - 1 for moves in (past.last, past.before, past.own)
        )
        momentum = LAST * last + BEFORE * before * (np.asarray(past.rounds) > 1)
        good, bad = np.asarray(past.good, float), np.asarray(past.bad, float)
        return np.asarray(self.who.cooperate(good, bad, momentum, own))


def coded(estimated: Mapping[str, float]) -> Fitted:
    """The source's estimates with o for +1 and -1, where its regressor is 1 and 0."""
    half = estimated["o"] / 2
    return {**estimated, "b": estimated["b"] + half, "o": half}


def put(group: Group, others: Sequence[Player], place: int, of: Fitted) -> list[Player]:
    """A group's players, S4 in one place."""
    return [Balanced(who=mind(of)) if i == place else p for i, p in enumerate(others)]


def residuals(wanted: Mapping[str, Any], got: Table) -> NDArray[np.float64]:
    """Differences of the cells, weighed by the root of their share of the decisions."""
    parts = []
    for name in ("after", "bad"):
        gap = got[name] - numbers(wanted[name])
        parts.append(np.nan_to_num(gap) * np.sqrt(got["share"][name]))
    parts.append(np.array([got["cooperation"] - wanted["cooperation"] / 100]))
    return np.concatenate(parts)


def balance(
    group: Group,
    others: Sequence[Player],
    place: int,
    estimated: Mapping[str, float],
    wanted: Mapping[str, Any],
    size: float,
) -> Fitted:
    """The fitted coefficients, of three decimals."""
    base = coded(estimated)

    def at(x: NDArray[np.float64]) -> Fitted:
        return {**base, "b": float(x[0]), "g": float(np.exp(x[1])), "r": float(x[2])}

    def off(x: NDArray[np.float64]) -> NDArray[np.float64]:
        made = put(group, others, place, at(x))
        missed = residuals(wanted, replayed(group, made, size)[1][place])
        return np.concatenate([missed, PRIOR * (x - start)])

    start = x = np.array([estimated["b"], np.log(base["g"]), base["r"]])
    best, least = x, float("inf")
    for _ in range(STEPS):
        here = off(x)
        if here @ here < least:
            best, least = x, float(here @ here)
        slope = np.array([(off(x + SMALL * unit) - here) / SMALL for unit in np.eye(3)])
        x = x - np.linalg.solve(slope @ slope.T, slope @ here)
    return {name: round(value, 3) for name, value in at(best).items()}
