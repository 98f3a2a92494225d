"""S2, linear retaliation: what any forgetting policy does to it, by one number.

P(defect) = min(cap, mu + phi * visible partner defections), each counted by how visible it is: a
discrete Hawkes process (Hawkes 1971).  A policy's *grudge lifetime* is the expected number of
rounds for which a defection stays visible; each defection then provokes R0 = phi * lifetime
others, and in the long run a share mu / (1 - R0) of moves are defections, while R0 < 1 and the
cap is out of reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem.errors import InputError
from agentmem.fields import Bounds, check

Floats = NDArray[np.float64]  # of visibilities: shape (ages,), 0..1, of ages 1, 2, ...
INVISIBLE = 1e-6


def window(rounds: int) -> Floats:
    """Visibility when the last `rounds` are shown; its lifetime is `rounds`."""
    if rounds < 0:
        raise InputError(f"rounds {rounds}: give a whole number >= 0")
    return np.ones(rounds)


def exponential(half_life: float) -> Floats:
    """Visibility s^age with s = 2^(-1 / half_life), in rounds; its lifetime is s / (1 - s)."""
    if not half_life > 0:
        raise InputError(f"half-life {half_life}: give a number of rounds above 0")
    ages = np.arange(1, int(np.ceil(-half_life * np.log2(INVISIBLE))) + 1)
    return np.exp2(-ages / half_life)


def lifetime(visibility: ArrayLike) -> float:
    """Grudge lifetime in rounds: the sum over ages of how visible a defection still is."""
    return float(_visibility(visibility).sum())


@dataclass(frozen=True, kw_only=True)
class Retaliation:
    """S2.  ConfigError for a chance outside 0..1."""

    base: Annotated[float, Bounds(above=0, most=1)] = 0.005  # mu: defects without a reason
    retort: Annotated[float, Bounds(least=0, most=1)] = 0.02  # phi: per visible defection
    cap: Annotated[float, Bounds(above=0, most=1)] = 0.95  # most chance of defecting

    def __post_init__(self) -> None:
        check(self)

    def provoked(self, lifetime: float) -> float:
        """R0 = phi * lifetime: defections that one defection provokes."""
        return self.retort * lifetime

    def defection(self, lifetime: float) -> float:
        """Share of defections in the long run: mu / (1 - R0).

        InputError from R0 = 1 on, where defections multiply until the cap.
        """
        ratio = self.provoked(lifetime)
        if not 0 <= ratio < 1:
            raise InputError(
                f"lifetime {lifetime:g}: each defection provokes {ratio:g} others; the long run "
                f"has a closed form for lifetimes below {1 / self.retort:g}"
            )
        return self.base / (1 - ratio)

    def self_play(self, visibility: ArrayLike, rounds: int) -> float:
        """Expected share of defections in the first `rounds` against itself, while below the cap.

        The renewal equation m_t = mu + phi * (visibility of age 1 * m_(t-1) + ...), from peace.
        """
        if rounds < 1:
            raise InputError(f"rounds {rounds}: give a whole number >= 1")
        weights = _visibility(visibility)
        course = np.zeros(rounds)
        for t in range(rounds):
            seen = course[max(0, t - len(weights)) : t][::-1]
            course[t] = self.base + self.retort * float(weights[: len(seen)] @ seen)
        return float(course.mean())

    def simulate(
        self, visibility: ArrayLike, runs: int, rounds: int, rng: np.random.Generator
    ) -> float:
        """Share of defections in `runs` matches against itself, `rounds` each."""
        weights = _visibility(visibility)[::-1]  # oldest first, as the rounds stand
        ages = len(weights)
        past = np.zeros((ages + rounds, 2 * runs))  # `ages` rounds of peace first
        for t in range(ages, ages + rounds):
            seen = np.roll(weights @ past[t - ages : t], runs)  # each side sees the other
            past[t] = rng.random(2 * runs) < np.minimum(self.cap, self.base + self.retort * seen)
        return float(past[ages:].mean())


def _visibility(visibility: ArrayLike) -> Floats:
    weights = np.asarray(visibility, dtype=np.float64)
    if weights.ndim != 1 or (weights < 0).any() or (weights > 1).any():
        raise InputError("visibility: give numbers from 0 to 1, one for each age 1, 2, ...")
    return weights
