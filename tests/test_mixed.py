"""Forgetting or erasing one of several that a text mixes leaves what the others said."""

from __future__ import annotations

import pytest

SAID = ("Anna: Mail anna@example.org.", "Ben: I like tea a lot.", "Carla: My dog is called Rex.")


def summaries(memory) -> list[str]:
    return [hit.text for hit in memory.search(k=20, where={"kind": "summary"}, reinforce=False)]


@pytest.fixture
def talk(make):
    memory = make(stores=["chunk", "summary"])
    memory.add(list(SAID))
    assert "anna@example.org" in summaries(memory)[0]
    return memory


@pytest.mark.parametrize("way", [{"about": "Anna"}, {"query": SAID[0]}])
def test_forgetting_leaves_the_summary_of_the_others(talk, way):
    gone = talk.forget(**way)
    assert [talk.get(name).kind for name in gone] == ["chunk"]
    [left] = summaries(talk)
    assert "Anna" not in left
    assert "tea" in left
    assert "Rex" in left
    talk.undo(gone.run)
    assert "Anna" in summaries(talk)[0]


@pytest.mark.parametrize("way", [{"identifier": "ANNA@example.org"}, {"about": "Anna"}])
def test_erasing_leaves_the_summary_of_the_others(talk, way):
    receipt = talk.erase(**way)
    assert receipt.verified
    [left] = summaries(talk)
    assert "Anna" not in left
    assert "anna" not in left
    assert "Rex" in left


def test_a_summary_that_is_named_by_its_id_goes(talk):
    [summary] = talk.search(k=1, where={"kind": "summary"}, reinforce=False)
    assert talk.forget(summary.id) == [summary.id]
    assert summaries(talk) == []


def test_an_erased_summary_stays_erased(talk):
    [summary] = talk.search(k=1, where={"kind": "summary"}, reinforce=False)
    assert talk.erase(summary.id).erased == (summary.id,)
    assert summaries(talk) == []


def test_where_all_sources_go_so_does_the_summary(talk):
    talk.forget(where={"created": {"$gte": 0}})
    assert summaries(talk) == []
