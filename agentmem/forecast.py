"""When each record will be forgotten, if nothing is added or recalled until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from agentmem.core import Floats, Ints, Namespace, Record
from agentmem.engine import Engine
from agentmem.maintenance import proposed, removed
from agentmem.recall import product

__all__ = ["Forecast", "forecast"]

STEPS = 48  # moments looked at, evenly spaced on a log scale, before they are narrowed down
PRECISION = 0.01  # share of the time ahead to which a moment is narrowed down
SOON = 60.0  # seconds to which it is, at most


_How = Literal["archived", "suppressed", "expired"]
_Way = tuple[_How, str]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """When a record leaves recall."""

    record: Record
    at: float  # second
    how: _How  # put away by the next maintenance, ...
    by: str  # ... by this policy; "": by its own date
    weight: float  # retention now, 0..1

    @property
    def text(self) -> str:
        return self.record.text


def forecast(
    engine: Engine, prefix: Namespace, now: float, horizon: float, limit: int | None
) -> list[Forecast]:
    """The records that will be forgotten within `horizon` seconds, the soonest first.

    A policy with a closed form tells the second; of others the moment is found by looking ahead,
    to 1 % of the time until then.  Limits of number (a window, a budget) let go of nothing while
    nothing is added.  What consolidation would make of all this is not foreseen.
    """
    engine.refresh()
    rows = engine.searchable(prefix, now=now)
    when, way = _dated(engine, rows, now)
    ways = [("expired", ""), *(("archived", n) for n in engine.labels)]
    ways += [("suppressed", name) for name in engine.labels]
    if _unforeseen(engine):
        met, ahead = _first(lambda at: _state(engine, prefix, rows, at), len(rows), now, horizon)
        way = np.where(met < when, ahead, way)
        when = np.minimum(met, when)
    leaving = np.flatnonzero(when <= now + horizon)
    leaving = leaving[np.argsort(when[leaving], kind="stable")][:limit]
    weights = product(engine.panel.weights(engine.columns.view(rows, now)), len(rows))
    there = engine.ledger.records(rows[leaving].tolist())
    return [
        Forecast(record=there[pos], at=float(when[i]), how=how, by=by, weight=float(weights[i]))
        for i, pos in zip(leaving.tolist(), rows[leaving].tolist(), strict=True)
        for how, by in [cast(_Way, ways[way[i]])]
        if pos in there
    ]


def _dated(engine: Engine, rows: Ints, now: float) -> tuple[Floats, Ints]:
    """The moments that are known in advance, and which way each record goes: by its own date (0),
    or by the closed form of a policy (its place, from 1).
    """
    when = np.fmin(engine.columns.floats["expires"][rows], np.inf)
    way = np.zeros(len(rows), dtype=np.int64)
    for label, due in engine.panel.expiries(engine.columns.view(rows, now)).items():
        way = np.where(due < when, 1 + engine.labels.index(label), way)
        when = np.minimum(due, when)
    return np.maximum(when, now), way


def _sweepers(engine: Engine) -> list[str]:
    """The labels of the policies that have to see all records to tell which go."""
    pairs = zip(engine.labels, engine.policies, strict=True)
    return [label for label, policy in pairs if policy.remove and policy.sweep == "all"]


def _unforeseen(engine: Engine) -> bool:
    """Is there a policy without a closed form?"""
    return bool(_sweepers(engine)) or not engine.panel.separable


def _state(engine: Engine, prefix: Namespace, rows: Ints, at: float) -> Ints:
    """Which way each row has gone at a moment, shape (n,): that of a plan, or of a search; 0: none.

    1 and more: archived by the policy of that place; after these, suppressed by it.
    """
    state = np.zeros(len(rows), dtype=np.int64)
    sweepers = _sweepers(engine)
    for change in proposed(engine, at, prefix) if sweepers else ():
        if change.policy in sweepers:
            names = [name.encode() for name in removed(change)]
            state[np.isin(engine.columns.ids[rows], names)] = 1 + engine.labels.index(change.policy)
    seen = np.isin(rows, engine.columns.unexpired(rows, at))
    view = engine.columns.view(rows[seen], at)
    for label, weight in engine.panel.weights(view, separable=False).items():
        out = np.flatnonzero(seen)[weight <= 0.0]
        out = out[state[out] == 0]
        state[out] = 1 + len(engine.labels) + engine.labels.index(label)
    return state


State = Callable[[float], Ints]


def _first(state: State, n: int, now: float, horizon: float) -> tuple[Floats, Ints]:
    """The first moment at which each row's state is not 0 (inf: never), and that state."""
    when, found = np.full(n, np.inf), state(now)
    low, when[found > 0] = now, now
    for high in now + np.geomspace(SOON, max(horizon, 2 * SOON), STEPS):
        _narrow(state, (low, float(high), now), (when, found), state(high))
        low = float(high)
    return when, found


def _narrow(
    state: State, span: tuple[float, float, float], first: tuple[Floats, Ints], after: Ints
) -> None:
    """Set the moments of the rows that leave within a span, by halving it.

    `span`: its ends, and now; `first`: moments and states, changed in place; `after`: the state at
    its end.
    """
    (low, high, now), (when, found) = span, first
    new = (after > 0) & np.isinf(when)
    if not new.any():
        return
    if high - low <= max(SOON, PRECISION * (high - now)):
        when[new], found[new] = high, after[new]
        return
    middle = (low + high) / 2.0
    half = state(middle)
    _narrow(state, (low, middle, now), first, np.where(new, half, 0))
    _narrow(state, (middle, high, now), first, np.where(new, after, 0))
