"""Is this memory well?  What decays in vain, what is due, what never happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from agentmem.core import Ask, Floats, Ints, Namespace, Policy, View
from agentmem.engine import Engine
from agentmem.ledger.queue import Queue

__all__ = ["Finding", "examine"]

YEAR = 365.25 * 86400.0
MONTH = 30 * 86400.0
ENOUGH = 20  # records below which a share tells nothing
INERT = 0.01  # weights that spread less than this order nothing
MOST = 0.8  # share of the records from which a floor, or a limit, is the rule


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
        findings += _recalls(view)
        findings += _overdue(engine, view, rows, now, cap)
    order = ("error", "warning", "note")
    return sorted(findings, key=lambda one: order.index(one.level))


def _weights(label: str, policy: Policy, view: View) -> Iterator[Finding]:
    """Does a curve order anything, or has everything fallen to its floor?"""
    if not policy.rank or type(policy).weight is Policy.weight or len(view) < ENOUGH:
        return
    weights = policy.weight(view)
    least, most = float(weights.min()), float(weights.max())
    floor = getattr(policy, "floor", None)
    if floor:
        low = float(np.mean(weights <= floor))
        if low >= MOST and floor < 1.0:
            yield Finding(
                code="below-floor",
                level="warning",
                message=f"{low:.0%} of the records are at the floor of {label} ({floor:g})",
                remedy="a longer half-life, or a curve with a tail (power_law), would order them",
                share=low,
            )
    spread = max(most - least, _later(policy, view))
    if spread < INERT:
        yield Finding(
            code="decay-inert",
            level="warning",
            message=f"{label} is inert: its weights lie within {spread:.3f} of each other, today "
            "and in a year",
            remedy="check its time scale and its floor, or leave it out",
            share=1.0,
        )
    gone = float(np.mean(weights <= 0.0))
    if gone >= MOST:
        yield Finding(
            code="suppressed",
            level="warning",
            message=f"{label} keeps {gone:.0%} of the records out of recall",
            remedy="a wider window, or archive what is not wanted",
            share=gone,
        )


def _later(policy: Policy, view: View) -> float:
    """How much the weights of the present records will have changed in a month or a year."""
    now = policy.weight(view)
    later = [policy.weight(replace(view, now=view.now + ahead)) for ahead in (MONTH, YEAR)]
    return max(float(np.abs(weights - now).max()) for weights in later)


def _impure(label: str, policy: Policy, view: View) -> Iterator[Finding]:
    """Retention must be a function of the records and the time, not of the asking."""
    before, due = policy.weight(view), policy.expiry(view)
    if policy.remove:
        policy.maintain(view, Ask(now=view.now, namespace=()))
    same = np.array_equal(before, policy.weight(view)) and np.array_equal(due, policy.expiry(view))
    if not same:
        yield Finding(
            code="schedule-dependent",
            level="error",
            message=f"{label} gives other numbers when it is asked again at the same time",
            remedy="a policy is a pure function of its view: no state, clock or unseeded chance",
        )


def _recalls(view: View) -> Iterator[Finding]:
    """Was anything ever strengthened, looked at again?"""
    old = float(view.age.max())
    if len(view) >= ENOUGH and not view.uses.any() and old > 86400.0:
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


def _overdue(engine: Engine, view: View, rows: Ints, now: float, cap: float) -> Iterator[Finding]:
    """What maintenance would put away, had it run."""
    due = _expiries(engine, view, rows)
    late = due <= now - 86400.0
    if late.any():
        share = float(np.mean(late))
        days = (now - float(due[late].min())) / 86400.0
        yield Finding(
            code="maintenance-overdue",
            level="warning",
            message=f"{int(late.sum())} records are due since up to {days:.0f} days and still "
            "active",
            remedy="memory.apply(memory.plan()) puts them away",
            share=share,
        )
        if share > cap and late.sum() > ENOUGH:
            yield Finding(
                code="beyond-cap",
                level="warning",
                message=f"a plan would remove {share:.0%} of the records, beyond the cap of "
                f"{cap:.0%}",
                remedy="look at the plan, then apply(plan, allow_mass=True)",
                share=share,
            )
    if any(policy.remove for policy in engine.policies):
        return
    if len(view) >= 100_000:
        yield Finding(
            code="unbounded",
            level="note",
            message=f"{len(view)} records, and no policy removes any",
            remedy="a budget keeps a memory at a size that can be looked through",
        )


def _expiries(engine: Engine, view: View, rows: Ints) -> Floats:
    return np.fmin(engine.panel.expiry(view), engine.columns.floats["expires"][rows])


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
