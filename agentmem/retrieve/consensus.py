"""Consensus: of the records found, those whose reasoning deviates from that of the others go.

After A-MemGuard (arXiv 2510.02373; TangciuYueng/AMemGuard): a planted memory may look harmless by
itself, but not beside the others that answer the same question.  Its weakness is in its nature:
where most of what is found is planted, the truth is what deviates, and goes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
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

    The majority decides: with most of the hits planted, the others go.  Against that there is
    provenance: with `a_vote_a_source` the records of one source (`Record.source`) are one vote, so
    that repeating itself helps nobody; and records of `trusted` sources stay, and outvote any
    number of others that contradict them.
    """

    name: ClassVar[str] = "consensus"

    by: Literal["rule", "embedding", "model"] = "rule"
    eps: Annotated[float, Bounds(above=0, most=2)] = 0.5  # by embedding: 1 - cosine of neighbours
    least: Annotated[int, Bounds(least=1)] = 2  # by embedding: neighbours, itself included
    trusted: tuple[str, ...] = ()  # sources
    a_vote_a_source: bool = False  # not a record; what has no source counts by itself

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = yield from search(self.understood(query))
        return [one.hit for one in (yield from self.judged(query, hits, search)) if one.trusted]

    def judged(
        self, query: Query, hits: Sequence[Hit], search: Searcher
    ) -> Steps[tuple[Verdict, ...]]:
        """A verdict on each hit, in order."""
        if not hits:
            return ()
        sure = [hit.record.source in self.trusted for hit in hits]
        voters = [(self.a_vote_a_source and hit.record.source) or hit.id for hit in hits]
        if self.by == "rule":
            stated = [claims(hit.record) for hit in hits]
            paths = [_line(hit.record, one) for hit, one in zip(hits, stated, strict=True)]
            against = outvoted(stated, voters, sure)
            kept = [at not in against for at in range(len(hits))]
        else:
            paths = yield from self.paths(query, hits, search)
            kept = yield from self._compared(query, paths, voters, sure, search)
        trusted = [one or other for one, other in zip(kept, sure, strict=True)]
        return tuple(Verdict(*one) for one in zip(hits, paths, trusted, strict=True))

    def paths(self, query: Query, hits: Sequence[Hit], search: Searcher) -> Steps[list[str]]:
        """The line of reasoning that each hit leads to, in order; by embedding or model."""
        if self.by != "model":
            return [chain(hit.record) for hit in hits]
        found = []
        for hit in hits:
            path = yield from search.say(
                "consensus_path", question=query.text or "(none)", memory=hit.text
            )
            found.append(" ".join(path.split()))
        return found

    def _compared(
        self,
        query: Query,
        paths: Sequence[str],
        voters: Sequence[str],
        sure: Sequence[bool],
        search: Searcher,
    ) -> Steps[list[bool]]:
        """Which paths agree with the others."""
        if self.by == "model":
            return (yield from self._asked(query, paths, search))
        labels = clusters((yield from search.embed(paths)), self.eps, self.least)
        return _in_largest(labels, voters, sure)

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


def outvoted(
    stated: Sequence[frozenset[Claim]], voters: Sequence[str], sure: Sequence[bool]
) -> set[int]:
    """Indices of the sets with a claim that more voters contradict than hold.

    Two claims contradict each other if they give one head and relation different tails.  A set
    that holds the tail of the majority too, beside another, stays.  What one that is `sure` holds
    weighs more than any number of others.
    """
    holders: dict[Claim, set[str]] = {}
    for claim, voter in ((c, v) for one, v in zip(stated, voters, strict=True) for c in one):
        holders.setdefault(claim, set()).add(voter)
    vouched = {claim for one, known in zip(stated, sure, strict=True) if known for claim in one}
    held = {c: inf if c in vouched else float(len(names)) for c, names in holders.items()}
    most = _best(held, held)
    return {
        at
        for at, one in enumerate(stated)
        if any(count < most[slot] for slot, count in _best(one, held).items())
    }


def _best(some: Iterable[Claim], held: Mapping[Claim, float]) -> dict[tuple[str, str], float]:
    """The votes of the best supported of some claims, by head and relation."""
    best: dict[tuple[str, str], float] = {}
    for claim in some:
        slot = claim.head, claim.relation
        best[slot] = max(best.get(slot, 0.0), held[claim])
    return best


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


def _in_largest(labels: Ints, voters: Sequence[str], sure: Sequence[bool]) -> list[bool]:
    """Which rows are in the cluster of most voters, of equal ones the first; none without one.

    Where some rows are sure, those in their clusters, whatever the sizes.
    """
    found = labels.tolist()
    if any(sure):
        chosen = {label for label, known in zip(found, sure, strict=True) if known}
        return [label in chosen - {-1} for label in found]
    names: dict[int, set[str]] = {}
    for label, voter in zip(found, voters, strict=True):
        names.setdefault(label, set()).add(voter)
    names.pop(-1, None)
    most = max(sorted(names), key=lambda label: len(names[label]), default=None)
    return [label == most for label in found]


def chain(record: Record) -> str:
    """The claims of a record as one line; its text where it states none."""
    return _line(record, claims(record))


def _line(record: Record, stated: frozenset[Claim]) -> str:
    told = " ; ".join(" -> ".join(claim) for claim in sorted(stated))
    return told or " ".join(record.text.split())


def _verdicts(names: Sequence[str]) -> dict[str, Any]:
    """The schema of the judge's reply: each line once, and no other."""
    return {
        "type": "object",
        "properties": {name: {"type": "boolean"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
