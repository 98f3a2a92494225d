"""What the memories with verbs of their own share: the records of one kind in one namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from agentmem.core import Namespace, Record
from agentmem.errors import ConfigError, InputError
from agentmem.index.where import condition
from agentmem.intake import namespace_of
from agentmem.ledger.tables import ACTIVE, record
from agentmem.memory import AgentMemory
from agentmem.steps import Steps

__all__ = ["Keeper"]


class Keeper:
    """A memory's records of kind `kind`, in exactly one namespace: the memory's own by default.

    ConfigError unless a store of the memory keeps that kind.
    """

    kind: ClassVar[str]

    def __init__(self, memory: AgentMemory, *, namespace: Sequence[str] | None = None) -> None:
        kinds = [store.kind for store in memory.config.stores]
        if self.kind not in kinds:
            raise ConfigError(
                f"{type(self).__name__} keeps kind {self.kind!r}, which no store of this memory "
                f"does: open it with stores=[..., {self.kind!r}]; it has: {', '.join(kinds)}"
            )
        self.memory = memory
        self.namespace: Namespace = namespace_of(namespace, memory.namespace)
        if not self.namespace:
            raise InputError("namespace () is everything; these records need a place of their own")

    def _kept(
        self,
        where: Mapping[str, Any] | None = None,
        *,
        kind: str | None = None,
        gone: bool = False,
    ) -> Steps[list[Record]]:
        """The active records that meet a filter, oldest first, whatever their retention.

        With `gone` the archived and superseded ones too.
        """
        engine = self.memory._engine

        def body() -> list[Record]:
            engine.refresh()
            space = engine.ledger.space_of(self.namespace)
            chosen = (record.c.namespace == space) & (record.c.kind == (kind or self.kind))
            if not gone:
                chosen &= record.c.status == ACTIVE
            if where is not None:
                chosen &= condition(where)
            return [] if space is None else engine.records(engine.reads.positions(chosen))

        return self.memory._work(body)
