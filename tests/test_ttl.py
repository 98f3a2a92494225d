"""A time to live, and a date by which to look again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from agentmem.errors import ConfigError
from agentmem.policies.ttl import Review, TimeToLive
from tests.conftest import DAY, Make
from tests.policy_contract import NOW, PolicyContract, inherited, make_view, views


class TestTimeToLive(PolicyContract):
    policies = (
        TimeToLive(),
        TimeToLive(ttl=30 * DAY, remove=True),
        TimeToLive(ttl=DAY, since="used", remove=True),
    )
    time_fades = True


class TestReview(PolicyContract):
    policies = (Review(), Review(factor=0.0), Review(factor=0.9, remove=True))
    time_fades = True


def test_a_record_is_dead_from_the_second_on_at_which_its_time_is_over():
    weight = TimeToLive(ttl=100.0).weight(make_view(age=[99.0, 100.0, 101.0]))
    assert weight.tolist() == [1, 0, 0]


def test_counted_from_the_last_recall_a_use_gives_it_new_time():
    view = make_view(age=[200.0, 200.0], idle=[50.0, 150.0])
    assert TimeToLive(ttl=100.0, since="used").weight(view).tolist() == [1, 0]


@inherited
@given(view=views())
def test_a_record_is_due_when_its_weight_falls_and_not_before(view):
    for policy in (
        TimeToLive(ttl=90 * DAY, remove=True),
        TimeToLive(ttl=DAY, since="used", remove=True),
        Review(factor=0.0, remove=True),
    ):
        due = policy.expiry(view)
        for row in np.flatnonzero(np.isfinite(due)):
            for at, weight in ((due[row], 0.0), (due[row] - 1.0, 1.0)):
                assert policy.weight(replace(view, now=at))[row] == weight


def test_only_a_record_past_its_date_is_lowered_and_none_goes_by_default():
    view = make_view(age=[1, 1, 1], verify_by=[np.nan, NOW, NOW + 1])
    assert Review(factor=0.25).weight(view).tolist() == [1, 0.25, 1]
    assert np.isposinf(Review().expiry(view)).all()


def test_an_unknown_start_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'created'"):
        TimeToLive(since="create")


def test_in_a_memory_the_ttl_of_one_kind_leaves_the_others(make: Make):
    policies = [{"ttl": {"ttl": "1d", "kinds": ["chunk"], "remove": True}}]
    memory = make(policies=policies, stores=["chunk", "fact"], removal_cap=1.0)
    memory.add("Anna lives in Porto.")
    memory.clock.advance(2 * DAY)
    assert {hit.record.kind for hit in memory.search("Anna")} == {"fact"}
    plan = memory.plan()
    assert [len(change.archive) for change in plan.changes] == [1]
