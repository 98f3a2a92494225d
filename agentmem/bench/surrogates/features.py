"""What a player remembers of a repeated dilemma, as numbers: the terms of a choice model.

Moves are shares of cooperation, 0..1.  A history is an array of shape (..., T), oldest first.
Every term is an array of shape (..., T + 1): at t stands what is known when t rounds have been
seen, for t = 0..T.  So one pass serves all choices of a game, and its last column the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.surrogates.reading import BEFORE, LAST
from agentmem.errors import InputError

ALL = 1_000_000  # a window that no history fills

Array = NDArray[np.float64]


def back(moves: Array, rounds: int = 1) -> Array:
    """The move so many rounds ago; 0 where fewer were seen.  (..., T) -> (..., T + 1)."""
    known = np.zeros((*moves.shape[:-1], moves.shape[-1] + 1))
    known[..., rounds:] = moves[..., : moves.shape[-1] + 1 - rounds]
    return known


def recent(moves: Array, window: int) -> Array:
    """The sum over the last `window` rounds.  (..., T) -> (..., T + 1)."""
    total = np.concatenate(
        [np.zeros((*moves.shape[:-1], 1)), np.cumsum(moves, axis=-1, dtype=np.float64)], axis=-1
    )
    before = np.maximum(np.arange(total.shape[-1]) - window, 0)
    return np.asarray(total - total[..., before])


def decayed(moves: Array, halflife: float) -> Array:
    """The sum in which a round weighs half after `halflife` more.  (..., T) -> (..., T + 1).

    The last round weighs 1.
    """
    keep = 0.5 ** (1.0 / halflife)
    total = np.zeros((*moves.shape[:-1], moves.shape[-1] + 1))
    for t in range(moves.shape[-1]):
        total[..., t + 1] = keep * total[..., t] + moves[..., t]
    return total


def momentum(moves: Array, window: int = ALL) -> Array:
    """-1..1: .7 of the last sign and .3 of the one before; a lone one counts in full, none as 0.

    (..., T) -> (..., T + 1), within the window; `reading.momentum` at every round.
    """
    signs = 2.0 * moves - 1.0
    last, before = back(signs), back(signs, min(window, 2))
    before[..., :2] = last[..., :2]
    return np.asarray(LAST * last + BEFORE * before)


def table(own: Array, other: Array, rounds: int) -> Iterator[tuple[str, Array]]:
    """The terms, after a constant, of one chance for each course of the last 1 or 2 rounds.

    Moves and products of moves: CC, CD, DC and DD of a round have four coefficients, and those of
    two rounds sixteen more, where a second-last round has been seen.
    """
    last = _outcome("last", own, other, 1)
    yield from last[1:]
    if rounds > 1:
        for before, one in _outcome("before", own, other, 2):
            for after, two in last:
                yield " x ".join(filter(None, (before, after))), one * two


def _outcome(when: str, own: Array, other: Array, ago: int) -> list[tuple[str, Array]]:
    """Whether a round was seen, both moves in it and their product."""
    mine, theirs, seen = back(own, ago), back(other, ago), back(np.ones_like(own), ago)
    return [
        ("" if ago == 1 else f"{when} seen", seen),
        (f"own {when}", mine),
        (f"partner {when}", theirs),
        (f"both {when}", mine * theirs),
    ]


@dataclass(frozen=True, kw_only=True)
class Form:
    """Which terms the log odds of cooperating are a weighted sum of, after a constant."""

    table: int = 0  # 1, 2: a chance for each course of so many last rounds (memory-1, memory-2)
    inertia: bool = False  # own last move; a table has it
    rounds: bool = False  # ln(1 + rounds seen)
    window: int = 0  # rounds in which the partner's moves count as ln(1 + C), ln(1 + D); 0: none
    halflife: float = 0.0  # rounds; the same of counts that fade; 0: none
    pull: bool = False  # momentum
    own: bool = False  # own moves count in the same way as the partner's

    def __post_init__(self) -> None:
        if self.table not in (0, 1, 2):
            raise InputError(f"a table is of 1 or 2 rounds, or 0 for none, not {self.table!r}")
        if self.window < 0 or self.halflife < 0:
            raise InputError(f"window and halflife are 0 or more rounds, not {self!r}")
        if self.window and self.halflife:
            raise InputError("counts have a window or a halflife, not both")
        if self.own and not (self.window or self.halflife):
            raise InputError("own moves count within a window or with a halflife: neither is set")

    @property
    def names(self) -> tuple[str, ...]:
        """What each term is called, in the order of `terms`."""
        dummy = np.zeros(0)
        return tuple(name for name, _ in self._terms(dummy, dummy))

    def terms(self, own: Array, other: Array) -> Array:
        """Own and the partner's moves, (..., T) each -> (..., T + 1, k)."""
        return np.stack([term for _, term in self._terms(own, other)], axis=-1)

    def _terms(self, own: Array, other: Array) -> Iterator[tuple[str, Array]]:
        yield "constant", np.ones((*own.shape[:-1], own.shape[-1] + 1))
        if self.inertia and not self.table:
            yield "own last", back(own)
        if self.table:
            yield from table(own, other, self.table)
        if self.rounds:
            yield "rounds", np.log1p(recent(np.ones_like(own), ALL))
        if self.pull:
            yield "momentum", momentum(other, self.window or ALL)
        if self.window or self.halflife:
            yield "partner C", np.log1p(self._count(other))
            yield "partner D", np.log1p(self._count(1.0 - other))
        if self.own:
            yield "own C", np.log1p(self._count(own))
            yield "own D", np.log1p(self._count(1.0 - own))

    def _count(self, moves: Array) -> Array:
        return decayed(moves, self.halflife) if self.halflife else recent(moves, self.window)
