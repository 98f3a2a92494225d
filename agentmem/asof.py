"""As-of search: the memory as it stood at a moment, searched as it would have been then.

The journal is folded up to that moment, namespace by namespace, into the records of then, and
these fill a ledger in RAM that is searched and thrown away: exact, whatever has changed since, at
a cost of the namespace's size.  What has been erased meanwhile stays gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from sqlalchemy import select, text

from agentmem import recall
from agentmem.core import Hit
from agentmem.engine import Engine
from agentmem.errors import InputError
from agentmem.index.exact import ExactIndex
from agentmem.ledger.apply import Applier
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.reads import Line
from agentmem.ledger.rows import ABSENT, dumps, found_by
from agentmem.ledger.sqlite import LISTED, compiled
from agentmem.ledger.tables import ACTIVE, ARCHIVED, SUPERSEDED, record, vector
from agentmem.recall import Query
from agentmem.steps import Steps, embed, work
from agentmem.views import KEPT

__all__ = ["as_of", "fold"]

Entry = dict[str, Any]  # a whole record as a journal line has it
LIFE = ("used", "used_turn", "uses", "stability", "expiry")  # of `touch` and `restore`
_KEPT = compiled(
    select(record.c.pos, record.c.key, record.c.text, vector.c.data)
    .join(vector, vector.c.pos == record.c.pos)
    .where(record.c.pos.in_(text(LISTED)))
)


def as_of(engine: Engine, query: Query, t: float) -> Steps[list[Hit]]:
    """The hits of a query made at `t` (seconds since the epoch), records as they were then.

    A journal line counts if its own time is at most `t`; policies weigh with now = t.  Vectors are
    read from the ledger, and made anew only for texts that have changed since.
    """
    if not isfinite(t):
        raise InputError(f"as_of must be a finite time, not {t!r}")
    past, vectors = yield from work(lambda: _past(engine, query, t))
    anew = [pos for pos, entry in past.items() if not _gone(entry) and pos not in vectors]
    made = yield from embed(engine.embedder, [found_by(past[pos]) for pos in anew])
    vectors |= {pos: row.tobytes() for pos, row in zip(anew, made, strict=True)}
    return (yield from work(lambda: _search(engine, replace(query, now=t), past, vectors)))


def fold(lines: Iterable[Line], t: float) -> dict[int, Entry]:
    """Each record's state at `t`, by position, ascending; of erased ones the shell, marked."""
    state: dict[int, Entry] = {}
    for line in lines:
        if line.at <= t:
            _take(state, line.payload)
    return dict(sorted(state.items()))


def _take(state: dict[int, Entry], payload: Mapping[str, Any]) -> None:
    """One line takes effect, in the order in which the ledger applies its verbs.

    What it says of a record that was not there yet at the time (lines can be dated back) is
    passed over.
    """

    def change(pos: int, /, **values: Any) -> None:
        if pos in state:
            state[pos] = {**state[pos], **values}

    for entry in payload.get("add", ()):
        state[entry["pos"]] = entry
    for entry in payload.get("update", ()):
        change(entry["pos"], **{**ABSENT, "erased": False, **entry})
    for pos, *life in payload.get("touch", ()):
        if pos in state:  # the ring of its latest recalls, as the ledger keeps it
            ring = {**state[pos].get("recalls", {}), life[2] % KEPT: life[0]}
            change(pos, **dict(zip(LIFE, life, strict=True)), recalls=ring)
    for pos in payload.get("archive", ()):
        change(pos, status=ARCHIVED)
    for pos, _ in payload.get("supersede", ()):
        change(pos, status=SUPERSEDED)
    for pos, *life in payload.get("restore", ()):
        change(pos, **dict(zip(LIFE, life, strict=True)), status=ACTIVE)
    for pos, *_ in payload.get("erase", ()):
        change(pos, erased=True)


def _gone(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("erased"))


def _past(engine: Engine, query: Query, t: float) -> tuple[dict[int, Entry], dict[int, bytes]]:
    """The namespace's records at `t`, and the vectors of those whose text is still the same."""
    with engine.locked():
        spaces = set(engine.spaces(query.prefix))
        folded = fold(engine.reads.lines(), t)
        past = {pos: entry for pos, entry in folded.items() if entry["namespace"] in spaces}
        rows = engine.ledger.db.rows(_KEPT, positions=dumps(list(past)))
        return past, {
            pos: data
            for pos, key, said, data in rows
            if (said if key is None else key) == found_by(past[pos])
        }


def _search(
    engine: Engine, query: Query, past: Mapping[int, Entry], vectors: Mapping[int, bytes]
) -> list[Hit]:
    """The search, in an engine of its own that holds the past and nothing else."""
    embedder = engine.embedder
    ledger = Ledger(":memory:", embedder=embedder.name, dim=embedder.dim)
    try:
        paths = [(code, dumps(list(path))) for code, path in engine.ledger.spaces().items()]
        with ledger.together():
            ledger.db.many("INSERT INTO namespace VALUES (?, ?, 0, 0, 0)", paths)
            Applier(ledger.db, 1, query.now, ledger.path)({"add": list(past.values())}, vectors)
        stores = tuple(engine.stores.values())
        then = Engine(ledger, embedder, engine.policies, ExactIndex, stores=stores)
        then.refresh()
        return recall.search(then, query)[0]
    finally:
        ledger.close()
