"""ACT-R's declarative memory: activation from the whole history of a record's use.

    base level    B = ln(sum_j t_j^-d)                      t_j: seconds since the j-th use, d = 0.5
    approximate   B = ln(n / (1 - d)) - d ln L              n uses spread evenly over the life L
    recall        P = 1 / (1 + e^(-(A - tau) / s))          A = B + fan terms, threshold, noise
    fan           S_ji = S - ln(fan_j)                      the more linked to j, the less it tells

Anderson et al. 2004, equations 1, 2, 5 and 3.  The times of the latest uses are kept exactly, those
of the older ones count as spread evenly between the first and the oldest known (Petrov 2006).  Lags
count from 1 second.  The approximation is poor where the latest uses are bunched.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, View
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, Seconds
from agentmem.policies._fading import HALF_LIFE, Fading

LEAST = 1.0  # seconds: the shortest lag, since t^-d has no bound at 0
_BEYOND = 1e15  # seconds: later is never
_HALVINGS = 56  # of the search for an expiry: from some decades to a microsecond


def base_level(lags: NDArray[np.float64], decay: float = 0.5) -> Floats:
    """ln(sum t^-d) over the last axis of `lags`, in seconds; NaN is no use.  At least one each."""
    level: Floats = np.log(np.nansum(np.power(np.maximum(lags, LEAST), -decay), axis=-1))
    return level


def tail(older: Floats, near: Floats, far: Floats, decay: float = 0.5) -> Floats:
    """What `older` uses of unknown times add to the sum, spread between two lags near <= far:
    older (far^(1-d) - near^(1-d)) / ((1-d) (far - near)), Petrov 2006.
    """
    near = np.maximum(near, LEAST)
    ratio = np.maximum(far, near) / near - 1.0
    wide = ratio > 0.0
    some = np.where(wide, ratio, 1.0)
    mean = np.expm1((1.0 - decay) * np.log1p(some)) / ((1.0 - decay) * some)
    return older * np.power(near, -decay) * np.where(wide, mean, 1.0)


def approximate(uses: Floats, life: Floats, decay: float = 0.5) -> Floats:
    """ln(n / (1 - d)) - d ln L: optimised learning, for n >= 1 uses over a life of L seconds."""
    return np.log(uses / (1.0 - decay)) - decay * np.log(np.maximum(life, LEAST))


def probability(activation: Floats, threshold: float, noise: float) -> Floats:
    """Chance of recall, in [0, 1]; noise > 0."""
    with np.errstate(over="ignore"):  # e^inf: 0
        return 1.0 / (1.0 + np.exp(-(activation - threshold) / noise))


def fan(linked: Floats, strength: float = 2.0) -> Floats:
    """S_ji = S - ln(fan), for cues linked to `linked` >= 1 records each.

    Sum it over the cues j of a question, times W_j, and add it to the base level.
    """
    return strength - np.log(linked)


class _History(NamedTuple):
    """The uses of each record: `times` of shape (n, m), NaN-padded, the first its creation."""

    times: NDArray[np.float64]
    older: Floats  # uses whose times are unknown ...
    since: Floats  # ... and lie between creation and this second


@dataclass(frozen=True, kw_only=True)
class ActR(Fading):
    """Weight max(floor, P): the chance of recall by base-level activation.

    Creation and every recall are uses; a record strengthens by being used, and the more so the
    longer ago the earlier uses were.  The threshold tau is `threshold`, or the activation of a
    record `half_life` after its only use; without either, after 30 days.  With `remove`, a record
    goes when P has fallen to `forget_below`; that moment is searched, as no formula gives it.
    """

    name: ClassVar[str] = "actr"
    traces: ClassVar[bool] = True

    decay: Annotated[float, Bounds(above=0, below=1)] = 0.5  # d
    half_life: Annotated[Seconds, Bounds(above=0)] | None = None
    threshold: float | None = None  # tau; -7.38 for 30 days
    noise: Annotated[float, Bounds(above=0)] = 0.5  # s: P halves with a one-use record's 1 + t / H
    variant: Literal["intended", "approximate"] = "intended"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_life is not None and self.threshold is not None:
            raise ConfigError("actr: give half_life or threshold, not both")

    @property
    def tau(self) -> float:
        """The activation at which recall is as likely as not."""
        if self.threshold is not None:
            return self.threshold
        level = -self.decay * log(self.half_life or HALF_LIFE)
        return level - log(1.0 - self.decay) if self.variant == "approximate" else level

    def activation(self, view: View) -> Floats:
        """B, shape (n,)."""
        now = np.full(len(view), view.now)
        if self.variant == "approximate":
            return approximate(view.uses + 1.0, view.age, self.decay)
        return self._level(_history(view), now)

    def retention(self, view: View) -> Floats:
        return probability(self.activation(view), self.tau, self.noise)

    def crossing(self, view: View) -> Floats:
        odds = self.forget_below / (1.0 - self.forget_below)
        level = self.tau + self.noise * log(odds)
        spread = log(1.0 - self.decay) if self.variant == "approximate" else 0.0
        with np.errstate(over="ignore"):  # the lag at which so many uses at once come to the level
            reach = np.exp((np.log(view.uses + 1.0) - spread - level) / self.decay)
        ever = reach < _BEYOND
        reach = np.where(ever, reach, 0.0)
        if self.variant == "approximate":
            return np.where(ever, view.created + reach, np.inf)
        return np.where(ever, self._searched(_history(view), level, reach), np.inf)

    def _level(self, history: _History, at: Floats) -> Floats:
        """B at a second of each row, shape (n,)."""
        lags = np.maximum(at[:, None] - history.times, LEAST)
        total = np.nansum(np.power(lags, -self.decay), axis=1)
        older = tail(history.older, at - history.since, lags[:, 0], self.decay)
        level: Floats = np.log(total + older)
        return level

    def _searched(self, history: _History, level: float, reach: Floats) -> Floats:
        """When B falls to `level`: after all uses at the first would have, before all at the last
        would; by halving, as B only falls.
        """
        early: Floats = np.fmin.reduce(history.times, axis=1) + reach
        late: Floats = np.fmax.reduce(history.times, axis=1) + reach
        for _ in range(_HALVINGS):
            middle = (early + late) / 2.0
            above = self._level(history, middle) > level
            early, late = np.where(above, middle, early), np.where(above, late, middle)
        return late


def _history(view: View) -> _History:
    """Creation, the latest recalls as far as they are known, and how many were before them.

    Of a record whose recalls were not traced, the last one is known.
    """
    traced = np.isfinite(view.recalls).any(axis=1)
    last = np.where((view.uses > 0.0) & ~traced, view.used, np.nan)
    recalls = np.column_stack([last, view.recalls])
    older = np.maximum(view.uses - np.isfinite(recalls).sum(axis=1), 0.0)
    since = np.fmax(np.fmin.reduce(recalls, axis=1), view.created)
    return _History(np.column_stack([view.created, recalls]), older, since)
