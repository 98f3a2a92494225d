"""Multi-hop recall: what the graph of triples leads to, beside what the query's words lead to.

After HippoRAG (Gutierrez et al., arXiv 2405.14831): a personalised PageRank from the entities of
the query spreads over what is said of them.  "Where does Ana's boss live?" reaches "Carl; lives
in; Rome" through "Ana; works for; Carl", without a word in common with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from agentmem.core import Floats, Hit, Record
from agentmem.extract import english
from agentmem.extract.identifiers import identify
from agentmem.fields import Bounds
from agentmem.graph import Walk, entity_of, walk_of
from agentmem.retrieve.stage import Searcher, Stage, best, found, rescored
from agentmem.steps import Steps, work
from agentmem.text import words

if TYPE_CHECKING:
    from agentmem.recall import Query

__all__ = ["MultiHop"]

LABEL = 8  # words of a label that is looked for in a query, at most
LEAST = 1e-12  # what a walk brings less often, it does not bring


@dataclass(frozen=True, kw_only=True)
class MultiHop(Stage):
    """The search and a random walk over the triples together; only the search if none is kept.

    The walk restarts, half of the time each, at the entities that the query names and at those of
    the first triples that a search finds; among them more often at one that fewer triples speak of
    (node specificity, section 2.3 there).  A triple's mass is how often the walk goes through it, a
    source's that of its triples.  Relevance: (r + weight x sqrt(mass)) / (1 + weight), where r is
    the reciprocal rank in the search; the root, since each hop leaves a fraction of the mass.
    """

    name: ClassVar[str] = "multi_hop"

    damping: Annotated[float, Bounds(least=0, below=1)] = 0.5  # chance to walk on; HippoRAG: .5
    first: Annotated[int, Bounds(least=0)] = 5  # triples found, from whose ends it also starts
    weight: Annotated[float, Bounds(least=0)] = 1.0  # of the walk beside the search
    depth: Annotated[int, Bounds(least=1)] = 100  # candidates of the search and of the walk

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        """The hits of both, best first; those that the walk alone leads to among them."""
        if query.text is None:
            return (yield from search(query))
        text, triples = query.text, replace(query, kinds=("triple",))
        hits = yield from search(replace(query, k=max(query.k, self.depth)))
        near = (yield from search(replace(triples, k=self.first))) if self.first else []
        every = yield from search.all(triples)
        masses = yield from work(lambda: self._masses(text, near[: self.first], walk_of(every)))
        missing = sorted(masses.keys() - {hit.id for hit in hits})
        brought: list[Record] = []
        if missing:
            only = {"id": {"$in": missing}}
            where = {"$and": [query.where, only]} if query.where else only
            brought = yield from search.all(replace(query, where=where))
        return self._fused(hits, brought, masses, query.config.rrf_k)[: query.k]

    def _masses(self, text: str, near: Sequence[Hit], walk: Walk) -> dict[str, float]:
        """What the walk leads to, most first: ids of at most `depth` triples and sources."""
        seeds = _scaled(_named(text, walk)) + _scaled(_near(near, walk))
        if not seeds.any():
            return {}
        masses: dict[str, float] = {}
        through = walk.mass(seeds, self.damping).tolist()
        for triple, mass in zip(walk.triples, through, strict=True):
            for name in (triple.id, *triple.sources):
                masses[name] = masses.get(name, 0.0) + mass
        kept = [(name, mass) for name, mass in masses.items() if mass > LEAST]
        kept.sort(key=lambda one: -one[1])
        return dict(kept[: self.depth])

    def _fused(
        self,
        hits: Sequence[Hit],
        brought: Sequence[Record],
        masses: Mapping[str, float],
        rrf_k: float,
    ) -> list[Hit]:
        """Both as one ranking; a hit for the query's own text stays on top."""

        def relevance(name: str, reciprocal: float) -> float:
            led = sqrt(masses.get(name, 0.0))
            return (reciprocal + self.weight * led) / (1.0 + self.weight)

        made = []
        for rank, hit in enumerate(hits, 1):
            value = relevance(hit.id, (rrf_k + 1.0) / (rrf_k + rank))
            made.append(rescored(hit, 1.0 if hit.why.exact else value))
        return best([*made, *(found(one, relevance(one.id, 0.0)) for one in brought)])


def _near(hits: Sequence[Hit], walk: Walk) -> Floats:
    """The nodes of some triples by the triples' scores and their own specificity, shape (n,)."""
    scores = {hit.id: hit.score for hit in hits}
    seeds = np.zeros(len(walk.nodes))
    for triple, ends in zip(walk.triples, walk.edges.tolist(), strict=True):
        seeds[ends] += scores.get(triple.id, 0.0)
    weighed: Floats = seeds / walk.degree
    return weighed


def _scaled(seeds: Floats) -> Floats:
    total = seeds.sum()
    scaled: Floats = seeds / total if total > 0.0 else seeds
    return scaled


def _named(text: str, walk: Walk) -> Floats:
    """The nodes that a text names, by identity or word for word, by specificity, shape (n,).

    Function words alone name nothing.
    """
    asked = words(text)
    ends = range(1, LABEL + 1)
    runs = {tuple(asked[at : at + n]) for at in range(len(asked)) for n in ends}
    keys = {entity_of(text[one.start : one.end]) for one in identify(text)}
    named = {node for (_, key), node in walk.nodes.items() if key in keys}
    for triple, pair in zip(walk.triples, walk.edges.tolist(), strict=True):
        for end, node in zip(("head", "tail"), pair, strict=True):
            label = tuple(words(triple.data[end]))
            if label in runs and not english.CLOSED.issuperset(label):
                named.add(node)
    seeds = np.zeros(len(walk.nodes))
    seeds[sorted(named)] = 1.0
    weighed: Floats = seeds / walk.degree
    return weighed
