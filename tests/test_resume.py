"""Interrupted suites: what was answered is not asked again, and the result is the same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentmem.bench.executors import Local
from agentmem.bench.loading import read_suite
from agentmem.bench.log import Log
from agentmem.bench.run import play_suite
from agentmem.bench.suite import Suite
from agentmem.bench.surrogates import model
from agentmem.errors import ConfigError, InputError
from agentmem.reading import Reader
from tests.chaos import Chaos

CONCURRENCY = 8
PLAYER = model("gemma_tg")
Event = dict[str, Any]


class Killed(BaseException):
    """The process is gone."""


def said(body: dict[str, Any]) -> str:
    """A served model's answer: that of a simulated player, but now and then no legal move."""
    seed = int(body["seed"])
    return "hm" if seed % 13 == 0 else PLAYER.invoke(body["messages"], seed=seed).content


@pytest.fixture(scope="module")
def server() -> Iterator[Chaos]:
    with Chaos(answer=said) as found:
        yield found


def content(server: Chaos | None, **changes: Any) -> dict[str, Any]:
    player = "surrogate:gemma_tg" if server is None else f"vllm:tiny@{server.url}"
    plain: dict[str, Any] = {
        "games": {"prisoners": {"rounds": 5}},
        "players": [player],
        "windows": [2, 4],
        "seeds": 2,
    }
    if server is not None:
        plain |= {"concurrency": CONCURRENCY, "prices": {player: {"input": 1.0, "output": 3.0}}}
    return {**plain, **changes}


def suite(server: Chaos | None, **changes: Any) -> Suite:
    return read_suite(Reader("test"), content(server, **changes), "test")


def events(folder: Path, kind: str) -> list[Event]:
    """Those of a kind, in whole lines."""
    lines = (folder / "events.jsonl").read_text("utf-8").splitlines(keepends=True)
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [event for event in found if event["type"] == kind]


def decided(folder: Path) -> Counter[tuple[Any, ...]]:
    """How often each decision is in the log."""
    names = ("run", "round", "step", "seat")
    return Counter(tuple(e[name] for name in names) for e in events(folder, "decision"))


def kill(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the process die after so many lines of the log, in the middle of the next."""
    write: Callable[[Log, str], None] = Log.write
    count = 0

    def dying(log: Log, text: str) -> None:
        nonlocal count
        count += text.count("\n")
        if count > after:
            write(log, text[: len(text) // 2])
            raise Killed
        write(log, text)

    monkeypatch.setattr(Log, "write", dying)


def killed(
    what: Suite, folder: Path, monkeypatch: pytest.MonkeyPatch, moments: list[int]
) -> dict[str, Any]:
    """Play a suite that is interrupted at some moments, and then not."""
    for after in moments:
        kill(monkeypatch, after)
        with pytest.raises(Killed):
            play_suite(what, folder, executor=Local(workers=1))
        monkeypatch.undo()
    return play_suite(what, folder, executor=Local(workers=1))


@pytest.mark.parametrize(
    "level", ["full", "moves", pytest.param("results", marks=pytest.mark.slow)]
)
def test_a_suite_of_served_models_that_is_killed_comes_to_the_same(
    server: Chaos, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = suite(server, log=level)
    for name in ("whole", "torn"):
        (tmp_path / name / "run").mkdir(parents=True)
    play_suite(what, tmp_path / "whole" / "run")
    server.contents.clear()
    torn = tmp_path / "torn" / "run"
    killed(what, torn, monkeypatch, [1, 1, 1] if level == "results" else [25, 9, 15])
    whole = tmp_path / "whole" / "run"
    assert (torn / "result.json").read_bytes() == (whole / "result.json").read_bytes()
    again = sum(server.contents.values()) - len(server.contents)
    assert again <= 3 * CONCURRENCY  # those that were under way
    if level != "results":
        assert decided(torn) == decided(whole)
        assert set(decided(torn).values()) == {1}
    assert len(events(torn, "result")) == 4


def talks(body: dict[str, Any]) -> str:
    """As `said`, and something to a memory that asks for a summary."""
    try:
        return said(body)
    except InputError:  # there is no game in the prompt
        return f"They took turns, {body['seed'] % 7} in all."


@pytest.mark.slow
def test_what_memories_ask_is_not_asked_again_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Chaos(answer=talks) as server:
        what = suite(server, windows=[], arms=["p09-summary"])
        whole, torn = tmp_path / "whole" / "run", tmp_path / "torn" / "run"
        for folder in (whole, torn):
            folder.mkdir(parents=True)
        result = play_suite(what, whole)
        server.contents.clear()
        killed(what, torn, monkeypatch, [10, 9, 8])
        again = sum(server.contents.values()) - len(server.contents)
    assert again <= 3 * CONCURRENCY
    assert min(row["upkeep_calls"] for row in result["rows"]) > 0
    assert (torn / "result.json").read_bytes() == (whole / "result.json").read_bytes()


def test_a_suite_of_simulated_players_that_is_killed_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = suite(None)
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        folder.mkdir()
    play_suite(what, whole)
    killed(what, torn, monkeypatch, [20, 16, 18])
    for name in ("result.json", "events.jsonl"):
        assert (torn / name).read_bytes() == (whole / name).read_bytes()


def test_the_log_answers_without_the_kept_answers(
    server: Chaos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = suite(server)
    folder = tmp_path / "run"
    folder.mkdir()
    kill(monkeypatch, 45)
    with pytest.raises(Killed):
        play_suite(what, folder)
    monkeypatch.undo()
    held = len(events(folder, "decision"))
    (tmp_path / "answers.sqlite").unlink()
    server.contents.clear()
    play_suite(what, folder)
    replies = sum(len(event["replies"]) for event in events(folder, "decision"))
    assert held > 15
    assert sum(server.contents.values()) <= replies - held


def test_a_log_of_another_prompt_is_told_before_anything_is_asked(
    server: Chaos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = suite(server, seeds=1, windows=[2])
    folder = tmp_path / "run"
    folder.mkdir()
    kill(monkeypatch, 14)
    with pytest.raises(Killed):
        play_suite(what, folder)
    monkeypatch.undo()
    log = folder / "events.jsonl"
    lines = log.read_text("utf-8").splitlines(keepends=True)[:-1]
    place = [n for n, line in enumerate(lines) if '"type": "decision"' in line][-1]
    event = json.loads(lines[place])
    event["prompt"] = event["prompt"].replace("Round", "Rund")
    event["prompt_hash"] = "0" * 16
    lines[place] = json.dumps(event) + "\n"
    log.write_text("".join(lines))
    server.contents.clear()
    with pytest.raises(InputError, match=r"another prompt at round .*prompt: '.*Rund.* in the log"):
        play_suite(what, folder)
    assert not any(b"Rund" in body for body in server.contents)


def test_a_log_that_goes_another_way_is_told_with_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = suite(None, seeds=1, windows=[2])
    kill(monkeypatch, 10)
    with pytest.raises(Killed):
        play_suite(what, tmp_path)
    monkeypatch.undo()
    log = tmp_path / "events.jsonl"
    lines = log.read_text("utf-8").splitlines(keepends=True)
    [header, *rest] = lines
    head = json.loads(rest[0])
    log.write_text(header + json.dumps({**head, "order": [9]}) + "\n")
    with pytest.raises(InputError, match=r"go apart at its event 'run': order: \[9\] in the log"):
        play_suite(what, tmp_path)


def test_a_log_is_not_gone_on_with_at_another_level(tmp_path: Path) -> None:
    what = suite(None, seeds=1)
    play_suite(what, tmp_path, log="moves")
    with pytest.raises(ConfigError, match="begun with log: moves, not full"):
        play_suite(what, tmp_path)


def test_a_log_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = Log.open(path, "full")
    with pytest.raises(InputError, match="being written by another"):
        Log.open(path, "full")
    log.close()
    Log.open(path, "full").close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("oops\n", "1: not JSON"),
        ("[1]\n", "1: no event"),
        ('{"type": "log", "level": "full"}\n{"kind": 1}\n', "2: no event of a run"),
    ],
)
def test_a_file_that_is_no_log_is_left_alone(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        Log.open(path, "full")
    assert path.read_text() == text


KILLS = 20


def kill_process(path: Path, folder: Path, wait: float, workers: int = 1) -> bool:
    """Play in a process of its own; kill it so many seconds after it began to write.

    Whether it was done before.
    """
    log = folder / "events.jsonl"
    size = log.stat().st_size if log.exists() else 0
    command = [sys.executable, "-m", "tests.played", str(path), str(folder), str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while process.poll() is None and not (log.exists() and log.stat().st_size > size):
            time.sleep(0.01)
        time.sleep(wait)
        process.kill()
        return "done" in process.stdout.read()


def killed_often(path: Path, folder: Path, seconds: float, seed: int) -> None:
    rng = Random(seed)
    for _ in range(KILLS):
        assert not kill_process(path, folder, rng.uniform(0.0, seconds))


@pytest.mark.slow
def test_twenty_kills_change_nothing_in_a_suite_of_served_models(tmp_path: Path) -> None:
    with Chaos(answer=said, delay=0.02) as server:
        plain = content(server, seeds=20, games={"prisoners": {"rounds": 40}})
        path = tmp_path / "test.yaml"
        path.write_text(json.dumps(plain))
        whole, torn = (tmp_path / name / "run" for name in ("whole", "torn"))
        for folder in (whole, torn):
            folder.mkdir(parents=True)
        killed_often(path, torn, 0.3, seed=5)
        lost = sum(server.contents.values()) - len(server.contents)
        play_suite(read_suite(Reader("test"), plain, "test"), torn)
        again = sum(server.contents.values()) - len(server.contents)
        assert lost <= again <= KILLS * CONCURRENCY
        play_suite(read_suite(Reader("test"), plain, "test"), whole)
    assert (torn / "result.json").read_bytes() == (whole / "result.json").read_bytes()
    assert decided(torn) == decided(whole)
    assert set(decided(torn).values()) == {1}


@pytest.mark.slow
def test_twenty_kills_change_nothing_in_a_suite_of_simulated_players(tmp_path: Path) -> None:
    plain = content(None, seeds=40, games={"prisoners": {"rounds": 100}})
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(plain))
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for folder in (whole, torn):
        folder.mkdir()
    killed_often(path, torn, 0.3, seed=6)
    for folder in (torn, whole):
        play_suite(read_suite(Reader("test"), plain, "test"), folder, executor=Local(workers=1))
    for name in ("result.json", "events.jsonl"):
        assert (torn / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
def test_worker_processes_end_with_their_killed_parent(tmp_path: Path) -> None:
    plain = content(None, seeds=40, games={"prisoners": {"rounds": 400}})
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(plain))
    assert not kill_process(path, tmp_path, 4.0, workers=2)  # waits until nobody holds its stdout
