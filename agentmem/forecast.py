"""When each record will be forgotten, if nothing is added or recalled until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Ask, Floats, Ints, Namespace, Record, View
from agentmem.engine import Engine
from agentmem.panel import Panel

__all__ = ["Forecast", "forecast"]

STEPS = 48  # moments looked at, evenly spaced on a log scale, before they are narrowed down
PRECISION = 0.01  # share of the time ahead to which a moment is narrowed down
SOON = 60.0  # seconds to which it is, at most


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """When a record leaves recall."""

    record: Record
    at: float  # second
    how: Literal["archived", "suppressed", "expired"]  # put away by the next maintenance, ...
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
    nothing is added.
    """
    engine.refresh()
    rows = engine.searchable(prefix, now=now)
    when, how = _dated(engine, rows, now)
    for label, found, manner in _ahead(engine.panel, engine, rows, now, horizon):
        sooner = found < when
        when = np.where(sooner, found, when)
        how = [(manner, label) if s else h for s, h in zip(sooner.tolist(), how, strict=True)]
    leaving = np.flatnonzero(when <= now + horizon)
    leaving = leaving[np.argsort(when[leaving], kind="stable")][:limit]
    weights = np.ones(len(rows))
    for weight in engine.panel.weights(engine.columns.view(rows, now)).values():
        weights = weights * weight
    return [
        Forecast(record=record, at=float(when[i]), how=how[i][0], by=how[i][1], weight=weights[i])
        for i in leaving.tolist()
        for record in engine.records([rows[i]])
    ]


_How = tuple[Literal["archived", "suppressed", "expired"], str]


def _dated(engine: Engine, rows: Ints, now: float) -> tuple[Floats, list[_How]]:
    """The moments that are known in advance: dates of single records, and closed forms."""
    when = np.fmin(engine.columns.floats["expires"][rows], np.inf)
    how: list[_How] = [("expired", "")] * len(rows)
    for label, policy in zip(engine.labels, engine.policies, strict=True):
        own = Panel([policy], engine.ledger.path)
        if own.expires:
            due = np.maximum(own.expiry(engine.columns.view(rows, now)), now)
            sooner = due < when
            when = np.where(sooner, due, when)
            how = [("archived", label) if s else h for s, h in zip(sooner, how, strict=True)]
    return when, how


def _ahead(
    panel: Panel, engine: Engine, rows: Ints, now: float, horizon: float
) -> list[tuple[str, Floats, Literal["archived", "suppressed"]]]:
    """By looking ahead: when each policy first weighs a row as 0, or would put it away."""
    found: list[tuple[str, Floats, Literal["archived", "suppressed"]]] = []
    for label, policy in zip(panel.labels, panel.policies, strict=True):
        own = Panel([policy], engine.ledger.path)

        def gone(at: float, own: Panel = own, label: str = label) -> Floats:
            return _weightless(own, engine.columns.view(rows, at))

        def put_away(at: float, own: Panel = own) -> Floats:
            return _removed(own, engine, rows, at)

        if policy.rank and not policy.separable:
            found.append((label, _first(gone, len(rows), now, horizon), "suppressed"))
        if policy.remove and policy.sweep == "all":
            found.append((label, _first(put_away, len(rows), now, horizon), "archived"))
    return found


def _weightless(own: Panel, view: View) -> Floats:
    out = np.zeros(len(view))
    for weight in own.weights(view).values():
        out = np.where(weight <= 0.0, 1.0, out)
    return out


def _removed(own: Panel, engine: Engine, rows: Ints, at: float) -> Floats:
    """Which rows maintenance would put away at a moment, namespace by namespace: 1, else 0."""
    [policy], [label] = own.policies, own.labels
    out = np.zeros(len(rows))
    spaces = engine.columns.space[rows]
    turns = {space.code: space for space in engine.reads.spaces()}
    for code in np.unique(spaces).tolist():
        at_rows = np.flatnonzero(spaces == code)
        last = engine.reads.last_removal(label, code)
        path = engine.ledger.path(code)
        ask = Ask(now=at, namespace=path, turn=turns[code].turn, last_turn=last)
        if policy.concerns(len(at_rows), ask):
            view = engine.columns.view(rows[at_rows], at)
            names = own.maintain(label, policy, view, ask).archive
            out[at_rows[np.isin(view.ids, [name.encode() for name in names])]] = 1.0
    return out


def _first(state: Callable[[float], Floats], n: int, now: float, horizon: float) -> Floats:
    """The first moment at which each row's state is 1, shape (n,); inf for never."""
    when = np.full(n, np.inf)
    before, low = state(now), now
    when[before > 0.0] = now
    for high in now + np.geomspace(SOON, max(horizon, 2 * SOON), STEPS):
        after = state(high)
        _narrow(state, low, high, now, when, after > 0.0)
        low = float(high)
    return when


def _narrow(
    state: Callable[[float], Floats],
    low: float,
    high: float,
    now: float,
    when: Floats,
    out: NDArray[np.bool_],
) -> None:
    """Set the moments of the rows that leave between `low` and `high`, by halving the span."""
    new = out & np.isinf(when)
    if not new.any():
        return
    if high - low <= max(SOON, PRECISION * (high - now)):
        when[new] = high
        return
    middle = (low + high) / 2.0
    _narrow(state, low, middle, now, when, new & (state(middle) > 0.0))
    _narrow(state, middle, high, now, when, new & np.isinf(when))
