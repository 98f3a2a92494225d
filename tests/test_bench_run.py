"""Runs: files, resuming, repeating, and several processes."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agentmem.bench import files, run_suite
from agentmem.bench.surrogates import LABEL
from agentmem.errors import InputError, MissingExtra

SUITE = """
description: "<Tiny> & quick."
games:
  prisoners: {rounds: 4, opponents: [self, alld]}
  ultimatum: {rounds: 4, opponents: [self, hardboiled]}
players: ["surrogate:gemma_tg"]
windows: [2, 3]
arms:
  none: {k: 0}
  small: {policies: [{budget: {max_records: 2, half_life: 2h}}]}
seeds: 2
"""
RUNS = 2 * 2 * 4 * 2


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "tiny.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(suite: Path) -> Path:
    return run_suite(suite, suite.parent / "runs", progress=False, workers=1)


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    return found


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]


def meta(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
    return found


def test_a_run_leaves_its_six_files_in_the_folder_of_its_hash(folder: Path) -> None:
    names = {"spec.json", "events.jsonl", "result.json", "meta.json", "table.txt", "report.html"}
    assert {path.name for path in folder.iterdir()} == names
    assert folder.name == result(folder)["spec_hash"]
    assert json.loads((folder / "spec.json").read_text("utf-8"))["seeds"] == [0, 1]


def test_there_is_a_row_per_run_with_its_figures_and_what_made_it(folder: Path) -> None:
    found = result(folder)
    assert len(found["rows"]) == RUNS
    about = meta(folder)
    assert about["versions"].keys() >= {"agentmem", "python", "numpy"}
    assert about["date"].endswith("+00:00")
    assert about["wall_s"] > 0
    assert [session["runs"] for session in about["sessions"]] == [RUNS]
    assert about["models"] == []
    assert found["label"] == LABEL
    for row in found["rows"]:
        assert row["invalid_rate"] == 0
        assert row["tokens_in"] > 0
        assert row["cooperation" if row["game"] == "prisoners" else "agreement"] is not None
        assert (row["memory_tokens"] == 0) == (row["arm"] == "none")


def test_there_is_an_event_per_decision_round_and_run(folder: Path) -> None:
    counts = Counter(event["type"] for event in events(folder))
    assert counts["run"] == counts["result"] == RUNS
    assert counts["round"] == RUNS * 4
    assert counts["decision"] == RUNS * 4 * 1.5  # two models in self-play, one against a script


def test_shown_records_are_those_that_earlier_rounds_wrote(folder: Path) -> None:
    written: dict[tuple[str, int], list[str]] = {}
    for event in events(folder):
        if event["type"] == "round":
            for seat, names in event["records"].items():
                written.setdefault((event["run"], int(seat)), []).extend(names)
        elif event["type"] == "decision":
            known = written.get((event["run"], event["seat"]), [])
            assert set(event["shown"]) <= set(known)
            if "/window-2/" in event["run"]:
                assert event["shown"] == known[-2:]


def test_a_finished_run_is_not_played_again(
    suite: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, happened = ((folder / name).read_bytes() for name in ("result.json", "events.jsonl"))
    assert run_suite(suite, folder.parent, workers=1) == folder
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{RUNS}/{RUNS}" in err  # the progress bar
    assert meta(folder)["sessions"][-1]["runs"] == 0
    assert (folder / "result.json").read_bytes() == before
    assert (folder / "events.jsonl").read_bytes() == happened


def test_a_run_played_anew_gives_the_same_result_and_events(
    suite: Path, folder: Path, tmp_path: Path
) -> None:
    other = run_suite(suite, tmp_path, progress=False, workers=1)
    for name in ("result.json", "events.jsonl", "table.txt", "spec.json"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()


def test_a_result_knows_nothing_of_when_it_was_made(folder: Path) -> None:
    text = (folder / "result.json").read_text("utf-8")
    assert meta(folder)["date"][:10] not in text
    assert "wall" not in text


def test_an_interrupted_run_goes_on_where_it_stopped(
    suite: Path, folder: Path, tmp_path: Path
) -> None:
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    ends = [i for i, line in enumerate(lines) if line.startswith(b'{"type": "result"')]
    broken = tmp_path / folder.name
    broken.mkdir()
    torn = b"".join(lines[: ends[9] + 4]) + lines[ends[9] + 4][:20]
    (broken / "events.jsonl").write_bytes(torn)
    assert run_suite(suite, tmp_path, progress=False, workers=1) == broken
    assert (broken / "result.json").read_bytes() == (folder / "result.json").read_bytes()
    assert meta(broken)["sessions"][-1]["runs"] == RUNS - 10
    assert (broken / "events.jsonl").read_bytes() == b"".join(lines)


@pytest.mark.slow
def test_several_processes_give_the_same_outcome(suite: Path, folder: Path, tmp_path: Path) -> None:
    other = run_suite(suite, tmp_path, progress=False, workers=2)
    assert (other / "events.jsonl").read_bytes() == (folder / "events.jsonl").read_bytes()
    assert result(other)["rows"] == result(folder)["rows"]


def test_without_resuming_everything_is_played_again(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(
        "games: {prisoners: {rounds: 2}}\nwindows: [1]\nseeds: 1\nplayers: ['surrogate:immune']\n",
        encoding="utf-8",
    )
    folder = run_suite(path, tmp_path, progress=False)
    (folder / "result.json").unlink()  # as if interrupted at the very end
    run_suite(path, tmp_path, progress=False)
    run_suite(path, tmp_path, progress=False, resume=False)
    assert [session["runs"] for session in meta(folder)["sessions"]] == [1, 0, 1]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    files.write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        files.write_whole(path, "new \ud800")
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("source", "tasks", "expected"),
    [
        ("if __name__ == '__main__': go()", 400, 2),
        ("if __name__ == '__main__': go()", 60, 1),
        ("go()", 400, 1),
        (None, 400, 2),  # interactive
    ],
)
def test_processes_are_spared_for_small_suites_and_unguarded_scripts(
    source: str | None,
    tasks: int,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main = ModuleType("__main__")
    if source is not None:
        (tmp_path / "script.py").write_text(source)
        main.__file__ = str(tmp_path / "script.py")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert files.spare_workers(tasks) == expected


def test_a_pool_needs_a_worker() -> None:
    with pytest.raises(InputError, match="workers must be at least 1"), files.pool(0, 3):
        pass


def test_a_missing_extra_is_told_before_the_work() -> None:
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[bench\]"):
        files.require("json", "no_such_module_at_all")
