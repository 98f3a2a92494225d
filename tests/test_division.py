"""Every division of a pool, and the best of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.bench.oracles.division import Division
from agentmem.errors import InputError

BOOKS = Division((1, 2, 3), ((8, 1, 0), (4, 0, 2)))


@st.composite
def divisions(draw: st.DrawFn) -> Division:
    pool = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)))
    side = st.tuples(*[st.integers(0, 6)] * len(pool))
    return Division(pool, (draw(side), draw(side)))


def test_every_allocation_of_a_pool_is_there_once() -> None:
    found = {tuple(row) for row in BOOKS.allocations.tolist()}
    assert len(found) == len(BOOKS.allocations) == 2 * 3 * 4
    assert {tuple(row) for row in (np.array(BOOKS.pool) - BOOKS.allocations).tolist()} == found
    assert BOOKS.points((1, 2, 0)) == (10, 6)
    assert BOOKS.points((0, 0, 0)) == (0, 10)


def test_the_best_division_of_a_pool_by_hand() -> None:
    """Side 0 wants the book and the hats, side 1 the balls."""
    assert BOOKS.welfare == 16
    assert (BOOKS.nash, BOOKS.egalitarian) == (60, 6)
    best = BOOKS.allocations[BOOKS.nash_set].tolist()
    assert best == BOOKS.allocations[BOOKS.egalitarian_set].tolist() == [[1, 2, 0]]
    assert BOOKS.frontier.tolist() == [[0, 10], [2, 10], [10, 6]][1:]
    assert BOOKS.pareto_distance((10, 6)) == 0
    assert BOOKS.pareto_distance((7, 2)) == pytest.approx(5)
    assert BOOKS.nash_ratio((5, 6)) == 0.5


def test_scales_matter_to_the_egalitarian_but_not_to_kalai_and_smorodinsky() -> None:
    pool, values = (2, 2, 1), ((3.0, 1.0, 2.0), (1.0, 3.0, 2.0))
    plain = Division(pool, values)
    scaled = Division(pool, (tuple(10 * v for v in values[0]), values[1]))
    fair = plain.kalai_smorodinsky_set.tolist()
    assert fair == scaled.kalai_smorodinsky_set.tolist() == plain.egalitarian_set.tolist()
    assert plain.nash_set.tolist() == scaled.nash_set.tolist()
    assert scaled.egalitarian_set.tolist() != fair


@given(divisions())
@settings(max_examples=60)
def test_solutions_are_on_the_frontier_and_nobody_beats_it(division: Division) -> None:
    points = division.utilities.tolist()
    for i, (a, b) in enumerate(points):
        beaten = any(x >= a and y >= b and (x > a or y > b) for x, y in points)
        assert division.pareto[i] == (not beaten)
    for found in (division.egalitarian_set, division.kalai_smorodinsky_set):
        assert len(found)
        assert division.pareto[found].all() or not division.ideal.all()
    assert max(a + b for a, b in points) == division.welfare
    assert max(a * b for a, b in points) == division.nash
    assert max(min(a, b) for a, b in points) == division.egalitarian


@given(divisions())
@settings(max_examples=40)
def test_the_sides_are_alike(division: Division) -> None:
    other = Division(division.pool, division.values[::-1])
    for figure in ("welfare", "nash", "egalitarian"):
        assert getattr(division, figure) == getattr(other, figure)
    assert len(division.frontier) == len(other.frontier)


def test_where_nothing_can_be_won_any_division_is_as_good() -> None:
    assert Division((0, 0), ((1, 2), (3, 4))).nash_ratio((0, 0)) == 1


@pytest.mark.parametrize(
    ("pool", "values", "problem"),
    [
        ((), ((), ()), "pool"),
        ((1, -1), ((1, 1), (1, 1)), "pool"),
        ((1, 1), ((1, 1), (1,)), "one for each type"),
        ((1, 1), ((1, 1),), "twice"),
        ((1, 1), ((1, -1), (1, 1)), "numbers >= 0"),
        ((99, 99, 99), ((1, 1, 1), (1, 1, 1)), "more than 100,000"),
    ],
)
def test_what_is_no_division_is_told(pool, values, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Division(pool, values)


@pytest.mark.parametrize("share", [(1, 2), (2, 0, 0), (0, -1, 0)])
def test_a_share_of_more_than_there_is_is_told(share) -> None:
    with pytest.raises(InputError, match="at most"):
        BOOKS.points(share)
