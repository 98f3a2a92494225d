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
_CLOSE = 1e-6  # seconds: how near the search for an expiry comes ...
_STEPS = 60  # ... within so many steps; five are usual


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


def approximate(uses: Floats, life: Floats | float, decay: float = 0.5) -> Floats:
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
    goes when P has fallen to `forget_below`; that moment is searched, since no formula gives it.
    """

    name: ClassVar[str] = "actr"
    traces: ClassVar[bool] = True

    decay: Annotated[float, Bounds(above=0, below=1)] = 0.5  # d
    half_life: Annotated[Seconds, Bounds(above=0)] | None = None
    threshold: Annotated[float, Bounds(least=-100, most=100)] | None = None  # tau; 30 days: -7.38
    noise: Annotated[float, Bounds(above=0)] = 0.5  # s; with d = 0.5, one use: P = 1 / (1 + t / H)
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
        if self.variant == "approximate":
            return approximate(view.uses + 1.0, view.age, self.decay)
        return self._level(_history(view), np.full(len(view), view.now))

    def retention(self, view: View) -> Floats:
        return probability(self.activation(view), self.tau, self.noise)

    def crossing(self, view: View) -> Floats:
        odds = self.forget_below / (1.0 - self.forget_below)
        level = self.tau + self.noise * log(odds)
        if self.variant == "approximate":
            with np.errstate(over="ignore"):
                spare = approximate(view.uses + 1.0, LEAST, self.decay) - level
                life = np.exp(spare / self.decay)
            return np.where(life < _BEYOND, view.created + life, np.inf)
        return self._fallen(_history(view), level)

    def _level(self, history: _History, at: Floats) -> Floats:
        """B at a second of each row, shape (n,)."""
        level: Floats = np.log(_total(history, at, self.decay))
        return level

    def _fallen(self, history: _History, level: float) -> Floats:
        """Second at which B falls to `level`, shape (n,); inf if that is beyond all numbers.

        e^(-B / d) is a power mean of the lags, concave in time, so Newton's steps from a moment
        before never pass the one that is sought.
        """
        at = self._before(history, level)
        ever = np.isfinite(at)
        at = np.where(ever, at, 0.0)
        for _ in range(_STEPS):
            total = _total(history, at, self.decay)
            mean = np.exp((level - np.log(total)) / self.decay)  # 1 at the moment sought
            slope = mean * _total(history, at, self.decay + 1.0) / total
            with np.errstate(divide="ignore", over="ignore"):  # where it is never
                step = np.where(ever, np.maximum((1.0 - mean) / slope, 0.0), 0.0)
            at = at + step
            if np.all(step <= _CLOSE):
                break
        return np.where(ever, at, np.inf)

    def _before(self, history: _History, level: float) -> Floats:
        """A moment until when B is above `level`: as long as the k latest uses would keep it there
        if each were as old as the k-th, for the best k, or all uses, as old as the first.
        """
        known = -np.sort(-history.times, axis=1)  # the latest first, NaN last
        count = np.isfinite(known).sum(axis=1)
        ranks = np.arange(1.0, known.shape[1] + 1.0)
        with np.errstate(over="ignore"):
            reach = np.exp((np.log(ranks) - level) / self.decay)
            whole = np.exp((np.log(count + history.older) - level) / self.decay)
        latest = np.fmax.reduce(known + reach, axis=1)
        before = np.fmax(latest, history.times[:, 0] + whole)
        return np.where(before < _BEYOND, before, np.inf)


def _total(history: _History, at: Floats, power: float) -> Floats:
    """Sum of lag^-power over all uses at a second of each row, shape (n,)."""
    lags = np.maximum(at[:, None] - history.times, LEAST)
    total: Floats = np.nansum(np.exp(-power * np.log(lags)), axis=1)
    return total + tail(history.older, at - history.since, lags[:, 0], power)


def _history(view: View) -> _History:
    """Creation, the latest recalls as far as they are known, and how many were before them.

    Of a record whose recalls were not traced, the last one is known.  A use after all recalls is
    that by which the record was restored.
    """
    traced = np.isfinite(view.recalls).any(axis=1)
    latest = np.fmax.reduce(np.column_stack([view.created, view.recalls]), axis=1)
    counted = (view.uses > 0.0) & ~traced
    last = np.where(counted | (view.used > latest), view.used, np.nan)
    recalls = np.column_stack([last, view.recalls])
    older = np.maximum(view.uses - np.isfinite(view.recalls).sum(axis=1) - counted, 0.0)
    since = np.fmax(np.fmin.reduce(recalls, axis=1), view.created)
    return _History(np.column_stack([view.created, recalls]), older, since)
