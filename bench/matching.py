"""Fits players to tables of published play: each coefficient has the cell it has to reproduce.

A round of fitting replays the source's design with the players so far and moves each coefficient by
the log-odds between the table's cell and the replay's.  A fixed point solves the score equations
of the logistic model for these cells, under the play that the fitted players bring about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from replay import COLUMNS, STATES, Decisions, Design, Player, Table, constant, play, table

from agentmem.bench.surrogates.published import Coefficients

STEPS = 160
DAMPING = 0.5
RARE = 0.002  # share of decisions below which a cell moves nothing
EDGE = 0.004  # 0 and 100 % are rounded: .4 and 99.6 %
RIDGE = 0.01  # of each step, towards 0: levels of C and D that tell the same share it
MOST = 14.0  # log-odds

# Akata: partners that always cooperate, always defect, defect once, and the mixtures of the logs.
ONCE = Coefficients(first=-30.0, after=(30.0,) * STATES, bad=(0,) * COLUMNS, good=(0,) * COLUMNS)
AKATA: tuple[Player, ...] = (constant(1), constant(0), ONCE, constant(0.54), constant(0.12))

Arrange = Callable[[Sequence[Player], float], Design]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Players that are fitted together, because they met each other."""

    names: tuple[str, ...]
    arrange: Arrange


def _design(
    players: Sequence[Player], rows: Sequence[Sequence[int]], windows: Sequence[int], rounds: int
) -> Design:
    return Design(
        players=players, who=np.array(rows), windows=np.resize(windows, len(rows)), rounds=rounds
    )


def nicer(players: Sequence[Player], size: float, *, window: int = 10) -> Design:
    """100 rounds against partners that cooperate with chance 0, .1 ... 1."""
    chances = [constant(i / 10) for i in range(11)]
    rows = [(0, 1 + i) for i in range(11)] * round(60 * size)
    return _design([players[0], *chances], rows, [window], 100)


def against_defector(players: Sequence[Player], size: float, *, window: int = 10) -> Design:
    return _design([players[0], constant(0)], [(0, 1)] * round(300 * size), [window], 100)


def round_robin(players: Sequence[Player], size: float) -> Design:
    """Each against each, itself included; windows 2, 3 and 4 as 1 to 3 to 1."""
    pairs = list(product(range(len(players)), repeat=2))
    rows = [pair for pair in pairs for _ in range(5)] * round(20 * size)
    return _design(players, rows, [2, 3, 3, 3, 4], 15)


def threes(players: Sequence[Player], size: float) -> Design:
    rows = list(product(range(len(players)), repeat=3)) * round(16 * size)
    return _design(players, rows, [3], 15)


def itself(players: Sequence[Player], size: float, *, window: int, rounds: int) -> Design:
    return _design(players, [(0, 0)] * round(2500 * size), [window], rounds)


def roles(players: Sequence[Player], size: float) -> Design:
    return _design(players, [(0, 1)] * round(4000 * size), [3], 15)


def akata(players: Sequence[Player], size: float) -> Design:
    rows = [(0, i) for i in range(1 + len(AKATA))] * round(500 * size)
    return _design([players[0], *AKATA], rows, [20], 20)


def odds(chance: float | NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(chance, EDGE, 1 - EDGE)
    return np.asarray(np.log(p / (1 - p)))


def numbers(column: Sequence[float | None]) -> NDArray[np.float64]:
    """Percent to 0..1; NaN where the source has no decisions."""
    return np.array([np.nan if v is None else v / 100 for v in column])


def step(
    old: Coefficients, wanted: Mapping[str, Any], got: Table, older: float | None
) -> Coefficients:
    """One round of fitting."""
    new: dict[str, Any] = {"first": float(odds(wanted["first"] / 100))}
    for name in ("after", "bad", "good"):
        gap = odds(numbers(wanted[name])) - odds(got[name])
        moved = np.where(np.isnan(gap) | (got["share"][name] < RARE), 0.0, DAMPING * gap)
        new[name] = np.clip(np.array(getattr(old, name)) + moved, -MOST, MOST)
    # The first levels add nothing: `after` takes their part.
    for name in ("bad", "good"):
        new["after"] = np.clip(new["after"] + new[name][0], -MOST, MOST)
        new[name] = (new[name] - new[name][0]) * (1 - RIDGE)
    after, bad, good = (tuple(map(float, new[name])) for name in ("after", "bad", "good"))
    return Coefficients(first=new["first"], after=after, bad=bad, good=good, older=older)


def fit(
    group: Group, profiles: Mapping[str, Any], size: float, steps: int = STEPS
) -> list[Coefficients]:
    """The fitted coefficients of a group's players, rounded as they are published."""
    wanted = [profiles[name]["table"] for name in group.names]
    players = [
        Coefficients(
            first=float(odds(one["first"] / 100)),
            after=tuple(odds(numbers(one["after"]))),
            bad=(0.0,) * COLUMNS,
            good=(0.0,) * COLUMNS,
            older=profiles[name]["older"],
        )
        for name, one in zip(group.names, wanted, strict=True)
    ]
    for _ in range(steps):
        made = play(group.arrange(players, size))
        players = [
            step(player, one, table(made, i), profiles[name]["older"])
            for i, (name, player, one) in enumerate(zip(group.names, players, wanted, strict=True))
        ]
    return [filled(player, one) for player, one in zip(players, wanted, strict=True)]


def filled(player: Coefficients, wanted: Mapping[str, Any]) -> Coefficients:
    """A level of which the source says nothing is as the one before; all of three decimals."""
    columns = {name: list(getattr(player, name)) for name in ("bad", "good")}
    for name, levels in columns.items():
        for i in range(1, COLUMNS):
            if wanted[name][i] is None:
                levels[i] = levels[i - 1]
    return Coefficients(
        first=round(player.first, 3),
        after=tuple(round(x, 3) for x in player.after),
        bad=tuple(round(x, 3) for x in columns["bad"]),
        good=tuple(round(x, 3) for x in columns["good"]),
        older=player.older,
    )


def replayed(
    group: Group, players: Sequence[Player], size: float, seed: int = 0
) -> tuple[Decisions, list[Table]]:
    """What a group's players do under its design; another seed than 0 was not fitted to."""
    made = play(replace(group.arrange(players, size), seed=seed))
    return made, [table(made, i) for i in range(len(group.names))]
