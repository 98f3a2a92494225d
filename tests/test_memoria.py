"""Lifespans that recalls lengthen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.core import Ask
from agentmem.policies._fading import DAY
from agentmem.policies.ebbinghaus import Ebbinghaus
from agentmem.policies.memoria import Memoria, lengthened, remaining
from tests.conftest import Make
from tests.policy_contract import NOW, PolicyContract, make_view

ASK = Ask(now=NOW, namespace=("n",))


class TestMemoria(PolicyContract):
    policies = (Memoria(), Memoria(remove=True), Memoria(initial=100.0, scale=0.0, remove=True))
    time_fades = True


def test_a_record_dies_exactly_when_nothing_is_left():
    policy = Memoria(remove=True)
    view = make_view(age=[3, 2, 1], turns=[8, 9, 10])
    assert policy.left(view).tolist() == [1, 0, -1]
    assert policy.weight(view).tolist() == [1, 0, 0]
    assert policy.maintain(view, ASK).archive == ("r1", "r2")


def test_a_recall_shares_out_the_scale_by_contribution():
    view = make_view(age=[2, 1], turns=5, share=[0.75, 0.25], stability=[np.nan, 20.0 * DAY])
    assert Memoria().touch(view).stability.tolist() == [(9 + 6) * DAY, (20 + 2) * DAY]


def test_a_touch_without_shares_lengthens_nothing():
    assert Memoria().touch(make_view(age=[1])).stability.tolist() == [9.0 * DAY]


def test_what_it_leaves_is_a_time_that_other_policies_can_live_with():
    """Read as seconds, a lifespan of 9 turns would let go at once what was recalled."""
    memoria = Memoria()
    left = memoria.touch(make_view(age=[DAY], share=1.0)).stability
    assert Ebbinghaus().retention(make_view(age=[DAY], stability=left)) > 0.9
    theirs = Ebbinghaus(half_life=30 * DAY).touch(make_view(age=[DAY])).stability
    assert 30 < memoria.lifespan(make_view(age=[DAY], stability=theirs)) < 100


@given(shares=st.lists(st.floats(0, 1), max_size=20), steps=st.integers(0, 100))
def test_what_is_left_does_not_depend_on_when_recalls_fell(shares, steps):
    """Sums only: so a schedule of maintenance has nothing to change."""
    lifespan = np.array([9.0])
    for share in shares:
        lifespan = lengthened(lifespan, np.array([share]), 8.0)
    left = remaining(lifespan, np.array([float(steps)]))
    assert left == pytest.approx([9.0 + 8.0 * sum(shares) - steps])


@pytest.mark.parametrize("every", [1, 3, 100])
def test_in_a_memory_what_is_recalled_outlives_the_rest_whenever_it_is_maintained(
    make: Make, every: int
):
    memory = make(policies=[Memoria(remove=True)], removal_cap=1.0)
    [cat] = memory.add("the cat is called Minka")
    [dog] = memory.add("the dog is called Rex")
    memory.search("cat Minka", k=1)
    seen = {}
    for turn in range(17):
        memory.add(f"filler number {turn}")
        if turn % every == 0:
            memory.apply(memory.plan())
        there = {hit.id for hit in memory.search(None, k=99, reinforce=False)}
        seen[turn + 2] = (cat in there, dog in there)  # turns since the cat was added
    assert [age for age in seen if seen[age] == (True, True)] == list(range(2, 10))
    assert [age for age in seen if seen[age] == (True, False)] == list(range(10, 17))
    assert [age for age in seen if seen[age] == (False, False)] == [17, 18]
