"""Coarse to fine: summaries are searched first, and only the best few are opened (HCAM)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from agentmem.core import Floats, Hit
from agentmem.fields import Bounds
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, best, rescored
from agentmem.steps import Steps

__all__ = ["CoarseToFine", "softmax"]


@dataclass(frozen=True, kw_only=True)
class CoarseToFine(Stage):
    """The hierarchical attention of HCAM (Lampinen et al., arXiv 2105.14039), for texts.

    Records of the `coarse` kind are ranked by their own text; the `open` best are opened, one
    search inside each, over its sources; a detail's relevance = the softmax weight of what it was
    found in, normalised over those opened only, x its relevance in there.  What is left closed
    costs nothing.  Without a single coarse record, the search goes on as if this stage were not
    there.
    """

    name: ClassVar[str] = "coarse_to_fine"

    coarse: str = "summary"  # the kind searched first: summary, segment, session, ...
    open: Annotated[int, Bounds(least=1)] = 5
    temperature: Annotated[float, Bounds(above=0)] = 0.5  # of the softmax over scores in 0..1

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        tops = yield from search(replace(query, kinds=(self.coarse,), k=self.open))
        tops = [top for top in tops if top.record.sources][: self.open]
        if not tops:
            return (yield from search(query))
        weights = softmax([top.score for top in tops], self.temperature)
        details: list[Hit] = []
        for top, weight in zip(tops, weights, strict=True):
            inside = yield from search(self._inside(query, top))
            details += [rescored(hit, float(weight) * hit.why.fused) for hit in inside]
        return best(details)[: query.k]

    def _inside(self, query: Query, top: Hit) -> Query:
        """The same question to the sources of one record, whatever their kind."""
        members = {"id": {"$in": list(top.record.sources)}}
        where = members if query.where is None else {"$and": [query.where, members]}
        return replace(query, kinds=None, where=where)


def softmax(scores: Sequence[float], temperature: float) -> Floats:
    """exp(s / T), normalised to sum 1; shape (len(scores),)."""
    logits = np.asarray(scores) / temperature
    powers = np.exp(logits - logits.max())
    weights: Floats = powers / powers.sum()
    return weights
