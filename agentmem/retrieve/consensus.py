"""Consensus: of the records found, those whose reasoning deviates from that of the others go.

After A-MemGuard (arXiv 2510.02373; TangciuYueng/AMemGuard): a planted memory may look harmless by
itself, but not beside the others that answer the same question.  Its weakness is in its nature:
where most of what is found is planted, the truth is what deviates, and goes.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np

from agentmem.core import Hit, Ints, Record, Vectors
from agentmem.errors import BadReply
from agentmem.extract.clauses import facts
from agentmem.extract.triples import triples
from agentmem.fields import Bounds
from agentmem.graph import entity_of
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage
from agentmem.steps import Steps
from agentmem.text import fold

__all__ = ["Claim", "Consensus", "Verdict", "chain", "claims", "clusters", "outvoted"]

_log = logging.getLogger(__name__)


class Claim(NamedTuple):
    """What a memory says of an entity; head and tail are normalised identities."""

    head: str
    relation: str
    tail: str


class Verdict(NamedTuple):
    """One hit, the line of reasoning it leads to, and whether the others bear it out."""

    hit: Hit
    path: str
    trusted: bool


@dataclass(frozen=True, kw_only=True)
class Consensus(Stage):
    """Leaves out of this result, never out of the memory, what deviates from the rest of it.

    Each record found gets a line of reasoning ("path").  By "rule": the claims (head, relation,
    tail) that it states, in English; it goes if on some head and relation more of the others agree
    on another tail.  One that states no claim, or is contradicted as often as not, stays.  By
    "embedding", as the authors' alternative: the paths' vectors are clustered (DBSCAN, cosine
    distance `eps`, `least` in a neighbourhood) and the largest cluster stays; where there is none,
    all go.  By "model", as published: one call a record for its path, one that judges all paths; a
    reply that cannot be read flags all of them.  A model that does not answer at all is a
    ModelError.

    The majority decides: with most of the hits planted, the others go.
    """

    name: ClassVar[str] = "consensus"

    by: Literal["rule", "embedding", "model"] = "rule"
    eps: Annotated[float, Bounds(above=0, most=2)] = 0.5  # by embedding: 1 - cosine of neighbours
    least: Annotated[int, Bounds(least=1)] = 2  # by embedding: neighbours, itself included

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = yield from search(self.understood(query))
        return [one.hit for one in (yield from self.judged(query, hits, search)) if one.trusted]

    def judged(
        self, query: Query, hits: Sequence[Hit], search: Searcher
    ) -> Steps[tuple[Verdict, ...]]:
        """A verdict on each hit, in order."""
        if not hits:
            return ()
        paths = yield from self.paths(query, hits, search)
        if self.by == "model":
            trusted = yield from self._asked(query, paths, search)
        elif self.by == "embedding":
            labels = clusters((yield from search.embed(paths)), self.eps, self.least)
            trusted = _in_largest(labels)
        else:
            against = outvoted([claims(hit.record) for hit in hits])
            trusted = [at not in against for at in range(len(hits))]
        return tuple(Verdict(*one) for one in zip(hits, paths, trusted, strict=True))

    def paths(self, query: Query, hits: Sequence[Hit], search: Searcher) -> Steps[list[str]]:
        """The line of reasoning that each hit leads to, in order."""
        if self.by != "model":
            return [chain(hit.record) for hit in hits]
        found = []
        for hit in hits:
            path = yield from search.say(
                "consensus_path", question=query.text or "(none)", memory=hit.text
            )
            found.append(" ".join(path.split()))
        return found

    def _asked(self, query: Query, paths: Sequence[str], search: Searcher) -> Steps[list[bool]]:
        """The judge's word on each path; none is trusted if it cannot be read, or has no path."""
        lines = "\n".join(f"{i}. {path}" for i, path in enumerate(paths, start=1))
        names = [str(i) for i in range(1, len(paths) + 1)]
        try:
            reply = yield from search.ask(
                "consensus_judge", _verdicts(names), question=query.text or "(none)", paths=lines
            )
        except BadReply as error:
            _log.warning("no memory used, the consensus cannot be read: %s", error)
            return [False] * len(paths)
        return [reply[name] and bool(path) for name, path in zip(names, paths, strict=True)]


def claims(record: Record) -> frozenset[Claim]:
    """What a record states, by rule: the triples of its facts, or the triple that it is."""
    data = record.data
    if {"head_id", "relation", "tail_id"} <= data.keys():
        return frozenset([Claim(data["head_id"], fold(str(data["relation"])), data["tail_id"])])
    return frozenset(
        Claim(entity_of(one.head), fold(one.relation), entity_of(one.tail))
        for fact in facts(record.text, None)
        for one in triples(fact.text)
    )


def outvoted(stated: Sequence[frozenset[Claim]]) -> set[int]:
    """Indices of the sets with a claim that more of the others contradict than hold.

    Two claims contradict each other if they give one head and relation different tails.  A set
    that holds the tail of the majority too, beside another, stays.
    """
    held = Counter(claim for one in stated for claim in one)
    most: dict[tuple[str, str], int] = {}
    for claim, count in held.items():
        slot = claim[:2]
        most[slot] = max(most.get(slot, 0), count)
    gone = set()
    for at, one in enumerate(stated):
        best: dict[tuple[str, str], int] = {}
        for claim in one:
            best[claim[:2]] = max(best.get(claim[:2], 0), held[claim])
        if any(count < most[slot] for slot, count in best.items()):
            gone.add(at)
    return gone


def clusters(vectors: Vectors, eps: float, least: int) -> Ints:
    """DBSCAN (Ester et al. 1996) by cosine distance: labels 0.. in order, -1 for noise; shape (n,).

    `vectors`: unit rows, shape (n, dim).  A core has `least` rows within `eps`, itself included.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    near = 1.0 - rows @ rows.T <= eps
    np.fill_diagonal(near, val=True)
    core = near.sum(axis=1) >= least
    labels = np.full(len(rows), -1, dtype=np.int64)
    count = 0
    for start in range(len(rows)):
        if not core[start] or labels[start] >= 0:
            continue
        reached = near[start]
        while not np.array_equal(wider := near[reached & core].any(axis=0), reached):
            reached = wider
        labels[reached & (labels < 0)] = count
        count += 1
    return labels


def _in_largest(labels: Ints) -> list[bool]:
    """Which rows are in the largest cluster, of equal ones the first; none without a cluster."""
    sizes = np.bincount(labels[labels >= 0])
    chosen = int(sizes.argmax()) if len(sizes) else -2
    return [label == chosen for label in labels.tolist()]


def chain(record: Record) -> str:
    """The claims of a record as one line; its text where it states none."""
    told = " ; ".join(" -> ".join(claim) for claim in sorted(claims(record)))
    return told or " ".join(record.text.split())


def _verdicts(names: Sequence[str]) -> dict[str, Any]:
    """The schema of the judge's reply: each line once, and no other."""
    return {
        "type": "object",
        "properties": {name: {"type": "boolean"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
