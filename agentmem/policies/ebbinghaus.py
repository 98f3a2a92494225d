"""The Ebbinghaus forgetting curve as MemoryBank uses it (arXiv 2305.10250).

Retention is R = exp(-t / S): t since the last recall, S the stability.  A recall sets t to 0 and
adds to S.  The paper gives no unit of time; its code takes whole days and divides by 5.  Three
readings exist, as functions of days t >= 0 and strength s >= 1:

    published   exp(-t / s)
    as_coded    exp(-t / 5 * s)      operator precedence: the stronger, the faster forgotten
    intended    exp(-t / (5 * s))    what the code seems to mean

`Ebbinghaus` weighs by R and removes at a threshold; `Bernoulli` forgets at random, with R as the
chance to survive.  MemoryBank's code draws anew, without a seed, at each load of its index:

    redrawn     product of as_coded over every load since the last recall
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import log
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, Update, View
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, Seconds, check
from agentmem.policies._draw import uniform
from agentmem.policies._fading import DAY, HALF_LIFE, Fading

CODED_DAYS = 5.0  # the constant of MemoryBank's code


def published(days: Floats, strength: Floats) -> Floats:
    """exp(-t / s), in (0, 1]: MemoryBank, section 3."""
    return np.exp(-days / strength)


def as_coded(days: Floats, strength: Floats) -> Floats:
    """exp(-t / 5 * s), in (0, 1]: MemoryBank's repository, forget_memory.py."""
    return np.exp(-days / CODED_DAYS * strength)


def intended(days: Floats, strength: Floats) -> Floats:
    """exp(-t / (5 * s)), in (0, 1]: the same with the parentheses it needs."""
    return np.exp(-days / (CODED_DAYS * strength))


def redrawn(days: Floats, strength: Floats, loads: float) -> Floats:
    """Chance to survive `days` whole days of `loads` loads each, in [0, 1].

    The product of as_coded(1, s) ... as_coded(days, s), each to the power `loads`.
    """
    return np.exp(-loads * strength / CODED_DAYS * days * (days + 1.0) / 2.0)


@dataclass(frozen=True, kw_only=True)
class Ebbinghaus(Fading):
    """Weight max(floor, exp(-idle / S)); a recall resets idle and adds gain * S0 to S.

    The initial stability S0 is `stability`, or half_life / ln 2; without either, a half-life of 30
    days.  The variants `published` (S0 = 1 day) and `as_coded` (S0 = 5 days, strength S / S0, whole
    days) fix S0 themselves.  With `remove`, a record goes when its retention has fallen to
    `forget_below`.
    """

    name: ClassVar[str] = "ebbinghaus"

    half_life: Annotated[Seconds, Bounds(above=0)] | None = None
    stability: Annotated[Seconds, Bounds(above=0)] | None = None
    gain: Annotated[float, Bounds(least=0)] = 1.0  # stability won by a recall, in S0
    variant: Literal["intended", "published", "as_coded"] = "intended"

    def __post_init__(self) -> None:
        super().__post_init__()
        _unambiguous(self.name, self.half_life, self.stability, self.variant)

    @property
    def initial(self) -> float:
        """S0, the stability of a record that was never recalled, in seconds."""
        if self.variant == "published":
            return DAY
        if self.variant == "as_coded":
            return CODED_DAYS * DAY
        return self.stability or (self.half_life or HALF_LIFE) / log(2)

    def strength(self, view: View) -> Floats:
        """S / S0, shape (n,), > 0; 1 where no policy has set a stability."""
        return np.where(np.isnan(view.stability), 1.0, view.stability / self.initial)

    def retention(self, view: View) -> Floats:
        if self.variant == "as_coded":
            return as_coded(np.floor(view.idle / DAY), self.strength(view))
        return np.exp(-view.idle / (self.initial * self.strength(view)))

    def touch(self, view: View) -> Update:
        stability = (self.strength(view) + self.gain) * self.initial
        return replace(super().touch(view), stability=stability)

    def lasting(self, view: View, retention: float | Floats) -> Floats:
        """Seconds without a recall until R has fallen to `retention` (> 0), shape (n,)."""
        fading = np.log(1.0 / retention)
        if self.variant == "as_coded":
            return np.ceil(fading * CODED_DAYS / self.strength(view)) * DAY
        return fading * self.initial * self.strength(view)

    def crossing(self, view: View) -> Floats:
        return view.used + self.lasting(view, self.forget_below)


@dataclass(frozen=True, kw_only=True)
class Bernoulli(Policy):
    """A record survives while a uniform draw, fixed by `seed` and its id, is below R(idle).

    So the chance to survive is R itself, however often maintenance runs, and the same seed keeps
    the same records.  R is the curve of `Ebbinghaus`.  With `rank`, what has not survived has
    weight 0 at once, before maintenance archives it.

    `as_coded`, MemoryBank's programme: drawn anew at each of `loads` loads a day, so that the
    chance to survive is the product of R over all loads since the last recall.  Here one draw is
    held against that product, which gives the same chance without counting loads.
    """

    name: ClassVar[str] = "bernoulli"

    rank: bool = False
    remove: bool = True
    seed: Annotated[int, Bounds(least=0)] = 0
    half_life: Annotated[Seconds, Bounds(above=0)] | None = None
    stability: Annotated[Seconds, Bounds(above=0)] | None = None
    gain: Annotated[float, Bounds(least=0)] = 1.0  # stability won by a recall, in S0
    loads: Annotated[int, Bounds(least=1)] = 1  # of the index, per day; counts as coded only
    variant: Literal["intended", "published", "as_coded"] = "intended"

    def __post_init__(self) -> None:
        check(self)
        _unambiguous(self.name, self.half_life, self.stability, self.variant)

    @cached_property
    def curve(self) -> Ebbinghaus:
        """The curve that is drawn against."""
        return Ebbinghaus(
            half_life=self.half_life,
            stability=self.stability,
            gain=self.gain,
            variant=self.variant,
        )

    def survival(self, view: View) -> Floats:
        """Chance to have survived until now, shape (n,), in [0, 1]."""
        if self.variant == "as_coded":
            days = np.floor(view.idle / DAY)
            return redrawn(days, self.curve.strength(view), self.loads)
        return self.curve.retention(view)

    def weight(self, view: View) -> Floats:
        return np.where(self._end(view) > view.now, 1.0, 0.0)

    def touch(self, view: View) -> Update:
        return self.curve.touch(view)

    def expiry(self, view: View) -> Floats:
        return self._end(view) if self.remove else super().expiry(view)

    def maintain(self, view: View, ask: Ask) -> Change:
        due = self.expiry(view) <= view.now
        names = view.names(due)
        scores = dict(zip(names, self.survival(view)[due].tolist(), strict=True))
        reason = f"its draw (seed {self.seed}) is no longer below its chance to survive"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)

    def _end(self, view: View) -> Floats:
        """Second at which the chance to survive has fallen to the draw, shape (n,)."""
        draw = uniform(view.ids, self.seed)
        if self.variant != "as_coded":
            return view.used + self.curve.lasting(view, draw)
        # loads * s / 5 * n (n + 1) / 2 = ln(1 / draw), solved for the first whole day n >= 1
        enough = np.log(1.0 / draw) * 2.0 * CODED_DAYS / (self.loads * self.curve.strength(view))
        days = np.maximum(np.ceil((np.sqrt(1.0 + 4.0 * enough) - 1.0) / 2.0), 1.0)
        return view.used + days * DAY


def _unambiguous(name: str, half_life: float | None, stability: float | None, variant: str) -> None:
    """ConfigError for two initial stabilities, or for one beside that of a variant."""
    if half_life is not None and stability is not None:
        raise ConfigError(f"{name}: give half_life or stability, not both")
    if variant != "intended" and (half_life or stability):
        given = "half_life" if half_life else "stability"
        raise ConfigError(f"{name}: variant {variant!r} takes no {given}")
