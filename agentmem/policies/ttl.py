"""Dates: a time to live for all records concerned, and a date by which one is to be verified.

A single record's own date of expiry, `Record.expires`, holds under every policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Floats, Policy, View
from agentmem.fields import Bounds, Seconds, check

DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class TimeToLive(Policy):
    """Weight 1 until `ttl` has passed, then 0; with `remove` a record goes at that moment.

    Counted from the event, or, with `since: used`, from the last recall.
    """

    name: ClassVar[str] = "ttl"

    ttl: Annotated[Seconds, Bounds(above=0)] = 365 * DAY
    since: Literal["created", "used"] = "created"

    def __post_init__(self) -> None:
        check(self)

    def end(self, view: View) -> Floats:
        """Second from which a record is dead, shape (n,)."""
        return self.ttl + (view.used if self.since == "used" else view.created)

    def weight(self, view: View) -> Floats:  # shape (n,), 0 or 1
        return np.where(self.end(view) <= view.now, 0.0, 1.0)

    def expiry(self, view: View) -> Floats:
        return self.end(view) if self.remove else super().expiry(view)


@dataclass(frozen=True, kw_only=True)
class Review(Policy):
    """Weight `factor` for a record past the date by which it should have been verified.

    `update(id, verify_by=...)` with a later date brings it back.  With `remove` it goes on that
    date.
    """

    name: ClassVar[str] = "review"

    factor: Annotated[float, Bounds(least=0, most=1)] = 0.5

    def __post_init__(self) -> None:
        check(self)

    @property
    def separable(self) -> bool:
        return self.factor > 0.0

    def weight(self, view: View) -> Floats:  # NaN, no date, is never past
        return np.where(view.verify_by <= view.now, self.factor, 1.0)

    def expiry(self, view: View) -> Floats:
        if not self.remove:
            return super().expiry(view)
        return np.where(np.isnan(view.verify_by), np.inf, view.verify_by)
