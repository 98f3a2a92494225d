"""What a store sees while it derives: the Around of `agentmem.structure`, over an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any, TypeVar

from agentmem.asking import Asking
from agentmem.caller import Caller
from agentmem.config import RecallConfig
from agentmem.core import Hit, Namespace, Record, Vectors
from agentmem.engine import Engine
from agentmem.errors import InputError
from agentmem.identity import record_id
from agentmem.index.where import condition
from agentmem.intake import metadata, nonempty
from agentmem.ledger.tables import ACTIVE, record
from agentmem.recall import Query, search
from agentmem.steps import Steps, embed, work
from agentmem.stores.segment import sentences
from agentmem.text import words

R = TypeVar("R")
REPEATED = 0.8  # share of a sentence's words in one recalled text, from which it repeats it
SHORTEST = 3  # words of a sentence that can count as a repetition
_SPEAKER = re.compile(r"^([^\s:][^:\n]{0,60}): ", re.MULTILINE)


class Surroundings(Asking):
    """One namespace at one moment, for one store."""

    def __init__(
        self,
        engine: Engine,
        kind: str,
        new: Sequence[Record],
        target: Record | None,
        caller: Caller | None,
        config: RecallConfig,
    ) -> None:
        super().__init__(caller, f"store {kind!r}")
        self.now = max(one.created for one in new)
        self.namespace: Namespace = new[0].namespace
        self.target = target
        self._engine = engine
        self._kind = kind
        self._config = config
        self._turn = max(one.turn for one in new)
        self._ingested = max(one.ingested for one in new)
        links = {name for one in new for name in one.links}
        with engine.locked():
            places = dict(engine.ledger.present(links))
            found = engine.ledger.records([place.pos for place in places.values()])
        # A correction links to what it supersedes, and may well repeat the most of it.
        recalled = [one for one in found.values() if one.status != "superseded"]
        self._recalled = {one.id: set(words(one.text)) for one in recalled}

    def said(self, record: Record) -> str:
        """A text without the sentences of the reply that repeat what it was shown."""
        shown = [self._recalled[name] for name in record.links if name in self._recalled]
        if not shown:
            return record.text
        speakers = list(_SPEAKER.finditer(record.text))
        reply = speakers[1].end() if len(speakers) > 1 else 0
        kept = [one for one in sentences(record.text[reply:]) if not _repeats(one, shown)]
        return record.text[:reply] + "".join(kept)

    def record(
        self,
        text: str,
        sources: Sequence[Record],
        *,
        kind: str | None = None,
        key: str | None = None,
        links: Sequence[str] = (),
        data: Mapping[str, Any] | None = None,
        created: float | None = None,
        importance: float = nan,
    ) -> Record:
        """A new record that follows from its sources."""
        if not sources:
            raise InputError("a derived record cites at least one source")
        kind = self._kind if kind is None else kind
        labels = {one.source for one in sources}
        source = labels.pop() if len(labels) == 1 else ""
        at = max(one.created for one in sources) if created is None else created
        return Record(
            id=record_id(kind, self.namespace, source, nonempty(text)),
            kind=kind,
            text=text,
            key=key,
            namespace=self.namespace,
            created=at,
            ingested=self._ingested,
            used=at,
            importance=importance,
            valence=sum(one.valence for one in sources) / len(sources),
            source=source,
            sources=tuple(dict.fromkeys(one.id for one in sources)),
            links=tuple(dict.fromkeys(links)),
            data=metadata(data),
            turn=self._turn,
        )

    def _locked(self, call: Callable[[], R]) -> Steps[R]:
        def body() -> R:
            with self._engine.locked():
                self._engine.refresh()
                return call()

        return work(body)

    def recent(self, n: int, *, kind: str | None = None) -> Steps[list[Record]]:
        """The newest n active records of a kind, oldest first."""
        kind = self._kind if kind is None else kind

        def body() -> list[Record]:
            space = self._engine.ledger.space_of(self.namespace)
            rows = [] if space is None else self._engine.reads.newest(space, kind, n)
            return self._engine.records(reversed(rows))

        return self._locked(body)

    def similar(
        self, text: str, k: int, *, kind: str | None = None, where: Mapping[str, Any] | None = None
    ) -> Steps[list[Hit]]:
        """The k active records of a kind most relevant to a text, best first."""
        kind = self._kind if kind is None else kind
        if not text.strip():
            return []
        vector = (yield from self.embed([text]))[0]

        def body() -> list[Hit]:
            shared = len(self._engine.spaces(self.namespace)) > 1
            query = Query(
                text=text,
                vector=vector,
                prefix=self.namespace,
                now=self.now,
                k=self._engine.columns.held if shared else k,
                where=where,
                kinds=(kind,),
                config=self._config,
            )
            hits = search(self._engine, query)[0]
            return [hit for hit in hits if hit.record.namespace == self.namespace][:k]

        return (yield from self._locked(body))

    def get(self, ids: Sequence[str]) -> Steps[list[Record]]:
        """The records of some ids in this namespace, in order."""

        def body() -> list[Record]:
            places = dict(self._engine.ledger.present(ids))
            found = self._engine.records(places[name].pos for name in ids if name in places)
            return [one for one in found if one.namespace == self.namespace]

        return self._locked(body)

    def matching(self, where: Mapping[str, Any], *, kind: str | None = None) -> Steps[list[Record]]:
        """The active records of a kind that meet a filter, oldest first."""
        kind = self._kind if kind is None else kind

        def body() -> list[Record]:
            space = self._engine.ledger.space_of(self.namespace)
            here = (record.c.namespace == space) & (record.c.kind == kind)
            active = record.c.status == ACTIVE
            found = self._engine.reads.positions(here & active & condition(where))
            return self._engine.records(found)

        return self._locked(body)

    def embed(self, texts: Sequence[str]) -> Steps[Vectors]:
        """Unit vectors, shape (len(texts), dim)."""
        return (yield from embed(self._engine.embedder, texts))


def _repeats(sentence: str, shown: Sequence[set[str]]) -> bool:
    said = set(words(sentence))
    most = max(len(said & text) for text in shown)
    return len(said) >= SHORTEST and most >= REPEATED * len(said)
