"""The stages of a search, composed, and held to their word.

The innermost search is that of `agentmem.recall`, under the engine's lock; between the stages the
lock is free, so that a model's reply is not waited for with the memory held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, TypeVar

import numpy as np

from agentmem import recall
from agentmem.asking import Asking
from agentmem.caller import Caller
from agentmem.core import Hit, Ints, Record, Vectors
from agentmem.engine import Engine
from agentmem.errors import PluginError
from agentmem.index.where import condition
from agentmem.recall import Query, pack
from agentmem.retrieve.stage import Stage
from agentmem.steps import Steps, embed, work

__all__ = ["Pipeline", "pack"]

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Some stages, outermost first, around the single search of one engine."""

    engine: Engine
    stages: tuple[Stage, ...] = ()
    caller: Caller | None = None

    def understood(self, query: Query) -> Query:
        """The query as the innermost search gets it, where the stages only read it."""
        for stage in self.stages:
            query = stage.understood(query)
        return query

    @property
    def plain(self) -> bool:
        """Whether the hits are those of one search, with what the stages read out of the query."""
        return all(type(stage).retrieve is Stage.retrieve for stage in self.stages)

    def search(self, query: Query) -> Steps[list[Hit]]:
        """The hits, best first.  PluginError if a stage leaves its namespace or doubles a hit."""
        return _Search(self.engine, self.caller, self.stages, query)(query)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search inside a stage, which was asked `query`: a `Searcher`."""

    engine: Engine
    caller: Caller | None
    stages: tuple[Stage, ...]
    query: Query
    seen: set[str] = field(default_factory=set)  # ids that a search of this call has given

    def __call__(self, query: Query) -> Steps[list[Hit]]:
        """The hits of the stages that lie further inside."""
        self._confine(query)
        if not self.stages:
            found = yield from self._locked(lambda: recall.search(self.engine, query)[0])
            self.seen.update(hit.id for hit in found)
            return found
        stage, inner = self.stages[0], replace(self, stages=self.stages[1:], query=query)
        hits = yield from stage.retrieve(query, inner)
        _check(stage, hits, query)
        new = [hit.id for hit in hits if hit.id not in self.seen]
        there = {record.id for record in (yield from inner.get(new))} if new else set()
        return [hit for hit in hits if hit.id in self.seen or hit.id in there]

    def _confine(self, query: Query) -> None:
        if not _inside(query.prefix, self.query.prefix):
            raise PluginError(
                f"a stage asked for namespace {query.prefix!r}, which is not inside "
                f"{self.query.prefix!r}"
            )

    def get(self, ids: Sequence[str]) -> Steps[list[Record]]:
        """The records of some ids, in order, each once; what may not be seen is left out."""

        def body() -> list[Record]:
            places = dict(self.engine.ledger.present([name for name in ids if name.isascii()]))
            found = [places[name].pos for name in dict.fromkeys(ids) if name in places]
            rows = np.array(found, dtype=np.int64)
            return self.engine.records(rows[np.isin(rows, self._visible(self.query, None))])

        return (yield from self._locked(body))

    def all(self, query: Query) -> Steps[list[Record]]:
        """Every record of the query's kinds that meets its filter, oldest first."""
        self._confine(query)

        def body() -> list[Record]:
            rows = self._visible(query, query.kinds)
            if query.where is not None:
                rows = rows[np.isin(rows, self.engine.reads.positions(condition(query.where)))]
            records = self.engine.records(rows.tolist())
            return sorted(records, key=lambda record: (record.created, record.turn))

        return (yield from self._locked(body))

    def together(self, ids: Sequence[str], n: int) -> Steps[dict[str, list[list[str]]]]:
        """The latest n recalls of each of some records, newest first: the ids of each recall."""

        def body() -> dict[str, list[list[str]]]:
            places = dict(self.engine.ledger.present(ids))
            rows = {name: places[name].pos for name in dict.fromkeys(ids) if name in places}
            recalls = {name: self.engine.reads.recalled_with(pos, n) for name, pos in rows.items()}
            spoken = {pos for lines in recalls.values() for line in lines for pos in line}
            visible = spoken.intersection(self._visible(self.query, None).tolist())
            found = self.engine.ledger.records(sorted(visible))
            return {
                name: [[found[pos].id for pos in line if pos in found] for line in lines]
                for name, lines in recalls.items()
                if rows[name] in found
            }

        return (yield from self._locked(body))

    def _visible(self, query: Query, kinds: Collection[str] | None) -> Ints:
        """Positions of what a search may show, ascending."""
        engine = self.engine
        rows = engine.searchable(query.prefix, kinds, now=query.now)
        if not engine.panel.separable:  # some policy may suppress
            weights = engine.panel.weights(engine.columns.view(rows, query.now), separable=False)
            rows = rows[recall.product(weights, len(rows)) > 0.0]
        return rows

    def _locked(self, call: Callable[[], R]) -> Steps[R]:
        def body() -> R:
            with self.engine.locked():
                self.engine.refresh()
                return call()

        return work(body)

    def embed(self, texts: Sequence[str]) -> Steps[Vectors]:
        """Unit vectors, shape (len(texts), dim)."""
        return embed(self.engine.embedder, texts)

    def say(self, prompt: str, **values: str) -> Steps[str]:
        """The model's reply to a prompt of `agentmem/prompts`.  ConfigError without a model."""
        return self._asking.say(prompt, **values)

    def ask(self, prompt: str, schema: Mapping[str, Any], **values: str) -> Steps[Any]:
        """The same as JSON that fits a schema: one repair, then BadReply."""
        return self._asking.ask(prompt, schema, **values)

    @property
    def _asking(self) -> Asking:
        return Asking(self.caller, "a stage of retrieval")


def _inside(path: Sequence[str], prefix: Sequence[str]) -> bool:
    return tuple(path[: len(prefix)]) == tuple(prefix)


def _check(stage: Stage, hits: Any, query: Query) -> None:
    """PluginError unless these are hits, each once, inside the query's namespace."""
    if not isinstance(hits, list) or not all(isinstance(hit, Hit) for hit in hits):
        raise PluginError(f"stage {stage.name!r}: retrieve() must give a list of Hit")
    if len({hit.id for hit in hits}) < len(hits):
        raise PluginError(f"stage {stage.name!r}: retrieve() gave a record twice")
    for hit in hits:
        if not _inside(hit.record.namespace, query.prefix):
            raise PluginError(
                f"stage {stage.name!r}: retrieve() gave record {hit.id!r} of namespace "
                f"{hit.record.namespace!r}, outside {query.prefix!r}"
            )
        if not isfinite(hit.score):
            raise PluginError(f"stage {stage.name!r}: retrieve() gave the score {hit.score}")
