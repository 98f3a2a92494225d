"""Generative Agents' retrieval (Park et al. 2023, arXiv 2304.03442).

The sum of recency, importance and relevance, each scaled to 0..1 between the least and the most of
the candidates.  The original scales over all memories, here it is over the `depth` that were found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Hit
from agentmem.errors import ConfigError
from agentmem.fields import Bounds
from agentmem.policies.generative_agents import EQUAL, WEIGHTS, recencies, scaled
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, best, rescored
from agentmem.steps import Steps

__all__ = ["Generative"]


@dataclass(frozen=True, kw_only=True)
class Generative(Stage):
    """Of `depth` records found, the k of the highest sum, as a share of the highest possible.

    The weights of a `variant` are 1, 1, 1, or as coded 0.5, 2, 3.  `as_coded` has the original
    programme's recency, by which the least recently used counts as the most recent.  Policies go on
    weighing, and the question's own text stays on top; a search without a text is left alone.
    """

    name: ClassVar[str] = "generative"

    depth: Annotated[int, Bounds(least=1)] = 50
    left: Annotated[float, Bounds(above=0, below=1)] | None = None  # recency after an hour; 0.995
    recency: Annotated[float, Bounds(least=0)] | None = None  # weight
    importance: Annotated[float, Bounds(least=0)] | None = None  # weight
    relevance: Annotated[float, Bounds(least=0)] | None = None  # weight
    variant: Literal["intended", "as_coded"] = "intended"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not sum(self.weights) > 0.0:
            raise ConfigError("generative: one of recency, importance, relevance must be above 0")

    @property
    def weights(self) -> tuple[float, float, float]:
        """Of recency, importance and relevance."""
        given = (self.recency, self.importance, self.relevance)
        pairs = zip(given, WEIGHTS[self.variant], strict=True)
        recency, importance, relevance = (own if one is None else one for one, own in pairs)
        return recency, importance, relevance

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = yield from search(replace(query, k=max(self.depth, query.k)))
        if query.text is None:
            return hits[: query.k]
        used = np.array([hit.record.used for hit in hits], dtype=np.float64)
        parts = (
            recencies(used, query.now, self.variant, self.left),
            np.array([hit.record.importance for hit in hits], dtype=np.float64),
            np.array([hit.why.fused for hit in hits], dtype=np.float64),
        )
        even = np.stack([scaled(part, EQUAL[self.variant]) for part in parts], axis=1)
        shares = even @ np.array(self.weights) / sum(self.weights)
        pairs = zip(hits, shares.tolist(), strict=True)
        return best(rescored(hit, share) for hit, share in pairs)[: query.k]
