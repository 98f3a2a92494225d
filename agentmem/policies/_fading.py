"""What the curves share: a floor for ranking, a threshold for removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, check

DAY = 86400.0
HOUR = 3600.0
HALF_LIFE = 30 * DAY  # of a curve that is told nothing else


@dataclass(frozen=True, kw_only=True)
class Fading(Policy):
    """Weight max(floor, retention); with `remove`, a record goes when its retention has fallen to
    `forget_below`.  Override `retention`, and `crossing`, which solves it for the moment.
    """

    floor: Annotated[float, Bounds(least=0, most=1)] = (
        0.2  # least weight: nothing becomes unfindable
    )
    forget_below: Annotated[float, Bounds(above=0, below=1)] = 0.05

    def __post_init__(self) -> None:
        check(self)

    def retention(self, view: View) -> Floats:
        """R before the floor, shape (n,), in [0, 1]; a matter of each row and now."""
        return np.ones(len(view))

    def crossing(self, view: View) -> Floats:
        """Second at which retention falls to `forget_below`, shape (n,); inf for never."""
        return np.full(len(view), np.inf)

    @property
    def separable(self) -> bool:
        return self.floor > 0.0 and type(self).weight is Fading.weight

    def weight(self, view: View) -> Floats:
        return np.maximum(self.retention(view), self.floor)

    def expiry(self, view: View) -> Floats:
        return self.crossing(view) if self.remove else super().expiry(view)

    def maintain(self, view: View, ask: Ask) -> Change:
        due = self.expiry(view) <= view.now
        names = view.names(due)
        scores = dict(zip(names, self.retention(view)[due].tolist(), strict=True))
        reason = f"retention has fallen to {self.forget_below:g} or less"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)
