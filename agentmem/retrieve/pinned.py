"""What is always before the model, whatever is asked: a brief, a profile, a rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from agentmem.core import Hit
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, found
from agentmem.steps import Steps

__all__ = ["Pinned"]


@dataclass(frozen=True, kw_only=True)
class Pinned(Stage):
    """Every active record of some kinds, newest first, and then the hits of the search.

    They come on top of k, with the score of the best hit; a budget of tokens is filled from the
    front, so they have it first.  A query for other kinds, or with a filter that they do not meet,
    is left alone.
    """

    name: ClassVar[str] = "pinned"

    kinds: tuple[str, ...] = ("brief",)  # of the records that are always there

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        asked = tuple(one for one in query.kinds or () if one in self.kinds)
        rest = tuple(one for one in query.kinds or () if one not in self.kinds)
        if not asked:
            return (yield from search(query))
        hits = (yield from search(replace(query, kinds=rest))) if rest else []
        records = yield from search.all(replace(query, kinds=asked))
        best = hits[0].score if hits else 1.0
        return [*(found(one, best) for one in reversed(records)), *hits]
