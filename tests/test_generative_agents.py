"""Generative Agents: the policy, and the stage that makes the sum of three."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from agentmem.errors import ConfigError
from agentmem.policies import generative_agents as ga
from agentmem.policies.generative_agents import GenerativeAgents
from agentmem.retrieve.generative import Generative
from tests.conftest import DAY, Make
from tests.policy_contract import PolicyContract, make_view, views

HOUR = 3600.0


class TestGenerativeAgents(PolicyContract):
    policies = (
        GenerativeAgents(),
        GenerativeAgents(remove=True, forget_below=0.4, floor=0.0, recency=2.0),
        GenerativeAgents(left=0.9, importance=0.0, remove=True),
    )
    time_fades = True

    @settings(max_examples=30)
    @given(view=views())
    def test_expiry_is_where_the_mean_crosses_forget_below(self, view):
        policy = GenerativeAgents(remove=True, forget_below=0.4)
        held = view.importance >= 0.8  # half of it is enough for ever
        expiry = policy.expiry(view)
        assert np.isposinf(expiry[held]).all()
        for row in np.flatnonzero(~held):
            for when, side in ((expiry[row] - 60, np.greater), (expiry[row] + 60, np.less)):
                assert side(policy.retention(replace(view, now=when))[row], 0.4)


class TestPublished(PolicyContract):
    policies = (GenerativeAgents(variant="published", floor=0.0),)

    def test_each_part_is_scaled_between_the_least_and_the_most(self):
        view = make_view(age=[0, 100 * HOUR, 1e9], importance=[0.2, 0.6, 0.4])
        weight = self.policies[0].weight(view)
        assert weight == pytest.approx([0.5, (0.995**100 + 1.0) / 2, 0.25], abs=1e-6)


@pytest.mark.parametrize(("hours", "expected"), [(1, 0.995), (24, 0.8867), (168, 0.4308)])
def test_recency_vectors(hours, expected):
    assert ga.recency(np.array([float(hours)])) == pytest.approx([expected], abs=5e-5)
    policy = GenerativeAgents(importance=0.0, floor=0.0)
    weight = policy.weight(make_view(age=[hours * HOUR]))
    assert weight == pytest.approx([expected], abs=5e-5)


def test_recency_halves_in_138_3_hours():
    assert ga.recency(np.array([138.3])) == pytest.approx([0.5], abs=1e-4)


def test_as_coded_recency_is_by_rank_and_the_oldest_has_most():
    used = np.array([30.0, 10.0, 20.0])
    assert ga.recency_as_coded(used) == pytest.approx([0.99**3, 0.99, 0.99**2])


def test_as_coded_the_oldest_counts_as_the_most_recent_and_by_default_the_newest():
    view = make_view(age=[1 * DAY, 10 * DAY, 100 * DAY])
    for variant, first in (("as_coded", 2), ("published", 0), ("intended", 0)):
        weight = GenerativeAgents(variant=variant, floor=0.0).weight(view)
        assert int(np.argmax(weight)) == first
    assert GenerativeAgents().variant == "intended"


def test_as_coded_a_recall_makes_a_record_count_less():
    view = make_view(age=[1 * DAY, 10 * DAY, 100 * DAY])
    recalled = replace(view, used=np.where(view.age > 50 * DAY, view.now, view.used))
    for variant, lowers in (("as_coded", True), ("published", False), ("intended", False)):
        policy = GenerativeAgents(variant=variant, floor=0.0)
        assert (policy.weight(recalled)[2] < policy.weight(view)[2]) == lowers


def test_scaling_of_equal_values_is_a_half_as_coded_and_of_none_is_none():
    assert ga.scaled(np.full(3, 7.0), ga.EQUAL["as_coded"]).tolist() == [0.5] * 3
    assert ga.scaled(np.full(3, 7.0)).tolist() == [1.0] * 3
    assert ga.scaled(np.array([])).tolist() == []
    assert ga.scaled(np.array([2.0, 4.0, 3.0])).tolist() == [0.0, 1.0, 0.5]


def test_a_variant_that_compares_records_cannot_remove():
    with pytest.raises(ConfigError, match="'as_coded' ranks; it cannot remove"):
        GenerativeAgents(variant="as_coded", remove=True)
    assert not GenerativeAgents(variant="published").separable
    assert GenerativeAgents().separable


@pytest.fixture
def diary(make: Make, clock):
    """Opens a memory of three dinners, 2 days, 1 day and no time ago; gives the texts found."""

    def found(stage: dict, importance=(0.5, 0.5, 0.5), k: int = 1) -> list[str]:
        memory = make(retrieval=[{"generative": stage}], recall={"context": 0.0})
        now = clock.now()
        for days, valued in zip((2, 1, 0), importance, strict=True):
            text = f"Dinner number {days} with Ana."
            memory.add(text, event_time=now - days * DAY, importance=valued)
        return [hit.text for hit in memory.search("dinner Ana", k=k, reinforce=False)]

    return found


def test_the_stage_prefers_the_recent_among_equally_relevant(diary):
    assert diary({}) == ["Dinner number 0 with Ana."]


def test_the_stage_as_coded_prefers_the_oldest(diary):
    assert diary({"variant": "as_coded"}) == ["Dinner number 2 with Ana."]


def test_the_stage_weighs_importance(diary):
    assert diary({"importance": 9.0}, (0.1, 0.9, 0.1)) == ["Dinner number 1 with Ana."]
    assert diary({"recency": 0.0, "relevance": 0.0}, (0.1, 0.2, 0.9), k=2) == [
        "Dinner number 0 with Ana.",
        "Dinner number 1 with Ana.",
    ]


def test_the_score_of_the_stage_is_the_share_of_the_best_possible(make: Make, clock):
    memory = make(retrieval=["generative"])
    now = clock.now()
    memory.add("The red boat sails.", event_time=now, importance=0.9)
    memory.add("A green tram stops.", event_time=now - DAY, importance=0.1)
    scores = [hit.score for hit in memory.search("red boat", k=2, reinforce=False)]
    assert scores == pytest.approx([1.0, 0.0], abs=1e-9)
    assert {hit.score for hit in memory.search(k=2, reinforce=False)} == {1.0}


def test_a_question_in_its_own_words_stays_on_top(make: Make, clock):
    memory = make(retrieval=[{"generative": {"relevance": 0.0}}])
    memory.add("Where is the key?", event_time=clock.now() - 100 * DAY, importance=0.0)
    memory.add("The key is here.", importance=1.0)
    assert memory.search("where is the key?", k=1)[0].text == "Where is the key?"


def test_a_stage_without_any_weight_is_refused():
    with pytest.raises(ConfigError, match="must be above 0"):
        Generative(recency=0.0, importance=0.0, relevance=0.0)
