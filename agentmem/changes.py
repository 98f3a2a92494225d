"""What the facade's verbs do to the ledger.  The caller holds `engine.writing()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentmem.core import Change, Namespace, Record, Vectors
from agentmem.engine import Engine
from agentmem.errors import InputError, NotFound
from agentmem.explain import verbs
from agentmem.index.where import Where, condition
from agentmem.intake import succeeding, valid
from agentmem.ledger.ledger import Outcome
from agentmem.ledger.tables import ACTIVE, SUPERSEDED


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a record's history."""

    seq: int
    at: float
    verbs: tuple[str, ...]  # add, update, touch, archive, supersede, restore, erase
    reason: str
    policy: str
    run: str | None
    score: float | None  # the number behind a removal


def within(engine: Engine, name: str, prefix: Namespace) -> tuple[int, Record]:
    """Position and record of an id; NotFound if it lies outside the namespace."""
    valid(name, "id")
    pos, space = engine.ledger.locate(name)[:2]
    record = engine.ledger.record(pos)
    if record is None or engine.ledger.path(space)[: len(prefix)] != prefix:
        raise NotFound(f"there is no record {name!r} in namespace {prefix!r}")
    return pos, record


def add(
    engine: Engine, made: Sequence[Record], vectors: Vectors, now: float, revive: bool
) -> Outcome:
    """Store new records; what is there already stays as it is."""
    for record in made[:1]:
        for name in (*record.sources, *record.links):
            within(engine, name, record.namespace[:1])
    by_id = {record.id: vector for record, vector in zip(made, vectors, strict=True)}
    change = Change(add=tuple(made), reason="add")
    outcome = engine.commit(change, at=now, vectors=by_id, revive=revive)
    if revive and outcome.refused:
        restore(engine, tuple(outcome.standing.values()), (), now, "added again")
        ids = {**outcome.ids, **outcome.standing}
        outcome = replace(outcome, ids=ids, refused={})
    return outcome


def update(
    engine: Engine,
    name: str,
    prefix: Namespace,
    given: Mapping[str, Any],
    vector: Vectors | None,
    now: float,
) -> Record:
    """Write a new version, with the given fields, under the same id."""
    old = within(engine, name, prefix)[1]
    new = replace(old, **given, version=old.version + 1)
    vectors = {} if vector is None else {name: vector}
    engine.commit(Change(update=(new,), reason="update"), at=now, vectors=vectors)
    return new


def supersede(
    engine: Engine, name: str, prefix: Namespace, text: str, vector: Vectors, now: float
) -> str:
    """Put a new record in the place of an old one, which stays in the history, out of recall."""
    old = within(engine, name, prefix)[1]
    new = succeeding(old, text, now)
    if old.status != "active":
        raise InputError(f"record {old.id!r} is {old.status}: only an active one can be superseded")
    name, status = engine.ledger.held([new.id]).get(new.id, ("", 0))
    if name == old.id:
        raise InputError("the new text is the old one: there is nothing to supersede")
    back: tuple[Record, ...] = ()
    if status == SUPERSEDED:  # a fact that flips back: Berlin, Porto, Berlin again
        was = within(engine, name, ())[1]
        back = (replace(was, status="active", used=max(now, was.used)),)
    adds = () if status in (ACTIVE, SUPERSEDED) else (new,)
    change = Change(
        add=adds, restore=back, supersede=((old.id, name or new.id),), reason="supersede"
    )
    outcome = engine.commit(change, at=now, vectors={new.id: vector})
    return name or outcome.ids[new.id]


def select(engine: Engine, prefix: Namespace, where: Where) -> tuple[str, ...]:
    """Ids of the active records of a namespace that meet a filter."""
    depth = len(prefix)
    found = engine.records(engine.reads.positions(condition(where)))
    return tuple(r.id for r in found if r.status == "active" and r.namespace[:depth] == prefix)


def forget(
    engine: Engine, names: Sequence[str], prefix: Namespace, now: float, reason: str
) -> tuple[str, ...]:
    """Archive: out of recall, restorable.  Returns what was active until now."""
    known = [within(engine, name, prefix)[1] for name in dict.fromkeys(names)]
    active = tuple(record.id for record in known if record.status == "active")
    if active:
        engine.commit(Change(archive=active, reason=reason), at=now)
    return active


def restore(
    engine: Engine, names: Sequence[str], prefix: Namespace, now: float, reason: str
) -> tuple[str, ...]:
    """Make records active again, as if just used.  Returns what was not active until now."""
    known = [within(engine, name, prefix)[1] for name in dict.fromkeys(names)]
    back = tuple(
        replace(record, status="active", used=max(now, record.used))
        for record in known
        if record.status != "active"
    )
    if back:
        engine.commit(Change(restore=back, reason=reason), at=now)
    return tuple(record.id for record in back)


def history(engine: Engine, name: str, prefix: Namespace) -> list[Entry]:
    """Every journal line that speaks of a record, oldest first; of an erased one too."""
    valid(name, "id")
    pos, space = engine.reads.stone(name) or engine.ledger.locate(name)[:2]
    if engine.ledger.path(space)[: len(prefix)] != prefix:
        raise NotFound(f"there is no record {name!r} in namespace {prefix!r}")
    entries = []
    for line in engine.reads.lines_of(pos):
        score = line.payload.get("scores", {}).get(str(pos))
        done = tuple(sorted(verbs(line.payload, pos)))
        entries.append(
            Entry(
                seq=line.seq,
                at=line.at,
                verbs=done,
                reason=line.reason,
                policy=line.policy,
                run=line.run,
                score=score,
            )
        )
    return entries


def stats(engine: Engine, prefix: Namespace) -> dict[str, Any]:
    """Counts, sizes and what the file was made with."""
    codes = set(engine.spaces(prefix))
    spaces = [space for space in engine.reads.spaces() if space.code in codes]
    active = sum(space.active for space in spaces)
    total = sum(space.records for space in spaces)
    status: Mapping[str, int] = engine.reads.statuses(codes)
    return {
        "path": engine.ledger.db.path,
        "records": total,
        "active": active,
        **{name: count for name, count in status.items() if name != "active"},
        "erased": len(engine.reads.stones(codes)),
        "namespaces": len(spaces),
        "journal_lines": engine.ledger.seq(),
        "bytes": engine.ledger.db.size,
        "embedder": engine.ledger.meta("embedder"),
        "policies": list(engine.labels),
    }
