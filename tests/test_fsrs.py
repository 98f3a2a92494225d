"""FSRS against its contract, its authors' numbers and py-fsrs itself."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fsrs import Card, Rating, Scheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.errors import MissingExtra
from agentmem.policies import fsrs
from agentmem.policies.fsrs import Fsrs
from tests.conftest import DAY, Make
from tests.policy_contract import PolicyContract, make_view, views

START = datetime(2026, 1, 1, tzinfo=UTC)


class TestFsrs(PolicyContract):
    policies = (
        Fsrs(),
        Fsrs(remove=True, rating="hard", floor=0.0),
        Fsrs(remove=True, variant="as_coded", decay=0.5, stability=DAY, forget_below=0.9),
    )
    time_fades = True


def arrays(days, stability):
    return np.array([float(days)]), np.array([float(stability)])


@pytest.mark.parametrize(
    ("days", "stability", "decay", "expected"),
    [
        (1, 1, fsrs.DECAY, 0.9),
        (10, 1, fsrs.DECAY, 0.69283),
        (100, 1, fsrs.DECAY, 0.49232),
        (365, 10, fsrs.DECAY, 0.57356),
        (10, 1, fsrs.DECAY_4_5, 0.54671),
        (100, 1, fsrs.DECAY_4_5, 0.20221),
    ],
)
def test_retrievability_vectors(days, stability, decay, expected):
    found = fsrs.retrievability(*arrays(days, stability), decay)
    assert found == pytest.approx([expected], abs=5e-6)
    policy = Fsrs(decay=decay, stability=stability * DAY, floor=0.0)
    assert policy.weight(make_view(age=[days * DAY])) == pytest.approx([expected], abs=5e-6)


@pytest.mark.parametrize(("retention", "days"), [(0.9, 10), (0.8, 33.16), (0.95, 4.03)])
def test_interval_vectors(retention, days):
    assert fsrs.interval(retention, np.array([10.0])) == pytest.approx([days], abs=5e-3)
    policy = Fsrs(stability=10 * DAY, remove=True, forget_below=retention)
    view = make_view(age=[0.0])
    assert policy.expiry(view) - view.now == pytest.approx([days * DAY], abs=5e-3 * DAY)


def test_difficulty_vectors():
    found = [fsrs.initial_difficulty(rating) for rating in (1, 2, 3, 4)]
    assert found == pytest.approx([6.4133, 5.1122, 2.1181, 1.0], abs=5e-5)


@given(
    rating=st.sampled_from(["hard", "good", "easy"]),
    gaps=st.lists(st.floats(0.01, 200.0), min_size=1, max_size=12),
)
@settings(max_examples=40)
def test_a_history_of_recalls_leaves_what_py_fsrs_leaves(rating, gaps):
    scheduler = Scheduler(enable_fuzzing=False)
    grade, when = Rating[rating.capitalize()], START
    card, _ = scheduler.review_card(Card(card_id=0), grade, when)
    policy = Fsrs(rating=rating)
    view = make_view(age=[0.0])
    assert policy.initial == pytest.approx(card.stability)
    for uses, gap in enumerate(gaps, start=1):
        when += timedelta(days=gap)
        card, _ = scheduler.review_card(card, grade, when)
        view = replace(view, now=view.now + gap * DAY)
        view = view.at(policy.touch(view))
        assert view.stability[0] / DAY == pytest.approx(card.stability, rel=1e-6)
        hardness = fsrs.difficulty(np.array([float(uses)]), fsrs.RATINGS[rating])
        assert hardness == pytest.approx([card.difficulty], rel=1e-9)


def test_as_coded_nothing_fades_within_a_day_and_intended_it_does():
    view = make_view(age=[0.9 * DAY, 1.9 * DAY])
    coded, meant = (Fsrs(variant=v, floor=0.0).weight(view) for v in ("as_coded", "intended"))
    card = Card(card_id=0, stability=fsrs.PARAMETERS[2], difficulty=5.0, last_review=START)
    theirs = [
        Scheduler().get_card_retrievability(card, START + timedelta(days=days))
        for days in (0.9, 1.9)
    ]
    assert coded == pytest.approx(theirs)
    assert coded[0] == 1.0
    assert (meant < coded).all()


def test_a_spaced_recall_strengthens_more_than_one_on_the_same_day():
    policy = Fsrs()
    view = make_view(age=[0.5 * DAY, 2 * DAY, 20 * DAY])
    stability = policy.touch(view).stability / DAY
    assert stability[0] == pytest.approx(policy.initial)
    assert (np.diff(stability) > 0).all()


@pytest.mark.parametrize("variant", ["intended", "as_coded"])
@settings(max_examples=30)
@given(view=views())
def test_expiry_is_where_retention_crosses_forget_below(variant, view):
    policy = Fsrs(remove=True, variant=variant)
    view = replace(view, stability=np.full(len(view), np.nan))
    step = DAY if variant == "as_coded" else 60.0
    for row, at in enumerate(policy.expiry(view).tolist()):
        assert policy.retention(replace(view, now=at - step))[row] > 0.5
        assert policy.retention(replace(view, now=at + 60))[row] < 0.5


def test_a_retention_beyond_all_numbers_is_never_reached():
    policy = Fsrs(remove=True, forget_below=1e-300)
    assert np.isposinf(policy.expiry(make_view(age=[1.0]))).all()


def test_without_py_fsrs_the_policy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsrs", None)
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[fsrs\]"):
        Fsrs()


def test_a_memory_under_it_keeps_what_was_recalled_after_a_while(make: Make, clock):
    memory = make(policies=[{"fsrs": {"remove": True, "forget_below": 0.7}}])
    kept, lost = memory.add("The key is under the mat.")[0], memory.add("It rained today.")[0]
    clock.advance("10d")
    memory.search("key mat", k=1)
    clock.advance("20d")
    memory.apply(memory.plan())
    assert [memory.get(name).status for name in (kept, lost)] == ["active", "archived"]
