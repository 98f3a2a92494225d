"""The ledger, the arrays that follow it and the policies: the only path a change takes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from agentmem import contract
from agentmem.config import fingerprint
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
from agentmem.index.columns import ACTIVE, Columns, view_of
from agentmem.ledger.book import Place
from agentmem.ledger.ledger import Ledger, Outcome
from agentmem.ledger.reads import Reads
from agentmem.structure import Store


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
        source: str = "chunk",
    ) -> None:
        self.ledger = ledger
        self.reads = Reads(ledger)
        self.embedder = embedder
        self.policies = tuple(policies)
        self.labels = _labels(self.policies)
        self.stores = {store.kind: store for store in stores}  # those that derive ...
        self.source = source  # ... from records of this kind
        self._index = index
        self.columns = Columns(index(embedder.dim))
        pairs = zip(self.labels, self.policies, strict=True)
        self._expiring = [(name, policy) for name, policy in pairs if _has_expiry(policy)]
        self.expiries = fingerprint([policy for _, policy in self._expiring])
        self._branches: dict[Namespace, list[int]] = {}  # prefix -> codes, ...
        self._branched = 0  # ... while there are so many namespaces
        self._seen = -1  # newest journal line in the arrays; -1: nothing loaded yet
        self._spent = False  # the arrays have to be filled anew
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._closed = False

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
                    self.columns, self._seen = Columns(self._index(self.embedder.dim)), -1
                raise

    def rebuild(self) -> None:
        """Fill new arrays, and a new index, from the ledger at the next refresh."""
        self._spent = True

    def refresh(self) -> None:
        """Bring the arrays up to the newest journal line, whoever wrote it."""
        if self._spent:
            self._close_index()
            self.columns = Columns(self._index(self.embedder.dim))
            self._seen, self._spent = -1, False
        if self._seen >= 0 and self.ledger.seq() == self._seen:
            return
        newest, rows, gone = self.reads.follow(max(self._seen, 0))
        self.columns.put(rows)
        self.columns.drop(gone)
        self.columns.set_turns(self.reads.turns())
        self._seen = newest

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

    def searchable(self, prefix: Namespace, kinds: Collection[str] | None = None) -> Ints:
        """Positions that a search looks at, ascending: active, and not waiting to be made anew."""
        rows = self.rows(prefix, kinds=kinds)
        stale = self.reads.awaiting()
        return rows[~np.isin(rows, stale)] if stale else rows

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
            expiries=self.expiries,
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
        """When each record is due for removal, under the policies that know."""
        if not self._expiring:
            return [None] * len(records)
        return self.expiry_of(record_view(records, now))

    def expiry_of(self, view: View) -> list[float | None]:
        """The earliest expiry any policy gives each row."""
        due = np.min([contract.expiry(name, p, view) for name, p in self._expiring], axis=0)
        return [float(t) if np.isfinite(t) else None for t in due]

    def expiry_after(self, view: View, update: Update) -> list[float | None]:
        """The same once `update` has been written."""
        return self.expiry_of(view.at(update)) if self._expiring else [None] * len(view)

    def weights(self, view: View, *, separable: bool | None = None) -> dict[str, Floats]:
        """Each ranking policy's retention factor, shape (n,); of some policies (None: of all)."""
        return {
            name: contract.weight(name, policy, view)
            for name, policy in zip(self.labels, self.policies, strict=True)
            if _weighs(policy) and separable in (None, policy.separable)
        }

    @property
    def separable(self) -> bool:
        """Can every policy weigh a record by itself, and never as 0?"""
        return all(policy.separable for policy in self.policies if _weighs(policy))

    def touched(self, view: View) -> Update:
        """The rows after being recalled now; of several policies that strengthen, the last."""
        pairs = zip(self.labels, self.policies, strict=True)
        own = [(name, p) for name, p in pairs if type(p).touch is not Policy.touch]
        name, policy = own[-1] if own else ("policy", Policy())
        return contract.touch(name, policy, view)

    @property
    def timed(self) -> bool:
        """Was every expiry in the ledger computed under these policies?"""
        return self.ledger.meta("expiries") in (None, self.expiries)

    def due(self, now: float) -> list[tuple[Any, ...]]:
        """LIFE of the active records whose expiry has passed; reads only."""
        if self.timed:
            return self.reads.due(now)
        rows = self.reads.active()
        due = self.expiry_of(view_of(rows, now, self.reads.turns())) if rows else []
        pairs = zip(rows, due, strict=True)
        return [row for row, at in pairs if at is not None and at <= now]

    def retime(self) -> None:
        """Recompute every expiry if some were written under other policies."""
        if self.timed:
            return
        with self.ledger.together():
            if self._expiring:
                rows = self.reads.active()
                view = view_of(rows, 0.0, self.reads.turns())
                due = self.expiry_of(view) if rows else []
                self.ledger.set_expiries([(t, r[0]) for t, r in zip(due, rows, strict=True)])
            else:
                self.ledger.set_expiries(None)
            self.ledger.set_meta("expiries", self.expiries)

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


def record_view(records: Sequence[Record], now: float) -> View:
    """The view of some whole records; turn counts are not known here (zero and infinite)."""

    def floats(name: str) -> Floats:
        return np.array([getattr(r, name) for r in records], dtype=np.float64)

    return View(
        now=now,
        created=floats("created"),
        used=floats("used"),
        uses=floats("uses"),
        stability=floats("stability"),
        importance=floats("importance"),
        valence=floats("valence"),
        turns=np.zeros(len(records)),
        idle_turns=np.full(len(records), np.inf),
        namespace=np.zeros(len(records), dtype=np.int64),
        ids=np.array([r.id.encode() for r in records], dtype="S32"),
    )


def _weighs(policy: Policy) -> bool:
    return policy.rank and type(policy).weight is not Policy.weight


def _has_expiry(policy: Policy) -> bool:
    return policy.remove and policy.sweep == "due" and type(policy).expiry is not Policy.expiry


def _labels(policies: Sequence[Policy]) -> tuple[str, ...]:
    """One name a policy; a repeated one gets a number."""
    names = [policy.name for policy in policies]
    return tuple(
        name if names.count(name) == 1 else f"{name}#{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    )
