"""An open memory: its configuration, its clock, and how work reaches its engine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from agentmem import changes, transfer
from agentmem.budget import Budget
from agentmem.caller import Caller
from agentmem.clock import Moment, SystemClock
from agentmem.config import ExtractionConfig, MemoryConfig, Spec, build_index, load_config
from agentmem.core import Clock, Namespace, Policy
from agentmem.engine import Engine
from agentmem.erasure import scrub
from agentmem.errors import LedgerBusy, PlanError
from agentmem.extraction import Extracted, Extraction
from agentmem.intake import moment_or, namespace_of, whole
from agentmem.ledger.ledger import Ledger
from agentmem.models import resolve
from agentmem.retrieve.pipeline import Pipeline
from agentmem.steps import Steps, asynchronous, embed, sync, work
from agentmem.worker import Worker

R = TypeVar("R")
_log = logging.getLogger(__name__)


def _caller(config: ExtractionConfig) -> Caller | None:
    if config.model is None:
        return None
    budget = Budget(max_calls=config.max_calls, max_tokens=config.max_tokens)
    return Caller(model=resolve(config.model), budget=budget)


class Handle:
    """Opening, closing, and what concerns the file as a whole."""

    def __init__(self, config: MemoryConfig, *, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.namespace: Namespace = namespace_of(config.namespace, ())
        self.policies: tuple[Policy, ...] = config.policies
        embedder = config.embedder
        ledger = Ledger(
            config.path,
            embedder=embedder.name,
            dim=embedder.dim,
            durability=config.durability,
            timeout=config.busy_timeout,
            key=None if config.encryption is None else config.encryption.key(),
        )
        try:
            self._engine = Engine(
                ledger,
                embedder,
                config.policies,
                build_index(config.index),
                stores=(*config.deriving, *config.consolidation),
                updates=config.updates,
                source=config.source.kind,
            )
            caller = _caller(config.extraction)
        except BaseException:
            ledger.close()
            raise
        self.pipeline = Pipeline(engine=self._engine, stages=config.retrieval, caller=caller)
        self.extraction = Extraction(self._engine, config, caller)
        self._worker = Worker(self.extraction) if config.extraction.background else None

    @classmethod
    def open(
        cls,
        path: str | Path = ":memory:",
        *,
        namespace: Sequence[str] = ("default",),
        policies: Spec = None,
        stores: Spec = None,
        retrieval: Spec = None,
        embedder: Spec = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> Self:
        """Open or make a memory.  `policies`, `stores`, `retrieval`, `embedder`: names, options or
        objects, as in a configuration; further options: durability, recall, extraction, index,
        encryption, removal_cap, busy_timeout.
        """
        parts = {
            "policies": policies,
            "stores": stores,
            "retrieval": retrieval,
            "embedder": embedder,
        }
        given = {name: part for name, part in parts.items() if part is not None}
        place = {"path": str(path), "namespace": list(namespace_of(namespace, ()))}
        return cls(load_config({**options, **place, **given}), clock=clock)

    @classmethod
    def from_config(
        cls, config: str | Path | Mapping[str, Any] | None = None, *, clock: Clock | None = None
    ) -> Self:
        """Open the memory that a YAML file or a mapping describes; ConfigError if it is wrong."""
        return cls(load_config(config), clock=clock)

    def _now(self, now: Moment | None) -> float:
        return moment_or(now, self.clock.now())

    def _prefix(self, namespace: Sequence[str] | None) -> Namespace:
        return namespace_of(namespace, self.namespace)

    def _work(self, call: Callable[[], R]) -> Steps[R]:
        def body() -> R:
            with self._engine.locked():
                return call()

        return work(body)

    def _change(self, call: Callable[[], R]) -> Steps[R]:
        def body() -> R:
            with self._engine.writing():
                return call()

        return work(body)

    def _catch_up(self) -> Steps[tuple[str, ...]]:
        """Let the stores that need no model do what they owe; wake the worker for the others.

        The change that caused the work is safe already: what cannot be done now stays owed.
        """
        if not (self._engine.stores or self.extraction.slow):
            return ()
        if self._worker is not None:
            self._worker.wake()
        if not self.extraction.quick:
            return ()
        try:
            made = yield from self.extraction.work_off(self.extraction.quick, ())
        except (LedgerBusy, PlanError) as error:
            _log.warning("extraction put off: %s", error)
            return ()
        return made.ids

    def _stats(self, *, namespace: Sequence[str] | None = None) -> Steps[dict[str, Any]]:
        """Counts by status, sizes, embedder and policies."""
        prefix = self._prefix(namespace)
        return (yield from self._work(lambda: changes.stats(self._engine, prefix)))

    def _export(self, path: str | Path, *, namespace: Sequence[str] | None = None) -> Steps[int]:
        """Write all records under a namespace to a new JSON-lines file; returns how many."""
        prefix, file = self._prefix(namespace), Path(path)
        return (yield from self._work(lambda: transfer.export(self._engine, file, prefix)))

    def _import_(self, path: str | Path, *, now: Moment | None = None) -> Steps[int]:
        """Take over an export, all of it or nothing; returns how many records were new.

        What it says goes through the redactors, as what is added does.
        """
        at = self._now(now)
        made, erased = yield from work(lambda: transfer.load(Path(path), self.config.redact))
        vectors = yield from embed(self._engine.embedder, [record.found_by for record in made])
        return (
            yield from self._change(lambda: transfer.store(self._engine, made, vectors, erased, at))
        )

    def _scrub(self) -> Steps[bool]:
        """Finish an erasure whose receipt says `scrubbed=False`; True once the files are clean."""
        return (yield from work(lambda: scrub(self._engine)))

    def _extract(
        self,
        *,
        namespace: Sequence[str] | None = None,
        limit: int | None = None,
        retry: bool = False,
    ) -> Steps[Extracted]:
        """Do now what the stores owe, or `limit` tasks of it, oldest first.

        With `retry`, what a model could not do is tried again.  Raises nothing that a model does:
        a failed task is counted, its source kept; work that the budget or the model's absence
        stops stays owed, and `halted` says why.
        """
        prefix = self._prefix(namespace)
        if limit is not None:
            whole("limit", limit, 1)
        every = (*self.extraction.quick, *self.extraction.slow)
        if retry:
            yield from work(lambda: self.extraction.retry(every, prefix))
        return (yield from self.extraction.work_off(every, prefix, limit=limit))

    stats, astats = sync(_stats), asynchronous(_stats)
    export, aexport = sync(_export), asynchronous(_export)
    import_, aimport_ = sync(_import_), asynchronous(_import_)
    scrub, ascrub = sync(_scrub), asynchronous(_scrub)
    extract, aextract = sync(_extract), asynchronous(_extract)

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait until nothing is owed that can be done now, at most so many seconds.

        False if the time was up, or if the work is held up (`extract()` says by what).
        """
        deadline = time.monotonic() + timeout
        while self.extraction.owes and time.monotonic() < deadline:
            if self._worker is None or not self._worker.busy:
                return False
            time.sleep(0.02)
        return not self.extraction.owes

    def close(self) -> None:
        """Close the file.  Everything acknowledged is in it already; what is owed stays owed."""
        if self._worker is not None:
            self._worker.stop()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()
