"""The budget: what is kept when not everything can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.core import Ask
from agentmem.errors import ConfigError
from agentmem.policies.budget import Budget, WordBudget
from tests.conftest import DAY, Make
from tests.policy_contract import NOW, PolicyContract, make_view

ASK = Ask(now=NOW, namespace=("n",))


def test_without_a_half_life_age_does_not_count() -> None:
    view = make_view(age=[9e9, 0.0, 5.0], importance=[0.9, 0.8, 0.2])
    assert Budget().weight(view).tolist() == [0.9, 0.8, 0.2]
    assert Budget(max_records=2).maintain(view, ASK).archive == ("r2",)


def test_with_one_it_does() -> None:
    view = make_view(age=[30 * DAY, 0.0], importance=[0.9, 0.8])
    assert Budget(max_records=1).maintain(view, ASK).archive == ("r1",)
    assert Budget(max_records=1, half_life=30 * DAY).maintain(view, ASK).archive == ("r0",)


def test_nothing_important_goes_first_and_a_weight_is_no_view_of_the_array() -> None:
    view = make_view(age=[1.0, 2.0], importance=[0.0, 0.1])
    policy = Budget(max_records=1)
    policy.weight(view)[:] = 0.0
    assert view.importance.tolist() == [0.0, 0.1]
    assert policy.maintain(view, ASK).archive == ("r0",)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30), st.integers(0, 30))
def test_whatever_goes_is_worth_no_more_than_whatever_stays(values: list[float], n: int) -> None:
    view = make_view(age=np.arange(float(len(values))), importance=values)
    gone = set(Budget(max_records=n).maintain(view, ASK).archive)
    assert len(gone) == max(len(values) - n, 0)
    out = [value for i, value in enumerate(values) if f"r{i}" in gone]
    kept = [value for i, value in enumerate(values) if f"r{i}" not in gone]
    assert not out or not kept or max(out) <= min(kept)


def test_among_equals_what_was_not_used_for_longest_goes_first() -> None:
    view = make_view(age=[9.0, 3.0, 5.0], idle=[1.0, 3.0, 2.0])
    assert Budget(max_records=1).maintain(view, ASK).archive == ("r1", "r2")


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="half_life"):
        Budget(half_life=0.0)


def test_a_memory_of_little_room_keeps_what_was_told(make: Make) -> None:
    memory = make(policies=[{"budget": {"max_records": 3}}])
    said = [
        "ana: Hi! How are you?",
        "ben: Fine, thanks! Where did you grow up?",
        "ana: In Porto, with my grandmother Luisa, who repaired accordions.",
        "ben: Wow, great!",
        "ben: I flew to Iceland last October to photograph puffins.",
        "ana: Cool! What else is new?",
        "ben: My sister Clara opened a bakery in Ghent.",
        "ana: Sounds good!",
    ]
    for i, text in enumerate(said):
        memory.add(text, now=NOW + i)
    memory.apply(memory.plan(now=NOW + DAY), allow_mass=True)
    kept = {hit.text for hit in memory.search(None, now=NOW + DAY)}
    assert kept == {said[2], said[4], said[6]}


class TestWordBudget(PolicyContract):
    policies = (WordBudget(max_words=25), WordBudget(max_words=0), WordBudget(rank=True))
    time_fades = True

    def test_a_word_is_worth_the_odds_of_its_importance_by_length(self):
        view = make_view(age=[0, 0, 0], importance=[0.5, 0.9, 1.0], words=[10, 30, 7])
        assert WordBudget().value(view).tolist() == pytest.approx([0.1, 0.3, np.inf])
        assert WordBudget().weight(view) == pytest.approx([0.1 / 1.1, 0.3 / 1.3, 1.0])

    def test_it_is_filled_by_what_tells_most_a_word(self):
        view = make_view(age=[0, 1, 2], importance=[0.5, 0.6, 0.4], words=[10, 30, 5])
        change = WordBudget(max_words=15).maintain(view, ASK)
        assert change.archive == ("r1",)
        assert change.scores == pytest.approx({"r1": 0.05 / 1.05})

    def test_each_namespace_has_its_own(self):
        view = make_view(age=[0, 1, 2], words=10, namespace=[0, 0, 1])
        assert WordBudget(max_words=10).maintain(view, ASK).archive == ("r1",)

    def test_without_remove_nothing_goes(self):
        view = make_view(age=[0, 1], words=10)
        assert not WordBudget(max_words=0, remove=False).maintain(view, ASK)

    @given(st.integers(0, 200), st.integers(0, 2**32 - 1))
    def test_what_stays_fits(self, room: int, seed: int):
        rng = np.random.default_rng(seed)
        words = rng.integers(0, 40, 12)
        view = make_view(age=rng.random(12), importance=rng.random(12), words=words)
        gone = {int(name[1:]) for name in WordBudget(max_words=room).maintain(view, ASK).archive}
        assert sum(n for i, n in enumerate(words) if i not in gone) <= room
        assert gone == set() if words.sum() <= room else gone
