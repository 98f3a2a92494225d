"""What was derived, as it goes into the ledger as that is now: new, changed, or back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from agentmem.core import Change, Record, Redactor
from agentmem.engine import Engine
from agentmem.errors import StalePlan
from agentmem.identity import identity_of
from agentmem.intake import redacted
from agentmem.ledger.tables import ACTIVE
from agentmem.ripple import Lines, mixing

__all__ = ["cleansed", "settled"]


def cleansed(change: Change, redactors: Sequence[Redactor]) -> Change:
    """What was derived, redacted: a model may put together again what its sources veil."""
    add, update = (
        tuple(redacted(one, redactors) for one in part) for part in (change.add, change.update)
    )
    return replace(change, add=add, update=update)


def settled(
    engine: Engine, change: Change, *, anew: bool
) -> tuple[tuple[Record, ...], tuple[Record, ...], dict[str, str]]:
    """Adds and updates as they go into the ledger as it is now; and what comes back, by id.

    What is there already gains the new sources.  What was erased comes back only from a source
    that was stored after the erasure, unless it mixes several (then it may have gone with one
    of them); what was put away as `_comes_back` says.  `anew`: it is made in the place of a
    record, and none of this holds.  An update keeps the lifecycle, which may have moved on.
    """
    ledger = engine.ledger
    places = dict(ledger.present(one.id for one in change.update))
    held = ledger.held(map(identity_of, change.add))
    again: dict[str, str] = {}  # id -> identity of the content
    update: dict[str, Record] = {}
    for one in change.update:
        now = ledger.record(places[one.id].pos) if one.id in places else None
        if now is None or (now.version, now.status) != (one.version, "active"):
            raise StalePlan(f"record {one.id!r} has changed since it was read")
        update[one.id] = _reworked(now, one)
    add = []
    for one in change.add:
        content = identity_of(one)
        name, status = held.get(content, ("", 0))
        if not status:
            free = anew or mixing(engine, one.kind)  # it may have gone with a source
            if free or not ledger.erased_since(content, one.sources):
                add.append(one)
        elif name not in update:
            now = engine.records([ledger.locate(name).pos])[0]
            if status == ACTIVE:
                sources = tuple(dict.fromkeys((*now.sources, *one.sources)))
                if sources != now.sources:
                    update[name] = _reworked(now, replace(now, sources=sources))
            elif anew or _comes_back(engine, now, one):
                update[name] = replace(_reworked(now, one), status="active")
                again[name] = content
    return tuple(add), tuple(update.values()), again


def _comes_back(engine: Engine, now: Record, new: Record) -> bool:
    """Does a record that was put away come back, now that a source says it again?

    One that went along with a source does; one that was replaced does with a new source; one
    that was forgotten by itself does not.
    """
    if now.status == "superseded":
        return bool(set(new.sources) - set(now.sources))
    return Lines(engine).went_along(now, reworked=True)


def _reworked(now: Record, new: Record) -> Record:
    """A record as it is now, with what a store may change of it."""
    return replace(
        now,
        text=new.text,
        key=new.key,
        created=new.created,
        turn=new.turn,
        importance=now.importance if isnan(new.importance) else new.importance,
        valence=new.valence,
        sources=new.sources,
        links=new.links,
        data=new.data,
        version=now.version + 1,
    )
