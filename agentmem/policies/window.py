"""Sliding window: the n newest records of a namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, check


@dataclass(frozen=True, kw_only=True)
class Window(Policy):
    """Weight 1 for the n newest of their namespace, 0 for the rest.

    Without `remove` the rest is suppressed, not lost: a larger window brings it back.  Newest is
    by event time; among equal times, by order of arrival.
    """

    name: ClassVar[str] = "window"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    n: Annotated[int, Bounds(least=0)] = 20  # records; 0 is an agent without memory

    def __post_init__(self) -> None:
        check(self)

    def weight(self, view: View) -> Floats:  # shape (n,), 0 or 1
        return np.where(view.newer < self.n, 1.0, 0.0)

    def concerns(self, active: int, ask: Ask) -> bool:
        return self.remove and active > self.n

    def maintain(self, view: View, ask: Ask) -> Change:
        out = (view.newer >= self.n) & self.remove
        names = view.names(out)
        scores = dict(zip(names, view.newer[out].tolist(), strict=True))
        reason = f"outside the window: {self.n} or more records of its namespace are newer"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)
