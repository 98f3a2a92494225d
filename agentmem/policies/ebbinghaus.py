"""The Ebbinghaus forgetting curve as MemoryBank uses it (arXiv 2305.10250).

Retention is R = exp(-t / S): t since the last recall, S the stability.  A recall sets t to 0 and
adds to S.  The paper gives no unit of time; its code takes whole days and divides by 5.  Three
readings exist, as functions of days t >= 0 and strength s >= 1:

    published   exp(-t / s)
    as_coded    exp(-t / 5 * s)      operator precedence: the stronger, the faster forgotten
    intended    exp(-t / (5 * s))    what the code seems to mean
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, Update, View
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, Seconds, check

DAY = 86400.0
HALF_LIFE = 30 * DAY  # where neither half_life nor stability is given
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


@dataclass(frozen=True, kw_only=True)
class Ebbinghaus(Policy):
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
    floor: Annotated[float, Bounds(least=0, most=1)] = (
        0.2  # least weight: nothing becomes unfindable
    )
    forget_below: Annotated[float, Bounds(above=0, below=1)] = 0.05
    variant: Literal["intended", "published", "as_coded"] = "intended"

    def __post_init__(self) -> None:
        check(self)
        if self.half_life is not None and self.stability is not None:
            raise ConfigError("ebbinghaus: give half_life or stability, not both")
        if self.variant != "intended" and (self.half_life or self.stability):
            given = "half_life" if self.half_life else "stability"
            raise ConfigError(f"ebbinghaus: variant {self.variant!r} takes no {given}")

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
        """R before the floor, shape (n,), in [0, 1]."""
        if self.variant == "as_coded":
            return as_coded(np.floor(view.idle / DAY), self.strength(view))
        return np.exp(-view.idle / (self.initial * self.strength(view)))

    @property
    def separable(self) -> bool:
        return self.floor > 0.0 and type(self).weight is Ebbinghaus.weight

    def weight(self, view: View) -> Floats:
        return np.maximum(self.retention(view), self.floor)

    def touch(self, view: View) -> Update:
        stability = (self.strength(view) + self.gain) * self.initial
        return replace(super().touch(view), stability=stability)

    def expiry(self, view: View) -> Floats:
        if not self.remove:
            return super().expiry(view)
        fading = log(1.0 / self.forget_below)  # R = forget_below, solved for idle
        if self.variant == "as_coded":
            return view.used + np.ceil(fading * CODED_DAYS / self.strength(view)) * DAY
        return view.used + self.initial * self.strength(view) * fading

    def maintain(self, view: View, ask: Ask) -> Change:
        due = self.expiry(view) <= view.now
        names = view.names(due)
        scores = dict(zip(names, self.retention(view)[due].tolist(), strict=True))
        reason = f"retention has fallen to {self.forget_below:g} or less"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)
