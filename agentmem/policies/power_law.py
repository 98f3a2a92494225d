"""Forgetting as a power of time (Wixted and Ebbesen 1991), the rational curve where needs recur so.

    published   a t^-b               Wixted and Ebbesen 1991; endless at t = 0, so cut off at a here
    intended    a (1 + b t)^-c       Wickelgren 1974, as in Wixted 2004: finite, and a at t = 0

Where the chance that something is needed falls as lag^-d (arXiv 2401.10393; Anderson and Schooler
1991), the same power is the retention that keeps what will be needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Floats, Update, View
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, Seconds
from agentmem.policies._fading import HALF_LIFE, Fading


def published(t: Floats, a: float, b: float) -> Floats:
    """Retention min(a, a t^-b), in (0, a]: t > 0 in units of the time at which retention is a."""
    with np.errstate(divide="ignore"):
        return np.minimum(a * np.power(t, -b), a)


def intended(t: Floats, a: float, b: float, c: float) -> Floats:
    """Retention a (1 + b t)^-c, in (0, a]; t >= 0 in any unit, b in its inverse."""
    return a * np.power(1.0 + b * t, -c)


@dataclass(frozen=True, kw_only=True)
class PowerLaw(Fading):
    """Weight max(floor, (1 + idle / S)^-exponent); a recall resets idle and adds gain * S0 to S.

    The initial scale S0 is `scale`, or the one that halves retention after `half_life`; without
    either, after 30 days.  `published`: min(1, (idle / S)^-exponent).  With `remove`, a record goes
    when its retention has fallen to `forget_below`: later than under an exponential curve of the
    same half-life, by far.
    """

    name: ClassVar[str] = "power_law"

    exponent: Annotated[float, Bounds(least=0.01)] = 0.5
    half_life: Annotated[Seconds, Bounds(above=0)] | None = None
    scale: Annotated[Seconds, Bounds(above=0)] | None = None
    gain: Annotated[float, Bounds(least=0)] = 1.0  # scale won by a recall, in S0
    variant: Literal["intended", "published"] = "intended"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_life is not None and self.scale is not None:
            raise ConfigError("power_law: give half_life or scale, not both")

    @property
    def initial(self) -> float:
        """S0, the scale of a record that was never recalled, in seconds."""
        return self.scale or float((self.half_life or HALF_LIFE) / self._units(0.5))

    def scales(self, view: View) -> Floats:
        """S in seconds, shape (n,), > 0; S0 where no policy has set a stability."""
        return np.where(np.isnan(view.stability), self.initial, view.stability)

    def retention(self, view: View) -> Floats:
        t = view.idle / self.scales(view)
        if self.variant == "published":
            return published(t, 1.0, self.exponent)
        return intended(t, 1.0, 1.0, self.exponent)

    def touch(self, view: View) -> Update:
        stability = self.scales(view) + self.gain * self.initial
        return replace(super().touch(view), stability=stability)

    def crossing(self, view: View) -> Floats:
        return view.used + self.scales(view) * self._units(self.forget_below)

    def _units(self, retention: float) -> np.float64:
        """Time in S until R has fallen to `retention`."""
        with np.errstate(over="ignore"):  # inf: never
            whole = np.power(np.float64(retention), -1.0 / self.exponent)
        return np.float64(whole if self.variant == "published" else whole - 1.0)
