"""Why a record was recalled, why another was not, and what would bring it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from agentmem.clock import moment
from agentmem.core import Floats, Hit, Ints, Namespace, Record, Why
from agentmem.engine import Engine
from agentmem.index.where import condition
from agentmem.recall import Query, Weigh, product, rank, search

Verdict = Literal["suppressed", "expired", "archived", "superseded", "filtered", "below k"]
SHOWN = 10  # candidates that were passed over, at most
_GONE = (  # of what was erased and is not there again
    "SELECT namespace, count(DISTINCT pos), min(at), max(at) FROM tombstone "
    "WHERE content NOT IN (SELECT coalesce(content, id) FROM record) GROUP BY namespace"
)


@dataclass(frozen=True, kw_only=True)
class Missed:
    """A candidate that the search did not return."""

    record: Record
    verdict: Verdict  # the first obstacle
    why: Why  # its relevance, and each policy's weight
    reason: str  # everything that kept it out
    remedy: str  # the steps that would bring it back

    @property
    def text(self) -> str:
        return self.record.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased from a namespace and is not there again: numbers, all that is left of it."""

    namespace: Namespace
    records: int
    first: float  # seconds of the first and the last erasure
    last: float

    def __str__(self) -> str:
        times = dict.fromkeys(f"{moment(at):%Y-%m-%d}" for at in (self.first, self.last))
        when = " to ".join(times)
        return f"{self.records} records of {'/'.join(self.namespace)} ({when})"


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Both halves of a search: what came up and what did not.

    Whether what was `erased` would have come up, nobody can tell any more.
    """

    query: str | None
    hits: tuple[Hit, ...]
    missed: tuple[Missed, ...]
    erased: tuple[Erased, ...] = ()

    def __str__(self) -> str:
        lines = [f"query: {self.query!r}"]
        lines += [f"  + {hit.score:.3f} {hit.text!r} ({_numbers(hit.why)})" for hit in self.hits]
        lines += [
            f"  - {one.verdict}: {one.text!r} ({one.reason}); {one.remedy}" for one in self.missed
        ]
        lines += [f"  x erased: {one}; cannot be brought back" for one in self.erased]
        return "\n".join(lines)


def explain(
    engine: Engine, query: Query, given: Sequence[Hit] | None = None, *, pos: int | None = None
) -> Explanation:
    """Search without reinforcing, and account for the best of what was left out.

    `given`: the hits, where stages of retrieval came to others than a single search does.  `pos`:
    account for this record only, however little it has to do with the query.
    """
    hits, found = search(engine, query)
    if given is not None:
        hits = list(given)
        places = dict(engine.ledger.present(hit.id for hit in hits))
        found = np.array([place.pos for place in places.values()], dtype=np.int64)
    rows = engine.rows(query.prefix, status=None, kinds=query.kinds)
    relevant = rank(engine, query, rows, lambda at: {}, k=len(found) + 4 * SHOWN)
    active = engine.searchable(query.prefix, query.kinds, now=query.now)
    passing = rows if pos is None else np.union1d(rows, [pos])
    if query.where is not None:
        passing = np.array(engine.reads.positions(condition(query.where)), dtype=np.int64)
    missed: list[Missed] = []
    for row in relevant.rows if pos is None else (pos,):
        if row in found or len(missed) == SHOWN:
            continue
        records = engine.records([row])
        missed += [_missed(engine, query, one, int(row), active, passing) for one in records]
    return Explanation(
        query=query.text,
        hits=tuple(hits),
        missed=tuple(missed),
        erased=_erased(engine, query.prefix),
    )


def _erased(engine: Engine, prefix: Namespace) -> tuple[Erased, ...]:
    spaces = engine.spaces(prefix)
    return tuple(
        Erased(namespace=engine.ledger.path(space), records=count, first=first, last=last)
        for space, count, first, last in engine.ledger.db.rows(_GONE)
        if space in spaces
    )


def _barred(
    engine: Engine, query: Query, record: Record, row: int, passes: bool
) -> list[tuple[Verdict, str, str]]:
    """What keeps a record out whatever it weighs: (verdict, reason, remedy)."""
    steps: list[tuple[Verdict, str, str]] = []
    if record.status != "active":
        steps.append((record.status, _removal(engine, record), f"restore({record.id!r})"))
    elif row in engine.reads.awaiting():
        steps.append(("suppressed", "a source has gone: it is to be made anew", "extract()"))
    if record.expires is not None and record.expired(query.now):
        date = f"{moment(record.expires):%Y-%m-%d %H:%M} UTC"
        later = f"update({record.id!r}, expires=a later date)"
        steps.append(("expired", f"it was to be kept until {date}", later))
    elif row in engine.outlived(query.prefix, query.now):
        steps.append(("expired", "what it was made of has expired", "add that again, to last"))
    if query.kinds is not None and record.kind not in query.kinds:
        asked = f"ask with where={{'kind': {record.kind!r}}}"
        steps.append(("filtered", f"no {record.kind} is searched for", asked))
    if not passes:
        steps.append(
            ("filtered", f"does not meet where={dict(query.where or {})}", "drop that filter")
        )
    return steps


def _missed(
    engine: Engine, query: Query, record: Record, row: int, active: Ints, passing: Ints
) -> Missed:
    """Every obstacle between a record and the hits, and the step over each."""
    passes = row in passing
    steps = _barred(engine, query, record, row, passes)
    rows = np.union1d(active, [row])
    weights = engine.panel.weights(engine.columns.view(rows, query.now))
    at = int(np.searchsorted(rows, row))
    zero = [label for label, weight in weights.items() if weight[at] <= 0.0]
    if zero:
        names = ", ".join(zero)
        steps.append(("suppressed", f"weight 0 by {names}", f"loosen or drop {names}"))
    kept = {label: weight for label, weight in weights.items() if label not in zero}
    seen = product(kept, len(rows)) > 0.0  # as in a search: what is suppressed takes no part ...
    if passes:
        seen &= np.isin(rows, passing)  # ... nor what is filtered
    kept = {label: weight[seen] for label, weight in kept.items()}
    rows = rows[seen]

    def weigh(at: Ints) -> Mapping[str, Floats]:
        return {label: weight[at] for label, weight in kept.items()}

    place, why = _place(engine, query, rows, weigh, row)
    why = replace(why, weights={label: float(weight[at]) for label, weight in weights.items()})
    if place is None:
        steps.append(("below k", "not among the candidates of any leg", "ask more precisely"))
    elif place > query.k or not steps:
        steps.append(("below k", f"place {place}, {_numbers(why)}", f"search with k >= {place}"))
    return Missed(
        record=record,
        verdict=steps[0][0],
        why=why,
        reason="; ".join(reason for _, reason, _ in steps),
        remedy=", then ".join(remedy for _, _, remedy in steps),
    )


def _place(
    engine: Engine, query: Query, rows: Ints, weigh: Weigh, row: int
) -> tuple[int | None, Why]:
    """The least k that would return a row, with its numbers; None if no leg finds it.

    A larger k asks the legs for more candidates, some of which may come before it.
    """
    while True:
        ranking = rank(engine, query, rows, weigh, k=len(rows))
        at = np.flatnonzero(ranking.rows == row)
        if not len(at):
            return None, Why()
        place = int(at[0]) + 1
        if place <= query.k:
            return place, ranking.whys[place - 1]
        query = replace(query, k=place)


def _removal(engine: Engine, record: Record) -> str:
    """Why a record is not active, as the journal says."""
    pos = engine.ledger.locate(record.id).pos
    line = next(
        entry
        for entry in reversed(engine.reads.lines_of(pos))
        if verbs(entry.payload, pos) & {"archive", "supersede", "add"}
    )
    by = f" by {line.policy}" if line.policy else ""
    return f"{record.status}{by}: {line.reason.removeprefix(f'{record.status} ')}"


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
        parts.append(f"words {why.lexical:.3f}")
    if why.context is not None:
        parts.append(f"context {why.context:.3f}")
    if why.speaker < 1.0:
        parts.append(f"somebody else is named {why.speaker:g}")
    if why.when < 1.0:
        parts.append(f"another time is meant {why.when:g}")
    if why.rival is not None:
        parts.append(f"a newer record about the same thing: {why.rival}")
    if why.fresh != 1.0:
        parts.append(f"newest first x {why.fresh:.3f}")
    parts += [f"{label} {weight:.3f}" for label, weight in why.weights.items()]
    if why.exact:
        parts.append("exact match, exempt from fading")
    return ", ".join(parts)
