"""The runs of a suite on a Ray cluster, in batches; whatever a dead node lost is played again.

The driver alone writes the log: workers send it their lines as they come.  When a worker or its
node dies, what was left of its batch goes to another one together with the lines that have
arrived, so nothing is decided twice.  Kept answers and the budget live with the driver too, in an
actor that all workers ask, so nothing is paid for twice either, but calls that were under way.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

from agentmem.bench.desk import Desk, DeskAnswers, DeskBudget
from agentmem.bench.events import Level
from agentmem.bench.executors import Work
from agentmem.bench.playing import Clients, Task, Tell, Told, at_once, lockstep
from agentmem.bench.suite import Job, Suite
from agentmem.errors import InputError, MissingExtra, ModelUnavailable

LOSSES = 5  # workers that may die under a run before it counts as failed
SHARE = 4  # batches for each worker, so that the last ones end at about the same time
MOST = 64  # runs of a batch


@dataclass(frozen=True, kw_only=True)
class OnRay:
    """The cluster that the driver is connected to, or that RAY_ADDRESS names, or a local one.

    `workers`: batches at once; None: one for each CPU of the cluster.  MissingExtra without Ray.
    """

    workers: int | None = None

    def play(self, work: Work, tell: Tell) -> None:
        if not work.tasks:
            return
        ray = library()
        ours = not ray.is_initialized()
        if ours:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            ray.init(include_dashboard=False, log_to_driver=False)
        try:
            workers = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            Driver.begin(ray, work, workers, tell).drive()
        finally:
            if ours:
                ray.shutdown()


def library() -> ModuleType:
    """Ray; MissingExtra without it.

    InputError in a process that has loaded usearch (the index `ann`) before: Ray would end it, as
    their parts of the C++ library do not agree.
    """
    if "usearch" in sys.modules and "ray" not in sys.modules:
        raise InputError(
            "Ray cannot start in a process that has loaded usearch: play the suite in a process of "
            "its own, or import ray first"
        )
    try:
        import ray
        import ray.exceptions
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise MissingExtra("the executor `ray`", "ray") from error
    module: ModuleType = ray
    return module


@dataclass(kw_only=True)
class Driver:
    """Hands out batches, takes in what the workers tell, and hands out again what was lost."""

    ray: Any
    work: Work
    workers: int
    tell: Tell
    suite: Any  # in the cluster's object store
    desk: Any  # an actor
    jobs: dict[str, Job]  # of runs that are not finished
    held: dict[str, list[str]]  # what the log holds of them
    waiting: deque[list[str]]  # batches of runs
    under_way: dict[Any, list[str]] = field(default_factory=dict)  # by the stream of their news
    losses: Counter[str] = field(default_factory=Counter)

    @classmethod
    def begin(cls, ray: Any, work: Work, workers: int, tell: Tell) -> Driver:
        service = work.suite.serving.service
        each = replace(service, concurrency=max(1, service.concurrency // workers))
        suite = replace(work.suite, serving=replace(work.suite.serving, service=each))
        size = max(1, min(MOST, len(work.tasks) // (SHARE * workers)))
        runs = [task.job.id for task in work.tasks]
        return cls(
            ray=ray,
            work=work,
            workers=workers,
            tell=tell,
            suite=ray.put(suite),
            desk=hired(ray, work),
            jobs={task.job.id: task.job for task in work.tasks},
            held={task.job.id: list(task.held) for task in work.tasks},
            waiting=deque(runs[at : at + size] for at in range(0, len(runs), size)),
        )

    def drive(self) -> None:
        """Until every run is finished, or has failed; after an error, no worker goes on."""
        try:
            while self.waiting or self.under_way:
                while self.waiting and len(self.under_way) < self.workers:
                    self.submit(self.waiting.popleft())
                ready, _ = self.ray.wait(list(self.under_way), num_returns=1, timeout=1.0)
                for stream in ready:
                    self.listen(stream)
        except BaseException:
            for stream in self.under_way:
                self.ray.cancel(stream, force=True)
            raise

    def submit(self, runs: list[str]) -> None:
        """Hand a batch to a worker, with what the log holds of it by now."""
        remote = self.ray.remote(num_cpus=1, max_retries=0, num_returns="streaming")(batch)
        tasks = [Task(job=self.jobs[run], held=tuple(self.held[run])) for run in runs]
        self.under_way[remote.remote(self.suite, self.work.level, tasks, self.desk)] = runs

    def listen(self, stream: Any) -> None:
        """Take in what a worker tells next; note that it is done, or lost."""
        errors = self.ray.exceptions
        try:
            news: list[Told] = self.ray.get(next(stream))
        except StopIteration:
            del self.under_way[stream]
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayError as error:
            self.lose(self.under_way.pop(stream), error)
        else:
            for told in news:
                self.hear(told)

    def hear(self, told: Told) -> None:
        """Pass news on, and keep in mind what the log holds from now on."""
        if told.row is None and told.failure is None:
            self.held[told.run] += told.lines.splitlines(keepends=True)
        else:
            del self.jobs[told.run], self.held[told.run]
        self.work.clients.charge(told.asked)
        self.tell(told)

    def lose(self, runs: list[str], error: Exception) -> None:
        """A worker is gone: what it left goes to another, unless that has happened too often."""
        self.losses.update(run for run in runs if run in self.jobs)
        for run in runs:
            if run in self.jobs and self.losses[run] > LOSSES:
                why = f"{self.losses[run]} workers were lost under it, the last: {error}"
                self.hear(Told(run=run, failure=ModelUnavailable(why)))
        if left := [run for run in runs if run in self.jobs]:
            self.waiting.append(left)


def hired(ray: Any, work: Work) -> Any:
    """The desk, as an actor beside the driver: where the file of answers is."""
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        node_id=ray.get_runtime_context().get_node_id(), soft=False
    )
    actor = ray.remote(num_cpus=0, scheduling_strategy=here)(Desk)
    path = None if work.answers is None else str(Path(work.answers.path).resolve())
    spent = work.clients.budget
    return actor.remote(path, work.suite.serving.limits, (spent.calls, spent.spent, spent.cost))


def batch(suite: Suite, level: Level, tasks: Sequence[Task], desk: Any) -> Iterator[list[Told]]:
    """Play some runs in a worker; their news as they come."""
    ray = library()
    for task in tasks:
        if task.job.simulated:
            yield [at_once(suite, level, task)]
    served = [task for task in tasks if not task.job.simulated]
    if not served:
        return

    def ask(method: str, *arguments: Any) -> Any:
        return ray.get(getattr(desk, method).remote(*arguments))

    clients = Clients(
        suite, DeskAnswers("answers.sqlite", ask), DeskBudget(suite.serving.limits, ask)
    )
    yield from heard(lambda tell: asyncio.run(lockstep(suite, level, served, clients, tell)))


def heard(play: Callable[[Tell], None]) -> Iterator[list[Told]]:
    """What `play`, in a thread of its own, tells: all that there is, whenever somebody looks."""
    news: SimpleQueue[Told | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(play, news.put)
        playing.add_done_callback(lambda _: news.put(None))  # the last thing told
        ended = False
        while not ended:
            some = [news.get()]
            while not news.empty():
                some.append(news.get())
            ended = some[-1] is None
            if told := [one for one in some if one is not None]:
                yield told
        playing.result()
