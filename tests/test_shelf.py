"""Records that a ledger keeps decoded: what is handed out is what the file says, always."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.core import Record
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import InputError
from agentmem.ledger import shelf
from agentmem.ledger.shelf import Shelf
from tests.conftest import START, Make

TEXT = "zebrafinch in Xylophonia"


def held(memory: AgentMemory) -> dict[int, Record]:
    """Every record, by the ledger's own shelf; it must be what a fresh one reads."""
    ledger = memory._engine.ledger
    places = [pos for (pos,) in ledger.db.rows("SELECT pos FROM record ORDER BY pos")]
    found = ledger.records([*places, 10**6])
    assert found == Shelf(ledger.db, ledger.path).records(places)
    assert [found[pos] for pos in places] == [ledger.record(pos) for pos in places]
    return dict(sorted(found.items()))


def said(memory: AgentMemory) -> list[str]:
    return [record.text for record in held(memory).values()]


def test_a_record_is_read_once_and_handed_out_often(memory: AgentMemory) -> None:
    memory.add(TEXT, data={"n": 1})
    [pos] = held(memory)
    ledger = memory._engine.ledger
    assert ledger.shelf.holds([pos]) == 1
    one, other = ledger.records([pos])[pos], ledger.records([pos])[pos]
    assert one == other
    assert one is not other


@pytest.mark.parametrize("data", [{"n": 1}, {"n": {"inner": [1, 2]}}, {"n": [1]}])
def test_a_caller_that_changes_the_metadata_changes_only_its_own(
    memory: AgentMemory, data: dict[str, Any]
) -> None:
    [name] = memory.add(TEXT, data=data)
    for _ in range(3):
        [hit] = memory.search(TEXT)
        record = memory.get(name)
        for found in (hit.record.data, record.data):
            assert found == data
            assert isinstance(found, dict)
            for inner in found.values():
                if isinstance(inner, list | dict):
                    inner.clear()
            found["more"] = 1
    memory.update(name, valence=1.0)
    assert memory.get(name).data == data


def test_every_verb_is_seen_at_once(memory: AgentMemory) -> None:
    [first, second] = memory.add([TEXT, "a second one"])
    assert said(memory) == [TEXT, "a second one"]
    memory.update(first, text="said anew")
    assert said(memory) == ["said anew", "a second one"]
    memory.search("a second one", k=1, now=START + 60.0)
    assert held(memory)[2].uses == 1
    memory.supersede(second, "a third one")
    assert [one.status for one in held(memory).values()] == ["active", "superseded", "active"]
    memory.forget(first)
    assert held(memory)[1].status == "archived"
    memory.restore(first)
    assert held(memory)[1].status == "active"
    memory.erase(first)
    assert said(memory) == ["a second one", "a third one"]


def test_nothing_erased_is_kept(make: Make, tmp_path: Path) -> None:
    one, two = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    [name, _] = one.add([TEXT, "something else"])
    for memory in (one, two):
        assert TEXT in said(memory)
        assert memory._engine.ledger.shelf.holds([1, 2]) == 2
    assert one.erase(name).verified
    assert one._engine.ledger.shelf.holds([1]) == 0
    assert [hit.text for hit in two.search(None)] == ["something else"]
    assert two._engine.ledger.shelf.holds([1]) == 0


def test_what_was_read_in_a_transaction_that_is_undone_never_was(memory: AgentMemory) -> None:
    [name] = memory.add(TEXT)

    def undone() -> None:
        with memory._engine.writing():
            memory.update(name, text="never said")
            assert said(memory) == ["never said"]
            raise InterruptedError

    with pytest.raises(InterruptedError):
        undone()
    assert said(memory) == [TEXT]
    memory.update(name, valence=0.5)  # takes the number of the line that was undone
    assert said(memory) == [TEXT]


def test_another_process_that_writes_much_is_followed(make: Make, tmp_path: Path) -> None:
    one, two = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    [name] = one.add(TEXT)
    assert said(two) == [TEXT]
    for i in range(shelf.BEHIND + 2):
        one.update(name, valence=i / 100.0)
    assert held(two)[1].valence == pytest.approx((shelf.BEHIND + 1) / 100.0)


def test_only_so_much_is_kept(memory: AgentMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 4)
    monkeypatch.setattr(shelf, "LONGEST", 20)
    memory.add([f"number {i}" for i in range(3)])
    memory.add("a text that is longer than that")
    ledger = memory._engine.ledger
    assert len(held(memory)) == 4
    assert [ledger.shelf.holds([pos]) for pos in range(1, 5)] == [1, 1, 1, 0]
    memory.add(["number 3", "number 4"])
    ledger.records([5, 6])  # what was read first makes room
    assert [ledger.shelf.holds([pos]) for pos in range(1, 7)] == [0, 0, 1, 0, 1, 1]
    memory.add([f"number {i}" for i in range(5, 12)])
    assert len(ledger.records(range(7, 20))) == 7  # so many at once are not kept
    assert ledger.shelf.holds(range(7, 20)) == 0
    held(memory)
    assert 0 < ledger.shelf.holds(range(20)) <= 4


DO: list[Callable[[AgentMemory, str, int], object]] = [
    lambda memory, name, i: memory.update(name, text=f"said anew {i}", data={"i": i}),
    lambda memory, name, i: memory.supersede(name, f"in its place {i}"),
    lambda memory, name, i: memory.forget(name),
    lambda memory, name, i: memory.restore(name),
    lambda memory, name, i: memory.erase(name, verify=False),
    lambda memory, name, i: memory.search(f"number {i}", k=2, now=START + i),
    lambda memory, name, i: memory.add(f"number {i}", data={"i": [i]}),
]
STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from(DO), st.integers(0, 9)), max_size=12)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_two_handles_always_hand_out_what_the_file_says(
    steps: list[tuple[bool, Any, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("shelf") / "m.db"
    opened = [
        AgentMemory.open(path, embedder=HashEmbedder(dim=16), policies=[], updates=[])
        for _ in range(2)
    ]
    opened[0].add([f"number {i}" for i in range(4)], now=START)
    for i, (second, do, which) in enumerate(steps):
        memory = opened[second]
        known = list(held(memory).values())
        active = [one for one in known if one.status == "active"] or known
        if active:
            with suppress(InputError):  # what is put away cannot be superseded
                do(memory, active[which % len(active)].id, 100 + i)
        assert held(opened[0]) == held(opened[1])
    for memory in opened:
        memory.close()
