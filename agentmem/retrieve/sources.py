"""Answer from the sources of what was found: Structural Memory's Memory-Doc mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentmem.core import Hit
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, best, found
from agentmem.steps import Steps

__all__ = ["Sources"]


@dataclass(frozen=True, kw_only=True)
class Sources(Stage):
    """The records that the hits were derived from, each once, with its best hit's score.

    Memory units find, their documents answer (arXiv 2412.15266, section 3.3, "Memory-Doc").
    Sources of sources are followed to what was said itself; a hit without a source that may be
    seen stands for itself.  At most k are handed on.
    """

    name: ClassVar[str] = "sources"

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        level = yield from search(query)
        seen = {hit.id for hit in level}
        roots: list[Hit] = []
        while level:
            names = list(dict.fromkeys(name for hit in level for name in hit.record.sources))
            parents = {record.id: record for record in (yield from search.get(names))}
            above: list[Hit] = []
            for hit in level:
                known = [parents[name] for name in hit.record.sources if name in parents]
                above += [found(record, hit.score) for record in known]
                roots += [] if known else [hit]
            above = best(above)
            level = [hit for hit in above if hit.id not in seen]
            seen |= {hit.id for hit in level}
        return best(roots)[: query.k]
