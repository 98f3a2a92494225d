"""An open memory: its configuration, its clock, and how work reaches its engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from agentmem.clock import Moment, SystemClock
from agentmem.config import MemoryConfig, Spec, load_config
from agentmem.core import Clock, Namespace, Policy
from agentmem.engine import Engine
from agentmem.intake import moment_or, namespace_of
from agentmem.ledger.ledger import Ledger
from agentmem.registry import find
from agentmem.steps import Steps, work

R = TypeVar("R")


class Handle:
    """Opening, closing, defaults, locks."""

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
        )
        index = find("indexes", config.index)
        self._engine = Engine(ledger, embedder, config.policies, index)

    @classmethod
    def open(
        cls,
        path: str | Path = ":memory:",
        *,
        namespace: Sequence[str] = ("default",),
        policies: Spec = None,
        stores: Spec = None,
        embedder: Spec = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> Self:
        """Open or make a memory.  `policies`, `stores`, `embedder`: names, options or objects, as
        in a configuration; further options: durability, recall, index, removal_cap, busy_timeout.
        """
        parts = {"policies": policies, "stores": stores, "embedder": embedder}
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

    def close(self) -> None:
        """Close the file.  Everything acknowledged is in it already."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()
