"""A progress bar on stderr: runs, rate, time left, and what served models have taken so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agentmem.bench.asking import Figures
from agentmem.bench.playing import Tell, Told
from agentmem.bench.suite import Job

EVERY = 0.1  # seconds between two looks at the figures


@contextmanager
def bar(
    jobs: Sequence[Job],
    done: Sequence[Job],
    figures: Callable[[], Figures | None],
    shown: bool,
) -> Iterator[Tell]:
    """Gives what to call with each news.  It counts rounds: their number is known before."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left
    from rich.table import Column

    columns = (
        TextColumn("{task.fields[runs]} runs"),
        BarColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        Left(),
        TextColumn("{task.fields[served]}", table_column=Column()),  # goes on below, if need be
    )
    progress = Progress(*columns, console=Console(file=sys.stderr), disable=not shown)
    finished, played, decisions, looked = len(done), 0, 0, 0.0
    with progress:
        total, before = (sum(job.cell.game.rounds for job in some) for some in (jobs, done))
        task = progress.add_task("", total=total, completed=before, rate="", served="", runs="")

        def look() -> None:
            speed = progress.tasks[task].speed
            each = decisions / played if played else 0.0
            progress.update(
                task,
                completed=before + played,
                runs=f"{finished}/{len(jobs)}",
                rate=f"{speed * each:.0f} decisions/s" if speed else "",
                served=served(figures()),
            )

        def tell(told: Told) -> None:
            nonlocal finished, played, decisions, looked
            finished += told.row is not None
            played += told.rounds
            decisions += told.decisions
            if (now := time.monotonic()) - looked > EVERY:
                looked = now
                look()

        yield tell
        look()


def served(figures: Figures | None) -> str:
    """What served models have taken: `cost 1.2345, 61% of 5.1M prompt tokens cached, 3 x 429`."""
    if figures is None:
        return ""
    share = figures.cached / figures.tokens_in if figures.tokens_in else 0.0
    parts = [f"cost {figures.cost:.4f}"] if figures.cost else []
    parts += [f"{share:.0%} of {figures.tokens_in / 1e6:.2f}M prompt tokens cached"]
    parts += [f"{figures.active} of {figures.limit} calls"]
    parts += [f"{figures.refusals} refused"] if figures.refusals else []
    parts += [f"{figures.failures} failed"] if figures.failures else []
    return ", ".join(parts)
