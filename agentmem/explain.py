"""Why a record was recalled, why another was not, and what would bring it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from agentmem.core import Hit, Record, Why
from agentmem.engine import Engine
from agentmem.index.where import condition
from agentmem.recall import Query, product, rank, search

Verdict = Literal["suppressed", "archived", "superseded", "filtered", "below k"]
SHOWN = 10  # candidates that were passed over, at most


@dataclass(frozen=True, kw_only=True)
class Missed:
    """A candidate that the search did not return."""

    record: Record
    verdict: Verdict
    why: Why  # its relevance, and each policy's weight
    reason: str  # what kept it out
    remedy: str  # what would bring it back

    @property
    def text(self) -> str:
        return self.record.text


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Both halves of a search: what came up and what did not."""

    query: str | None
    hits: tuple[Hit, ...]
    missed: tuple[Missed, ...]

    def __str__(self) -> str:
        lines = [f"query: {self.query!r}"]
        lines += [f"  + {hit.score:.3f} {hit.text!r} ({_numbers(hit.why)})" for hit in self.hits]
        lines += [
            f"  - {one.verdict}: {one.text!r} ({one.reason}); {one.remedy}" for one in self.missed
        ]
        return "\n".join(lines)


def explain(engine: Engine, query: Query) -> Explanation:
    """Search without reinforcing, and account for the best of what was left out."""
    hits, found = search(engine, query)
    rows = engine.rows(query.prefix, status=None)
    weights = engine.weights(engine.columns.view(rows, query.now))
    retention = product(weights, len(rows))
    relevant = rank(engine, query, rows, np.ones(len(rows)), weights, k=len(found) + 4 * SHOWN)
    passes = None if query.where is None else set(engine.reads.positions(condition(query.where)))
    missed: list[Missed] = []
    for place, (row, why) in enumerate(zip(relevant.rows, relevant.whys, strict=True), start=1):
        if row in found or len(missed) == SHOWN:
            continue
        for record in engine.records([row]):
            at = int(np.searchsorted(rows, row))
            verdict = _verdict(record, retention[at], passes is None or int(row) in passes)
            missed.append(_missed(engine, record, verdict, why, place, query))
    return Explanation(query=query.text, hits=tuple(hits), missed=tuple(missed))


def _verdict(record: Record, retention: float, passes: bool) -> Verdict:
    if record.status != "active":
        return record.status
    if not passes:
        return "filtered"
    return "suppressed" if retention <= 0.0 else "below k"


def _missed(
    engine: Engine, record: Record, verdict: Verdict, why: Why, place: int, query: Query
) -> Missed:
    why = replace(why, exact=False)
    reason, remedy = (
        f"relevance rank {place}, {_numbers(why)}",
        f"search with a larger k than {query.k}",
    )
    if verdict == "suppressed":
        zero = [label for label, weight in why.weights.items() if weight <= 0.0]
        reason = f"weight 0 by {', '.join(zero)}"
        remedy = f"loosen {', '.join(zero)}, or search without it"
    elif verdict == "filtered":
        reason, remedy = (
            f"does not meet where={dict(query.where or {})}",
            "search without that filter",
        )
    elif verdict in ("archived", "superseded"):
        pos = engine.ledger.locate(record.id).pos
        line = next(
            entry
            for entry in reversed(engine.reads.lines_of(pos))
            if verbs(entry.payload, pos) & {"archive", "supersede"}
        )
        by = f" by {line.policy}" if line.policy else ""
        reason, remedy = f"{verdict}{by}: {line.reason}", f"restore({record.id!r})"
    return Missed(record=record, verdict=verdict, why=why, reason=reason, remedy=remedy)


def verbs(payload: Mapping[str, list[object]], pos: int) -> set[str]:
    """What a journal line did to one position."""
    done = set()
    for verb, entries in payload.items():
        for entry in entries if isinstance(entries, list) else ():
            head = entry.get("pos") if isinstance(entry, dict) else entry
            if isinstance(head, list):
                head = head[0]
            if head == pos:
                done.add(verb)
    return done


def _numbers(why: Why) -> str:
    parts = [f"relevance {why.fused:.3f}"]
    if why.dense is not None:
        parts.append(f"cosine {why.dense:.3f}")
    if why.lexical is not None:
        parts.append(f"BM25 {why.lexical:.2f}")
    parts += [f"{label} {weight:.3f}" for label, weight in why.weights.items()]
    if why.exact:
        parts.append("exact match, exempt from fading")
    return ", ".join(parts)
