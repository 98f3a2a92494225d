"""Lessons: lines of reasoning that the consensus rejected, consulted before acting.

After A-MemGuard (arXiv 2510.02373).  There the lesson is a field of the record that was flagged;
here it is a record of its own kind, which no search for memories finds.  Nothing that is added to
the memory becomes a lesson by being added, again or otherwise: only what a search flags does, or
what the caller names.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from agentmem import prompts
from agentmem.clock import Moment
from agentmem.core import Hit, Record
from agentmem.errors import ConfigError, InputError
from agentmem.intake import nonempty, number, whole
from agentmem.memory import AgentMemory
from agentmem.modules.keeping import Keeper
from agentmem.recall import Query
from agentmem.retrieve.consensus import Consensus, Verdict, chain
from agentmem.retrieve.stage import Searcher, Stage
from agentmem.steps import Steps, asynchronous, embed, sync

__all__ = ["Lesson", "LessonMemory"]

PARTS = {"record", "path", "question"}  # in `data` of every lesson


class Lesson(NamedTuple):
    """A line of reasoning that was rejected, and how near it is to what is asked."""

    id: str
    path: str
    question: str  # that the search was for
    record: str  # id of the record that was flagged
    nearness: float  # cosine, -1..1


@dataclass(frozen=True, kw_only=True)
class _Heard(Stage):
    """A consensus that is overheard: what it flags is noted beside."""

    check: Consensus
    flagged: list[Verdict]

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = yield from search(query)
        verdicts = yield from self.check.judged(query, hits, search)
        kept = [one.hit for one in verdicts if one.trusted]
        if kept:  # else there was no consensus to deviate from, or it could not be read
            self.flagged.extend(one for one in verdicts if not one.trusted)
        return kept


class LessonMemory(Keeper):
    """What was flagged, as warnings.

    A lesson cites the record that it comes from: erasing that erases the lesson; forgetting it
    does not silence it.  `dismiss` does, for good.  As the consensus follows the majority, so do
    its lessons: where most of what was found was planted, the lesson warns of the truth.
    """

    kind: ClassVar[str] = "lesson"

    def __init__(
        self, memory: AgentMemory, *, least: float = 0.4, namespace: Sequence[str] | None = None
    ) -> None:
        """`least`: the cosine from which a lesson bears on what is asked, -1..1."""
        super().__init__(memory, namespace=namespace)
        self.least = number("least", least, -1.0, 1.0) or 0.0

    def _search(self, query: str, /, **how: Any) -> Steps[list[Hit]]:
        """The memory's own search, with its options; what its consensus flags becomes a lesson.

        ConfigError unless the memory was opened with `retrieval: [..., consensus]`.
        """
        pipeline, flagged = self.memory.pipeline, list[Verdict]()
        if not any(isinstance(stage, Consensus) for stage in pipeline.stages):
            raise ConfigError("lessons come from a consensus: give retrieval: [consensus]")
        stages = tuple(
            _Heard(check=stage, flagged=flagged) if isinstance(stage, Consensus) else stage
            for stage in pipeline.stages
        )
        watched = copy(self.memory)
        watched.pipeline = replace(pipeline, stages=stages)
        hits = yield from watched._search(query, namespace=self.namespace, **how)
        for one in flagged:
            yield from self._kept_of(one.hit.record, one.path, query, "consensus", how.get("now"))
        return hits

    def _learn(
        self, name: str, *, question: str = "", path: str = "", now: Moment | None = None
    ) -> Steps[str]:
        """Keep a lesson from a record, by id, that led astray; its line of reasoning by rule."""
        flagged = yield from self.memory._get(name, namespace=self.namespace)
        return (yield from self._kept_of(flagged, path or chain(flagged), question, "caller", now))

    def _kept_of(
        self, flagged: Record, path: str, question: str, source: str, now: Moment | None
    ) -> Steps[str]:
        """The id of the lesson from a record, which is kept unless there is one already."""
        known = yield from self._kept({"data.record": flagged.id, "data.path": path}, gone=True)
        if known:
            return known[0].id
        added = yield from self.memory._add(
            f"{flagged.id}: {path}",
            kind=self.kind,
            key=f"{question} {path}".strip(),
            data={"record": flagged.id, "path": path, "question": question},
            namespace=self.namespace,
            source=source,
            sources=[flagged.id],
            now=now,
            revive=True,
        )
        return added[0]

    def _warnings(self, action: str, *, k: int = 3) -> Steps[list[Lesson]]:
        """At most k lessons that bear on an action or a question, the nearest first."""
        whole("k", k, 1)
        engine = self.memory._engine
        vector = (yield from embed(engine.embedder, [nonempty(action, "action")]))[0]

        def body() -> list[Lesson]:
            engine.refresh()
            rows = engine.rows(self.namespace, status=None, kinds=(self.kind,))
            near = dict(
                zip(rows.tolist(), engine.columns.dense.scores(vector, rows).tolist(), strict=True)
            )
            there = engine.ledger.records(rows.tolist())
            return [
                Lesson(one.id, one.data["path"], one.data["question"], one.data["record"], near[at])
                for at, one in there.items()
                if near[at] >= self.least and self._speaks(one)
            ]

        found = yield from self.memory._work(body)
        return sorted(found, key=lambda one: (-one.nearness, one.id))[:k]

    def _speaks(self, one: Record) -> bool:
        """Whether a record is a lesson of this place: it cites what it is about."""
        data = one.data
        sound = all(isinstance(data.get(part), str) for part in PARTS)
        sound = sound and data["record"] in one.sources
        return sound and not data.get("dismissed") and one.namespace == self.namespace

    def _prompt(self, action: str, *, k: int = 3) -> Steps[str]:
        """An action or a question as it goes to the model: after the warnings that bear on it."""
        found = yield from self._warnings(action, k=k)
        if not found:
            return action
        lines = "\n".join(f"- {' '.join(one.path.split())}" for one in found)  # one line each
        return f"{prompts.load('lesson_warnings').render(warnings=lines)}\n\n{action}"

    def _dismiss(self, name: str, *, now: Moment | None = None) -> Steps[None]:
        """Silence a lesson that was wrong: it is not learned again from the same record.

        InputError if the record of that id is no lesson.
        """
        one = yield from self.memory._get(name, namespace=self.namespace)
        if one.kind != self.kind:
            raise InputError(f"record {name!r} is a {one.kind}, no lesson")
        yield from self.memory._update(
            name, data={**one.data, "dismissed": True}, namespace=self.namespace, now=now
        )

    search, asearch = sync(_search), asynchronous(_search)
    learn, alearn = sync(_learn), asynchronous(_learn)
    warnings, awarnings = sync(_warnings), asynchronous(_warnings)
    prompt, aprompt = sync(_prompt), asynchronous(_prompt)
    dismiss, adismiss = sync(_dismiss), asynchronous(_dismiss)
