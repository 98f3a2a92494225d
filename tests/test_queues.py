"""First in first out, least recently and least frequently used."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.core import Ask
from agentmem.policies.queues import Fifo, Lfu, Lru, Queue
from tests.conftest import Make
from tests.policy_contract import NOW, PolicyContract, inherited, make_view, views

ASK = Ask(now=NOW, namespace=("n",))


class TestQueues(PolicyContract):
    policies = (
        Fifo(max_records=3),
        Lru(max_records=2),
        Lfu(max_records=1),
        Lfu(max_records=0),
        Fifo(),
    )
    time_fades = True


def kept(policy: Queue, **arrays) -> list[str]:
    view = make_view(**arrays)
    gone = policy.maintain(view, ASK).archive
    return [name for name in view.names(np.arange(len(view))) if name not in gone]


def test_first_in_first_out_goes_by_arrival_not_by_event():
    assert kept(Fifo(max_records=1), age=[5, 900], turns=[7, 2]) == ["r1"]


def test_least_recently_used_goes_first():
    assert kept(Lru(max_records=2), age=[9, 9, 9], idle=[1, 9, 4]) == ["r0", "r2"]


def test_least_frequently_used_goes_first_and_among_equals_the_one_idle_longest():
    assert kept(Lfu(max_records=2), age=9.0 + np.arange(3), uses=[1, 5, 1], idle=[8, 9, 2]) == [
        "r1",
        "r2",
    ]


def test_a_thousand_recalls_are_not_outdone_by_recency():
    assert kept(Lfu(max_records=1), age=[9, 9], uses=[1000, 999], idle=[9, 0]) == ["r0"]


@inherited
@given(view=views(), size=st.integers(0, 5))
def test_no_namespace_keeps_more_than_its_size_nor_loses_more_than_it_must(view, size):
    for policy in (Fifo(max_records=size), Lru(max_records=size), Lfu(max_records=size)):
        gone = np.isin(view.ids, [n.encode() for n in policy.maintain(view, ASK).archive])
        for code in np.unique(view.namespace):
            there = view.namespace == code
            assert (there & ~gone).sum() == min(there.sum(), size)


@pytest.mark.parametrize("name", ["fifo", "lru", "lfu"])
def test_in_a_memory_the_queue_bounds_the_store_and_weighs_nothing(make: Make, name: str):
    memory = make(policies=[{name: {"max_records": 2}}], removal_cap=1.0)
    ids = []
    for colour in ("red", "green", "blue"):
        memory.clock.advance(1.0)
        ids += memory.add(f"the colour {colour}")
    memory.search("the colour red", k=1)
    memory.apply(memory.plan())
    gone = {i for i in ids if memory.get(i).status == "archived"}
    assert gone == ({ids[0]} if name == "fifo" else {ids[1]})
    assert not memory.search("colour")[0].why.weights
