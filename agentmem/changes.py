"""What the facade's verbs do to the ledger.  The caller holds `engine.writing()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentmem.core import Change, Namespace, Record, Task, Vectors, content_id
from agentmem.engine import Engine
from agentmem.errors import InputError, NotFound, QueueFull
from agentmem.explain import verbs
from agentmem.index.where import Where, condition
from agentmem.intake import succeeding, valid
from agentmem.ledger.ledger import Outcome
from agentmem.ledger.queue import Queue
from agentmem.ledger.tables import ACTIVE, SUPERSEDED
from agentmem.results import Forgotten
from agentmem.ripple import living_on, mixing, revived, ripple
from agentmem.selection import Chosen
from agentmem.updating import meet, said_again

BY_ID = "its id"  # why a record is meant


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
    engine: Engine,
    made: Sequence[Record],
    vectors: Vectors,
    now: float,
    revive: bool,
    cited: Sequence[str],
    max_pending: int,
) -> Outcome:
    """Store new records, and what the stores now owe; what is there already stays as it is."""
    for name in cited:
        within(engine, name, made[0].namespace[:1])
    by_id = {record.id: vector for record, vector in zip(made, vectors, strict=True)}
    owing = engine.owed(made[0].kind)
    if owing and Queue(engine.ledger).owed() >= max_pending:
        raise QueueFull(
            f"{max_pending} tasks of {', '.join(owing)} are waiting: call extract(), or raise "
            "extraction.max_pending; nothing was added"
        )
    change = Change(add=tuple(made), reason="add", derive=owing)
    outcome = engine.commit(change, at=now, vectors=by_id, revive=revive)
    outcome, again = said_again(engine, made, outcome, now)
    if revive and outcome.refused:
        back = {content: outcome.standing[content] for content in outcome.refused}
        restore(engine, tuple(back.values()), (), now, "added again")
        outcome = replace(outcome, ids={**outcome.ids, **back}, refused={})
    meet(engine, [*(record for _, record in outcome.added.values()), *again], at=now)
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
    given = dict(given) | ({"key": None} if "text" in given else {})
    new = replace(old, **given, version=old.version + 1)
    vectors = {} if vector is None else {name: vector}
    change = ripple(engine, Change(update=(new,), reason="update"))
    engine.commit(change, at=now, vectors=vectors)
    return new


def supersede(
    engine: Engine, old: Record, text: str, vector: Vectors, now: float, *, dry_run: bool = False
) -> str:
    """Put a new record in the place of an old one, which stays in the history, out of recall."""
    new = succeeding(old, text, now)
    if old.status != "active":
        raise InputError(f"record {old.id!r} is {old.status}: only an active one can be superseded")
    name, status = engine.ledger.held([new.id]).get(new.id, ("", 0))
    if name == old.id:
        raise InputError("the new text is the old one: there is nothing to supersede")
    if dry_run:
        return name or new.id
    back: tuple[Record, ...] = ()
    if status == SUPERSEDED:  # a fact that flips back: Berlin, Porto, Berlin again
        was = within(engine, name, ())[1]
        back = (replace(was, status="active", used=max(now, was.used)),)
    adds = () if status in (ACTIVE, SUPERSEDED) else (new,)
    change = Change(
        add=adds,
        restore=back,
        supersede=((old.id, name or new.id),),
        reason="supersede",
        derive=engine.owed(old.kind),
        tasks=tuple(Task(label, one.id) for one in back for label in engine.owed(old.kind)),
    )
    outcome = engine.commit(ripple(engine, change), at=now, vectors={new.id: vector})
    meet(engine, [record for _, record in outcome.added.values()], at=now)
    return name or outcome.ids[new.id]


def by_ids(engine: Engine, names: Sequence[str], prefix: Namespace) -> list[Chosen]:
    """The records of some ids; NotFound if one lies outside the namespace."""
    found = [within(engine, name, prefix)[1] for name in dict.fromkeys(names)]
    return [Chosen(record=record, reason=BY_ID) for record in found]


def select(engine: Engine, prefix: Namespace, where: Where) -> list[Chosen]:
    """The active records of a namespace that meet a filter."""
    depth = len(prefix)
    found = engine.records(engine.reads.positions(condition(where)))
    here = (r for r in found if r.status == "active" and r.namespace[:depth] == prefix)
    return [Chosen(record=record, reason="meets the filter") for record in here]


def forget(
    engine: Engine, chosen: Sequence[Chosen], now: float, reason: str, *, dry_run: bool = False
) -> Forgotten:
    """Archive: out of recall, restorable.  What was active until now, and the run to undo."""
    active = [one for one in chosen if one.record.status == "active"]
    named = {one.record.id for one in active}
    going = [one for one in active if one.reason == BY_ID or not _follows(engine, one, named)]
    names = tuple(one.record.id for one in going)
    run = ""
    if names and not dry_run:
        run = content_id("forget", str(engine.ledger.seq() + 1), *names)
        change = Change(archive=names, reason=reason, scores=_scores(going))
        engine.commit(ripple(engine, change), at=now, run=run)
    again = () if dry_run else living_on(engine, [one.record for one in chosen])
    if again:
        engine.commit(ripple(engine, Change(archive=again, reason=reason)), at=now)
    reasons = {one.record.id: one.reason for one in going}
    return Forgotten(names, reasons=reasons, scores=_scores(going), run=run)


def _follows(engine: Engine, one: Chosen, named: set[str]) -> bool:
    """Is it a text that mixes others, some of which go?  Then it is made anew of those left."""
    return mixing(engine, one.record.kind) and not named.isdisjoint(one.record.sources)


def _scores(chosen: Sequence[Chosen]) -> dict[str, float]:
    return {one.record.id: one.score for one in chosen if one.score is not None}


def restore(
    engine: Engine, names: Sequence[str], prefix: Namespace, now: float, reason: str
) -> tuple[str, ...]:
    """Make records active again, as if just used.  Returns what was not active until now.

    A date of expiry that has passed is lifted: it would put them away again at once.
    """
    known = [within(engine, name, prefix)[1] for name in dict.fromkeys(names)]
    asked = [record for record in known if record.status != "active"]
    along, tasks = revived(engine, asked)
    back = {record.id: record for record in (*asked, *along)}.values()
    if back:
        late = [one for one in back if one.expired(now)]
        freed = {one.id: replace(one, expires=None, version=one.version + 1) for one in late}
        again = (replace(freed.get(one.id, one), status="active") for one in back)
        change = Change(
            update=tuple(freed.values()),
            restore=tuple(replace(one, used=max(now, one.used)) for one in again),
            tasks=tuple(tasks),
            reason=reason,
        )
        engine.commit(change, at=now)
    return tuple(record.id for record in asked)


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
    owed = Queue(engine.ledger).counts(codes)
    total = sum(space.records for space in spaces)
    status: Mapping[str, int] = engine.reads.statuses(codes)
    return {
        "path": engine.ledger.db.path,
        "records": total,
        "active": active,
        **{name: count for name, count in status.items() if name != "active"},
        "erased": len(engine.reads.stones(codes)),
        "pending": owed[0],
        "failed": owed[1],
        "namespaces": len(spaces),
        "journal_lines": engine.ledger.seq(),
        "bytes": engine.ledger.db.size,
        "embedder": engine.ledger.meta("embedder"),
        "policies": list(engine.labels),
    }
