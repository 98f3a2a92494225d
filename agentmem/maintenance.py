"""Plan, apply, undo: what the policies would remove, doing exactly that, taking it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Ask, Change, Ints, Namespace, Plan, Policy, Record, Run, View, content_id
from agentmem.engine import Engine
from agentmem.errors import CannotUndo, InputError, NotFound, RemovalCap
from agentmem.ledger.book import Place
from agentmem.ledger.reads import Line, Space
from agentmem.ledger.rows import dumps
from agentmem.ripple import revived, ripple

UNDO = "undo:"  # prefix of the run that takes another back
CAP_LEAST = 20  # removals from one namespace up to this many need no override


def make_plan(engine: Engine, now: float, prefix: Namespace) -> Plan:
    """What maintenance would do now under a namespace prefix.  Changes nothing that is remembered.

    Policies are asked in order; each sees what the ones before it left.
    """
    wanted = set(engine.spaces(prefix))
    spaces = [space for space in engine.reads.spaces() if space.code in wanted]
    gone: set[str] = set()
    changes = list(_expired(engine, spaces, now, gone))
    gone.update(name for change in changes for name in change.archive)
    for label, policy in zip(engine.labels, engine.policies, strict=True):
        if policy.remove:
            found = _due if policy.sweep == "due" else _all
            for change in filter(None, found(engine, label, policy, spaces, now, gone)):
                changes.append(change)
                gone.update(change.archive, (old for old, _ in change.supersede))
    names = [name for change in changes for name in change.ids]
    versions = {name: place.seq for name, place in engine.ledger.present(names)}
    parts = [_plain(change) for change in changes]
    digest = content_id(dumps([now, parts, sorted(versions.items())]))
    return Plan(id=digest, now=now, changes=tuple(changes), versions=versions)


def _plain(change: Change) -> list[Any]:
    return [change.policy, change.reason, change.archive, change.supersede, dict(change.scores)]


def _due(
    engine: Engine,
    label: str,
    policy: Policy,
    spaces: Sequence[Space],
    now: float,
    gone: set[str],
) -> Iterator[Change]:
    """Ask about the records whose expiry has passed: costs what it finds."""
    view, _ = engine.due(now)
    view = view.take(_there(view, spaces, gone))
    if len(view):
        yield engine.panel.maintain(label, policy, view, Ask(now=now, namespace=()))


def _there(view: View, spaces: Sequence[Space], gone: Collection[str]) -> NDArray[np.bool_]:
    """Which rows lie in some namespaces and are not gone already."""
    inside = np.isin(view.namespace, [space.code for space in spaces])
    if gone:
        inside &= ~np.isin(view.ids, [name.encode() for name in gone])
    return inside


def _expired(
    engine: Engine, spaces: Sequence[Space], now: float, gone: Collection[str]
) -> Iterator[Change]:
    """The records whose own date of expiry has passed, whatever the policies say."""
    view, own = engine.due(now)
    late = (own <= now) & _there(view, spaces, gone)
    if late.any():
        names = view.names(late)
        scores = dict(zip(names, own[late].tolist(), strict=True))
        yield Change(archive=names, reason="its date of expiry has passed", scores=scores)


def _all(
    engine: Engine,
    label: str,
    policy: Policy,
    spaces: Sequence[Space],
    now: float,
    gone: set[str],
) -> Iterator[Change]:
    """Ask about each namespace that could concern the policy."""
    groups: dict[int, Ints] = {}
    for space in spaces:
        last = engine.reads.last_removal(label, space.code)
        path = engine.ledger.path(space.code)
        ask = Ask(now=now, namespace=path, turn=space.turn, last_turn=last)
        if space.active and policy.concerns(space.active, ask):
            if not groups:
                engine.refresh()
                groups = engine.columns.groups()
            view = engine.columns.view(groups[space.code], now)
            if gone:
                view = view.take(~np.isin(view.ids, [name.encode() for name in gone]))
            change = engine.panel.maintain(label, policy, view, ask)
            yield replace(change, namespace=path, turn=space.turn)


def apply_plan(engine: Engine, plan: Plan, cap: float) -> Run:
    """Do exactly what the plan says; StalePlan if its records have changed, RemovalCap if many."""
    engine.retime()
    if engine.reads.lines_of_run(plan.id):
        raise InputError(f"plan {plan.id} has been applied already")
    names = [name for change in plan.changes for name in change.ids]
    places = dict(engine.ledger.present(names))
    cap_on(engine, places.values(), cap)
    lines = [_commit(engine, plan, change, places) for change in plan.changes]
    return Run(
        id=plan.id,
        now=plan.now,
        archived=sum(len(c.archive) for c in plan.changes),
        superseded=sum(len(c.supersede) for c in plan.changes),
        lines=tuple(lines),
    )


def _commit(engine: Engine, plan: Plan, change: Change, places: Mapping[str, Place]) -> int:
    versions = {name: plan.versions[name] for name in change.ids}
    change = ripple(engine, change, by_policy=True)
    return engine.commit(change, at=plan.now, run=plan.id, versions=versions, places=places).seq


def check_cap(engine: Engine, names: Iterable[str], cap: float) -> None:
    """RemovalCap if too many of these records would go at once; see `cap_on`."""
    cap_on(engine, engine.ledger.places(names).values(), cap)


def cap_on(engine: Engine, places: Iterable[Place], cap: float) -> None:
    """RemovalCap if more than the share `cap` of a namespace's active records would go at once.

    Up to CAP_LEAST records of a namespace may always go, unless the cap is 0.
    """
    spaces = {space.code: space for space in engine.reads.spaces()}
    going = Counter(place.space for place in places)
    for code, count in going.items():
        active = spaces[code].active
        if count > max(CAP_LEAST if cap else 0, cap * active):
            raise RemovalCap(
                f"{count} of {active} active records of namespace {engine.ledger.path(code)!r} "
                f"would go, more than the cap of {cap:.0%}; look at them first, then say "
                "allow_mass=True"
            )


def undo_run(engine: Engine, run: str, now: float, *, empty: bool = False) -> Run:
    """Take a run back: what it put away is active again, with the very same lifecycle.

    `empty`: the run is known to have done nothing.
    """
    lines = engine.reads.lines_of_run(run)
    if not lines and empty:
        return Run(id=_undo_id(run), now=now)
    if not lines:
        raise NotFound(f"there is no run {run!r}")
    if run.startswith(UNDO):
        raise CannotUndo(f"run {run!r} is itself an undo: make a new plan instead")
    if engine.reads.lines_of_run(_undo_id(run)):
        raise CannotUndo(f"run {run!r} has been undone already")
    records = tuple(_restored(engine, line, pos) for line in lines for pos in _removed(line))
    _, tasks = revived(engine, records)
    change = Change(restore=records, tasks=tuple(tasks), reason=f"undo {run}", policy="undo")
    outcome = engine.commit(change, at=now, run=_undo_id(run))
    counts = Counter(
        verb
        for line in lines
        for verb in ("archive", "supersede")
        for _ in line.payload.get(verb, ())
    )
    return Run(
        id=_undo_id(run),
        now=now,
        archived=-counts["archive"],
        superseded=-counts["supersede"],
        lines=(outcome.seq,),
    )


def _undo_id(run: str) -> str:
    return UNDO + run


def _removed(line: Line) -> Iterator[int]:
    yield from line.payload.get("archive", ())
    yield from (old for old, _ in line.payload.get("supersede", ()))


def _restored(engine: Engine, line: Line, pos: int) -> Record:
    """The record as it was before the line, provided nothing has happened to it since."""
    record = engine.ledger.record(pos)
    if record is None:
        raise CannotUndo(
            f"a record of the run was erased since (position {pos}); nothing was undone"
        )
    if record.status == "active" or engine.ledger.locate(record.id).seq != line.seq:
        raise CannotUndo(f"record {record.id} has changed since the run; nothing was undone")
    return replace(record, status="active")
