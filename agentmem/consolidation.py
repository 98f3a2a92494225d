"""Consolidators asked while a plan is made: what they would do becomes part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from agentmem import contract
from agentmem.around import Scene, Surroundings
from agentmem.caller import Caller
from agentmem.config import MemoryConfig
from agentmem.core import Change, Ints, Namespace, Plan, Record
from agentmem.engine import Engine
from agentmem.errors import StalePlan
from agentmem.identity import identity_of
from agentmem.ledger.sift import sift
from agentmem.maintenance import make_plan, removed, sealed
from agentmem.ripple import Lines
from agentmem.settling import cleansed
from agentmem.steps import Steps, work
from agentmem.structure import Consolidator

__all__ = ["planned"]


def planned(
    engine: Engine, config: MemoryConfig, caller: Caller | None, now: float, prefix: Namespace
) -> Steps[Plan]:
    """What the policies, and then the consolidators, would do now under a namespace prefix.

    Consolidators are asked in order, the `final` ones last, namespace by namespace; each sees what
    the ones before it left.  Raises ModelError if a model fails, StalePlan if the memory changes
    meanwhile.
    """

    def drafted() -> tuple[int, Plan, dict[int, Ints]]:
        with engine.locked():
            since, plan = engine.ledger.seq(), make_plan(engine, now, prefix)
            if not config.consolidation:
                return since, plan, {}
            engine.refresh()
            wanted = set(engine.spaces(prefix))
            groups = engine.columns.groups()
            return since, plan, {code: rows for code, rows in groups.items() if code in wanted}

    since, plan, groups = yield from work(drafted)
    if not groups:
        return plan
    changes = list(plan.changes)
    gone = {name for change in changes for name in removed(change)}
    for code, rows in groups.items():
        scene = yield from work(
            partial(_scene, engine, config.consolidation, now, code, rows, gone)
        )
        if scene is not None:
            changes += yield from _staged(engine, config, caller, scene)

    def finished() -> Plan:
        with engine.locked():
            whole = sealed(engine, now, changes)
            if any(seq > since for seq in whole.versions.values()):
                raise StalePlan("the memory changed while the plan was made; make a new plan")
            return whole

    return (yield from work(finished))


def _staged(
    engine: Engine, config: MemoryConfig, caller: Caller | None, scene: Scene
) -> Steps[list[Change]]:
    """What the consolidators would do in one namespace."""
    changes: list[Change] = []
    for store in sorted(config.consolidation, key=lambda one: one.final):
        if store.concerns(len(scene.staying), len(scene.leaving)):
            new = scene.leaving or list(scene.staying.values())[-1:]
            around = Surroundings(engine, store.kind, new, None, caller, config.recall, scene)
            leaving = tuple(scene.leaving)
            asked = yield from contract.consolidate(store, leaving, scene.staying, around)
            clean = cleansed(asked, config.redact)
            change = yield from work(partial(_settled, engine, clean))
            if change:
                scene.take(change)
                changes.append(change)
    return changes


def _scene(
    engine: Engine,
    stores: Sequence[Consolidator],
    now: float,
    code: int,
    rows: Ints,
    gone: set[str],
) -> Scene | None:
    """A namespace of some active rows as the policies leave it; None if that concerns nobody."""
    with engine.locked():
        names = engine.columns.view(rows, now).ids
        away = sum(name.decode() in gone for name in names.tolist()) if gone else 0
        if not any(store.concerns(len(rows) - away, away) for store in stores):
            return None
        found = sorted(engine.records(rows), key=lambda one: (one.created, one.turn))
        space = next(one for one in engine.reads.spaces() if one.code == code)
        return Scene(
            namespace=engine.ledger.path(code),
            now=now,
            turn=space.turn,
            staying={one.id: one for one in found if one.id not in gone},
            leaving=[one for one in found if one.id in gone and not one.expired(now)],
        )


def _settled(engine: Engine, change: Change) -> Change:
    """A change as the ledger will take it: under final ids, without what is there already.

    A text that is there gains the new sources; one that maintenance put away comes back; one that
    somebody forgot or replaced does not, and what it was to replace is archived.
    """
    if not change.add:
        return change
    with engine.locked():
        found = sift(engine.ledger, change.add, revive=True)
        lines = Lines(engine)
        known = found.known | found.standing
        held = {one.id: one for one in _held(engine, tuple(known.values()))}
        add = list(found.new.values())
        update = list(change.update)
        heirs: dict[str, str] = {}
        for one in change.add:
            content = identity_of(one)
            if content in found.new:
                heirs[one.id] = found.new[content].id
                continue
            old = held[known[content]]
            if old.status != "active" and not lines.let_go(old):
                continue
            heirs[one.id] = old.id
            new = _again(old, one)
            if new != old and all(record.id != old.id for record in update):
                update.append(new)
    pairs = [(old, heirs.get(new, new)) for old, new in change.supersede]
    lost = {one.id for one in change.add} - heirs.keys()
    return replace(
        change,
        add=tuple(add),
        update=tuple(update),
        supersede=tuple(pair for pair in pairs if pair[1] not in lost),
        archive=(*change.archive, *(old for old, new in pairs if new in lost)),
    )


def _held(engine: Engine, names: Sequence[str]) -> list[Record]:
    return engine.records(place.pos for place in engine.ledger.places(names).values())


def _again(old: Record, new: Record) -> Record:
    """A record that is there already, with what a consolidator says of it now."""
    sources = tuple(dict.fromkeys((*old.sources, *new.sources)))
    if old.status == "active" and sources == old.sources:
        return old
    if old.status == "active":
        return replace(old, sources=sources, version=old.version + 1)
    return replace(
        old,
        status="active",
        created=new.created,
        used=max(old.used, new.used),
        sources=new.sources,
        data=new.data,
        version=old.version + 1,
    )
