"""Runs a suite: events as they happen, results at the end, a table and a report.

    OUT/<spec hash>/spec.json      what was run: settings, code and versions
                    events.jsonl   one line per decision, round and finished run; append-only
                    result.json    one row per run, and the summary; written whole or not at all
                    meta.json      when, with what, and how it went; dates are nowhere else
                    table.txt      the summary to read
                    report.html    the same with plots, in one file
    OUT/answers.sqlite             what served models answered, so that nothing is paid for twice

An interrupted suite goes on where it stopped, and its result is that of one which was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentmem.bench.asking import Answers
from agentmem.bench.events import Level
from agentmem.bench.executors import Executor, Local, Work, by_name
from agentmem.bench.files import require, write_whole
from agentmem.bench.loading import load_suite
from agentmem.bench.log import Log, discard
from agentmem.bench.meta import Meta
from agentmem.bench.playing import Clients, Task, Told
from agentmem.bench.progress import bar
from agentmem.bench.stats import Row, curves, summarise
from agentmem.bench.suite import Suite
from agentmem.bench.surrogates import LABEL
from agentmem.bench.table import table_text
from agentmem.bench.variant import AS_IT_IS, Variant
from agentmem.errors import BudgetExceeded, InputError, ModelError
from agentmem.models import resolve

FOLDER = Path("runs")
LOG, KEPT = "events.jsonl", "answers.sqlite"
RESULT = ("suite", "label", "seeds", "games", "rows", "summary", "curves")  # what a report needs


def run_suite(
    path: str | Path,
    out: str | Path = FOLDER,
    *,
    progress: bool = True,
    resume: bool = True,
    workers: int | None = None,
    place: str = "local",
    log: Level | None = None,
    max_cost: float | None = None,
    answers: str | Path | None = None,
    variant: Variant = AS_IT_IS,
) -> Path:
    """Run the suite in a file, or of a name in the catalogue; the folder with what came out.

    `progress` draws a bar on stderr.  `resume` goes on where an interrupted run stopped; without
    it the runs are played anew.  `workers` processes play at once, with the same outcome; None:
    one for each CPU if all players are simulated, the suite is large and the calling script guards
    `__name__`, else one.  `place`: the executor, `local` or `ray`.  `log` and `max_cost` go before
    what the suite says.  `answers`: the file that keeps what served models answered; None:
    OUT/answers.sqlite.  `variant`: what is played otherwise than the suite says.

    MissingExtra without what the report needs.  BudgetExceeded once the budget is spent, ModelError
    if a model failed for good: all other runs are finished then, and what is done is kept.
    """
    require("matplotlib", "jinja2")
    suite = limited(load_suite(path, variant), max_cost)
    executor = by_name(place, workers)
    folder = Path(out) / suite.spec_hash()
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        discard(folder / LOG)
        (folder / "result.json").unlink(missing_ok=True)
    result = play_suite(
        suite,
        folder,
        progress=progress,
        executor=executor,
        log=log,
        answers=answers,
    )
    publish(folder, result, suite)
    return folder


def play_suite(
    suite: Suite,
    folder: Path,
    *,
    progress: bool = False,
    executor: Executor | None = None,
    log: Level | None = None,
    answers: str | Path | None = None,
) -> dict[str, Any]:
    """Play what the log in a folder does not hold; the result, which is also written there.

    As `run_suite`, without table and report.  ConfigError for a model without its key.
    """
    for spec in suite.served:
        resolve(spec, **suite.serving.model)
    write_whole(folder / "spec.json", json.dumps(suite.spec(), indent=2, sort_keys=True) + "\n")
    jobs = list(suite.jobs())
    with ExitStack() as stack:
        book = stack.enter_context(closing(Log.open(folder / LOG, log or suite.options.log)))
        kept = Answers(answers or folder.parent / KEPT) if suite.served else None
        if kept is not None:
            stack.callback(kept.close)
        where = None if kept is None else str(Path(kept.path).resolve())
        meta = Meta.begin(folder, suite, book.level, where)
        clients = Clients(suite, kept)
        for asked in book.asked:
            clients.charge(asked)
        before = len(book.rows)
        tasks = [Task(job=job, held=book.held(job.id)) for job in jobs if job.id not in book.rows]
        work = Work(suite=suite, level=book.level, tasks=tasks, clients=clients, answers=kept)
        failures = play_all(work, book, executor or Local(), progress)
        meta.end(clients.figures(), runs=len(book.rows) - before)
    if left := len(jobs) - len(book.rows):
        raise unfinished(folder, left, failures)
    result = collect(suite, [book.rows[job.id] for job in jobs])
    write_whole(folder / "result.json", json.dumps(result, indent=1) + "\n")
    return result


def limited(suite: Suite, max_cost: float | None) -> Suite:
    """The suite with another limit in money.  InputError if a model has no price."""
    if max_cost is None:
        return suite
    for spec in suite.served:
        if spec not in suite.serving.prices:
            raise InputError(f"a limit in money needs a price of {spec!r} among `prices`")
    limits = replace(suite.serving.limits, cost=max_cost)
    return replace(suite, serving=replace(suite.serving, limits=limits), max_cost=max_cost)


def play_all(work: Work, log: Log, executor: Executor, progress: bool) -> dict[str, ModelError]:
    """Play what is left, into the log; the runs that failed, and why."""
    failures: dict[str, ModelError] = {}
    jobs = list(work.suite.jobs())
    done = [job for job in jobs if job.id in log.rows]
    with bar(jobs, done, work.clients.figures, progress) as show:

        def tell(told: Told) -> None:
            if told.lines:
                log.write(told.lines)
            if told.row is not None:
                log.finish(told.run, told.row, told.asked)
            if told.failure is not None:
                failures[told.run] = told.failure
            show(told)

        executor.play(work, tell)
    return failures


def unfinished(folder: Path, runs: int, failures: Mapping[str, ModelError]) -> ModelError:
    """What to say when runs are left over."""
    run, first = next(iter(failures.items()))
    spent = [error for error in failures.values() if isinstance(error, BudgetExceeded)]
    why = str(spent[0]) if spent else f"{len(failures)} failed, the first {run}: {first}"
    text = (
        f"{runs} runs are not finished; what is done is kept ({why}). "
        f"Go on with: agentmem bench resume {folder}"
    )
    return BudgetExceeded(text) if spent else ModelError(text)


def collect(suite: Suite, rows: Sequence[Row]) -> dict[str, Any]:
    """All that a result holds: nothing of when or how fast it came about."""
    games = {
        cell.label: {
            "game": cell.game.name,
            "rounds": str(cell.game.rounds),
            "headline": cell.game.headline,
            "headline_words": cell.game.headline_words,
            "exploiter": cell.game.exploiter,
            "exploited": cell.game.exploited,
            "exploited_words": cell.game.exploited_words,
        }
        for cell in suite.cells
    }
    return {
        "suite": suite.name,
        "description": suite.options.description,
        "label": LABEL if suite.simulated else "",
        "spec_hash": suite.spec_hash(),
        "seeds": list(suite.seeds),
        "games": games,
        "rows": list(rows),
        "summary": summarise(rows, games, family=suite.options.family or None),
        "curves": curves(rows, games),
    }


def publish(folder: Path, result: Mapping[str, Any], suite: Suite | None = None) -> None:
    """Write the table and the report of a result into its folder.

    With `suite`, runs that the log does not hold in full are played again for the report, where
    all players are simulated.
    """
    from agentmem.bench.report import report_of

    write_whole(folder / "report.html", report_of(folder, result, suite))
    write_whole(folder / "table.txt", table_text(result))
