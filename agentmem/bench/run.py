"""Runs a suite: events as they happen, results at the end, a table and a report.

    OUT/<spec hash>/spec.json      what was run: settings, code and versions
                    events.jsonl   one line per decision, round and finished run; append-only
                    result.json    one row per run, and the summary; written whole or not at all
                    table.txt      the summary to read
                    report.html    the same with plots, in one file

The events of a run are appended when it is finished, so an interrupted suite resumes at its first
unfinished run.  A finished suite is run anew, and gives the same rows.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from agentmem.bench.files import bar, pool, require, spare_workers, versions, write_whole
from agentmem.bench.loading import load_suite
from agentmem.bench.once import play
from agentmem.bench.report import report_html
from agentmem.bench.stats import Row, curves, summarise
from agentmem.bench.suite import Job, Suite
from agentmem.bench.surrogates import LABEL
from agentmem.bench.table import table_text
from agentmem.bench.voices import Direct, Voice
from agentmem.models import resolve
from agentmem.steps import run

FOLDER = Path("runs")


def run_suite(
    path: str | Path,
    out: str | Path = FOLDER,
    *,
    progress: bool = True,
    resume: bool = True,
    workers: int | None = None,
) -> Path:
    """Run the suite in a file, or of a name in the catalogue; the folder with what came out.

    `progress` draws a bar on stderr.  `resume` goes on where an interrupted run stopped.
    `workers` processes play at once, with the same outcome; None: one for each CPU if all players
    are simulated, the suite is large and the calling script guards `__name__`, else one.
    MissingExtra without what the report needs.
    """
    require("matplotlib", "jinja2")
    suite = load_suite(path)
    folder = Path(out) / suite.spec_hash()
    folder.mkdir(parents=True, exist_ok=True)
    spec = suite.spec()
    write_whole(folder / "spec.json", json.dumps(spec, indent=2, sort_keys=True) + "\n")
    begun = time.perf_counter()
    rows, walls = play_all(suite, folder, progress=progress, resume=resume, workers=workers)
    result = collect(suite, rows)
    result["meta"] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "wall_s": round(time.perf_counter() - begun, 3),
        "wall_s_by_run": walls,
    }
    write_whole(folder / "report.html", report_html(result))
    write_whole(folder / "table.txt", table_text(result))
    write_whole(folder / "result.json", json.dumps(result, indent=1) + "\n")
    return folder


def collect(suite: Suite, rows: list[Row]) -> dict[str, Any]:
    """All that a result holds apart from dates and times."""
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
        "rows": rows,
        "summary": summarise(rows, games),
        "curves": curves(rows, games),
    }


def play_all(
    suite: Suite, folder: Path, *, progress: bool, resume: bool, workers: int | None
) -> tuple[list[Row], dict[str, float]]:
    """The rows of all runs, in the suite's order, and the wall time of those played now."""
    events = folder / "events.jsonl"
    if not resume or (folder / "result.json").exists():
        (folder / "result.json").unlink(missing_ok=True)
        events.unlink(missing_ok=True)
    done = finished(events)
    jobs = list(suite.jobs())
    left = [job for job in jobs if job.id not in done]
    if workers is None:
        simulated = all(job.player.startswith("surrogate:") for job in left)
        workers = spare_workers(len(left)) if simulated else 1
    walls: dict[str, float] = {}
    with (
        events.open("a", encoding="utf-8") as file,
        bar(len(jobs), len(done), progress) as advance,
        pool(workers, len(left)) as spread,
    ):
        for job, (row, text, wall) in zip(left, spread(partial(at_once, suite), left), strict=True):
            file.write(text)
            file.flush()
            done[job.id] = row
            walls[job.id] = round(wall, 4)
            advance(job)
    return [done[job.id] for job in jobs], walls


def at_once(suite: Suite, job: Job) -> tuple[Row, str, float]:
    """The row of a run, its events as JSON lines, and the seconds it took."""
    begun = time.perf_counter()
    lines: list[str] = []
    row = run(play(suite, job, direct, lambda event: lines.append(json.dumps(event) + "\n")))
    return row, "".join(lines), time.perf_counter() - begun


@cache
def direct(spec: str) -> Voice:
    """A model of this process, made once."""
    return Direct(model=resolve(spec))


def finished(events: Path) -> dict[str, Row]:
    """The rows of the runs that an events file holds in full; whatever follows them is cut off."""
    if not events.exists():
        return {}
    rows: dict[str, Row] = {}
    position = whole = 0
    with events.open("rb") as file:
        for line in file:
            position += len(line)
            if line.startswith(b'{"type": "result"') and line.endswith(b"\n"):
                event = json.loads(line)
                rows[event["run"]] = event["row"]
                whole = position
    os.truncate(events, whole)
    return rows
