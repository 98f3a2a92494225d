"""Fading by where a memory came from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from agentmem.config import build_policies, dump
from agentmem.core import Ask
from agentmem.errors import ConfigError
from agentmem.policies.trust import Trust
from tests.conftest import DAY, Make
from tests.policy_contract import NOW, PolicyContract, inherited, make_view, views

TOOL = 2  # the code of "tool:web" in `make_view`
CHAT = 1


class TestTrust(PolicyContract):
    policies = (
        Trust(),
        Trust(trust={"tool:*": 0.3, "chat": 0.9}, half_life=DAY, remove=True),
        Trust(trust={"tool:*": 0.0}, floor=0.0, remove=True, gain=0.0),
    )
    time_fades = True


def test_a_source_that_is_trusted_half_fades_twice_as_fast():
    policy = Trust(trust={"tool:*": 0.5}, half_life=DAY, floor=0.0)
    view = make_view(age=[DAY, DAY, 2 * DAY], source=[CHAT, TOOL, TOOL])
    assert policy.weight(view) == pytest.approx([0.5, 0.25, 0.0625])


def test_the_longest_pattern_that_fits_counts_in_any_order():
    for trust in ({"tool:*": 0.2, "tool:web": 0.9, "*": 0.5},) * 2:
        for policy in (Trust(trust=trust), Trust(trust=dict(reversed(trust.items())))):
            degrees = [policy.degree(name) for name in ("tool:web", "tool:mail", "chat", "")]
            assert degrees == [0.9, 0.2, 0.5, 0.5]


def test_another_case_is_no_way_round_a_pattern():
    assert Trust(trust={"Tool:*": 0.2}).degree("TOOL:web") == 0.2
    itself = make_view(age=[DAY], source=2, by="TOOL:web")
    assert Trust().touch(itself).uses.tolist() == [0.0]


def test_a_source_that_no_pattern_fits_is_trusted():
    assert Trust(trust={"tool:*": 0.2}).degree("chat") == 1.0


def test_what_nobody_trusts_has_the_least_weight_at_once():
    policy = Trust(trust={"tool:*": 0.0}, floor=0.1)
    assert policy.weight(make_view(age=[0.0], source=TOOL)).tolist() == [0.1]


def test_a_source_leaves_its_own_records_as_they_were():
    view = make_view(age=[9, 9], idle=5, uses=3, stability=7.0, source=[CHAT, TOOL], by="tool:web")
    update = Trust(half_life=DAY).touch(view)
    assert update.used.tolist() == [NOW, NOW - 5]
    assert update.uses.tolist() == [4, 3]
    assert update.stability.tolist() == [7.0 + DAY, 7.0]


def test_nobody_in_particular_reinforces_records_of_no_source():
    update = Trust(half_life=DAY).touch(make_view(age=[9], source=0))
    assert update.uses.tolist() == [1]


@inherited
@given(view=views())
def test_a_record_is_due_where_its_retention_crosses_the_threshold(view):
    policy = Trust(trust={"tool:*": 0.3}, half_life=7 * DAY, remove=True, forget_below=0.1)
    for row, at in enumerate(policy.expiry(view).tolist()):
        for when, side in ((at - 1.0, np.greater), (at + 1.0, np.less)):
            assert side(policy.retention(replace(view, now=when))[row], 0.1)


def test_removal_gives_the_retention_as_its_reason():
    view = make_view(age=[5 * DAY, 5 * DAY], source=[CHAT, TOOL])
    policy = Trust(trust={"tool:*": 0.5}, half_life=2 * DAY, remove=True, forget_below=0.1)
    change = policy.maintain(view, Ask(now=NOW, namespace=("n",)))
    assert change.archive == ("r1",)
    assert change.scores["r1"] == pytest.approx(2**-5)


def test_a_mapping_survives_the_configuration():
    [policy] = build_policies([{"trust": {"trust": {"tool:*": 0.3, "chat": 1}}}])
    assert policy.trust == {"tool:*": 0.3, "chat": 1.0}
    assert dump(policy) == {"trust": {"trust": {"tool:*": 0.3, "chat": 1.0}}}


@pytest.mark.parametrize("degree", [-0.1, 1.5, True, "much", float("nan")])
def test_a_degree_out_of_range_names_its_pattern(degree):
    with pytest.raises(ConfigError, match=r"trust\.trust\['tool:\*'\] = .*>= 0 and <= 1"):
        Trust(trust={"tool:*": degree})


def test_in_a_memory_a_tool_cannot_keep_its_own_entry_alive(make: Make):
    memory = make(policies=[Trust(trust={"tool:*": 0.5}, half_life=DAY, floor=0.0)])
    [entry] = memory.add("the account for payments is 4711", source="tool:web")
    for _ in range(5):
        memory.clock.advance(DAY)
        memory.search("account for payments", by="tool:web")
    record = memory.get(entry)
    assert (record.uses, record.used) == (0, record.created)
    weight = memory.search("which account", reinforce=False)[0].why.weights["trust"]
    assert weight == pytest.approx(2.0**-10)
    memory.search("account for payments", by="ann")
    assert memory.get(entry).uses == 1


def test_what_a_source_recalls_of_itself_is_no_recall_to_other_policies_either(make: Make):
    memory = make(policies=["actr", "age_weighted", "trust"])
    own, other = memory.add("the account is 4711", source="tool:web")[0], memory.add("the code")[0]
    before = memory.get(own)
    memory.clock.advance(DAY)
    assert len(memory.search("the account", by="tool:web")) == 2
    assert memory.get(own) == before
    assert [entry.verbs for entry in memory.history(own)] == [("add",)]
    assert memory.get(other).uses == 1
