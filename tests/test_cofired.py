"""What was recalled together comes back together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.retrieve.cofired import CoFired, edges
from tests.conftest import DAY, Make
from tests.test_stages import query, search, texts

PAIR = ("Rex is the dog", "the vet is open on Mondays")


def recall_together(memory: AgentMemory, *ids: str) -> None:
    """One recall of exactly these records."""
    hits = memory.search(None, k=len(ids), where={"id": {"$in": list(ids)}})
    assert {hit.id for hit in hits} == set(ids)


def filled(memory: AgentMemory) -> dict[str, str]:
    """The ids of some records by their first word."""
    ids = memory.add([*PAIR, "tea is green", "bread is brown"])
    return dict(zip(("rex", "vet", "tea", "bread"), ids, strict=True))


def test_an_edge_is_the_share_of_a_records_recalls_that_another_was_part_of() -> None:
    recalls = [["i", "j"], ["k", "i"], ["j", "i"], ["i"]]
    assert edges("i", recalls) == {"j": 0.5, "k": 0.25}
    assert edges("i", []) == {}


@given(recalls=st.lists(st.sets(st.sampled_from("ijkl")).map(lambda ids: ids | {"i"})))
def test_edges_are_shares(recalls: list[set[str]]) -> None:
    found = edges("i", recalls)
    assert set(found) == set().union(*recalls) - {"i"}
    assert all(0 < weight <= 1 for weight in found.values())


def test_a_hit_brings_what_was_recalled_with_it(memory: AgentMemory) -> None:
    ids = filled(memory)
    assert texts(search(memory, "Rex the dog", CoFired(), k=1)) == [PAIR[0]]
    recall_together(memory, ids["rex"], ids["vet"])
    hits = search(memory, "Rex the dog", CoFired(), k=1)
    assert texts(hits) == list(PAIR)
    assert hits[1].score == hits[0].score


def test_the_strongest_neighbour_comes_first_and_weak_ones_stay_out(memory: AgentMemory) -> None:
    ids = filled(memory)
    for other in ("tea", "vet", "vet", "vet"):
        recall_together(memory, ids["rex"], ids[other])
    found = [hit.id for hit in search(memory, "Rex the dog", CoFired(least=0.25), k=1)]
    assert found == [ids["rex"], ids["vet"], ids["tea"]]
    assert len(search(memory, "Rex the dog", CoFired(least=0.5), k=1)) == 2
    assert len(search(memory, "Rex the dog", CoFired(least=0.25, per_hit=1), k=1)) == 2


def test_only_the_latest_recalls_count(memory: AgentMemory) -> None:
    ids = filled(memory)
    recall_together(memory, ids["rex"], ids["vet"])
    for _ in range(3):
        recall_together(memory, ids["rex"], ids["tea"])
    hits = search(memory, "Rex the dog", CoFired(least=0.1, look_back=3), k=1)
    assert [hit.id for hit in hits] == [ids["rex"], ids["tea"]]


def test_what_is_forgotten_or_filtered_out_is_not_brought_back(memory: AgentMemory) -> None:
    ids = filled(memory)
    recall_together(memory, ids["rex"], ids["vet"], ids["tea"])
    memory.forget(ids["vet"])
    assert ids["vet"] not in {hit.id for hit in search(memory, "Rex the dog", CoFired(), k=1)}
    asked = query(memory, "Rex the dog", k=1, where={"id": {"$ne": ids["tea"]}})
    assert [hit.id for hit in search(memory, asked, CoFired())] == [ids["rex"]]
    memory.erase(ids["tea"])
    assert [hit.id for hit in search(memory, "Rex the dog", CoFired(), k=1)] == [ids["rex"]]


def test_another_tenant_is_never_a_neighbour(make: Make) -> None:
    memory = make(retrieval=[{"cofired": {"least": 0.1}}])
    [mine] = memory.add("Rex is the dog", namespace=("a",))
    memory.add("Rex is my cat", namespace=("b",))
    assert len(memory.search("Rex", namespace=())) == 2
    assert [hit.id for hit in memory.search("Rex", namespace=("a",))] == [mine]


@pytest.mark.parametrize("day", [0, 1])
def test_in_a_memory_the_neighbour_is_recalled_in_its_turn(make: Make, day: int) -> None:
    memory = make(retrieval=["cofired"], policies=["memoria"])
    ids = filled(memory)
    recall_together(memory, ids["rex"], ids["vet"])
    memory.clock.advance(day * DAY)
    uses = memory.get(ids["vet"]).uses
    assert [hit.id for hit in memory.search("Rex the dog", k=1)] == [ids["rex"], ids["vet"]]
    assert memory.get(ids["vet"]).uses == uses + 1
