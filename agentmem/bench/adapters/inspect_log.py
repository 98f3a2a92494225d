"""Finished runs as logs of Inspect, whose viewer shows prompts, replies, usage and figures.

    from agentmem.bench.adapters.inspect_log import export_logs

    export_logs("runs/3f0c...")        # then: inspect view --log-dir runs/3f0c.../inspect

UK AI Security Institute, "Inspect AI" (https://inspect.aisi.org.uk); extra `inspect`.  One log for
each game and player, a sample for each run.  A log of ours knows how long an answer took, but not
when it was asked for: the times within a sample are those of its answers, one after another, from
the beginning of the suite on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from agentmem.bench.adapters.inspect_parts import (
    SCORER,
    Telling,
    conversation,
    library,
    sample_id,
    score,
    setting,
    values,
)
from agentmem.bench.again import known
from agentmem.bench.events import Event
from agentmem.bench.games import Game
from agentmem.bench.loading import game_class
from agentmem.bench.log import HEAD, Lines
from agentmem.bench.stats import Row
from agentmem.bench.suite import is_simulated
from agentmem.bench.surrogates import LABEL
from agentmem.core import content_id
from agentmem.errors import InputError

SOLVER = "agentmem/match"


def export_logs(folder: str | Path, out: str | Path | None = None) -> list[Path]:
    """Write the finished runs of a folder OUT/<spec hash> as logs NAME.eval; the files.

    `out`: where to; None: FOLDER/inspect.  InputError for what is no such folder, for one without a
    finished run, and for a log without prompts; MissingExtra without Inspect.
    """
    library("log")
    folder = Path(folder)
    meta = known(folder)
    if meta["log"] != "full":
        raise InputError(f"{folder} was logged as {meta['log']!r}: only log: full holds prompts")
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    cells = {cell["label"]: cell for cell in spec["cells"]}
    books: dict[tuple[str, str], Book] = {}
    for events in finished_runs(folder / "events.jsonl"):
        row = events[-1]["row"]
        name = (row["game"], row["player"])
        if name not in books:
            books[name] = Book(spec=spec, meta=meta, cell=cells[row["game"]], player=row["player"])
        books[name].add(events)
    if not books:
        raise InputError(f"{folder}: no run is finished yet")
    target = folder / "inspect" if out is None else Path(out)
    target.mkdir(parents=True, exist_ok=True)
    return [book.write(target) for book in books.values()]


def finished_runs(path: Path) -> Iterator[list[Event]]:
    """The events of each finished run, in the order in which they began."""
    places: dict[str, list[int]] = {}
    done: set[str] = set()
    place = 0
    with path.open("rb") as file:
        for text in file:
            head = HEAD.match(text)
            if head is not None and text.endswith(b"\n"):
                run = json.loads(head[2])
                places.setdefault(run, []).append(place)
                if head[1] == b"result":
                    done.add(run)
            place += len(text)
    for run, found in places.items():
        if run in done:
            yield [json.loads(line) for line in Lines(path=path, places=tuple(found))]


@dataclass(kw_only=True)
class Book:
    """A log in the making: the runs of one player in one game."""

    spec: Mapping[str, Any]
    meta: Mapping[str, Any]
    cell: Mapping[str, Any]
    player: str
    samples: list[Any] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def game(self) -> type[Game]:
        return game_class(self.cell["game"])

    @property
    def begun(self) -> datetime:
        return datetime.fromisoformat(self.meta["sessions"][0]["begun"])

    def add(self, events: Sequence[Event]) -> None:
        """A run as a sample."""
        begun, row = events[0], events[-1]["row"]
        seat = row["seats"][0]
        first = self.cell["rules"] == "system"
        systems = [text if first else "" for text in begun["systems"]]
        told = Telling(begun=self.begun, row=row, systems=systems)
        shown = [told.event(event) for event in events if event["type"] in ("decision", "round")]
        said = conversation(events, seat, systems[seat])
        model = library("model")
        self.rows.append(row)
        self.samples.append(
            library("log").EvalSample(
                id=sample_id(row["opponent"], row["arm"], row["seed"]),
                epoch=1,
                input=begun["systems"][seat],
                target="",
                messages=said,
                output=model.ModelOutput.from_content(self.player, said[-1].content),
                scores={SCORER: score(self.game, row)},
                metadata={
                    "setting": setting(row["opponent"], row["arm"]),
                    "seed": row["seed"],
                    "row": row,
                },
                events=shown,
                model_usage=told.usage,
                started_at=self.begun.isoformat(),
                completed_at=told.now.isoformat(),
                total_time=told.elapsed,
                working_time=told.elapsed,
                uuid=content_id("sample", begun["run"])[:22],
            )
        )

    def write(self, target: Path) -> Path:
        """The log as a file."""
        log = library("log")
        name = re.sub(r"[^\w.-]+", "-", f"{self.cell['label']}_{self.player}")
        path = target / f"{name}.eval"
        stats = log.EvalStats(
            started_at=self.begun.isoformat(),
            completed_at=self.meta["date"],
            model_usage=self.usage(),
        )
        content = log.EvalLog(
            status="success",
            eval=self.identity(),
            plan=log.EvalPlan(steps=[log.EvalPlanStep(solver=SOLVER)]),
            results=self.results(),
            stats=stats,
            samples=self.samples,
        )
        log.write_eval_log(content, str(path), format="eval")
        return path

    def identity(self) -> Any:
        """What was evaluated, and with what."""
        log = library("log")
        ids = [sample.id for sample in self.samples]
        mark = self.meta["spec_hash"]
        simulated = any(is_simulated(r[who]) for r in self.rows for who in ("player", "opponent"))
        return log.EvalSpec(
            eval_id=content_id("eval", mark, self.cell["label"], self.player)[:22],
            run_id=mark,
            task_id=content_id("task", mark, self.cell["label"])[:22],
            created=self.begun.isoformat(),
            task=f"agentmem/{self.cell['label']}",
            task_args={"suite": self.spec["name"], "cell": self.cell["label"]},
            dataset=log.EvalDataset(name=self.spec["name"], samples=len(ids), sample_ids=ids),
            model=self.player,
            config=log.EvalConfig(epochs=1),
            packages={"agentmem-forgetting": self.spec["version"]},
            tags=[LABEL] if simulated else None,
            metadata={"spec_hash": mark, "settings": self.cell["settings"]},
        )

    def results(self) -> Any:
        """The mean of each figure in each setting, over the runs that have it."""
        log = library("log")
        found: dict[str, dict[str, list[float]]] = {}
        for row in self.rows:
            for figure, value in values(self.game, row).items():
                by = found.setdefault(figure, {})
                if not np.isnan(value):
                    by.setdefault(setting(row["opponent"], row["arm"]), []).append(value)
        scores = [
            log.EvalScore(
                name=figure,
                scorer=SCORER,
                scored_samples=sum(map(len, by.values())),
                unscored_samples=len(self.rows) - sum(map(len, by.values())),
                metrics={
                    f"mean_{name}": log.EvalMetric(
                        name=name, group="mean", value=float(np.mean(some))
                    )
                    for name, some in by.items()
                },
            )
            for figure, by in found.items()
        ]
        runs = len(self.rows)
        return log.EvalResults(total_samples=runs, completed_samples=runs, scores=scores)

    def usage(self) -> dict[str, Any]:
        """Tokens and cost of each model, over all runs."""
        total: dict[str, Any] = {}
        for sample in self.samples:
            for model, usage in sample.model_usage.items():
                total[model] = total[model] + usage if model in total else usage
        return total
