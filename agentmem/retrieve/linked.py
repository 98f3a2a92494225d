"""What the hits are linked to, beside them: A-MEM's second step of reading.

There the linked notes were appended and then cut off with everything beyond k, so that they never
surfaced.  Here k counts the hits of the search; what they are linked to comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from agentmem.core import Hit, Record
from agentmem.fields import Bounds
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, found
from agentmem.steps import Steps

__all__ = ["Linked", "appended", "seen"]


@dataclass(frozen=True, kw_only=True)
class Linked(Stage):
    """The hits, then the records that they link to, best hit first (arXiv 2502.12110, section 3.4).

    At most `per_hit` for each hit, in the order of its links, of the query's kinds and within its
    filter; so at most k + k x `per_hit` records.  A budget of tokens is filled from the front: the
    hits have it first.
    """

    name: ClassVar[str] = "linked"

    per_hit: Annotated[int, Bounds(least=1)] = 3  # linked records for each hit, at most

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = yield from search(query)
        there = yield from seen([name for hit in hits for name in hit.record.links], query, search)
        held = {hit.id for hit in hits}
        linked: dict[str, Record] = {}
        for hit in hits:
            names = [name for name in hit.record.links if name in there]
            linked |= {name: there[name] for name in names[: self.per_hit] if name not in held}
        return appended(hits, linked.values())


def seen(ids: Sequence[str], query: Query, search: Searcher) -> Steps[dict[str, Record]]:
    """Those of some records that the query may see, by id: of its kinds and within its filter."""
    if not ids:
        return {}
    only = {"id": {"$in": list(dict.fromkeys(ids))}}
    where = {"$and": [query.where, only]} if query.where else only
    records = yield from search.all(replace(query, where=where))
    return {record.id: record for record in records}


def appended(hits: Sequence[Hit], records: Iterable[Record]) -> list[Hit]:
    """The hits, then other records with the score of the last of them: nothing goes before it."""
    least = hits[-1].score if hits else 0.0
    return [*hits, *(found(record, least) for record in records)]
