"""The verbs that read: search, get, history, explain, graph, forecast, doctor, trace."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Literal, get_args

from agentmem import changes
from agentmem.asof import as_of as past
from agentmem.changes import Entry
from agentmem.clock import Duration, Moment, duration, seconds
from agentmem.core import Hit, Namespace, Record
from agentmem.errors import InputError, nearest
from agentmem.explain import Explanation, explain
from agentmem.forecast import Forecast, forecast
from agentmem.graph import graph_of
from agentmem.handle import Handle
from agentmem.health import Finding, examine
from agentmem.index.where import Where, condition
from agentmem.intake import cleaned, moment_or, nonempty, valid, whole
from agentmem.recall import Query, reinforce_hits
from agentmem.recall import reinforce as strengthen
from agentmem.recall import search as rank_and_pack
from agentmem.retrieve.pipeline import pack
from agentmem.steps import Steps, asynchronous, embed, sync
from agentmem.trace import Trace, trace_of

if TYPE_CHECKING:
    from networkx import MultiDiGraph

Mode = Literal["hybrid", "dense", "lexical"]


class Searching(Handle):
    """An open memory, read."""

    def _search(
        self,
        query: str | None = None,
        *,
        namespace: Sequence[str] | None = None,
        k: int | None = None,
        now: Moment | None = None,
        budget_tokens: int | None = None,
        where: Where | None = None,
        reinforce: bool = True,
        mode: Mode | None = None,
        as_of: Moment | None = None,
        by: str = "",
    ) -> Steps[list[Hit]]:
        """The k best records: fused relevance x retention, best first; fewer if fewer are there.

        Without a query: the most retained, the most recent first.  `budget_tokens` caps the sum of
        the hits' tokens.  `where` filters: {"kind": "chunk", "data.topic": {"$in": [...]}}.  Hits
        are reinforced, in the way the policies choose, unless `reinforce` is False (then nothing
        is written, and no other writer is waited for).  `as_of`: the memory as it stood then, what
        has been erased since left out; nothing is reinforced, and no stage of `retrieval` but those
        that only read the query takes part.  `by`: the source that asks ("tool:web"), for policies
        under which a source cannot strengthen its own records.
        """
        by = cleaned(valid(by, "by"), self.config.redact)
        asked = yield from self._query(query, namespace, k, now, where, mode)
        if budget_tokens is not None:
            whole("budget_tokens", budget_tokens, 0)

        if as_of is not None:
            asked = self.pipeline.understood(asked)
            return pack((yield from past(self._engine, asked, seconds(as_of))), budget_tokens)
        if not self.pipeline.plain:
            hits = pack((yield from self.pipeline.search(asked)), budget_tokens)
            if hits and reinforce:
                yield from self._work(lambda: reinforce_hits(self._engine, hits, asked.now, by=by))
            return hits

        asked = self.pipeline.understood(asked)

        def body() -> list[Hit]:
            self._engine.refresh()
            hits, rows = rank_and_pack(self._engine, asked, budget=budget_tokens)
            if hits and reinforce:
                scores = [hit.score for hit in hits]
                strengthen(self._engine, rows, asked.now, scores=scores, by=by)
            return hits

        return (yield from self._work(body))

    def _query(
        self,
        text: str | None,
        namespace: Sequence[str] | None,
        k: int | None,
        now: Moment | None,
        where: Where | None,
        mode: Mode | None,
    ) -> Steps[Query]:
        config = self.config.recall
        if mode not in (None, *get_args(Mode)):
            raise InputError(f"mode {mode!r}{nearest(mode, get_args(Mode))}")
        if where is not None:
            condition(where)
        vector = None
        if text is not None and valid(text, "query").strip():
            vector = (yield from embed(self._engine.embedder, [text]))[0]
        return Query(
            text=None if vector is None else text,
            vector=vector,
            prefix=self._prefix(namespace),
            now=self._now(now),
            k=config.k if k is None else whole("k", k, 1),
            mode=mode or config.mode,
            where=where,
            kinds=None if where and "kind" in where else self.config.kinds,
            config=config,
        )

    def _get(self, name: str, *, namespace: Sequence[str] | None = None) -> Steps[Record]:
        """The record of an id, whatever its status; NotFound if it lies in no such namespace."""
        prefix = self._prefix(namespace)
        return (yield from self._work(lambda: changes.within(self._engine, name, prefix)[1]))

    def _history(self, name: str, *, namespace: Sequence[str] | None = None) -> Steps[list[Entry]]:
        """Every journal line that speaks of a record, oldest first."""
        prefix = self._prefix(namespace)
        return (yield from self._work(lambda: changes.history(self._engine, name, prefix)))

    def _explain(
        self,
        query: str | None = None,
        *,
        record: str | None = None,
        namespace: Sequence[str] | None = None,
        k: int | None = None,
        now: Moment | None = None,
        where: Where | None = None,
        mode: Mode | None = None,
    ) -> Steps[Explanation]:
        """Why each hit came up, why other candidates did not, and what would bring them back.

        `record`: an id; why this one came up or did not, however little it has to do with the
        query.  Of what was erased, only how much, where and when.
        """
        asked = yield from self._query(query, namespace, k, now, where, mode)
        hits = None if self.pipeline.plain else (yield from self.pipeline.search(asked))
        asked = self.pipeline.understood(asked)

        def body() -> Explanation:
            self._engine.refresh()
            pos = None
            if record is not None:
                pos = changes.within(self._engine, record, asked.prefix)[0]
            return explain(self._engine, asked, hits, pos=pos)

        return (yield from self._work(body))

    def _graph(
        self, *, namespace: Sequence[str] | None = None, now: Moment | None = None
    ) -> Steps[MultiDiGraph[str]]:
        """The active triples under a namespace as a networkx graph; see `agentmem.graph`.

        MissingExtra without the extra `graph`.
        """
        prefix, at = self._prefix(namespace), self._now(now)

        def body() -> MultiDiGraph[str]:
            self._engine.refresh()
            return graph_of(self._engine, prefix, at)

        return (yield from self._work(body))

    def _forecast(
        self,
        *,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        horizon: Duration = "1y",
        limit: int | None = None,
    ) -> Steps[list[Forecast]]:
        """When each record will be forgotten, if nothing is added or recalled: the soonest first.

        Those that stay beyond `horizon` are left out; `limit`: at most so many.
        """
        prefix, at, ahead = self._prefix(namespace), self._now(now), duration(horizon)
        if limit is not None:
            whole("limit", limit, 1)
        return (yield from self._work(lambda: forecast(self._engine, prefix, at, ahead, limit)))

    def _doctor(
        self, *, namespace: Sequence[str] | None = None, now: Moment | None = None
    ) -> Steps[list[Finding]]:
        """What is wrong, or odd, about this memory and its policies; the worst first."""
        prefix, at = self._prefix(namespace), self._now(now)
        cap = self.config.removal_cap
        return (yield from self._work(lambda: examine(self._engine, prefix, at, cap)))

    def _trace(
        self, *, namespace: Sequence[str] | None = None, until: Moment | None = None
    ) -> Steps[Trace]:
        """What came, what was recalled and what was superseded, for counterfactual replay."""
        prefix, end = self._prefix(namespace), moment_or(until, inf)
        return (yield from self._work(lambda: trace_of(self._engine, prefix, until=end)))

    def _asked(self, query: str, prefix: Namespace, now: float) -> Steps[Query]:
        """A query that is to name records, however the memory searches otherwise."""
        return (yield from self._query(nonempty(query, "query"), prefix, None, now, None, "hybrid"))

    search, asearch = sync(_search), asynchronous(_search)
    get, aget = sync(_get), asynchronous(_get)
    history, ahistory = sync(_history), asynchronous(_history)
    explain, aexplain = sync(_explain), asynchronous(_explain)
    graph, agraph = sync(_graph), asynchronous(_graph)
    forecast, aforecast = sync(_forecast), asynchronous(_forecast)
    doctor, adoctor = sync(_doctor), asynchronous(_doctor)
    trace, atrace = sync(_trace), asynchronous(_trace)
    recall, arecall = search, asearch
