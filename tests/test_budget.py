"""The budget: what is kept when not everything can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.core import Ask
from agentmem.errors import ConfigError
from agentmem.policies.budget import Budget
from tests.conftest import DAY, Make
from tests.policy_contract import NOW, make_view

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
