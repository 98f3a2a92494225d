"""What rests on what changes: derived records follow their sources.

A record derived from one source alone goes with it.  A text that mixes several sources is made
anew from those that are left, so that nothing of a forgotten turn survives in a summary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agentmem.core import Change, Record, Task
from agentmem.engine import Engine


def ripple(engine: Engine, change: Change, *, by_policy: bool = False) -> Change:
    """The change with its consequences for what rests on the records that it names.

    `by_policy`: a policy's removal archives no derived records, which have a retention of their
    own, and leaves the texts of `lasting` stores as they are.
    """
    if not engine.stores:
        return change
    gone = {*change.archive, *(old for old, _ in change.supersede)}
    fresh = {record.id for record in change.update if _reworded(engine, record)}
    kept = {record.id for record in change.update}
    tasks: dict[str, Task] = {}
    lighter: dict[str, Record] = {}
    archive = list(change.archive)
    queue = [*gone, *fresh]
    while queue:
        for child in _resting(engine, [queue.pop()]):
            if child.id in gone or child.id in kept or child.status != "active":
                continue
            store = engine.stores.get(child.kind)
            mixes = store is not None and store.mixes
            if mixes and by_policy and getattr(store, "lasting", False):
                continue
            left = _left(engine, child.sources, gone)
            stay = [name for name in left if name not in fresh]
            if mixes and left:
                tasks[child.id] = Task(child.kind, left[0], tuple(left[1:]), child.id)
            elif not by_policy and not stay:
                gone.add(child.id)
                archive.append(child.id)
                queue.append(child.id)
            elif not by_policy and len(stay) < len(left):  # a reworded source says it no more
                lighter[child.id] = replace(child, sources=tuple(stay), version=child.version + 1)
    again = _again(engine, [r for r in change.update if r.id in fresh], tasks.values())
    return replace(
        change,
        archive=tuple(archive),
        update=(*change.update, *lighter.values()),
        tasks=(*change.tasks, *tasks.values(), *again),
    )


def revived(engine: Engine, records: Sequence[Record]) -> tuple[tuple[Record, ...], list[Task]]:
    """What comes back with records that are restored: what went with them, and work to do."""
    if not engine.stores:
        return (), []
    back: dict[str, Record] = {}
    queue = [record.id for record in records]
    while queue:
        name = queue.pop()
        line = engine.ledger.locate(name).seq
        for child in _resting(engine, [name]):
            went_along = engine.ledger.locate(child.id).seq == line
            if child.status == "archived" and went_along and child.id not in back:
                back[child.id] = child
                queue.append(child.id)
    mixing = [store.kind for store in engine.stores.values() if store.mixes]
    tasks = [
        Task(kind, record.id)
        for record in records
        if record.kind == engine.source
        for kind in mixing
    ]
    return tuple(back.values()), tasks


def _again(engine: Engine, records: Iterable[Record], made: Iterable[Task]) -> list[Task]:
    """A source was reworded: the stores that do not make something anew of it derive again."""
    at_it = {(task.store, name) for task in made for name in (task.record, *task.rest)}
    return [
        Task(kind, record.id)
        for record in records
        if record.kind == engine.source
        for kind in engine.stores
        if (kind, record.id) not in at_it
    ]


def _reworded(engine: Engine, record: Record) -> bool:
    before = engine.ledger.record(engine.ledger.locate(record.id).pos)
    return before is not None and before.text != record.text


def _resting(engine: Engine, names: Iterable[str]) -> list[Record]:
    positions = [pos for name in names for pos in engine.reads.derived(name)]
    found = engine.ledger.records(positions)
    return [found[pos] for pos in positions if pos in found]


def _left(engine: Engine, names: Sequence[str], gone: set[str]) -> list[str]:
    """Those of some sources that are still there and active, in order."""
    stay = [name for name in names if name not in gone]
    places = dict(engine.ledger.present(stay))
    return [name for name in stay if name in places and places[name].status == 1]
