"""Several policies in one file: by kind, by namespace, and ranking apart from removal."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.config import build_policies, dump
from tests.conftest import DAY, START

MIXED = """
stores: [chunk, fact]
policies:
  - ebbinghaus: {half_life: 1d, floor: 0.1, kinds: [chunk]}
  - valence: {harms: 2d, kinds: [fact]}
  - ttl: {ttl: 10d, within: [acme, guests], remove: true}
  - lru: {max_records: 3, within: [acme, staff]}
"""
APART = """
policies:
  - ebbinghaus: {half_life: 30d, floor: 0.9}                             # ranks, removes nothing
  - ttl: {ttl: 10d, rank: false, remove: true}                           # removes, does not rank
  - trust: {trust: {"tool:*": 0.1}, half_life: 1d, rank: false, remove: true}
"""


@pytest.fixture
def opened(tmp_path: Path):
    """Opens a memory from the text of a configuration."""
    memories: list[AgentMemory] = []

    def open_one(text: str) -> AgentMemory:
        path = tmp_path / "agentmem.yaml"
        path.write_text(f"embedder: hash\nremoval_cap: 1.0\n{text}", encoding="utf-8")
        memories.append(AgentMemory.from_config(path, clock=SimulatedClock(START)))
        return memories[-1]

    yield open_one
    for memory in memories:
        memory.close()


def test_each_kind_fades_by_its_own_curve(opened):
    memory = opened(MIXED)
    memory.add("Anna lives in Porto.", valence=-1.0)
    memory.clock.advance(2 * DAY)
    weights = {h.record.kind: h.why.weights for h in memory.search("where does Anna live")}
    assert weights["chunk"]["ebbinghaus"] == pytest.approx(0.25)
    assert weights["fact"]["valence"] == pytest.approx(0.5)
    assert weights["chunk"]["valence"] == weights["fact"]["ebbinghaus"] == 1.0


def test_each_branch_of_namespaces_loses_by_its_own_rule(opened):
    memory = opened(MIXED)
    ids = {}
    for branch in ("guests", "staff"):
        for colour in ("red", "green"):
            home = ("acme", branch)
            memory.clock.advance(1.0)
            ids[branch, colour] = memory.add(f"The door is {colour}.", namespace=home)[0]
    memory.clock.advance(11 * DAY)
    memory.apply(memory.plan(namespace=()))
    status = {key: memory.get(name, namespace=()).status for key, name in ids.items()}
    assert {status["guests", colour] for colour in ("red", "green")} == {"archived"}
    held = memory.search(None, k=99, namespace=("acme", "staff"), reinforce=False)
    assert len(held) == 3  # of two chunks and two facts


def test_one_policy_ranks_and_another_removes(opened):
    memory = opened(APART)
    [said] = memory.add("the code of the door is 4711", source="chat")
    [tool] = memory.add("the code of the door is 0000", source="tool:web")
    memory.clock.advance(1 * DAY)
    weights = memory.search("code of the door", reinforce=False)[0].why.weights
    assert set(weights) == {"ebbinghaus"}
    memory.apply(memory.plan())
    assert memory.get(tool).status == "archived"
    assert memory.get(said).status == "active"
    memory.clock.advance(9 * DAY)
    plan = memory.plan()
    assert [change.archive for change in plan.changes] == [(said,)]


def test_what_a_policy_without_ranking_would_suppress_is_still_found(opened):
    memory = opened("policies: [{bygones: {turns: 0, rank: false, remove: true}}]")
    [harm] = memory.add("he broke his word", valence=-1.0)
    assert memory.search("he broke his word")[0].id == harm
    memory.apply(memory.plan())
    assert memory.search("he broke his word") == []


def test_policies_for_some_records_survive_their_file():
    policies = build_policies([{"lfu": {"kinds": ["fact"], "within": ["acme", "ann"]}}, "ttl"])
    assert build_policies(dump(policies)) == policies
    assert policies[0].within == ("acme", "ann")


SCHEDULED = [
    {"trust": {"trust": {"tool:*": 0.2}, "half_life": "2d", "remove": True, "forget_below": 0.2}},
    {"bygones": {"turns": 3, "remove": True}},
    {"ttl": {"ttl": "12d", "since": "used", "remove": True}},
]


@cache
def left(days: frozenset[int]) -> dict[str, dict[str, float]]:
    """What is left after 20 days, with its weights, where maintenance ran on some of them."""
    clock, config = SimulatedClock(START), {"policies": SCHEDULED, "removal_cap": 1.0}
    with AgentMemory.from_config({**config, "embedder": "hash"}, clock=clock) as memory:
        for day in range(20):
            source, valence = ("chat", "tool:web")[day % 2], (-1.0, 0.5, 1.0)[day % 3]
            memory.add(f"entry {day}", source=source, valence=valence)
            if day in days:
                memory.apply(memory.plan())
            clock.advance(DAY)
        memory.apply(memory.plan())
        return {hit.text: dict(hit.why.weights) for hit in memory.search(None, k=99)}


@settings(max_examples=6, deadline=None, database=None)
@given(days=st.frozensets(st.integers(0, 19)))
def test_when_maintenance_runs_changes_neither_what_is_left_nor_any_weight(days: frozenset[int]):
    assert left(days) == left(frozenset())


def test_there_is_something_left_and_something_gone():
    assert 0 < len(left(frozenset())) < 20
