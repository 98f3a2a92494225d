"""Counterfactual replay: one trace lived under other policies, and by a keeper who knows all.

What was recalled under the policy of then is taken for what is needed.  So a record that was never
found then cannot be missed here: compare policies with each other, not with the truth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Ask, Floats, Ints, Policy, View
from agentmem.panel import Panel
from agentmem.trace import Event, Happening, Trace
from agentmem.views import KEPT

__all__ = ["Outcome", "belady", "clairvoyant", "lived"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a policy would have done; shares are 0..1, NaN where nothing could be counted."""

    needs: int
    recall: float  # share of the needs whose record was there and not suppressed
    bound: float  # the most that a clairvoyant keeper of as many records at every moment can do
    regret: float  # bound - recall
    auc: float  # share of the others that a needed record outweighs, none if it is not found;
    # 0.5 is chance
    removed: int
    false_forget: float  # share of the removed that were needed afterwards
    stale: float  # share of the visible that had been superseded, when something was needed
    records: float  # kept, on average
    tokens: float  # in the records kept, on average


def lived(
    trace: Trace,
    policies: Sequence[Policy],
    *,
    budget: int | None = None,
    since: float = -np.inf,
) -> Outcome:
    """The trace under some policies: they weigh, strengthen and remove as in a memory.

    Maintenance runs at each event.  `budget`: at most so many records a namespace are kept, those
    of greatest weight (of equal ones the newer), so that policies that only rank can be compared;
    `since`: what is needed earlier is lived through, but not counted.
    """
    life = _Life(trace, policies, budget)
    for event in trace.events:
        life.happen(event, counted=event.at >= since)
    return life.outcome(since)


def clairvoyant(trace: Trace, sizes: Sequence[int], since: float = -np.inf) -> float:
    """The most that a keeper of at most `sizes[i]` records after event i can meet, as a share."""
    met = belady([(event.what, event.items) for event in trace.events], sizes)
    needs = [i for i, one in enumerate(trace.events) if one.what == "need" and one.at >= since]
    total = sum(len(trace.events[i].items) for i in needs)
    return sum(met[i] for i in needs) / total if total else float("nan")


def belady(steps: Sequence[tuple[Happening, Sequence[int]]], sizes: Sequence[int]) -> list[int]:
    """How many of the items needed at each step a keeper of `sizes[i]` items after step i meets.

    It knows all needs and lets go what is needed last, or never (Belady's MIN, 1966).  As in a
    cache, what was missed may come back: so this is a bound, also for keepers to whom it cannot.
    """
    needed: dict[int, list[int]] = {}
    for i, (what, items) in enumerate(steps):
        if what == "need":
            for item in items:
                needed.setdefault(item, []).append(i)
    gone: set[int] = set()
    kept: dict[int, float] = {}  # item -> the step at which it is needed next
    latest: list[tuple[float, int]] = []  # the same as a heap, with what has changed since
    met = []
    for i, ((what, items), size) in enumerate(zip(steps, sizes, strict=True)):
        met.append(sum(item in kept for item in items) if what == "need" else 0)
        for item in items:
            if what == "gone":
                kept.pop(item, None)
                gone.add(item)
            elif what == "back":
                gone.discard(item)
            if what in ("add", "need", "back") and item not in gone:
                kept[item] = _next(needed.get(item, []), i)
                heappush(latest, (-kept[item], item))
        while len(kept) > size:
            when, item = heappop(latest)
            if kept.get(item) == -when:
                del kept[item]
    return met


def _next(needs: list[int], i: int) -> float:
    at = bisect_right(needs, i)
    return float(needs[at]) if at < len(needs) else np.inf


class _Life:
    """The state of every item while a trace is lived."""

    def __init__(self, trace: Trace, policies: Sequence[Policy], budget: int | None) -> None:
        self.trace, self.items, self.budget = trace, trace.items, budget
        self.panel = Panel(policies, lambda code: trace.paths.get(code, ()), trace.lasting)
        n = len(self.items)
        self.kept = np.zeros(n, dtype=np.bool_)
        self.stale = np.zeros(n, dtype=np.bool_)
        self.removed = np.zeros(n, dtype=np.bool_)
        self.missed = np.zeros(n, dtype=np.bool_)
        self.used = self.items.used.copy()
        self.used_turn = np.full(n, -np.inf)
        self.uses = self.items.uses.copy()
        self.stability = self.items.stability.copy()
        self.recalls = np.full((n, KEPT if self.panel.traces else 0), np.nan)
        self.due = np.full(n, np.inf)
        self.turns = np.zeros(int(self.items.namespace.max(initial=-1)) + 1)
        self.last: Counter[tuple[str, int]] = Counter()  # turn of a policy's last removal there
        self.sizes: list[int] = []
        self.hits = self.needs = 0
        self.aucs: list[float] = []
        self.staleness: list[float] = []
        self.held: list[tuple[float, float]] = []  # records, tokens

    def view(self, rows: Ints, now: float) -> View:
        items = self.items
        current = self.turns[items.namespace[rows]]
        return View(
            now=now,
            created=items.created[rows],
            used=self.used[rows],
            uses=self.uses[rows],
            stability=self.stability[rows],
            importance=items.importance[rows],
            valence=items.valence[rows],
            turns=current - items.turn[rows],
            idle_turns=current - self.used_turn[rows],
            namespace=items.namespace[rows],
            ids=items.ids[rows],
            kind=items.kind[rows],
            source=items.source[rows],
            verify_by=items.verify_by[rows],
            words=items.words[rows],
            recalls=self.recalls[rows],
            share=np.full(len(rows), np.nan),
            kinds=items.kinds,
            origins=items.origins,
        )

    def happen(self, event: Event, *, counted: bool) -> None:
        """One event, and the maintenance that follows an add or goes before a need."""
        rows = np.array(event.items, dtype=np.int64)
        space = int(self.items.namespace[rows[0]])
        if event.what == "add":
            self.kept[rows] = True
            self.turns[space] = max(self.turns[space], self.items.turn[rows].max())
            self._time(rows, event.at)
            self._maintain(space, event.at)
        elif event.what == "need":
            self._maintain(space, event.at)
            self._need(rows, event.at, counted)
        elif event.what == "stale":
            self.stale[rows] = True
        elif event.what == "back":
            self.kept[rows], self.stale[rows] = True, False
            self.used[rows] = np.maximum(self.used[rows], event.at)
            self._time(rows, event.at)
            self._maintain(space, event.at)
        else:
            self.kept[rows] = False
        self.sizes.append(int(np.count_nonzero(self.kept)))
        self.held.append((self.sizes[-1], float(self.items.tokens[self.kept].sum())))

    def _time(self, rows: Ints, now: float) -> None:
        if self.panel.expires:
            self.due[rows] = self.panel.expiry(self.view(rows, now))

    def _need(self, rows: Ints, now: float, counted: bool) -> None:
        here = np.flatnonzero(self.kept & (self.items.namespace == self.items.namespace[rows[0]]))
        weights = self._weights(here, now)
        seen = here[weights > 0.0]
        found = rows[np.isin(rows, seen)]
        self.missed[rows[~self.kept[rows]]] = True
        if counted:
            self.hits += len(found)
            self.needs += len(rows)
            self.staleness.append(float(self.stale[seen].mean()) if len(seen) else 0.0)
            self.aucs += _auc(weights, np.isin(here, found))
            self.aucs += [0.0] * (len(rows) - len(found))
        if len(found):
            view = replace(self.view(found, now), share=np.full(len(found), 1.0 / len(found)))
            update = self.panel.touched(view)
            self.used[found], self.uses[found] = update.used, update.uses
            self.stability[found] = update.stability
            self.used_turn[found] = self.turns[self.items.namespace[found]]
            if self.recalls.shape[1]:
                self.recalls[found, update.uses.astype(np.int64) % KEPT] = update.used
            self._time(found, now)

    def _weights(self, rows: Ints, now: float) -> Floats:
        weights = np.ones(len(rows))
        for weight in self.panel.weights(self.view(rows, now)).values():
            weights = weights * weight
        return weights

    def _maintain(self, space: int, now: float) -> None:
        for label, policy in zip(self.panel.labels, self.panel.policies, strict=True):
            if not policy.remove:
                continue
            rows = np.flatnonzero(self.kept & (self.items.namespace == space))
            if policy.sweep == "due":
                rows = rows[self.due[rows] <= now]
            turn, path = int(self.turns[space]), self.trace.paths.get(space, ())
            ask = Ask(now=now, namespace=path, turn=turn, last_turn=self.last[label, space])
            if len(rows) and (policy.sweep == "due" or policy.concerns(len(rows), ask)):
                view = self.view(rows, now)
                change = self.panel.maintain(label, policy, view, ask)
                if change.archive:
                    self.last[label, space] = turn
                    names = [name.encode() for name in change.archive]
                    self._remove(rows[np.isin(view.ids, names)])
        if self.budget is not None:
            self._fit(space, now, self.budget)

    def _fit(self, space: int, now: float, budget: int) -> None:
        rows = np.flatnonzero(self.kept & (self.items.namespace == space))
        if len(rows) > budget:
            worst = np.lexsort((rows, self.items.created[rows], self._weights(rows, now)))
            self._remove(rows[worst[: len(rows) - budget]])

    def _remove(self, rows: Ints) -> None:
        self.kept[rows] = False
        self.removed[rows] = True

    def outcome(self, since: float) -> Outcome:
        recall = self.hits / self.needs if self.needs else float("nan")
        bound = clairvoyant(self.trace, self.sizes, since)
        removed = int(np.count_nonzero(self.removed))
        wrong = np.count_nonzero(self.removed & self.missed)
        return Outcome(
            needs=self.needs,
            recall=recall,
            bound=bound,
            regret=bound - recall,
            auc=_mean(self.aucs),
            removed=removed,
            false_forget=float(wrong / removed) if removed else float("nan"),
            stale=_mean(self.staleness),
            records=_mean([records for records, _ in self.held]),
            tokens=_mean([tokens for _, tokens in self.held]),
        )


def _auc(weights: Floats, needed: NDArray[np.bool_]) -> list[float]:
    """For each needed row, the share of the others that weigh less; ties count half."""
    others = np.sort(weights[~needed])
    if not len(others):
        return []
    below = np.searchsorted(others, weights[needed], side="left")
    upto = np.searchsorted(others, weights[needed], side="right")
    shares: list[float] = ((below + upto) / 2.0 / len(others)).tolist()
    return shares


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else float("nan")
