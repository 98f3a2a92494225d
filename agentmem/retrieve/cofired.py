"""What was recalled together with the hits, beside them: Memoria's links of co-firing.

    edge i -> j  = count_ij / fire_i

fire_i counts the recalls of i, count_ij those that j was part of (Park and Bak 2024, arXiv
2310.03052, after Hebb).  The journal holds every recall, so nothing else needs to be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from agentmem.core import Hit, Record
from agentmem.fields import Bounds
from agentmem.recall import Query
from agentmem.retrieve.linked import appended, seen
from agentmem.retrieve.stage import Searcher, Stage
from agentmem.steps import Steps

__all__ = ["CoFired", "edges"]


@dataclass(frozen=True, kw_only=True)
class CoFired(Stage):
    """The hits, then what was recalled together with them, best hit and strongest edge first.

    At most `per_hit` for each hit, of the query's kinds and within its filter, on top of k.  What
    is brought in so is recalled in its turn, which confirms the edge; `least` keeps chance
    encounters out.
    """

    name: ClassVar[str] = "cofired"

    per_hit: Annotated[int, Bounds(least=1)] = 2  # neighbours of each hit, at most
    least: Annotated[float, Bounds(above=0, most=1)] = 0.5  # weight of an edge that counts
    look_back: Annotated[int, Bounds(least=1)] = 50  # latest recalls of each hit that are read

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = yield from search(query)
        together = yield from search.together([hit.id for hit in hits], self.look_back)
        near = {name: self.neighbours(name, recalls) for name, recalls in together.items()}
        there = yield from seen([name for some in near.values() for name in some], query, search)
        held = {hit.id for hit in hits}
        brought: dict[str, Record] = {}
        for hit in hits:
            names = [name for name in near.get(hit.id, ()) if name in there and name not in held]
            brought |= {name: there[name] for name in names[: self.per_hit]}
        return appended(hits, brought.values())

    def neighbours(self, name: str, recalls: Sequence[Iterable[str]]) -> list[str]:
        """The ids at the end of a record's edges that count, strongest first; else the latest."""
        found = {to: weight for to, weight in edges(name, recalls).items() if weight >= self.least}
        return sorted(found, key=lambda to: -found[to])


def edges(name: str, recalls: Sequence[Iterable[str]]) -> dict[str, float]:
    """count_ij / fire_i, 0..1, of every record in some recalls of one, each a set of ids."""
    counts = Counter(other for ids in recalls for other in dict.fromkeys(ids) if other != name)
    return {other: count / len(recalls) for other, count in counts.items()}
