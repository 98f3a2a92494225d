"""What rests on what changes: derived records follow their sources.

A record derived from one source alone goes with it.  A text that mixes several sources is made
anew from those that are left, so that nothing of a forgotten turn survives in a summary; until
then no search finds the old one (`Engine.searchable`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from agentmem.core import Change, Record, Task
from agentmem.engine import Engine
from agentmem.ledger.tables import ACTIVE
from agentmem.registry import find, knows
from agentmem.structure import Consolidator

GROUPS = ("stores", "consolidators")  # of the registry: what makes records of a kind
EXPIRES = "expires"  # stands for a policy where a record's own date puts it away


def ripple(engine: Engine, change: Change, *, by_policy: bool = False) -> Change:
    """The change with its consequences for what rests on the records that it names.

    `by_policy`: a policy's removal archives no derived records, which have a retention of their
    own, and leaves the texts of `lasting` stores as they are.
    """
    gone = {*change.archive, *(old for old, _ in change.supersede)}
    fresh = {record.id for record in change.update if _reworded(engine, record)}
    kept = {record.id for record in change.update}
    tasks: dict[str, Task] = {}
    lighter: dict[str, Record] = {}
    archive = list(change.archive)
    level = [*gone, *fresh]
    while level:  # a record at a time for each generation, however many sources it has
        children, level = _resting(engine, level), []
        for child in children:
            if child.id in gone or child.id in kept or child.status != "active":
                continue
            if child.kind == engine.source:  # the caller's own words: they stay
                continue
            mixes = mixing(engine, child.kind)
            if by_policy and (not mixes or _lasting(engine, child.kind)):
                continue
            names = left(engine, child.sources, gone, kind=child.kind)
            if mixes and names:
                tasks[child.id] = Task(child.kind, names[0], tuple(names[1:]), child.id)
            elif not by_policy and fresh.issuperset(names):
                gone.add(child.id)
                archive.append(child.id)
                level.append(child.id)
            elif not fresh.isdisjoint(child.sources):  # a reworded source says it no more
                stay = tuple(name for name in child.sources if name not in fresh)
                lighter[child.id] = replace(child, sources=stay, version=child.version + 1)
    tasks = {name: task for name, task in tasks.items() if name not in gone}
    again = _again(engine, [r for r in change.update if r.id in fresh], tasks.values())
    return replace(
        change,
        archive=tuple(archive),
        update=(*change.update, *(r for r in lighter.values() if r.id not in gone)),
        tasks=(*change.tasks, *tasks.values(), *again),
    )


def revived(engine: Engine, records: Sequence[Record]) -> tuple[tuple[Record, ...], list[Task]]:
    """What comes back with records that are restored: what went with them, and work to do.

    A text that mixes several sources comes back only if all of them do, and its store looks at each
    of them again: another text may have been made anew without it.  So does any other store where
    none of its records cites the source, or where the source was changed while it was away.
    """
    lines = Lines(engine)
    back: dict[str, Record] = {}
    names = {record.id for record in records}
    same = {record.id: line for record in records if (line := lines.removal(record))}
    cited: set[tuple[str, str]] = set()  # (kind, id of a source)
    level = list(names)
    while level:
        children, level = _resting(engine, level), []
        for child in children:
            if child.status == "archived" and child.id not in names:
                line, whole = lines.removal(child), mixing(engine, child.kind)
                held = [0 < same.get(name, 0) <= line for name in child.sources]
                if (all(held) if whole else any(held)) and lines.went_along(child):
                    back[child.id] = child
                    level.append(child.id)
            if child.status == "active" or child.id in back:
                cited |= {(child.kind, name) for name in child.sources}
        names.update(level)
        same |= {name: lines.removal(back[name]) for name in level}
    tasks = [
        Task(kind, record.id)
        for record in records
        if record.kind == engine.source
        for kind in engine.owing
        if engine.stores[kind].mixes or (kind, record.id) not in cited or record.id not in same
    ]
    return tuple(back.values()), tasks


class Lines:
    """Journal lines that put records away, each read once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: dict[int, tuple[set[int], set[int]]] = {}  # positions removed, and reworked
        self._kept: dict[int, bool] = {}  # was it maintenance that wrote the line?

    def removal(self, record: Record) -> int:
        """The line that put a record away; 0 if another has changed it since."""
        place = self._engine.ledger.locate(record.id)
        return place.seq if place.pos in self._of(place.seq)[0] else 0

    def let_go(self, record: Record) -> bool:
        """Was a record put away by maintenance, and left alone since?  Then what was made of it
        still stands on it.
        """
        return self._kept.get(self.removal(record), False)

    def went_along(self, record: Record, *, reworked: bool = False) -> bool:
        """Was a record put away because one of its sources went (or was `reworked`)?"""
        ledger = self._engine.ledger
        places = dict(ledger.present(record.sources)).values()
        removed, changed = self._of(ledger.locate(record.id).seq)
        moved = removed | changed if reworked else removed
        return len(places) < len(record.sources) or any(place.pos in moved for place in places)

    def _of(self, seq: int) -> tuple[set[int], set[int]]:
        if seq not in self._read:
            whole = self._engine.reads.line(seq)
            line = whole.payload
            gone = {*line.get("archive", ()), *(old for old, _ in line.get("supersede", ()))}
            gone |= {pos for pos, *_ in line.get("erase", ())}
            self._read[seq] = gone, {entry["pos"] for entry in line.get("update", ())}
            by = whole.policy  # none: a caller's verb
            self._kept[seq] = whole.run is not None and by not in ("", EXPIRES)
        return self._read[seq]


def mixing(engine: Engine, kind: str) -> bool:
    """Does one text of a kind rest on several sources together?

    Of a kind whose store this memory was opened without, the registry knows; if it does not, yes:
    nothing of a source that goes is left in such a text.
    """
    store = _structure(engine, kind)
    return kind != engine.source if store is None else bool(getattr(store, "mixes", True))


def _lasting(engine: Engine, kind: str) -> bool:
    return bool(getattr(_structure(engine, kind), "lasting", False))


def _structure(engine: Engine, kind: str) -> object | None:
    """The store of a kind, or else its class."""
    if kind in engine.stores:
        return engine.stores[kind]
    return next((find(group, kind) for group in GROUPS if knows(group, kind)), None)


def condenses(engine: Engine, kind: str) -> bool:
    """Is a kind made by consolidation?  Then its texts stand on what maintenance put away."""
    if kind in engine.stores:
        return isinstance(engine.stores[kind], Consolidator)
    return bool(kind) and not knows("stores", kind) and knows("consolidators", kind)


def _again(engine: Engine, records: Iterable[Record], made: Iterable[Task]) -> list[Task]:
    """A source was reworded: the stores that do not make something anew of it derive again."""
    at_it = {(task.store, name) for task in made for name in (task.record, *task.rest)}
    return [
        Task(kind, record.id)
        for record in records
        if record.kind == engine.source
        for kind in engine.owing
        if (kind, record.id) not in at_it
    ]


def _reworded(engine: Engine, record: Record) -> bool:
    before = engine.ledger.record(engine.ledger.locate(record.id).pos)
    return before is not None and before.text != record.text


def _resting(engine: Engine, names: Iterable[str]) -> list[Record]:
    """The records that cite some ids, each once."""
    positions = dict.fromkeys(pos for name in names for pos in engine.reads.derived(name))
    return engine.records(positions)


def living_on(engine: Engine, records: Iterable[Record]) -> tuple[str, ...]:
    """Those of some records that maintenance put away, and that a text made of them still tells."""
    lines = Lines(engine)
    asleep = [one for one in records if one.status != "active" and lines.let_go(one)]
    return tuple(
        one.id
        for one in asleep
        if any(condenses(engine, child.kind) for child in _resting(engine, [one.id]))
    )


def left(
    engine: Engine,
    names: Sequence[str],
    gone: Collection[str],
    *,
    active: bool = True,
    kind: str = "",
) -> list[str]:
    """Those of some sources that are still there (and active), in order.

    For a text of a `kind` that consolidation makes, what maintenance put away counts as active.
    """
    stay = [name for name in names if name not in gone]
    places = dict(engine.ledger.present(stay))
    found = [n for n in stay if n in places and (places[n].status == ACTIVE or not active)]
    if not active or len(found) == len(stay) or not condenses(engine, kind):
        return found
    lines = Lines(engine)
    asleep = engine.records(p.pos for p in places.values() if p.status != ACTIVE)
    kept = {*found, *(one.id for one in asleep if lines.let_go(one))}
    return [name for name in stay if name in kept]
