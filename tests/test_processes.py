"""Killed, competing and threaded writers on one file."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from agentmem import AgentMemory, Record
from agentmem.errors import AgentMemError, LedgerBusy, LedgerError
from tests.conftest import Make
from tests.worker import EMBEDDER, open_extracting, open_memory


def start(task: str, path: Path, *options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.worker", task, str(path), *map(str, options)]
    root = Path(__file__).parent.parent
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)


def consistent(memory: AgentMemory) -> None:
    """The ledger is whole, and index and arrays say what it says."""
    engine = memory._engine
    db = engine.ledger.db
    db.check()
    engine.refresh()
    rows = db.rows("SELECT pos, id, status FROM record ORDER BY pos")
    alive = engine.columns.rows(None, status=None)
    assert [pos for pos, _, _ in rows] == alive.tolist()
    assert [name for _, name, _ in rows] == list(
        engine.columns.view(alive, 0.0).names(np.arange(len(alive)))
    )
    assert db.rows("SELECT pos FROM vector ORDER BY pos") == [(pos,) for pos, _, _ in rows]
    counted = dict(db.rows("SELECT namespace, count(*) FROM record GROUP BY 1"))
    assert {s.code: s.records for s in engine.reads.spaces() if s.records} == counted
    active = sum(status == 1 for _, _, status in rows)
    assert sum(s.active for s in engine.reads.spaces()) == active
    matches = {pos for word in ("note", "process") for pos in engine.reads.postings(word, ())}
    assert matches == set(alive.tolist())


def kill_writers(path: Path, times: int, seed: int) -> int:
    """Kill a writer at random moments, `times` times; returns how many adds were acknowledged."""
    rng = random.Random(seed)
    acknowledged: list[str] = []
    for turn in range(times):
        with start("write", path, seed * 1000 + turn) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.0, 0.08))
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.read().split("\n")[:-1]
        acknowledged += [line.split()[1] for line in lines if line.startswith("added")]
        with open_memory(str(path)) as memory:
            consistent(memory)
            for name in acknowledged:
                memory.get(name)
    return len(acknowledged)


def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    assert kill_writers(tmp_path / "m.db", 3, seed=1) > 0


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    assert sum(kill_writers(tmp_path / f"{i}.db", 10, seed=i) for i in range(20)) > 200


def compete(path: Path, operations: int) -> None:
    writers = [start("mixed", path, seed, operations) for seed in range(4)]
    outputs = [writer.communicate(timeout=500)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    with open_memory(str(path)) as memory:
        consistent(memory)
        for output in outputs:
            for name in output.split():
                memory.get(name)


def kill_extractors(path: Path, times: int, seed: int) -> int:
    """Kill a process at random moments of its extraction; returns how many turns were derived.

    In the end each acknowledged turn has led to its records, once.
    """
    rng = random.Random(seed)
    acknowledged: list[str] = []
    for turn in range(times):
        with start("extract", path, seed * 1000 + turn) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.0, 0.12))
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.read().split("\n")[:-1]
        acknowledged += [line.split()[1] for line in lines if line.startswith("added")]
    with open_extracting(str(path), background=False) as memory:
        time.sleep(0.06)  # the killed worker's lease runs out
        last = memory.extract()
        assert (last.pending, last.failed) == (0, 0)
        consistent(memory)
        sayings = [r for r in everything(memory) if r.kind == "saying"]
        (digest,) = [r for r in everything(memory) if r.kind == "digest"]
        chunks = [r for r in everything(memory) if r.kind == "chunk"]
        assert {r.id for r in chunks} >= set(acknowledged)
        assert sorted(r.sources for r in sayings) == sorted((r.id,) for r in chunks)
        assert sorted(digest.sources) == sorted(r.id for r in chunks)
        assert sorted(digest.text.split(" | ")) == sorted(r.text for r in chunks)
    return len(chunks)


def everything(memory: AgentMemory) -> list[Record]:
    return memory._engine.records(memory._engine.rows((), status=None))


def test_a_killed_extraction_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    assert kill_extractors(tmp_path / "m.db", 3, seed=1) > 0


@pytest.mark.slow
def test_fifty_kills_during_extraction_lose_and_double_nothing(tmp_path: Path) -> None:
    assert kill_extractors(tmp_path / "m.db", 50, seed=2) > 0


@pytest.mark.slow
def test_four_processes_share_a_file(tmp_path: Path) -> None:
    compete(tmp_path / "m.db", 40)


@pytest.mark.slow
def test_four_processes_do_two_thousand_operations_each(tmp_path: Path) -> None:
    compete(tmp_path / "m.db", 2000)


def test_a_search_sees_what_another_process_committed(make: Make, tmp_path: Path) -> None:
    one, two = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    [name] = one.add("Rex is my dog")
    assert [hit.id for hit in two.search("dog")] == [name]
    one.add("Tea, not coffee")
    assert len(two.search("dog tea")) == 2
    one.forget(name)
    assert [hit.text for hit in two.search("dog tea")] == ["Tea, not coffee"]
    two.erase(name)
    assert one.stats()["records"] == 1
    assert len(one.search("dog tea")) == 1


def test_a_writer_waits_and_then_says_who_is_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with AgentMemory.open(path, embedder=EMBEDDER, busy_timeout=0.2) as memory:
        memory.add("note one")
        with start("hold", path, 5.0) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(LedgerBusy, match=r"locked for 0\.2 s"):
                memory.add("note two")
            assert len(memory.search("note", reinforce=False)) == 1
            holder.kill()
        memory.add("note two")
        assert memory.stats()["records"] == 2


def test_threads_share_a_memory(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db")
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for i in range(25):
                memory.add(f"note of thread {seed} number {i}")
                memory.search(f"thread {seed}", k=3)
        except (AgentMemError, AssertionError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert memory.stats()["active"] == 100
    consistent(memory)


def test_a_forked_child_is_told_to_open_the_memory_again(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db")
    memory.add("note one")
    memory._engine._pid -= 1  # as it looks from the child
    with pytest.raises(LedgerError, match="before a fork"):
        memory.search("note")
    memory._engine._pid += 1


def test_an_erasure_is_verified_while_another_process_writes(tmp_path: Path) -> None:
    with open_memory(str(tmp_path / "m.db")) as memory:
        writer = start("write", tmp_path / "m.db", 1)
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            for i in range(60):  # of a word that the other one writes, too
                [name] = memory.add(f"note of round {i}")
                assert memory.erase(name).verified
        finally:
            writer.kill()
            writer.communicate()
