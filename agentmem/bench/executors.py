"""Where the runs of a suite are played: on this machine, or on a Ray cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from agentmem.bench.asking import Answers
from agentmem.bench.events import Level
from agentmem.bench.files import pool, spare_workers
from agentmem.bench.playing import Clients, Task, Tell, at_once, lockstep
from agentmem.bench.suite import Suite
from agentmem.errors import ConfigError, InputError, nearest

NAMES = ("local", "ray")


@dataclass(frozen=True, kw_only=True)
class Work:
    """Runs to be played, with what they have in common."""

    suite: Suite
    level: Level  # of the log
    tasks: Sequence[Task]
    clients: Clients
    answers: Answers | None  # where the clients keep what they paid for


class Executor(Protocol):
    """Plays runs.  News of one run come in their order, those of different runs in any."""

    def play(self, work: Work, tell: Tell) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Local:
    """Here: simulated players over processes, served models in one event loop.

    `workers` None: a process for each CPU, where there is enough to do for them.
    """

    workers: int | None = None

    def play(self, work: Work, tell: Tell) -> None:
        simulated = [task for task in work.tasks if task.job.simulated]
        served = [task for task in work.tasks if not task.job.simulated]
        workers = spare_workers(len(simulated)) if self.workers is None else self.workers
        with pool(workers, len(simulated)) as spread:
            for told in spread(partial(at_once, work.suite, work.level), simulated):
                tell(told)
        if served:
            asyncio.run(lockstep(work.suite, work.level, served, work.clients, tell))


def by_name(name: str, workers: int | None = None) -> Executor:
    """The executor of a name; ConfigError for an unknown one, MissingExtra without its library."""
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, not {workers!r}")
    if name == "local":
        return Local(workers=workers)
    if name == "ray":
        from agentmem.bench.on_ray import OnRay, library

        library()
        return OnRay(workers=workers)
    raise ConfigError(f"unknown executor {name!r}{nearest(name, NAMES)}")
