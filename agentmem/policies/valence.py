"""Letting bygones be bygones: harms are forgotten on a schedule of their own.

A harm is a record of valence < 0, which an agent has noted as done to it.  Whoever remembers every
harm and acts on it locks itself into retaliation; whoever forgets them all is exploited.  The rule
is this library's own.  Both count from the event: brooding over a harm does not prolong it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, Seconds, check
from agentmem.policies._fading import DAY, Fading

AFTER = 30 * DAY  # where neither turns nor seconds are given


@dataclass(frozen=True, kw_only=True)
class Bygones(Policy):
    """Weight 0 for harms older than `turns` turns or `after` seconds, 1 for everything else.

    A harm of the last `turns` turns is seen, the one before is not.  Either limit will do; without
    any, 30 days.  Without `remove` harms are suppressed, not lost.
    """

    name: ClassVar[str] = "bygones"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    turns: Annotated[int, Bounds(least=0)] | None = None  # of the namespace
    after: Annotated[Seconds, Bounds(least=0)] | None = None

    def __post_init__(self) -> None:
        check(self)

    def over(self, view: View) -> NDArray[np.bool_]:
        """Which rows are harms past their limit, shape (n,)."""
        after = AFTER if self.turns is None and self.after is None else self.after
        past = np.zeros(len(view), dtype=np.bool_)
        if self.turns is not None:
            past |= view.turns >= self.turns
        if after is not None:
            past |= view.created + after <= view.now
        return past & (view.valence < 0.0)

    def weight(self, view: View) -> Floats:  # shape (n,), 0 or 1
        return np.where(self.over(view), 0.0, 1.0)

    def concerns(self, active: int, ask: Ask) -> bool:
        return self.remove

    def maintain(self, view: View, ask: Ask) -> Change:
        out = self.over(view) & self.remove
        names = view.names(out)
        scores = dict(zip(names, view.valence[out].tolist(), strict=True))
        reason = "a harm long enough ago"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)


@dataclass(frozen=True, kw_only=True)
class Valence(Fading):
    """Weight max(floor, 2 ** (-age / half-life)); harms have a half-life of their own.

    Without one for the `rest`, neutral and helpful records do not fade.  With `remove`, a record
    goes when its retention has fallen to `forget_below`.
    """

    name: ClassVar[str] = "valence"

    harms: Annotated[Seconds, Bounds(above=0)] = 7 * DAY  # half-life of records of valence < 0
    rest: Annotated[Seconds, Bounds(above=0)] | None = None  # half-life of the others

    def half_life(self, view: View) -> Floats:
        """Seconds, shape (n,); inf for never."""
        return np.where(view.valence < 0.0, self.harms, self.rest or np.inf)

    def retention(self, view: View) -> Floats:
        """Before the floor, shape (n,), in [0, 1]."""
        return np.exp2(-view.age / self.half_life(view))

    def crossing(self, view: View) -> Floats:
        return view.created + self.half_life(view) * -log2(self.forget_below)
