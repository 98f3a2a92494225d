"""Multi-hop recall: what the graph of triples leads to, beside what the query's words lead to.

After HippoRAG (Gutierrez et al., arXiv 2405.14831): a personalised PageRank from the entities of
the query spreads over what is said of them.  "Where does Ana's boss live?" reaches "Carl; lives
in; Rome" through "Ana; works for; Carl", without a word in common with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from agentmem.core import Floats, Hit, Record
from agentmem.extract import english
from agentmem.extract.identifiers import identify
from agentmem.fields import Bounds
from agentmem.graph import Walk, entity_of, walk_of
from agentmem.index.where import Where
from agentmem.retrieve.stage import Searcher, Stage, best, found, rescored
from agentmem.steps import Steps, work
from agentmem.text import words

if TYPE_CHECKING:
    from agentmem.recall import Query

__all__ = ["MultiHop"]

LABEL = 5  # words of a name that is looked for in a query, at most
ASKED = 200  # words of a query in which names are looked for
STEEP = 5.0  # of reciprocal ranks: the second counts 6 / 7 of the first
LEAST = 1e-12  # what a walk brings less often, it does not bring
_MARKS = ".,;:!?\"'’“”()[]"


@dataclass(frozen=True, kw_only=True)
class MultiHop(Stage):
    """The search and a random walk over the triples together; only the search if none is kept.

    The walk restarts, half of the time each, at the entities that the query names and at those of
    the first triples that a search finds; among them more often at one that fewer triples speak of
    (node specificity, section 2.3 there).  It walks over the triples that are at most `hops` from
    there, of each hop the `depth` most relevant ones, so that a name in every triple costs no more
    than another.  A triple's mass is how often the walk goes through it, a source's that of its
    triples.

    Relevance: (r + weight x 6 / (5 + rank)) / (1 + weight), where r is that of the search, 0..1,
    and rank that by mass.  A small weight settles what is nearly equal; a weight of 1 puts what
    the walk alone leads to beside what the search finds.

    It searches several times: a stage that asks a model goes outside of it.
    """

    name: ClassVar[str] = "multi_hop"

    damping: Annotated[float, Bounds(least=0, below=1)] = 0.5  # chance to walk on; HippoRAG: .5
    first: Annotated[int, Bounds(least=0)] = 5  # triples found, from whose ends it also starts
    hops: Annotated[int, Bounds(least=1)] = 2  # triples between a start and what it leads to
    weight: Annotated[float, Bounds(least=0)] = 0.05  # of the walk beside the search
    depth: Annotated[int, Bounds(least=1)] = 100  # candidates of the search and of the walk

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        """The hits of both, best first; those that the walk alone leads to among them."""
        if query.text is None:
            return (yield from search(query))
        hits = yield from search(replace(query, k=max(query.k, self.depth)))
        triples = replace(query, kinds=("triple",))
        near = (yield from search(replace(triples, k=self.first))) if self.first else []
        near, named = near[: self.first], _named(query.text)
        walk = walk_of((yield from self._around(near, named, triples, search)))
        masses = yield from work(lambda: self._masses(near, named, walk))
        missing = sorted(masses.keys() - {hit.id for hit in hits})
        brought: list[Record] = []
        if missing:
            where = _both(query.where, {"id": {"$in": missing}})
            brought = yield from search.all(replace(query, where=where))
        return self._fused(hits, brought, masses)[: query.k]

    def _around(
        self, near: Sequence[Hit], named: Collection[str], triples: Query, search: Searcher
    ) -> Steps[list[Record]]:
        """The triples that the walk may go through: the first ones and what is around them."""
        known = {hit.id: hit.record for hit in near}
        seen: set[str] = set()
        for _ in range(self.hops):
            ends = {record.data[end] for record in known.values() for end in ("head_id", "tail_id")}
            fresh = sorted((ends | set(named)) - seen)
            if not fresh:
                break
            seen.update(fresh)
            touching = {"$or": [{f"data.{end}": {"$in": fresh}} for end in ("head_id", "tail_id")]}
            where = _both(triples.where, touching)
            hits = yield from search(replace(triples, k=self.depth, where=where))
            known.update((hit.id, hit.record) for hit in hits)
        return list(known.values())

    def _masses(self, near: Sequence[Hit], named: Collection[str], walk: Walk) -> dict[str, float]:
        """What the walk leads to, most first: ids of at most `depth` triples and sources."""
        names = np.array([float(key in named) for _, key in walk.nodes])
        seeds = _scaled(names / walk.degree) + _scaled(_near(near, walk) / walk.degree)
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
        self, hits: Sequence[Hit], brought: Sequence[Record], masses: Mapping[str, float]
    ) -> list[Hit]:
        """Both as one ranking."""
        names = {hit.id for hit in hits} | {record.id for record in brought}
        ranks = {name: rank for rank, name in enumerate((n for n in masses if n in names), 1)}

        def relevance(name: str, searched: float) -> float:
            led = (STEEP + 1.0) / (STEEP + ranks[name]) if name in ranks else 0.0
            return (searched + self.weight * led) / (1.0 + self.weight)

        made = [rescored(hit, relevance(hit.id, hit.why.fused)) for hit in hits]
        return best([*made, *(found(one, relevance(one.id, 0.0)) for one in brought)])


def _both(where: Where | None, more: Where) -> Where:
    return {"$and": [where, more]} if where else more


def _near(hits: Sequence[Hit], walk: Walk) -> Floats:
    """The nodes of some triples by the triples' scores, shape (n,)."""
    scores = {hit.id: hit.score for hit in hits}
    seeds = np.zeros(len(walk.nodes))
    for triple, ends in zip(walk.triples, walk.edges.tolist(), strict=True):
        seeds[ends] += scores.get(triple.id, 0.0)
    return seeds


def _scaled(seeds: Floats) -> Floats:
    total = seeds.sum()
    scaled: Floats = seeds / total if total > 0.0 else seeds
    return scaled


def _named(text: str) -> frozenset[str]:
    """What a text may name: identities of its addresses, and of all its short runs of words.

    Whether there is such an entity is seen in the graph; function words alone are none.
    """
    asked = text.split()[:ASKED]
    head = " ".join(asked)
    keys = {entity_of(head[one.start : one.end]) for one in identify(head)}
    for start in range(len(asked)):
        for end in range(start + 1, min(start + LABEL, len(asked)) + 1):
            run = " ".join(asked[start:end]).strip(_MARKS)
            whole = run.removesuffix("'s").removesuffix("’s")
            if not english.CLOSED.issuperset(words(whole)):
                keys |= {entity_of(whole), entity_of(run)}
    return frozenset(keys)
