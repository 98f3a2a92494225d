"""Is this memory well?  What decays in vain, what is due, what never happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Literal

import numpy as np

from agentmem import contract
from agentmem.core import Ask, Floats, Ints, Namespace, Policy, View
from agentmem.engine import Engine
from agentmem.ledger.queue import Queue
from agentmem.maintenance import CAP_LEAST

__all__ = ["Finding", "examine"]

DAY = 86400.0
AGES = (0.0, DAY, 30 * DAY, 365 * DAY)
TURNS = 10_000.0  # that pass in the longest of these
ENOUGH = 20  # records below which a share tells nothing
INERT = 0.01  # weights that spread less than this order nothing
MOST = 0.8  # share of the records from which a floor, or a limit, is the rule
NUDGE = 0.5  # a floor from which a curve is meant to tell near equals apart, and no more
SAMPLE = 2000  # records by which a policy is tried
MANY = 100_000  # records


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something a keeper of this memory should know."""

    code: str  # stays the same between versions: for CI
    level: Literal["error", "warning", "note"]
    message: str
    remedy: str
    share: float | None = None  # of the records concerned, 0..1

    def __str__(self) -> str:
        return f"{self.level}: {self.message}; {self.remedy} [{self.code}]"


def examine(engine: Engine, prefix: Namespace, now: float, cap: float) -> list[Finding]:
    """Everything worth telling about the active records of a namespace, the worst first.

    Changes nothing.  `cap`: the share of a namespace that one plan may remove.
    """
    engine.refresh()
    rows = engine.searchable(prefix, now=now)
    findings = list(_work(engine, prefix))
    if len(rows):
        view = engine.columns.view(rows, now)
        for label, policy in zip(engine.labels, engine.policies, strict=True):
            mine = engine.panel.concerned(policy, view)
            own = view if mine is None else view.take(mine)
            if len(own):
                findings += _impure(label, policy, own)
                findings += _weights(label, policy, own)
        findings += _contested(engine, view)
        findings += _recalls(engine, view)
    findings += _overdue(engine, engine.rows(prefix), now, cap)
    order = ("error", "warning", "note")
    return sorted(findings, key=lambda one: order.index(one.level))


def _weights(label: str, policy: Policy, view: View) -> Iterator[Finding]:
    """Does a curve order anything, or has everything fallen to its floor?"""
    if not policy.rank or type(policy).weight is Policy.weight or len(view) < ENOUGH:
        return
    weights = contract.weight(label, policy, view)
    floor = getattr(policy, "floor", None)
    if floor:
        low = float(np.mean(weights <= floor))
        if low >= MOST and floor < 1.0:
            yield Finding(
                code="below-floor",
                level="warning" if floor < NUDGE else "note",
                message=f"{low:.0%} of the records are at the floor of {label} ({floor:g})",
                remedy="a longer half-life, or a curve with a tail (power_law), would order them",
                share=low,
            )
    spread = max(float(np.ptp(weights)), float(np.ptp(contract.weight(label, policy, _all(view)))))
    if spread < INERT and policy.sweep == "due":
        yield Finding(
            code="decay-inert",
            level="warning",
            message=f"{label} is inert: the weights of new, old, important and harmful records lie "
            f"within {spread:.3f} of each other",
            remedy="check its time scale and its floor, or leave it out",
            share=1.0,
        )
    gone = float(np.mean(weights <= 0.0))
    if gone >= MOST:
        yield Finding(
            code="suppressed",
            level="note" if policy.sweep == "all" else "warning",  # a window is to
            message=f"{label} keeps {gone:.0%} of the records out of recall",
            remedy="a wider window, or archive what is not wanted",
            share=gone,
        )


def _all(view: View) -> View:
    """One record as it could be: of every age up to a year, of every importance and valence, to be
    verified long ago or never.
    """
    overdue = (np.nan, view.now - AGES[-1])
    cells = np.array([*product(AGES, (0.0, 0.5, 1.0), (-1.0, 0.0, 1.0), overdue)])
    rows = view.take(np.zeros(len(cells), dtype=np.int64))
    age, importance, valence, verify_by = cells.T
    turns = age / AGES[-1] * TURNS
    return replace(
        rows,
        created=view.now - age,
        used=view.now - age,
        uses=np.zeros(len(cells)),
        stability=np.full(len(cells), np.nan),
        importance=importance,
        valence=valence,
        verify_by=verify_by,
        turns=turns,
        idle_turns=turns,
        recalls=np.full(rows.recalls.shape, np.nan),
    )


def _impure(label: str, policy: Policy, view: View) -> Iterator[Finding]:
    """Retention must be a function of the records and the time, not of the asking."""
    view = view.take(np.arange(min(len(view), SAMPLE)))
    before, due = _numbers(label, policy, view)
    if policy.remove:
        contract.maintain(label, policy, view, Ask(now=view.now, namespace=()))
    again = _numbers(label, policy, view)
    if not (np.array_equal(before, again[0]) and np.array_equal(due, again[1])):
        yield Finding(
            code="schedule-dependent",
            level="error",
            message=f"{label} gives other numbers when it is asked again at the same time",
            remedy="a policy is a pure function of its view: no state, clock or unseeded chance",
        )
        return
    some = np.arange(len(view))[::-2]
    fewer = _numbers(label, policy, view.take(some))
    same = np.allclose(before[some], fewer[0], rtol=1e-9) or not policy.separable
    if not (same and np.allclose(due[some], fewer[1], rtol=1e-12)):
        yield Finding(
            code="company-dependent",
            level="error",
            message=f"{label} gives a record other numbers when fewer stand beside it",
            remedy="a separable weight, and an expiry, are a matter of their own row; else declare "
            'separable = False, and sweep = "all"',
        )


def _numbers(label: str, policy: Policy, view: View) -> tuple[Floats, Floats]:
    return contract.weight(label, policy, view), contract.expiry(label, policy, view)


def _contested(engine: Engine, view: View) -> Iterator[Finding]:
    """Do two policies strengthen the same records, each in its own way?"""
    view = view.take(np.arange(min(len(view), ENOUGH)))
    left: list[tuple[str, Floats]] = []  # the stability that a policy would leave; NaN: none
    for label, policy in zip(engine.labels, engine.policies, strict=True):
        mine = engine.panel.concerned(policy, view)
        rows = np.flatnonzero(np.ones(len(view), dtype=np.bool_) if mine is None else mine)
        if type(policy).touch is not Policy.touch and len(rows):
            after = np.full(len(view), np.nan)
            after[rows] = contract.touch(label, policy, view.take(rows)).stability
            left.append((label, after))
    for (one, first), (other, last) in combinations(left, 2):
        unlike = np.isfinite(first) & np.isfinite(last) & ~np.isclose(first, last)
        if unlike.any():
            yield Finding(
                code="stability-contested",
                level="warning",
                message=f"{one} and {other} strengthen the same records in different ways; what "
                f"{other} leaves is what {one} reads",
                remedy="confine them with kinds and within, or leave one of them out",
                share=float(np.mean(unlike)),
            )


def _recalls(engine: Engine, view: View) -> Iterator[Finding]:
    """Was anything ever strengthened, looked at again?"""
    in_use = view.now - engine.ledger.first_at()  # records can be older than the memory
    if len(view) >= ENOUGH and not view.uses.any() and in_use > DAY:
        yield Finding(
            code="never-reinforced",
            level="warning",
            message=f"nothing was ever reinforced: {len(view)} records, no recall counted",
            remedy="search without reinforce=False, or choose a policy that does not count on it",
        )
    late = float(np.mean(view.verify_by <= view.now))
    if late:
        yield Finding(
            code="review-due",
            level="note",
            message=f"{late:.0%} of the records are past the date by which to verify them",
            remedy="confirm them with update(id, verify_by=...), or supersede them",
            share=late,
        )


def _overdue(engine: Engine, rows: Ints, now: float, cap: float) -> Iterator[Finding]:
    """What maintenance would put away by date, had it run; `rows`: the active ones."""
    view = engine.columns.view(rows, now)
    due = np.fmin(engine.panel.expiry(view), engine.columns.floats["expires"][rows])
    late = due <= now - DAY
    if late.any():
        days = (now - float(due[late].min())) / DAY
        yield Finding(
            code="maintenance-overdue",
            level="warning",
            message=f"{int(late.sum())} records are due since up to {days:.0f} days and still "
            "active",
            remedy="memory.apply(memory.plan()) puts them away",
            share=float(np.mean(late)),
        )
    going = view.namespace[due <= now]
    for code in np.unique(going).tolist():
        count, active = int(np.sum(going == code)), int(np.sum(view.namespace == code))
        if count > max(CAP_LEAST, cap * active):
            path, share = engine.ledger.path(code), count / active
            yield Finding(
                code="beyond-cap",
                level="warning",
                message=f"a plan would remove {share:.0%} of the records of {path!r}, beyond the "
                f"cap of {cap:.0%}",
                remedy="look at the plan, then apply(plan, allow_mass=True)",
                share=share,
            )
    if len(rows) >= MANY and not any(policy.remove for policy in engine.policies):
        yield Finding(
            code="unbounded",
            level="note",
            message=f"{len(rows)} records, and no policy removes any",
            remedy="a budget keeps a memory at a size that can be looked through",
        )


def _work(engine: Engine, prefix: Namespace) -> Iterator[Finding]:
    """What the structures owe, and texts that wait to be made anew."""
    pending, failed = Queue(engine.ledger).counts(set(engine.spaces(prefix)))
    if failed:
        yield Finding(
            code="extraction-failed",
            level="error",
            message=f"{failed} tasks of the structures have failed",
            remedy="extract(retry=True), or `agentmem extract --retry`",
        )
    if pending:
        yield Finding(
            code="extraction-pending",
            level="note",
            message=f"{pending} tasks of the structures are still to be done",
            remedy="extract() does them now",
        )
