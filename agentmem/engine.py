"""The ledger, the arrays that follow it and the policies: the only path a change takes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from agentmem.core import (
    Change,
    Embedder,
    Floats,
    Index,
    Ints,
    Namespace,
    Policy,
    Record,
    Update,
    Vectors,
    View,
)
from agentmem.errors import LedgerError
from agentmem.index.columns import ACTIVE, Columns
from agentmem.index.life import traced, view_of
from agentmem.ledger.book import Place
from agentmem.ledger.ledger import Ledger, Outcome
from agentmem.ledger.reads import Reads
from agentmem.panel import Panel, record_view
from agentmem.structure import Consolidator, Store, Updater


class Engine:
    """Serialises the threads of one process; other processes are followed through the journal."""

    def __init__(
        self,
        ledger: Ledger,
        embedder: Embedder,
        policies: Sequence[Policy],
        index: Callable[[int], Index],
        *,
        stores: Sequence[Store] = (),
        updates: Sequence[Updater] = (),
        source: str = "chunk",
    ) -> None:
        self.ledger = ledger
        self.reads = Reads(ledger)
        self.embedder = embedder
        kept = [store.kind for store in stores if isinstance(store, Consolidator)]
        self.panel = Panel(policies, ledger.path, kept)
        self.policies, self.labels = self.panel.policies, self.panel.labels
        self.stores = {store.kind: store for store in stores}  # those that derive ...
        self.source = source  # ... from records of this kind ...
        self.owing = tuple(  # ... and do so from each of them as it comes
            store.kind for store in stores if not isinstance(store, Consolidator)
        )
        names = [updater.name for updater in updates]
        self.updaters = {  # by the name that they have in the queue
            f"update:{name}" + (f"#{i}" if name in names[:i] else ""): updater
            for i, (name, updater) in enumerate(zip(names, updates, strict=True))
        }
        self._index = index
        self.columns = self._columns()
        self._branches: dict[Namespace, list[int]] = {}  # prefix -> codes, ...
        self._branched = 0  # ... while there are so many namespaces
        self._seen = -1  # newest journal line in the arrays; -1: nothing loaded yet
        self._spent = False  # the arrays have to be filled anew
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._closed = False

    def owed(self, kind: str) -> tuple[str, ...]:
        """Whose work is due on a new record of a kind: stores, and updaters that ask a model."""
        return (self.owing if kind == self.source else ()) + tuple(
            label
            for label, one in self.updaters.items()
            if one.asks_model and (not one.kinds or kind in one.kinds)
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the memory for one operation."""
        if os.getpid() != self._pid:
            raise LedgerError("this memory was opened before a fork: open it again in the child")
        with self._lock:
            if self._closed:
                raise LedgerError(f"{self.ledger.db.path}: this memory is closed")
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction for what is read and what is written on the strength of it."""
        with self.locked():
            before = self._seen
            try:
                with self.ledger.together():
                    yield
            except BaseException:
                if self._seen != before:  # the arrays are ahead of what was rolled back
                    self.columns, self._seen = self._columns(), -1
                raise

    def rebuild(self) -> None:
        """Fill new arrays, and a new index, from the ledger at the next refresh."""
        self._spent = True

    def refresh(self) -> None:
        """Bring the arrays up to the newest journal line, whoever wrote it."""
        if self._spent:
            self._close_index()
            self.columns = self._columns()
            self._seen, self._spent = -1, False
        if self._seen >= 0 and self.ledger.seq() == self._seen:
            return
        newest, rows, gone = self.reads.follow(max(self._seen, 0))
        self.columns.put(rows)
        if self.panel.traces:
            self.columns.recalled(self.reads.recalls(row[0] for row in rows))
        self.columns.drop(gone)
        if gone:
            self.clear_cache()
        self.columns.set_turns(self.reads.turns())
        self._seen = newest

    def clear_cache(self) -> None:
        """Empty the ledger's shelf and the embedder's cache: they may hold what has been erased."""
        self.ledger.shelf.clear()
        clear = getattr(self.embedder, "clear", None)
        if clear is not None:
            clear()

    def _columns(self) -> Columns:
        return Columns(self._index(self.embedder.dim), traces=self.panel.traces)

    def spaces(self, prefix: Namespace) -> list[int]:
        """Codes of the namespaces under a prefix; none if there are none (never all)."""
        paths = self.ledger.spaces()
        if len(paths) != self._branched:
            self._branches, self._branched = {}, len(paths)
        if prefix not in self._branches:
            depth = len(prefix)
            self._branches[prefix] = [c for c, path in paths.items() if path[:depth] == prefix]
        return self._branches[prefix]

    def rows(
        self,
        prefix: Namespace,
        *,
        status: int | None = ACTIVE,
        kinds: Collection[str] | None = None,
    ) -> Ints:
        """Positions under a namespace prefix, ascending, of some kinds (None: of all).

        status None: whatever is not erased.
        """
        spaces = self.spaces(prefix) if prefix else None
        return self.columns.rows(spaces, status=status, kinds=kinds)

    def searchable(
        self, prefix: Namespace, kinds: Collection[str] | None = None, *, now: float
    ) -> Ints:
        """Positions that a search looks at, ascending: active, neither expired nor resting on what
        has, and not waiting to be made anew.
        """
        rows = self.columns.unexpired(self.rows(prefix, kinds=kinds), now)
        stale = [*self.reads.awaiting(), *self.outlived(prefix, now)]
        return rows[~np.isin(rows, stale)] if stale else rows

    def outlived(self, prefix: Namespace, now: float) -> list[int]:
        """Positions of the records made of what has expired, ascending."""
        if not self.columns.perishable:
            return []
        rows = self.rows(prefix)
        late = self.columns.ids[np.setdiff1d(rows, self.columns.unexpired(rows, now))]
        if not len(late):
            return []
        names = [name.decode() for name in late.tolist()]
        mixing = [kind for kind, store in self.stores.items() if getattr(store, "mixes", True)]
        return self.reads.outlived(names, now, kept=self.source, mixing=mixing)

    def records(self, rows: Iterable[int]) -> list[Record]:
        """The records at some positions, in that order; those erased meanwhile are left out."""
        positions = [int(row) for row in rows]
        found = self.ledger.records(positions)
        return [found[pos] for pos in positions if pos in found]

    def commit(
        self,
        change: Change,
        *,
        at: float,
        vectors: Mapping[str, Vectors] | None = None,
        revive: bool = False,
        run: str | None = None,
        versions: Mapping[str, int] | None = None,
        places: Mapping[str, Place] | None = None,
        rows: Ints | None = None,
    ) -> Outcome:
        """Write a change; the arrays follow.  `rows`: positions of `change.touch`, if known."""
        vectors = vectors or {}
        outcome = self.ledger.commit(
            change,
            at=at,
            vectors={name: vector.tobytes() for name, vector in vectors.items()},
            expire=lambda records: self.expire(records, at),
            expiries=self.panel.stamp,
            revive=revive,
            run=run,
            versions=versions,
            places=places,
        )
        if outcome.seq and self._seen >= 0:
            self._follow(change, outcome, vectors, rows)
        return outcome

    def _follow(
        self, change: Change, outcome: Outcome, vectors: Mapping[str, Vectors], rows: Ints | None
    ) -> None:
        other = change.update or change.archive or change.supersede or change.restore
        known = rows is not None or not change.touch
        if outcome.seq != self._seen + 1 or other or change.erase or change.bury or not known:
            self.refresh()
            return
        for content, (pos, record) in outcome.added.items():
            space = self.ledger.space(record.namespace)
            self.columns.add(pos, space, record, vectors[content])
        if rows is not None:
            self.columns.touch(rows, change.touch)
        self._seen = outcome.seq

    def expire(self, records: Sequence[Record], now: float) -> list[float | None]:
        """When each record is due for removal, by its own date or under the policies that know."""
        if not self.panel.expires and all(record.expires is None for record in records):
            return [None] * len(records)
        view, traces = record_view(records, now, self.ledger.space), None
        if self.panel.traces:
            there = dict(self.ledger.present(record.id for record in records))
            held = [there[record.id].pos if record.id in there else -1 for record in records]
            traces = traced(held, self.reads.recalls(held))
        own = [np.inf if record.expires is None else record.expires for record in records]
        return self._due(view if traces is None else replace(view, recalls=traces), np.array(own))

    def expiry_after(self, view: View, update: Update, rows: Ints) -> list[float | None]:
        """The same of some positions once `update` has been written."""
        if not self.panel.expires and not self.columns.perishable:
            return [None] * len(view)
        return self._due(view.at(update), self.columns.floats["expires"][rows])

    def _due(self, view: View, own: Floats) -> list[float | None]:
        due = np.fmin(self.panel.expiry(view), own)
        return [float(t) if np.isfinite(t) else None for t in due]

    @property
    def timed(self) -> bool:
        """Was every expiry in the ledger computed under these policies?"""
        return self.ledger.meta("expiries") in (None, self.panel.stamp)

    def due(self, now: float) -> tuple[View, Floats]:
        """The active records whose expiry has passed, and each one's own expiry; reads only."""
        if self.timed:
            return self._seen_as(self.reads.due(now), now)
        view, own = self._seen_as(self.reads.active(), now)
        late = np.fmin(self.panel.expiry(view), own) <= now
        return view.take(late), own[late]

    def _seen_as(self, rows: Sequence[tuple[Any, ...]], now: float) -> tuple[View, Floats]:
        """The view of some LIFE rows, and each one's own expiry (NaN: none)."""
        view, own = view_of(rows, now, self.reads.turns())
        if self.panel.traces:
            held = [row[0] for row in rows]
            view = replace(view, recalls=traced(held, self.reads.recalls(held)))
        return view, own

    def retime(self) -> None:
        """Recompute every expiry if some were written under other policies."""
        if self.timed:
            return
        with self.ledger.together():
            rows = self.reads.active()
            due = self._due(*self._seen_as(rows, 0.0)) if rows else []
            self.ledger.set_expiries([(t, r[0]) for t, r in zip(due, rows, strict=True)])
            self.ledger.set_meta("expiries", self.panel.stamp)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._close_index()
                self.ledger.close()

    def _close_index(self) -> None:
        """Let go of a server's connection or a file, where the index holds one."""
        close = getattr(self.columns.dense, "close", None)
        if close is not None:
            close()
