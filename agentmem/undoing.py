"""Undo: a run taken back, every record as it was before, with the very same lifecycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any

from agentmem.asof import fold
from agentmem.core import Change, Record, Run, Vectors
from agentmem.engine import Engine
from agentmem.errors import CannotUndo, NotFound
from agentmem.ledger.reads import Line
from agentmem.ledger.tables import STATUS
from agentmem.ripple import revived

__all__ = ["Undoing", "undoing"]

UNDO = "undo:"  # prefix of the run that takes another back
_SAME = {field.name for field in fields(Record)} - {"namespace", "status", "version"}


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """What takes a run back."""

    run: str
    change: Change
    counts: Mapping[str, int]
    empty: bool = False  # the run did nothing

    def texts(self, engine: Engine) -> dict[str, str]:
        """The texts to embed before, by id: those that the run had rewritten."""
        held = {one.id: _record(engine, one.id) for one in self.change.update}
        return {
            one.id: one.found_by
            for one in self.change.update
            if held[one.id].found_by != one.found_by
        }

    def apply(self, engine: Engine, now: float, vectors: Mapping[str, Vectors]) -> Run:
        """Write it.  The caller holds `engine.writing()` since it was made."""
        counts = {name: -count for name, count in self.counts.items()}
        if self.empty:
            return Run(id=UNDO + self.run, now=now)
        outcome = engine.commit(self.change, at=now, vectors=vectors, run=UNDO + self.run)
        lines = (outcome.seq,) if outcome.seq else ()
        return Run(id=UNDO + self.run, now=now, lines=lines, **counts)


def undoing(engine: Engine, run: str, *, empty: bool = False) -> Undoing:
    """What takes a run back: what it put away is active again, what it added is archived, what it
    rewrote has its former words.

    `empty`: the run is known to have done nothing.  NotFound if there is no such run; CannotUndo
    if it is an undo, was undone, or any of its records has changed since, other runs that were
    undone themselves aside.
    """
    lines = engine.reads.lines_of_run(run)
    if not lines and empty:
        return Undoing(run=run, change=Change(reason="undo"), counts={}, empty=True)
    if not lines:
        raise NotFound(f"there is no run {run!r}")
    if run.startswith(UNDO):
        raise CannotUndo(f"run {run!r} is itself an undo: make a new plan instead")
    if engine.reads.lines_of_run(UNDO + run):
        raise CannotUndo(f"run {run!r} has been undone already")
    added = {entry["pos"] for line in lines for entry in line.payload.get("add", ())}
    rewritten = {entry["pos"] for line in lines for entry in line.payload.get("update", ())} - added
    gone = {pos for line in lines for pos in _removed(line)} - added - rewritten
    made = _current(engine, added, lines)
    former = _former(engine, _current(engine, rewritten, lines), lines)
    back = tuple(replace(one, status="active") for one in _current(engine, gone, lines))
    awake = [one for one in former if one.status == "active"]
    _, tasks = revived(engine, (*back, *awake))
    change = Change(
        restore=back,
        update=tuple(former),
        archive=tuple(one.id for one in made if one.status == "active"),
        tasks=tuple(tasks),
        reason=f"undo {run}",
        policy="undo",
    )
    return Undoing(run=run, change=change, counts=_counts(lines))


def _counts(lines: Iterable[Line]) -> Counter[str]:
    verbs = {"add": "added", "archive": "archived", "supersede": "superseded", "update": "updated"}
    return Counter(
        verbs[verb] for line in lines for verb in verbs for _ in line.payload.get(verb, ())
    )


def _removed(line: Line) -> Sequence[int]:
    return [*line.payload.get("archive", ()), *(o for o, _ in line.payload.get("supersede", ()))]


def _current(engine: Engine, positions: Iterable[int], lines: Sequence[Line]) -> list[Record]:
    """The records at some positions, provided nothing but recalls has happened to them since."""
    mine = {line.seq for line in lines}
    wanted = sorted(positions)
    held = engine.ledger.records(wanted)
    found = []
    for pos in wanted:
        if pos not in held:
            raise CannotUndo(
                f"a record of the run was erased since (position {pos}); nothing was undone"
            )
        seq = engine.ledger.locate(held[pos].id).seq
        if seq not in mine and not _undone_since(engine, pos, max(mine)):
            raise CannotUndo(f"record {held[pos].id} has changed since the run; nothing was undone")
        found.append(held[pos])
    return found


def _undone_since(engine: Engine, pos: int, seq: int) -> bool:
    """Has all that happened to a record since a line been taken back?"""
    later = [line for line in engine.reads.lines_of(pos) if line.seq > seq and _acts(line, pos)]
    runs = {line.run or "" for line in later}
    undone = {run for run in runs if UNDO + run in runs}
    return all(line.run in undone or (line.run or "").startswith(UNDO) for line in later)


def _acts(line: Line, pos: int) -> bool:
    """Does a line do more to a record than recall it, or put another in its place?"""
    whole = {entry["pos"] for verb in ("add", "update") for entry in line.payload.get(verb, ())}
    back = {entry[0] for entry in line.payload.get("restore", ())}
    return pos in whole or pos in back or pos in _removed(line)


def _former(engine: Engine, records: Sequence[Record], run: Sequence[Line]) -> list[Record]:
    """Records as they were before a run, as the next versions of what they are.

    Recalls since the run count.  Each journal line is read once, however many records it names.
    """
    places = engine.ledger.places(one.id for one in records)
    seqs = engine.reads.spoken(place.pos for place in places.values())
    lines = [engine.reads.line(seq) for seq in seqs if seq <= run[-1].seq]
    before = fold((line for line in lines if line.seq < run[0].seq), inf)
    written = fold(lines, inf)
    found = []
    for one in records:
        pos = places[one.id].pos
        entry, after = before[pos], written[pos]
        values: dict[str, Any] = {name: entry.get(name) for name in _SAME}
        values |= {name: tuple(entry[name]) for name in ("sources", "links")}
        values |= {"status": STATUS[entry["status"]], "version": one.version + 1}
        if (one.used, one.uses) != (after["used"], after["uses"]):
            values |= {name: getattr(one, name) for name in ("used", "used_turn", "stability")}
            values["uses"] += one.uses - after["uses"]
        found.append(replace(one, **values))
    return found


def _record(engine: Engine, name: str) -> Record:
    [found] = engine.records([engine.ledger.locate(name).pos])
    return found
