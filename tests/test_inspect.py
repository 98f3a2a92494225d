"""A suite's cell as a task of Inspect, and finished runs as its logs.

All but the refusals need the library itself: its models of messages, events and logs.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem.bench import run_suite
from agentmem.bench.adapters import inspect as adapter
from agentmem.bench.adapters.inspect_log import export_logs, finished_runs
from agentmem.bench.adapters.inspect_parts import library
from agentmem.bench.loading import load_suite
from agentmem.bench.once import play
from agentmem.bench.playing import direct
from agentmem.bench.surrogates import LABEL
from agentmem.bench.surrogates import model as surrogate
from agentmem.errors import InputError, MissingExtra
from agentmem.steps import run

SUITE = """
games:
  prisoners: {rounds: 6, payoffs: textbook, opponents: [self, alld, "surrogate:immune"]}
  ultimatum: {rounds: 4}
players: ["surrogate:oss20b_pd", "surrogate:immune"]
windows: [1, 80]
seeds: 2
"""
PLAYER = "surrogate:oss20b_pd"

# What Inspect and its dependencies leave open, or find deprecated in each other.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Inspect takes over the loggers of whoever calls it: they are given back."""
    names = ("", "agentmem", "tests", "inspect_ai")
    before = [
        (one, one.level, list(one.handlers), one.propagate) for one in map(logging.getLogger, names)
    ]
    yield
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


@pytest.fixture
def inspect_ai() -> Any:
    return pytest.importorskip("inspect_ai", reason="needs inspect-ai: pip install '.[inspect]'")


Answers = Callable[[list[dict[str, str]], Any], str]  # messages and settings of a call


def mocked(answers: Answers) -> Any:
    """A model of Inspect.  It counts tokens itself: Inspect would fetch a tokenizer for it."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def answer(asked: Any, tools: Any, choice: Any, config: Any) -> Any:
        said = answers([{"role": one.role, "content": one.text} for one in asked], config)
        output = ModelOutput.from_content("mockllm", said)
        output.usage = ModelUsage(
            input_tokens=100, input_tokens_cache_read=20, output_tokens=5, total_tokens=125
        )
        return output

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


@pytest.fixture
def speaking(inspect_ai: Any) -> Callable[..., Any]:
    """A model that says what a simulated player says; `first` it may say otherwise."""

    def made(*first: str) -> Any:
        said, mind = list(first), surrogate(PLAYER)
        return mocked(
            lambda asked, config: (
                said.pop(0) if said else mind.invoke(asked, seed=config.seed).content
            )
        )

    return made


def evaluated(task: Any, model: Any, folder: Path, **options: Any) -> Any:
    from inspect_ai import eval as evaluate

    (log,) = evaluate(
        task, model=model, log_dir=str(folder), display="none", log_level="error", **options
    )
    assert log.status == "success", log.error
    return log


@pytest.mark.slow
def test_a_task_plays_what_the_suite_plays(suite, speaking, tmp_path) -> None:
    log = evaluated(adapter.suite_task(suite, "prisoners"), speaking(), tmp_path / "logs")
    found = load_suite(suite)
    rows = {
        f"{job.opponent}/{job.arm.name}/{job.seed}": run(play(found, job, direct, lambda _: None))
        for job in found.jobs()
        if job.cell.label == "prisoners" and job.player == PLAYER
    }
    assert {sample.id for sample in log.samples} == set(rows)
    for sample in log.samples:
        row = sample.metadata["row"]
        assert row["player"] == "inspect:mockllm/model"
        for figure in ("cooperation", "reward", "decisions", "memory_tokens", "grudge_lifetime"):
            assert row[figure] == rows[sample.id][figure]
        assert sample.scores["agentmem"].metadata == row


@pytest.mark.slow
def test_a_task_reports_the_headline_figure_and_exploitability(suite, speaking, tmp_path) -> None:
    log = evaluated(adapter.suite_task(suite, "prisoners"), speaking(), tmp_path / "logs")
    scores = {score.name: score for score in log.results.scores}
    assert set(scores) == {"cooperation", "exploited"}
    means, exploited = (
        {metric.name: metric.value for metric in score.metrics.values() if metric.group == "mean"}
        for score in (scores["cooperation"], scores["exploited"])
    )
    assert len(means) == 6
    assert set(exploited) == {"alld, window-1", "alld, window-80"}
    assert exploited["alld, window-80"] == means["alld, window-80"]
    errors = [m for m in scores["cooperation"].metrics.values() if m.group == "stderr"]
    assert {error.name for error in errors} == set(means)
    rows = [s.metadata["row"] for s in log.samples if s.metadata["setting"] == "self, window-80"]
    assert means["self, window-80"] == pytest.approx(sum(r["cooperation"] for r in rows) / 2)
    assert log.eval.tags == [LABEL]  # an opponent is simulated


@pytest.mark.slow
def test_a_task_shows_every_call_and_round(suite, speaking, tmp_path) -> None:
    model = speaking("no idea")
    task = adapter.suite_task(suite, "prisoners")
    log = evaluated(task, model, tmp_path / "logs", sample_id="alld/window-80/0")
    (sample,) = log.samples
    calls = [event for event in sample.events if event.event == "model"]
    rounds = [e for e in sample.events if e.event == "info" and e.source == "agentmem"]
    assert (len(calls), len(rounds)) == (7, 6)  # one reply named no move
    assert calls[0].config.seed not in (None, calls[1].config.seed)
    assert rounds[0].data["payoffs"]
    assert [message.role for message in sample.messages[:4]] == [
        *("system", "user", "assistant", "user")
    ]
    assert "does not end with a JSON object" in sample.messages[3].text
    assert "[Round 5]" in sample.messages[-2].text
    assert sample.output.completion == sample.messages[-1].text


@pytest.mark.slow
def test_a_memory_that_asks_a_model_asks_that_of_inspect(inspect_ai, tmp_path) -> None:
    path = tmp_path / "told.yaml"
    path.write_text(
        SUITE.replace("windows: [1, 80]", "arms: {told: {stores: [{fact: {by: model}}]}}"),
        encoding="utf-8",
    )
    schemas = []

    def answer(asked: list[dict[str, str]], config: Any) -> str:
        if config.response_schema is None:
            return '{"action":"A0"}'
        schemas.append(config.response_schema.json_schema.type)
        return "{}"

    task = adapter.suite_task(path, "prisoners")
    log = evaluated(task, mocked(answer), tmp_path / "logs", sample_id="alld/told/0")
    row = log.samples[0].metadata["row"]
    assert (row["tokens_in"], row["tokens_cached"]) == (120, 20)
    assert row["upkeep_calls"] == len(schemas) / 6 > 0
    assert set(schemas) == {"object"}


@pytest.mark.slow
def test_exported_logs_are_read_by_inspect(inspect_ai, suite, tmp_path) -> None:
    from inspect_ai.log import list_eval_logs, read_eval_log

    folder = run_suite(suite, tmp_path / "runs", progress=False, workers=1)
    files = export_logs(folder)
    assert sorted(file.name for file in files) == [
        "prisoners_surrogate-immune.eval",
        "prisoners_surrogate-oss20b_pd.eval",
        "ultimatum_surrogate-immune.eval",
        "ultimatum_surrogate-oss20b_pd.eval",
    ]
    assert len(list_eval_logs(str(folder / "inspect"))) == 4
    result = json.loads((folder / "result.json").read_text("utf-8"))
    rows = {
        (row["game"], row["player"], f"{row['opponent']}/{row['arm']}/{row['seed']}"): row
        for row in result["rows"]
    }
    for file in files:
        log = read_eval_log(str(file))
        assert log.status == "success"
        assert log.eval.tags == [LABEL]
        for sample in log.samples:
            row = rows.pop((log.eval.task_args["cell"], log.eval.model, sample.id))
            assert sample.metadata["row"] == row
            if row["player"] != row["opponent"]:  # whose tokens are counted together
                spent = sample.model_usage[row["player"]].output_tokens
                assert spent == round(row["tokens_out"] * row["decisions"])
    assert not rows


@pytest.mark.slow
def test_an_exported_sample_holds_prompts_replies_and_figures(inspect_ai, suite, tmp_path) -> None:
    from inspect_ai.log import read_eval_log

    folder = run_suite(suite, tmp_path / "runs", progress=False, workers=1)
    out = tmp_path / "elsewhere"
    (file,) = [
        path for path in export_logs(folder, out) if path.name.startswith("prisoners_surrogate-oss")
    ]
    assert file.parent == out
    log = read_eval_log(str(file), resolve_attachments=True)
    events = {run[0]["run"]: run for run in finished_runs(folder / "events.jsonl")}
    for sample in log.samples:
        run_id = f"prisoners/{PLAYER}/{sample.id}"
        told = [event for event in events[run_id] if event["type"] == "decision"]
        calls = [event for event in sample.events if event.event == "model"]
        assert [call.input[-1].text for call in calls] == [event["prompt"] for event in told]
        assert [call.output.completion for call in calls] == [
            event["replies"][-1] for event in told
        ]
        assert [call.metadata["move"] for call in calls] == [event["move"] for event in told]
        assert sum(event.event == "info" for event in sample.events) == 6
        abused = sample.metadata["row"]["opponent"] == "alld"
        assert math.isnan(sample.scores["agentmem"].value["exploited"]) != abused
    cooperation = next(score for score in log.results.scores if score.name == "cooperation")
    summary = json.loads((folder / "result.json").read_text("utf-8"))["summary"]
    for line in summary:
        if (line["game"], line["player"]) == ("prisoners", PLAYER):
            metric = cooperation.metrics[f"mean_{line['opponent']}, {line['arm']}"]
            assert metric.value == pytest.approx(line["mean"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "error", "said"),
    [
        (None, InputError, "choose one of prisoners, ultimatum"),
        ("prisoner", InputError, "did you mean 'prisoners'"),
    ],
)
def test_a_cell_has_to_be_named(inspect_ai, suite, cell, error, said: str) -> None:
    with pytest.raises(error, match=said):
        adapter.suite_task(suite, cell)


@pytest.mark.slow
def test_opponents_served_elsewhere_are_refused(inspect_ai, tmp_path) -> None:
    path = tmp_path / "served.yaml"
    path.write_text(
        "games: {prisoners: {opponents: ['vllm:m@http://localhost:1/v1']}}\n"
        "players: ['surrogate:immune']\nwindows: [1]\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="is served elsewhere"):
        adapter.suite_task(path)


@pytest.mark.slow
def test_folders_without_prompts_or_runs_are_refused(inspect_ai, suite, tmp_path) -> None:
    with pytest.raises(InputError, match="no folder of a run"):
        export_logs(tmp_path)
    folder = run_suite(suite, tmp_path / "runs", progress=False, workers=1, log="moves")
    with pytest.raises(InputError, match="logged as 'moves'"):
        export_logs(folder)
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    (folder / "meta.json").write_text(json.dumps({**meta, "log": "full"}), encoding="utf-8")
    (folder / "events.jsonl").write_text('{"type": "log", "level": "full"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="no run is finished"):
        export_logs(folder)
    assert not (folder / "inspect").exists()


def test_only_finished_runs_are_read_from_a_log(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [
        {"type": "log", "level": "full"},
        {"type": "run", "run": "a/1"},
        {"type": "run", "run": "b/1"},
        {"type": "round", "run": "b/1", "round": 1},
        {"type": "result", "run": "b/1", "row": {}},
        {"type": "result", "run": "a/1", "row": {}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text(text[:-1], encoding="utf-8")  # the last line was being written
    found = list(finished_runs(path))
    assert [[event["type"] for event in run] for run in found] == [["run", "round", "result"]]


def test_without_the_library_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("inspect_ai", "inspect_ai.log"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (library, lambda: export_logs(tmp_path), lambda: adapter.suite_task("smoke")):
        with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[inspect\]"):
            call()
