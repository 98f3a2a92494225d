"""Plan and apply: what the policies would put away, and doing exactly that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.core import (
    Ask,
    Change,
    Floats,
    Ints,
    Namespace,
    Plan,
    Policy,
    Record,
    Run,
    Vectors,
    View,
    content_id,
)
from agentmem.engine import Engine
from agentmem.errors import InputError, RemovalCap, StalePlan
from agentmem.identity import identity_of
from agentmem.ledger.book import Place
from agentmem.ledger.reads import Space
from agentmem.ledger.rows import dumps, to_entry
from agentmem.ledger.tables import ACTIVE
from agentmem.ripple import EXPIRES, ripple

CAP_LEAST = 20  # removals from one namespace up to this many need no override


def make_plan(engine: Engine, now: float, prefix: Namespace) -> Plan:
    """What maintenance would do now under a namespace prefix.  Changes nothing that is remembered.

    Policies are asked in order; each sees what the ones before it left.
    """
    return sealed(engine, now, proposed(engine, now, prefix))


def proposed(engine: Engine, now: float, prefix: Namespace) -> list[Change]:
    """The changes of that plan."""
    wanted = set(engine.spaces(prefix))
    spaces = [space for space in engine.reads.spaces() if space.code in wanted]
    late, own = engine.due(now)
    if len(late):
        here = _inside(late, spaces)
        late, own = late.take(here), own[here]
    changes = list(_expired(engine, late, own))
    gone = {name for change in changes for name in change.archive}
    for label, policy in zip(engine.labels, engine.policies, strict=True):
        if policy.remove:
            if policy.sweep == "due":
                found = _due(engine, label, policy, late, gone)
            else:
                found = _all(engine, label, policy, spaces, now, gone)
            for change in filter(None, found):
                changes.append(change)
                gone.update(removed(change))
    return changes


def sealed(engine: Engine, now: float, changes: Sequence[Change]) -> Plan:
    """The plan of some changes: under the hash of all that they would do and write, and with the
    versions of the records that they name or rest on.
    """
    names = {name for change in changes for name in (*change.ids, *_cited(change))}
    versions = {name: place.seq for name, place in engine.ledger.present(sorted(names))}
    parts = [_plain(change) for change in changes]
    digest = content_id(dumps([now, parts, sorted(versions.items())]))
    return Plan(id=digest, now=now, changes=tuple(changes), versions=versions)


def removed(change: Change) -> tuple[str, ...]:
    """The records that leave recall with a change."""
    return *change.archive, *(old for old, _ in change.supersede)


def _cited(change: Change) -> Iterator[str]:
    for record in (*change.add, *change.update):
        yield from record.sources


def _plain(change: Change) -> list[Any]:
    """A change as JSON, for the hash."""
    verbs = [change.policy, change.reason, change.archive, change.supersede, dict(change.scores)]
    return verbs + [[_entry(record) for record in part] for part in (change.add, change.update)]


def _entry(record: Record) -> dict[str, Any]:
    entry = to_entry(record, 0, 0, None)
    return entry | {"importance": None} if isnan(record.importance) else entry


def _due(
    engine: Engine, label: str, policy: Policy, late: View, gone: Collection[str]
) -> Iterator[Change]:
    """Ask about the records whose expiry has passed: costs what it finds."""
    view = _staying(late, gone)
    if len(view):
        yield engine.panel.maintain(label, policy, view, Ask(now=view.now, namespace=()))


def _staying(view: View, gone: Collection[str]) -> View:
    """The rows that are not gone already."""
    return view.take(~np.isin(view.ids, [name.encode() for name in gone])) if gone else view


def _inside(view: View, spaces: Sequence[Space]) -> NDArray[np.bool_]:
    """Which rows lie in some namespaces."""
    if len(spaces) == 1:
        inside: NDArray[np.bool_] = view.namespace == spaces[0].code
        return inside
    return np.isin(view.namespace, [space.code for space in spaces])


def _expired(engine: Engine, view: View, own: Floats) -> Iterator[Change]:
    """The records whose own date of expiry has passed, whatever the policies say, and what rests
    on them alone.
    """
    late = own <= view.now
    if late.any():
        names = view.names(late)
        scores = dict(zip(names, own[late].tolist(), strict=True))
        reason = "its date of expiry has passed"
        change = Change(archive=names, reason=reason, policy=EXPIRES, scores=scores)
        yield replace(change, archive=ripple(engine, change).archive)


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
            view = _staying(view, gone)
            change = engine.panel.maintain(label, policy, view, ask)
            yield replace(change, namespace=path, turn=space.turn)


def reworded(engine: Engine, plan: Plan) -> dict[str, str]:
    """The texts to embed before a plan is applied: of adds by identity, of updates by id."""
    texts = {identity_of(one): one.found_by for change in plan.changes for one in change.add}
    for change in plan.changes:
        names = [one.id for one in change.update]
        places = dict(engine.ledger.present(names))
        held = {one.id: one for one in engine.records(p.pos for p in places.values())}
        for one in change.update:
            if one.id not in held or held[one.id].found_by != one.found_by:
                texts[one.id] = one.found_by
    return texts


def apply_plan(engine: Engine, plan: Plan, cap: float, vectors: Mapping[str, Vectors]) -> Run:
    """Do exactly what the plan says; StalePlan if its records have changed, RemovalCap if many.

    `vectors` of the texts in `reworded`.  What a consolidator supersedes counts as removed.
    """
    engine.retime()
    if engine.reads.lines_of_run(plan.id):
        raise InputError(f"plan {plan.id} has been applied already")
    places = dict(engine.ledger.present(plan.versions))
    going = {name for change in plan.changes for name in removed(change)}
    active = (one for name, one in places.items() if name in going and one.status == ACTIVE)
    cap_on(engine, active, cap)
    engine.ledger.unchanged(plan.versions, places)
    lines = [_commit(engine, plan, change, places, vectors) for change in plan.changes]
    return Run(
        id=plan.id,
        now=plan.now,
        added=sum(len(c.add) for c in plan.changes),
        archived=sum(len(c.archive) for c in plan.changes),
        superseded=sum(len(c.supersede) for c in plan.changes),
        updated=sum(len(c.update) for c in plan.changes),
        lines=tuple(lines),
    )


def _commit(
    engine: Engine,
    plan: Plan,
    change: Change,
    places: Mapping[str, Place],
    vectors: Mapping[str, Vectors],
) -> int:
    whole = ripple(engine, change, by_policy=change.policy != EXPIRES)
    known = places if places.keys() >= set(whole.ids) else None
    outcome = engine.commit(
        whole, at=plan.now, run=plan.id, places=known, vectors=vectors, revive=True
    )
    if outcome.refused:
        raise StalePlan("what the plan adds was put away since it was made; make a new plan")
    return outcome.seq


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
