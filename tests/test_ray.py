"""Suites on a Ray cluster of two nodes, one of which dies."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem.bench.executors import Local, by_name
from agentmem.bench.loading import read_suite
from agentmem.bench.run import play_suite
from agentmem.bench.suite import Suite
from agentmem.errors import BudgetExceeded
from agentmem.reading import Reader
from tests.chaos import Chaos
from tests.test_resume import CONCURRENCY, Killed, content, decided, events, kill, said

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head with one CPU; nodes are added to it.  The driver is connected to it."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    found = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(address=found.address, log_to_driver=False)
    yield found
    ray.shutdown()
    found.shutdown()


def read(plain: dict[str, Any]) -> Suite:
    return read_suite(Reader("test"), plain, "test")


def folders(tmp_path: Path) -> tuple[Path, Path]:
    here, there = tmp_path / "here" / "run", tmp_path / "there" / "run"
    for folder in (here, there):
        folder.mkdir(parents=True)
    return here, there


def remove_later(cluster: Any, node: Any, log: Path, decisions: int) -> threading.Thread:
    """Kill a node once the log holds so many decisions."""

    def wait() -> None:
        while not log.exists() or log.read_bytes().count(b'"type": "decision"') < decisions:
            time.sleep(0.02)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_node_that_dies_takes_nothing_with_it(cluster: Any, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    with Chaos(answer=said, delay=0.03) as server:
        what = read(content(server, seeds=12, games={"prisoners": {"rounds": 25}}))
        here, there = folders(tmp_path)
        killer = remove_later(cluster, node, there / "events.jsonl", 200)
        play_suite(what, there, executor=by_name("ray"))
        killer.join()
        assert not node.any_processes_alive()
        again = sum(server.contents.values()) - len(server.contents)
        assert again <= 2 * CONCURRENCY  # under way on the node that died, or asked at both
        play_suite(what, here)
    assert (there / "result.json").read_bytes() == (here / "result.json").read_bytes()
    assert decided(there) == decided(here)
    assert set(decided(there).values()) == {1}


def test_after_a_killed_driver_no_worker_goes_on_and_the_suite_can(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Chaos(answer=said, delay=0.02) as server:
        what = read(content(server, seeds=8, games={"prisoners": {"rounds": 25}}))
        here, there = folders(tmp_path)
        kill(monkeypatch, 60)
        with pytest.raises(Killed):
            play_suite(what, there, executor=by_name("ray"))
        monkeypatch.undo()
        time.sleep(1.0)
        asked = sum(server.contents.values())
        time.sleep(1.0)
        assert sum(server.contents.values()) == asked < 8 * 25 * 2
        play_suite(what, there, executor=by_name("ray"))
        play_suite(what, here)
    assert (there / "result.json").read_bytes() == (here / "result.json").read_bytes()
    assert set(decided(there).values()) == {1}


def test_simulated_players_give_the_same_result_as_on_one_machine(
    cluster: Any, tmp_path: Path
) -> None:
    cluster.add_node(num_cpus=1)
    here, there = folders(tmp_path)
    what = read(content(None, seeds=8))
    play_suite(what, there, executor=by_name("ray", 2))
    play_suite(what, here, executor=Local(workers=1))
    assert (there / "result.json").read_bytes() == (here / "result.json").read_bytes()
    lines = [
        sorted((folder / "events.jsonl").read_text("utf-8").splitlines())
        for folder in (here, there)
    ]
    assert lines[0] == lines[1]


def test_all_workers_share_one_budget(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    _, there = folders(tmp_path)
    with Chaos(answer=said) as server:
        plain = content(server, seeds=4)
        with pytest.raises(BudgetExceeded, match="budget of 40 calls is spent"):
            play_suite(read({**plain, "budget": {"calls": 40}}), there, executor=by_name("ray"))
        assert sum(server.contents.values()) <= 40
        play_suite(read(plain), there, executor=by_name("ray"))
        again = sum(server.contents.values()) - len(server.contents)
        assert again <= CONCURRENCY
    assert len(events(there, "result")) == 8
    assert set(Counter(event["run"] for event in events(there, "result")).values()) == {1}


def test_a_cluster_is_made_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    result = play_suite(read(content(None, seeds=1)), tmp_path, executor=by_name("ray", 1))
    assert len(result["rows"]) == 2
    assert not ray.is_initialized()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert json.loads((tmp_path / "meta.json").read_text("utf-8"))["sessions"][0]["runs"] == 2
