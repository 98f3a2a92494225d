"""What a store sees while it derives: the Around of `agentmem.structure`, over an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any, TypeVar

import numpy as np

from agentmem.asking import Asking
from agentmem.caller import Caller
from agentmem.config import RecallConfig
from agentmem.core import Change, Floats, Hit, Namespace, Record, Vectors
from agentmem.engine import Engine
from agentmem.errors import InputError
from agentmem.identity import record_id
from agentmem.index.where import condition
from agentmem.intake import metadata, nonempty
from agentmem.ledger.tables import ACTIVE, record
from agentmem.recall import Query, search
from agentmem.ripple import Lines
from agentmem.steps import Steps, embed, work
from agentmem.stores.segment import sentences
from agentmem.text import words

R = TypeVar("R")
MOST = 512  # records that are looked at for a phrase
REPEATED = 0.8  # share of a sentence's words in one recalled text, from which it repeats it
SHORTEST = 3  # words of a sentence that can count as a repetition
_SPEAKER = re.compile(r"^([^\s:][^:\n]{0,60}): ", re.MULTILINE)


@dataclass(kw_only=True)
class Scene:
    """A namespace as a plan that is being made leaves it."""

    namespace: Namespace
    now: float
    turn: int
    staying: dict[str, Record]  # by id, oldest first
    leaving: list[Record]  # oldest first

    def take(self, change: Change) -> None:
        """What a change leaves of it; what another record replaces does not count as leaving."""
        self.staying |= {record.id: record for record in (*change.add, *change.update)}
        self.leaving += [self.staying.pop(name) for name in change.archive if name in self.staying]
        for old, _ in change.supersede:
            self.staying.pop(old, None)


class Surroundings(Asking):
    """One namespace at one moment, for one store; `scene`: while a plan is made for it."""

    def __init__(
        self,
        engine: Engine,
        kind: str,
        new: Sequence[Record],
        target: Record | None,
        caller: Caller | None,
        config: RecallConfig,
        scene: Scene | None = None,
    ) -> None:
        super().__init__(caller, f"store {kind!r}")
        self.now = scene.now if scene else max(one.created for one in new)
        self.namespace: Namespace = scene.namespace if scene else new[0].namespace
        self.target = target
        self._scene = scene
        self._engine = engine
        self._kind = kind
        self._config = config
        self._turn = scene.turn if scene else max(one.turn for one in new)
        self._ingested = scene.now if scene else max(one.ingested for one in new)
        self._new = new

    @cached_property
    def _recalled(self) -> dict[str, set[str]]:
        """The words of the records that the sources link to, by id."""
        links = {name for one in self._new for name in one.links}
        with self._engine.locked():
            places = dict(self._engine.ledger.present(links))
            found = self._engine.ledger.records([place.pos for place in places.values()])
        # A correction links to what it supersedes, and may well repeat the most of it.
        recalled = [one for one in found.values() if one.status != "superseded"]
        return {one.id: set(words(one.text)) for one in recalled}

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

    def _living(self, rows: Iterable[int]) -> list[Record]:
        """The records at some positions, without those that are past their date of expiry."""
        return [one for one in self._engine.records(rows) if not one.expired(self.now)]

    def recent(self, n: int, *, kind: str | None = None) -> Steps[list[Record]]:
        """The newest n active records of a kind, oldest first."""
        kind = self._kind if kind is None else kind

        def body() -> list[Record]:
            space = self._engine.ledger.space_of(self.namespace)
            rows = [] if space is None else self._engine.reads.newest(space, kind, n)
            return self._living(reversed(rows))

        return self._locked(body)

    def similar(
        self, text: str, k: int, *, kind: str | None = None, where: Mapping[str, Any] | None = None
    ) -> Steps[list[Hit]]:
        """The k active records of a kind most relevant to a text, best first."""
        kind = self._kind if kind is None else kind
        if not text.strip():
            return []
        stored = [one for one in self._new if one.found_by == text][:1]
        vector = (yield from self.vectors(stored) if stored else self.embed([text]))[0]

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
            return self._living(self._engine.reads.positions(here & active & condition(where)))

        return self._locked(body)

    def staying(self) -> Steps[list[Record]]:
        """The records that will be active, oldest first; InputError outside a plan."""
        yield from ()
        if self._scene is None:
            raise InputError("only a plan knows which records stay")
        return list(self._scene.staying.values())

    def standing(self, ids: Sequence[str]) -> Steps[list[Record]]:
        """Those of some records that are active, or that maintenance alone put away, in order."""
        found = yield from self.get(ids)
        lines = Lines(self._engine)

        def body() -> list[Record]:
            return [one for one in found if one.status == "active" or lines.let_go(one)]

        return (yield from self._locked(body))

    def vectors(self, records: Sequence[Record]) -> Steps[Vectors]:
        """The unit vectors of some records; from the ledger where it has them."""

        def body() -> dict[str, Vectors]:
            places = dict(self._engine.ledger.present(one.id for one in records))
            held = self._engine.reads.vectors([place.pos for place in places.values()])
            return {name: held[at.pos] for name, at in places.items() if at.pos in held}

        known = yield from self._locked(body)
        dim = self._engine.embedder.dim
        found: Vectors = np.zeros((len(records), dim), dtype=np.float32)
        anew = [i for i, one in enumerate(records) if one.id not in known]
        found[anew] = yield from self.embed([records[i].found_by for i in anew])
        for i, one in enumerate(records):
            if one.id in known:
                found[i] = known[one.id]
        return found

    def retention(self, records: Sequence[Record]) -> Steps[Floats]:
        """Product of the policies' weights now, shape (len(records),); 1 for one not there yet."""

        def body() -> Floats:
            engine = self._engine
            places = dict(engine.ledger.present(one.id for one in records))
            there = [i for i, one in enumerate(records) if one.id in places]
            rows = np.array([places[records[i].id].pos for i in there], dtype=np.int64)
            found: Floats = np.ones(len(records))
            for weights in engine.panel.weights(engine.columns.view(rows, self.now)).values():
                found[there] *= weights
            return found

        return (yield from self._locked(body))

    def holding(self, phrases: Sequence[str], *, kind: str | None = None) -> Steps[list[Record]]:
        """The active records of a kind that hold a phrase, as stored, the latest MOST of them."""
        kind = self._kind if kind is None else kind
        wanted = [" ".join(words(phrase)) for phrase in phrases]

        def body() -> list[Record]:
            engine, columns = self._engine, self._engine.columns
            space, names = engine.ledger.space_of(self.namespace), columns.kinds.names
            found = [engine.reads.postings(one, self.namespace) for one in wanted if one]
            if space is None or kind not in names or not found:
                return []
            rows = np.unique(np.concatenate(found))
            here = (columns.status[rows] == ACTIVE) & (columns.space[rows] == space)
            here &= columns.kind[rows] == names.index(kind)
            return engine.records(rows[here][-MOST:])

        return self._locked(body)

    def embed(self, texts: Sequence[str]) -> Steps[Vectors]:
        """Unit vectors, shape (len(texts), dim)."""
        return (yield from embed(self._engine.embedder, texts))


def _repeats(sentence: str, shown: Sequence[set[str]]) -> bool:
    said = set(words(sentence))
    most = max(len(said & text) for text in shown)
    return len(said) >= SHORTEST and most >= REPEATED * len(said)
