"""The work of the stores: a task is taken, derived, and written together with its completion.

A task may be begun twice (a crash, two processes), but it is written once: the transaction that
writes its records also removes it, and writes nothing if it is gone already.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from agentmem import contract
from agentmem.around import Surroundings
from agentmem.caller import Caller
from agentmem.config import MemoryConfig
from agentmem.core import Change, Namespace, Record, Task, Vectors
from agentmem.engine import Engine
from agentmem.errors import (
    AgentMemError,
    BudgetExceeded,
    LedgerError,
    ModelUnavailable,
    StalePlan,
)
from agentmem.identity import identity_of
from agentmem.ledger.queue import LONGEST, Due, Queue
from agentmem.ripple import left, ripple
from agentmem.settling import cleansed, settled
from agentmem.steps import Steps, work
from agentmem.structure import Store, Updater
from agentmem.updating import concerned, decide, meet

_log = logging.getLogger(__name__)
STALE_TRIES = 3  # times that a change may come too late, before the task counts as failed
PAUSE = 2.0  # seconds before a task is tried again; doubled each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """What became of the stores' work."""

    done: int = 0  # tasks
    ids: tuple[str, ...] = ()  # records written
    failed: int = 0  # tasks that a model or a store could not do: see `stats()`
    pending: int = 0  # tasks still owed
    halted: str = ""  # why it stopped before the end, if it did


class Extraction:
    """Works off the tasks of one memory's stores."""

    def __init__(self, engine: Engine, config: MemoryConfig, caller: Caller | None) -> None:
        self.engine = engine
        self.queue = Queue(engine.ledger)
        self.config = config
        self.caller = caller
        stores = engine.stores.values()
        self.quick = tuple(store.kind for store in stores if not store.asks_model)
        self.slow = tuple(store.kind for store in stores if store.asks_model) + tuple(
            label for label, updater in engine.updaters.items() if updater.asks_model
        )

    @property
    def owes(self) -> bool:
        """Is there work in the ledger, anybody's?"""
        with self.engine.locked():
            return self.queue.owed() > 0

    def work_off(
        self, kinds: Sequence[str], prefix: Namespace, *, limit: int | None = None
    ) -> Steps[Extracted]:
        """Do what is due for some stores, oldest first: all of it, or `limit` tasks."""
        done, failed, ids, halted = 0, 0, [], ""
        while limit is None or done + failed < limit:
            due = yield from work(lambda: self._take(kinds, prefix))
            if due is None:
                break
            try:
                ids += yield from self._do(due)
                done += 1
            except BudgetExceeded as error:
                yield from work(partial(self._let_go, due))
                halted = str(error)
                break
            except ModelUnavailable as error:
                yield from work(partial(self._later, due))
                halted = str(error)
                break
            except StalePlan as error:
                _log.info("store %r at record %s: %s", due.store, due.record, error)
                put_off = self._later if due.tries < STALE_TRIES else self._stale
                yield from work(partial(put_off, due))
            except LedgerError:
                yield from work(partial(self._let_go, due))
                raise
            except AgentMemError as error:
                _log.warning("store %r failed at record %s: %s", due.store, due.record, error)
                yield from work(partial(self._fail, due, type(error).__name__))
                failed += 1
            except BaseException:  # cancelled in the middle
                self._let_go(due)
                raise
        pending = yield from work(lambda: self._pending(prefix))
        return Extracted(done=done, ids=tuple(ids), failed=failed, pending=pending, halted=halted)

    def _do(self, due: Due) -> Steps[list[str]]:
        """Derive or resolve, and write; once more if what it rests on has changed meanwhile."""
        updater = self.engine.updaters.get(due.store)
        for last in (False, True):
            try:
                if updater is not None:
                    return (yield from self._resolved(updater, due))
                return (yield from self._once(self.engine.stores[due.store], due))
            except StalePlan:
                if last:
                    raise
        return []

    def _resolved(self, updater: Updater, due: Due) -> Steps[list[str]]:
        """Write what an updater makes of a new record, and that it is done."""
        before = yield from work(self._erasures)
        new = concerned(updater, (yield from work(lambda: self._sources(due)))[0])
        found: list[Change] = []
        if new:
            around = self._around(new[0].kind, new, None)
            found = yield from contract.resolve(updater, new, around)

        def body() -> list[str]:
            engine = self.engine
            with engine.writing():
                engine.refresh()
                self._none_erased(before)
                if self.queue.is_due(due):
                    at = engine.ledger.last_at()
                    if found:
                        decide(engine, found, around, at)
                    done = due.task._replace(state="done")
                    engine.commit(Change(reason="resolved", tasks=(done,)), at=at)
                self.queue.release(due)
            return []

        return (yield from work(body))

    def _around(self, kind: str, new: Sequence[Record], target: Record | None) -> Surroundings:
        return Surroundings(self.engine, kind, new, target, self.caller, self.config.recall)

    def _once(self, store: Store, due: Due) -> Steps[list[str]]:
        before = yield from work(self._erasures)
        new, target = yield from work(lambda: self._sources(due))
        change = Change(reason="its sources are gone", policy=store.kind)
        if new:
            around = self._around(store.kind, new, target)
            change = cleansed((yield from contract.derive(store, new, around)), self.config.redact)
        elif target is not None:
            change = replace(change, archive=(target.id,))
        made = (*change.add, *change.update)
        vectors = yield from contract.embed(self.engine.embedder, [one.found_by for one in made])
        names = [*map(identity_of, change.add), *(one.id for one in change.update)]
        by_name = dict(zip(names, vectors, strict=True))
        return (yield from work(lambda: self._write(due, change, by_name, before)))

    def _erasures(self) -> int:
        with self.engine.locked():
            return self.engine.ledger.last_erasure()

    def _none_erased(self, before: int) -> None:
        """StalePlan if something was erased meanwhile: what was derived may hold words of it."""
        if self.engine.ledger.last_erasure() != before:
            raise StalePlan("something was erased while it was derived")

    def _sources(self, due: Due) -> tuple[list[Record], Record | None]:
        """What there is to derive from, and what to make anew.

        No sources and no target: what was to be made anew was put away, so there is nothing to do.
        A target that was erased is made anew as another record.
        """
        with self.engine.locked():
            names = [due.record, *due.rest, *([due.target] if due.target else [])]
            places = dict(self.engine.ledger.present(names))
            found = {one.id: one for one in self.engine.records(p.pos for p in places.values())}
            kept = left(self.engine, tuple(found), (), kind=due.store)
        active = {name: found[name] for name in kept}
        target = found.get(due.target)
        if target is not None and target.status != "active":
            return [], None
        home = found[due.record].namespace if due.record in found else ()
        new = [active[n] for n in (due.record, *due.rest) if n in active]
        return [one for one in new if one.namespace == home], target

    def _write(
        self, due: Due, change: Change, vectors: Mapping[str, Vectors], before: int
    ) -> list[str]:
        """Write what was derived, and that it is done; nothing if somebody else did it."""
        engine = self.engine
        with engine.writing():
            engine.refresh()
            if not self.queue.is_due(due):
                return []
            self._none_erased(before)
            add, update, again = settled(engine, change, anew=bool(due.target))
            vectors = {**vectors, **{name: vectors[content] for name, content in again.items()}}
            back = [one for one in update if one.id in again]
            owed = [Task(label, one.id) for one in back for label in engine.owed(one.kind)]
            change = replace(change, add=add, update=update, derive=_owed(engine, add))
            change = ripple(engine, change)
            done = due.task._replace(state="done")
            change = replace(change, tasks=(done, *owed, *change.tasks))
            at = max(one.ingested for one in add) if add else engine.ledger.last_at()
            outcome = engine.commit(change, at=at, vectors=vectors, revive=True)
            meet(engine, [*(one for _, one in outcome.added.values()), *back], at=at)
            self.queue.release(due)
        return [*outcome.ids.values(), *(one.id for one in update)]

    def _take(self, kinds: Sequence[str], prefix: Namespace) -> Due | None:
        """The next free task; one for a model is leased, so that no other process pays too."""
        with self.engine.locked():
            spaces = set(self.engine.spaces(prefix))
            while due := self.queue.next(kinds, spaces, time.time()):
                until = time.time() + self.config.extraction.lease
                if due.store in self.quick or self.queue.lease(due, until):
                    return due
        return None

    def _let_go(self, due: Due) -> None:
        with self.engine.locked():
            self.queue.release(due)

    def _later(self, due: Due) -> None:
        """The model is away: leave the task for a while, longer each time."""
        with self.engine.locked():
            pause = min(LONGEST, PAUSE * 2.0 ** min(due.tries, 16))
            self.queue.put_back(due, time.time() + pause)

    def _stale(self, due: Due) -> None:
        self._fail(due, StalePlan.__name__)

    def _fail(self, due: Due, error: str) -> None:
        """Note that a task came to nothing; its source is kept, and the work can be retried."""
        with self.engine.writing():
            if self.queue.is_due(due):
                failed = due.task._replace(state="failed", error=error)
                change = Change(reason="extraction failed", policy=due.store, tasks=(failed,))
                self.engine.commit(change, at=self.engine.ledger.last_at())
            self.queue.release(due)

    def retry(self, kinds: Sequence[str], prefix: Namespace) -> int:
        """Make failed tasks due again; returns how many."""
        with self.engine.writing():
            failed = self.queue.failed(kinds, set(self.engine.spaces(prefix)))
            tasks = tuple(due.task for due in failed)
            if tasks:
                change = Change(reason="extraction retried", tasks=tasks)
                self.engine.commit(change, at=self.engine.ledger.last_at())
        return len(tasks)

    def _pending(self, prefix: Namespace) -> int:
        with self.engine.locked():
            return self.queue.counts(self.engine.spaces(prefix))[0]


def _owed(engine: Engine, add: Sequence[Record]) -> tuple[str, ...]:
    """Whose work is due on what was derived."""
    return tuple(dict.fromkeys(label for one in add for label in engine.owed(one.kind)))
