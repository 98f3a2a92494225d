"""Keeping by surprisal that wears off."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.core import Ask
from agentmem.policies.surprisal import Surprisal, log_score, surprisal
from agentmem.salience import HALF
from tests.conftest import Make
from tests.policy_contract import NOW, PolicyContract, inherited, make_view, views

ASK = Ask(now=NOW, namespace=("n",))


def told(bits: float) -> float:
    """The importance that `agentmem.salience` gives to some bits."""
    return bits / (bits + HALF)


class TestSurprisal(PolicyContract):
    policies = (
        Surprisal(),
        Surprisal(n=2, sinks=1, recent=1, decay=0.7, remove=True),
        Surprisal(n=0, sinks=0, recent=3, remove=True),
        Surprisal(n=0, sinks=0, recent=0, remove=True),
    )
    time_fades = True


def kept(policy: Surprisal, bits: list[float]) -> list[int]:
    """Which of some texts, one a turn, the oldest first, are kept."""
    n = len(bits)
    ages = np.arange(n, 0, -1.0)
    view = make_view(age=ages, turns=ages - 1, importance=[told(b) for b in bits])
    return np.flatnonzero(policy.weight(view)).tolist()


def test_the_two_most_surprising_after_decay_are_kept_between_sinks_and_recent():
    # scores: 90 * .7^6 = 10.6, 70 * .7^5 = 11.8, 50 * .7^4 = 12.0, 9 * .7^3 = 3.1, 14 * .7^2 = 6.9
    bits = [1.0, 90.0, 70.0, 50.0, 9.0, 14.0, 2.0, 1.0]
    assert kept(Surprisal(n=2, sinks=1, recent=1, decay=0.7), bits) == [0, 2, 3, 7]


def test_without_decay_age_says_nothing():
    bits = [1.0, 90.0, 70.0, 50.0, 9.0, 14.0, 2.0, 1.0]
    assert kept(Surprisal(n=2, sinks=1, recent=1), bits) == [0, 1, 2, 7]


def test_the_first_and_the_last_stay_even_beside_what_is_all_surprise():
    view = make_view(age=[4, 3, 2, 1], importance=[0.0, 1.0, 1.0, 0.0])
    assert Surprisal(n=1, sinks=1, recent=1).weight(view).tolist() == [1, 0, 1, 1]


@given(bits=st.floats(0, 1e6))
def test_surprisal_is_the_inverse_of_the_importance_that_is_settled_at_the_add(bits):
    found = surprisal(np.array([told(bits)]))
    assert found == pytest.approx([bits / HALF], rel=1e-6, abs=1e-12)


def test_a_score_far_in_the_past_is_small_and_no_nan():
    score = log_score(np.array([0.5, 0.0, 1.0]), np.array([1e5, 1.0, 1.0]), 0.7)
    assert score[0] == pytest.approx(1e5 * math.log2(0.7))
    assert score[1] == -math.inf
    assert np.isfinite(score[2])


@inherited
@given(view=views())
def test_what_goes_is_what_had_weight_0(view):
    policy = Surprisal(n=1, sinks=1, recent=1, decay=0.9, remove=True)
    gone = policy.maintain(view, ASK).archive
    assert gone == view.names(policy.weight(view) == 0.0)


def test_in_a_memory_plain_words_go_before_telling_ones(make: Make):
    memory = make(policies=[Surprisal(n=1, sinks=1, recent=1)])
    memory.add("hello there")
    for text in ("Anna moved to Porto with a green piano", "hello there friend", "good"):
        memory.add(text)
    seen = {hit.text for hit in memory.search(None, k=9)}
    assert seen == {"hello there", "Anna moved to Porto with a green piano", "good"}
