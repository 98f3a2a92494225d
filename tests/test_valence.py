"""Harms are forgotten on a schedule of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from agentmem.core import Ask
from agentmem.policies.valence import AFTER, Bygones, Valence
from tests.conftest import DAY, Make
from tests.policy_contract import NOW, PolicyContract, inherited, make_view, views

ASK = Ask(now=NOW, namespace=("n",))


class TestBygones(PolicyContract):
    policies = (
        Bygones(),
        Bygones(turns=5, remove=True),
        Bygones(after=30 * DAY, remove=True),
        Bygones(turns=0, after=0.0, remove=True),
    )
    time_fades = True


class TestValence(PolicyContract):
    policies = (
        Valence(),
        Valence(harms=DAY, rest=30 * DAY, floor=0.0, remove=True),
        Valence(remove=True, forget_below=0.5),
    )
    time_fades = True


def test_the_harms_of_the_last_five_turns_are_seen_and_all_that_is_no_harm():
    turns = np.arange(8.0)
    policy = Bygones(turns=5)
    harms = make_view(age=turns, turns=turns, valence=-1.0)
    assert policy.weight(harms).tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    for valence in (0.0, 1.0):
        assert policy.weight(make_view(age=turns, turns=turns, valence=valence)).all()


def test_either_limit_will_do():
    view = make_view(age=[9, 9, 90, 90], turns=[1, 7, 1, 7], valence=-0.5)
    assert Bygones(turns=5, after=60.0).weight(view).tolist() == [1, 0, 0, 0]


def test_without_a_limit_it_is_30_days():
    view = make_view(age=[AFTER - 1, AFTER], valence=-1.0)
    assert Bygones().weight(view).tolist() == [1, 0]


def test_a_recall_does_not_prolong_a_harm():
    view = make_view(age=[8 * DAY], idle=0.0, turns=9, idle_turns=0, valence=-1.0)
    assert Bygones(turns=5).weight(view).tolist() == [0]
    assert Valence(harms=8 * DAY).weight(view) == pytest.approx([0.5])


def test_removal_names_the_harms_that_are_over_and_how_bad_they_were():
    view = make_view(age=[9, 9, 1], turns=[9, 9, 1], valence=[-0.5, 0.5, -1.0])
    change = Bygones(turns=5, remove=True).maintain(view, ASK)
    assert change.archive == ("r0",)
    assert change.scores == {"r0": -0.5}


def test_harms_and_the_rest_have_their_own_half_lives():
    view = make_view(age=[DAY] * 3, valence=[-1.0, 0.0, 1.0])
    assert Valence(harms=DAY).weight(view) == pytest.approx([0.5, 1.0, 1.0])
    assert Valence(harms=DAY, rest=2 * DAY).weight(view) == pytest.approx(
        [0.5, 0.7071, 0.7071], 1e-4
    )


@inherited
@given(view=views())
def test_a_record_is_due_where_its_retention_crosses_the_threshold(view):
    policy = Valence(harms=DAY, rest=30 * DAY, remove=True, forget_below=0.1)
    for row, at in enumerate(policy.expiry(view).tolist()):
        for when, side in ((at - 1.0, np.greater), (at + 1.0, np.less)):
            assert side(policy.retention(replace(view, now=when))[row], 0.1)


def test_in_a_memory_the_defection_of_six_rounds_ago_is_not_shown_and_comes_back(make: Make):
    memory = make(policies=[Bygones(turns=5)])
    for number in range(1, 8):
        memory.add(f"[Round {number}] the other defected", valence=-1.0 if number < 4 else 1.0)
    shown = sorted(hit.text[7] for hit in memory.search(None, k=80))
    assert shown == ["3", "4", "5", "6", "7"]
    assert {hit.text[7] for hit in memory.search(None, k=80, as_of=memory.clock.now())}
