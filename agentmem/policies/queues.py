"""Stores of bounded size, as caches keep them: first in first out, least recently and least
frequently used.  They know nothing of what a record says; the baselines of every keeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, check
from agentmem.policies._order import lowest


@dataclass(frozen=True, kw_only=True)
class Queue(Policy):
    """Keeps `max_records` of each namespace: those of highest `rating`.  It does not rank."""

    name: ClassVar[str] = "queue"
    sweep: ClassVar[Literal["due", "all"]] = "all"
    last: ClassVar[str] = "last"  # what those kept are the ... of

    rank: bool = False
    remove: bool = True
    max_records: Annotated[int, Bounds(least=0)] = 5000  # per namespace

    def __post_init__(self) -> None:
        check(self)

    def rating(self, view: View) -> Floats:
        """What is kept longest has most, shape (n,), finite; of equals the idlest goes first.

        Here: turns since it came, negative.
        """
        return -view.turns

    def concerns(self, active: int, ask: Ask) -> bool:
        return self.remove and active > self.max_records

    def maintain(self, view: View, ask: Ask) -> Change:
        rating = self.rating(view)
        out = lowest(view, rating, lambda count: max(count - self.max_records, 0)) & self.remove
        names = view.names(out)
        scores = dict(zip(names, rating[out].tolist(), strict=True))
        reason = f"not among the {self.max_records} {self.last} of its namespace"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)


@dataclass(frozen=True, kw_only=True)
class Fifo(Queue):
    """First in, first out: the last that came stay, by turn of arrival."""

    name: ClassVar[str] = "fifo"
    last: ClassVar[str] = "last that came"


@dataclass(frozen=True, kw_only=True)
class Lru(Queue):
    """Least recently used goes first; what was never recalled was used when it happened."""

    name: ClassVar[str] = "lru"
    last: ClassVar[str] = "most recently used"

    def rating(self, view: View) -> Floats:
        """Second of the last recall."""
        return view.used


@dataclass(frozen=True, kw_only=True)
class Lfu(Queue):
    """Least frequently used goes first; among equals the least recently used."""

    name: ClassVar[str] = "lfu"
    last: ClassVar[str] = "most frequently used"

    def rating(self, view: View) -> Floats:
        """Recalls."""
        return view.uses
