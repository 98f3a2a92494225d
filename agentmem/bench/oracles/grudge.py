"""S1, the windowed grudge: a mind whose play against itself can be solved exactly.

It cooperates with chance 1 - e while no defection of the partner is visible, else with chance q;
visible are the last h rounds.  Longer windows bring fewer cooperators: each defection provokes
R0 = h (1 - q - e) others, and beyond R0 = 1 they keep one another alive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from agentmem.errors import InputError
from agentmem.fields import Bounds, check

Floats = NDArray[np.float64]
Chance = Annotated[float, Bounds(least=0, most=1)]

SETTLED = 1e-12  # change of the chain in a round below which it counts as stationary
PATIENCE = 200_000  # rounds


@dataclass(frozen=True, kw_only=True)
class Grudge:
    """S1 with a window.  ConfigError for a chance outside 0..1 or a negative window."""

    window: Annotated[int, Bounds(least=0)]  # h, rounds
    slip: Chance = 0.01  # e: chance of defecting without a reason
    forgive: Chance = 0.7  # q: chance of cooperating though a defection is visible

    def __post_init__(self) -> None:
        check(self)

    @property
    def provoked(self) -> float:
        """R0 = h (1 - q - e): defections that one defection provokes."""
        return self.window * (1 - self.forgive - self.slip)

    @property
    def threshold(self) -> float:
        """h* = 1 / (1 - q - e): the window beyond which grudges keep one another alive.

        Infinite where a visible defection makes it no less cooperative.
        """
        excess = 1 - self.forgive - self.slip
        return 1 / excess if excess > 0 else float("inf")

    def against(self, defection: float) -> float:
        """Cooperation with a partner that defects at random: (1-d)^h (1-e) + (1-(1-d)^h) q."""
        if not 0 <= defection <= 1:
            raise InputError(f"defection {defection}: give a chance from 0 to 1")
        clear = (1 - defection) ** self.window
        return float(clear * (1 - self.slip) + (1 - clear) * self.forgive)

    def mean_field(self) -> float:
        """Greatest p with p = q + (1 - e - q) p^h, found from above: chances taken as independent.

        It errs near the threshold, where defections come in clusters: see `self_play`.
        """
        p, before = 1 - self.slip, 1.0
        for _ in range(PATIENCE):
            if abs(before - p) < SETTLED:
                break
            before, p = p, self.against(1 - p)
        return p

    def self_play(self, rounds: int | None = None) -> float:
        """Exact cooperation with itself: the mean over the first `rounds`, or in the long run.

        A Markov chain on the age of each side's last defection, (h + 1)^2 states; age h is "none
        visible", as in the first round.  InputError where the long run takes more than 200,000
        rounds to come about.
        """
        if rounds is not None and rounds < 1:
            raise InputError(f"rounds {rounds}: give a whole number >= 1")
        chances = np.full(self.window + 1, self.forgive)
        chances[-1] = 1 - self.slip
        state = np.zeros((self.window + 1, self.window + 1))
        state[-1, -1] = 1.0
        total = 0.0
        for _ in range(rounds or PATIENCE):
            total += float(state.sum(axis=0) @ chances)
            after = _step(state, chances)
            if rounds is None and np.abs(after - state).sum() < SETTLED:
                return float(after.sum(axis=0) @ chances)
            state = after
        if rounds is None:
            raise InputError(f"{self} has not settled after {PATIENCE:,} rounds: give `rounds`")
        return total / rounds

    def simulate(self, runs: int, rounds: int, rng: np.random.Generator) -> float:
        """Mean cooperation of `runs` matches against itself."""
        age = np.full((2, runs), self.window)
        kept = 0
        for _ in range(rounds):
            clear = age[::-1] >= self.window
            kind = rng.random((2, runs)) < np.where(clear, 1 - self.slip, self.forgive)
            age = np.where(kind, np.minimum(age + 1, self.window), 0)
            kept += int(kind.sum())
        return kept / (2 * runs * rounds)


def _step(state: Floats, chances: Floats) -> Floats:
    """The next round of the chain; `state[a, b]`: side one defected a rounds ago, side two b.

    Side one sees b, so that `chances[b]` is its chance of cooperating.
    """
    kind_first, kind_second = chances[None, :], chances[:, None]
    after = _older(_older(state * kind_first * kind_second, 0), 1)
    after[0] += _older((state * (1 - kind_first) * kind_second).sum(axis=0), 0)
    after[:, 0] += _older((state * kind_first * (1 - kind_second)).sum(axis=1), 0)
    after[0, 0] += (state * (1 - kind_first) * (1 - kind_second)).sum()
    return after


def _older(ages: Floats, axis: int) -> Floats:
    """A distribution over ages, a round later; the last age keeps what it has."""
    moved = np.moveaxis(ages, axis, 0)
    later = np.zeros_like(moved)
    later[1:] = moved[:-1]
    later[-1] += moved[-1]
    return np.moveaxis(later, 0, axis)
