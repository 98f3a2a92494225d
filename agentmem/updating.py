"""New statements meet what is known: updaters are asked, and what they decide is written.

Those that need no model are asked in the transaction that writes what is new, so a search right
after an add sees the outcome; the others take their work from the queue (`agentmem.extraction`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

from agentmem import contract
from agentmem.around import Surroundings
from agentmem.config import RecallConfig
from agentmem.core import Change, Record, Task
from agentmem.engine import Engine
from agentmem.errors import PluginError, StalePlan
from agentmem.ledger.ledger import Outcome
from agentmem.ledger.tables import ACTIVE
from agentmem.ripple import EXPIRES, ripple
from agentmem.steps import run
from agentmem.structure import Updater

__all__ = ["concerned", "decide", "meet", "said_again"]

RECALL = RecallConfig()  # of what an updater that is asked within a transaction looks up


def concerned(updater: Updater, records: Iterable[Record]) -> list[Record]:
    """Those of some records that an updater looks at."""
    return [one for one in records if not updater.kinds or one.kind in updater.kinds]


def meet(engine: Engine, new: Sequence[Record], *, at: float) -> None:
    """Let the updaters that need no model resolve what this transaction has written."""
    for updater in engine.updaters.values():
        if not updater.asks_model:
            for group in _groups(concerned(updater, new)):
                around = Surroundings(engine, group[0].kind, group, None, None, RECALL)
                gone = decide(engine, run(contract.resolve(updater, group, around)), around, at)
                new = [one for one in new if one.id not in gone]


def _groups(records: Sequence[Record]) -> list[list[Record]]:
    """Records of one kind and namespace together, in order."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for one in records:
        groups.setdefault((one.kind, *one.namespace), []).append(one)
    return list(groups.values())


def decide(
    engine: Engine, found: Sequence[Change], around: Surroundings, at: float
) -> frozenset[str]:
    """Write what an updater decided, and its consequences; the ids of what goes.

    PluginError for a record of another namespace; StalePlan if one is not active any more.
    """
    gone: set[str] = set()
    for change in found:
        named = dict.fromkeys((*change.ids, *(new for _, new in change.supersede)))
        for name, place in engine.ledger.places(named).items():
            if engine.ledger.path(place.space) != around.namespace:
                raise PluginError(f"updater {change.policy!r} named a record of another namespace")
            if place.status != ACTIVE:
                raise StalePlan(f"record {name!r} has changed since it was read")
        change = _outlasting(engine, change)
        if change.ids:
            engine.commit(ripple(engine, change), at=at)
            gone.update(change.ids)
    return frozenset(gone)


def _outlasting(engine: Engine, change: Change) -> Change:
    """A change without what is replaced by something that expires earlier: it will hold again."""
    if not (change.supersede and engine.columns.perishable):
        return change

    def end(name: str) -> float:
        expires = engine.records([engine.ledger.locate(name).pos])[0].expires
        return inf if expires is None else expires

    lasting = tuple((old, new) for old, new in change.supersede if end(new) >= end(old))
    return replace(change, supersede=lasting)


def said_again(
    engine: Engine, made: Sequence[Record], outcome: Outcome, at: float
) -> tuple[Outcome, list[Record]]:
    """What was superseded, or past its own date of expiry, and is now said again counts again.

    The outcome of the add with that, and the records.  What was said earlier than the version that
    is held stays superseded; what has expired again by `at` stays expired.
    """
    names = {content: name for content, name in outcome.ids.items() if content not in outcome.added}
    names |= {c: outcome.standing[c] for c, how in outcome.refused.items() if how != "erased"}
    if not names:
        return outcome, []
    texts = {record.id: record for record in made}
    engine.refresh()
    back: dict[str, Record] = {}
    for content, name in names.items():
        if outcome.refused.get(content) == "superseded" or engine.columns.perishable:
            was = engine.records([engine.ledger.locate(name).pos])[0]
            if _counts(engine, was, texts[content], at):
                back[content] = _current(engine, was, texts[content])
    if back:
        tasks = [Task(label, one.id) for one in back.values() for label in engine.owed(one.kind)]
        again = Change(update=tuple(back.values()), tasks=tuple(tasks), reason="said again")
        engine.commit(again, at=at)
    refused = {name: how for name, how in outcome.refused.items() if name not in back}
    ids = {**outcome.ids, **{content: one.id for content, one in back.items()}}
    return replace(outcome, refused=refused, ids=ids), list(back.values())


def _counts(engine: Engine, was: Record, new: Record, at: float) -> bool:
    """Does a record count again now that it is said again?"""
    if was.status == "superseded":
        return new.created >= was.created
    if not was.expired(at) or new.expired(at):
        return False
    if was.status == "active":
        return True
    pos = engine.ledger.locate(was.id).pos  # put away by its date, or by somebody?
    return engine.reads.lines_of(pos)[-1].policy == EXPIRES


def _current(engine: Engine, was: Record, new: Record) -> Record:
    """A record as it is once it has been said again."""
    return replace(
        was,
        status="active",
        created=new.created,
        ingested=new.ingested,
        used=max(was.used, new.created),
        turn=int(engine.columns.turns[engine.ledger.space(was.namespace)]),
        valence=new.valence,
        links=tuple(dict.fromkeys((*was.links, *new.links))),
        sources=tuple(dict.fromkeys((*was.sources, *new.sources))),
        data={**was.data, **new.data},
        expires=new.expires,
        verify_by=new.verify_by,
        version=was.version + 1,
    )
