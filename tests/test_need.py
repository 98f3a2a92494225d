"""A world whose needs fall as a power of the lag, and the keeper that knows the future."""

from __future__ import annotations

from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.bench.need import HOUR, clairvoyant, hazard, lag, needs, slope
from agentmem.errors import InputError


@pytest.mark.parametrize("shape", [1.0, inf])
@pytest.mark.parametrize(("decay", "rate"), [(0.5, 0.03), (0.8, 0.1), (1.0, 0.2), (1.3, 0.4)])
def test_row_25_need_falls_as_a_power_of_the_lag(decay: float, rate: float, shape: float) -> None:
    world = needs(items=2000, span=3000 * HOUR, decay=decay, rate=rate, shape=shape, seed=3)
    assert slope(world) == pytest.approx(-decay, abs=0.1)


def test_the_rate_is_that_of_a_lag_of_one_hour() -> None:
    world = needs(items=3000, span=2000 * HOUR, decay=0.8, rate=0.1, seed=1)
    lags, rates, count = hazard(world)
    often = count > 200
    assert rates[often] == pytest.approx(0.1 * lags[often] ** -0.8, rel=0.25)
    assert count.sum() <= world.again.sum()


def test_the_same_arguments_draw_the_same_world_and_another_seed_another() -> None:
    one, same, other = needs(seed=5), needs(seed=5), needs(seed=6)
    assert np.array_equal(one.at, same.at)
    assert np.array_equal(one.item, same.item)
    assert not np.array_equal(one.at[:50], other.at[:50])


def test_needs_are_in_order_within_the_span_and_every_item_is_learned() -> None:
    world = needs(items=50, seed=2)
    assert (np.diff(world.at) >= 0).all()
    assert world.at[0] >= 0
    assert world.at[-1] < world.span
    assert set(world.item.tolist()) == set(range(50))
    assert len(world) - world.again.sum() == 50


def test_lags_by_hand() -> None:
    risk = np.array([0.0, 1.0, 3.0])
    assert lag(risk, 1.0) == pytest.approx(np.exp(risk))
    assert lag(risk, 0.5) == pytest.approx([1.0, 2.25, 6.25])
    assert lag(risk, 2.0).tolist() == [1.0, inf, inf]  # the integral of u ** -2 never reaches 1


@pytest.mark.parametrize("wrong", [{"items": 0}, {"span": 0.0}, {"decay": -1.0}, {"rate": 0.0}])
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        needs(**wrong)


def most_met(item: list[int], room: int, at: int = 0, held: frozenset[int] = frozenset()) -> int:
    """By trying everything."""
    if at == len(item):
        return 0
    met, now = item[at] in held, held | {item[at]}
    choices = [now] if len(now) <= room else map(frozenset, combinations(now, room))
    return met + max(most_met(item, room, at + 1, choice) for choice in choices)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=8), st.integers(0, 3))
def test_nobody_meets_more_needs_than_the_clairvoyant(item: list[int], room: int) -> None:
    assert clairvoyant(np.array(item, dtype=np.int64), room).sum() == most_met(item, room)


def test_with_room_for_all_every_second_need_is_met() -> None:
    world = needs(items=30, seed=4)
    assert np.array_equal(clairvoyant(world.item, 30), world.again)
