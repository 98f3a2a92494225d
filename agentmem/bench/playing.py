"""The runs of a suite as they are played: at once, or by the thousand in lockstep.

Simulated players answer where they stand.  Served models take their time, so the matches that ask
them are tasks in one event loop: each waits for its own model, their memories work in between.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from operator import add
from types import TracebackType
from typing import Self

from agentmem.bench.asking import Answers, Client, Figures
from agentmem.bench.events import Emit, Event, Level
from agentmem.bench.log import Asked, Tape
from agentmem.bench.once import play
from agentmem.bench.recorded import Recorded, Till
from agentmem.bench.stats import Row
from agentmem.bench.suite import Job, Suite, is_simulated
from agentmem.bench.voices import Direct, Voice
from agentmem.budget import Budget, Usage
from agentmem.errors import BudgetExceeded, ModelError
from agentmem.models import resolve
from agentmem.steps import arun, run

OPEN = 2  # matches under way for each call that may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A run to be played, and what the log holds of it already."""

    job: Job
    held: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """News of a run."""

    run: str
    lines: str = ""  # for the log
    rounds: int = 0
    decisions: int = 0
    row: Row | None = None  # it is finished
    asked: Asked = field(default_factory=dict)  # of served models, once it is finished
    failure: ModelError | None = None  # why it cannot be finished now


Tell = Callable[[Told], None]


def telling(tape: Tape, tell: Tell, asked: Asked) -> Emit:
    """Where a run's events go: through its tape, and on as news; the last with what was asked."""

    def emit(event: Event) -> None:
        kind = event["type"]
        if kind == "result" and asked:
            event = {**event, "asked": asked}
        tell(
            Told(
                run=tape.run,
                lines=tape.pass_on(event),
                rounds=kind == "round",
                decisions=kind == "decision",
                row=event.get("row"),
                asked=event.get("asked", {}),
            )
        )

    return emit


def at_once(suite: Suite, level: Level, task: Task) -> Told:
    """Play a run of simulated players; all its news together."""
    news: list[Told] = []
    tape = Tape(run=task.job.id, level=level, held=task.held)
    run(play(suite, task.job, direct, telling(tape, news.append, {})))
    return replace(
        news[-1],
        lines="".join(told.lines for told in news),
        rounds=sum(told.rounds for told in news),
        decisions=sum(told.decisions for told in news),
    )


@cache
def direct(spec: str) -> Voice:
    """A model of this process, made once."""
    return Direct(model=resolve(spec))


class Clients:
    """The served models of a suite: a client for each, all within one budget."""

    def __init__(self, suite: Suite, answers: Answers | None, budget: Budget | None = None) -> None:
        serving = suite.serving
        self.budget = serving.limits.budget() if budget is None else budget
        self.most = serving.service.concurrency
        self._clients = {
            spec: Client(
                model=spec,
                options=serving.model,
                service=serving.service,
                budget=self.budget,
                prices=serving.prices,
                answers=answers,
            )
            for spec in suite.served
        }
        self._tills = {spec: Till(account=one.account) for spec, one in self._clients.items()}

    def voices(self, tape: Tape, asked: dict[str, Counter[str]]) -> Callable[[str], Voice]:
        """How the seats of a run reach the models.  What that takes goes into `asked`."""

        def voice(spec: str) -> Voice:
            if is_simulated(spec):
                return direct(spec)
            return Recorded(
                voice=self._clients[spec],
                tape=tape,
                till=self._tills[spec],
                asked=asked.setdefault(spec, Counter()),
            )

        return voice

    def charge(self, asked: Asked) -> None:
        """Count what an earlier session asked for a finished run."""
        for spec, counts in asked.items():
            self._clients[spec].account.charge(counts.get("calls", 0), _usage(counts))

    def figures(self) -> Figures | None:
        """How things stand, all models together; None without any."""
        found = [client.figures() for client in self._clients.values()]
        return reduce(add, found) if found else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            await client.aclose()


def _usage(counts: Mapping[str, int]) -> Usage:
    tokens_in, tokens_out, cached = (
        counts.get(name, 0) for name in ("tokens_in", "tokens_out", "cached")
    )
    return Usage(tokens_in=tokens_in, tokens_out=tokens_out, cached=cached)


async def lockstep(
    suite: Suite, level: Level, tasks: Sequence[Task], clients: Clients, tell: Tell
) -> None:
    """Play runs at the same time, at most `OPEN` for each call that may be under way.

    A run whose model fails for good is told as a failure, and the others go on; once the budget is
    spent, no further one begins.
    """
    gate = asyncio.Semaphore(OPEN * clients.most)
    spent = False

    async def one(task: Task) -> None:
        nonlocal spent
        tape = Tape(run=task.job.id, level=level, held=task.held)
        asked: dict[str, Counter[str]] = {}
        async with gate:
            if spent:
                return
            try:
                emit = telling(tape, tell, asked)
                await arun(play(suite, task.job, clients.voices(tape, asked), emit))
            except ModelError as error:
                spent = spent or isinstance(error, BudgetExceeded)
                tell(Told(run=tape.run, failure=error))

    try:
        async with clients, asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(one(task))
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from several
