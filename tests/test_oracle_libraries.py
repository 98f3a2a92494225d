"""Our oracles against the libraries of the field, where these are installed."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from agentmem.bench.oracles import matrix
from agentmem.bench.oracles.division import Division

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def instances() -> list[Division]:
    """The 1,000 pools that open_spiel's game of bargaining is played with."""
    pyspiel = pytest.importorskip("pyspiel", reason="needs open_spiel: pip install open_spiel")
    return [
        Division(tuple(one.pool), tuple(tuple(map(float, side)) for side in one.values))
        for one in pyspiel.load_game("bargaining").all_instances()
    ]


@pytest.fixture(scope="module")
def axelrod() -> ModuleType:
    found = pytest.importorskip("axelrod", reason="needs axelrod: pip install '.[axelrod]'")
    assert isinstance(found, ModuleType)
    return found


def test_means_over_the_built_in_pools(instances) -> None:
    assert len(instances) == 1000
    assert {sum(one.pool) for one in instances} == {5, 6, 7}
    assert {len(one.allocations) for one in instances} == {16, 18, 20, 24, 27, 30, 32, 36}
    assert all(one.ideal.tolist() == [10, 10] for one in instances)
    figures = {
        "welfare": [one.welfare for one in instances],
        "nash": [one.nash for one in instances],
        "egalitarian": [one.egalitarian for one in instances],
        "frontier": [len(one.frontier) for one in instances],
    }
    means = {name: np.mean(values) for name, values in figures.items()}
    assert means == pytest.approx(
        {"welfare": 15.12, "nash": 56.12, "egalitarian": 6.60, "frontier": 4.35}, abs=5e-3
    )
    assert (min(figures["welfare"]), max(figures["welfare"])) == (10, 19)
    assert (min(figures["nash"]), max(figures["nash"])) == (24, 90)


def test_open_spiel_pays_the_points_of_every_allocation() -> None:
    pyspiel = pytest.importorskip("pyspiel", reason="needs open_spiel: pip install open_spiel")
    game = pyspiel.load_game("bargaining")
    for number in range(0, 1000, 50):
        start = game.new_initial_state()
        start.apply_action(number)
        one = start.instance()
        division = Division(tuple(one.pool), tuple(tuple(map(float, v)) for v in one.values))
        offers = [action for action in start.legal_actions() if action != start.agree_action()]
        shares = set()
        for action in offers:
            state = start.clone()
            state.apply_action(action)
            share = tuple(state.offers()[0].quantities)  # what the one who offers keeps
            shares.add(share)
            state.apply_action(state.agree_action())
            assert division.points(share) == tuple(state.returns())
        assert shares == {tuple(row) for row in division.allocations.tolist()}


def test_negmas_finds_the_same_frontier_and_solutions(instances) -> None:
    ops = pytest.importorskip("negmas.preferences.ops", reason="needs negmas: pip install negmas")
    negmas = pytest.importorskip("negmas.preferences")
    differing = 0
    for one in instances[::10]:
        outcomes = [tuple(row) for row in one.allocations.tolist()]
        sides = [
            negmas.MappingUtilityFunction(
                dict(zip(outcomes, one.utilities[:, side].tolist(), strict=True)),
                outcomes=outcomes,
                reserved_value=0.0,
            )
            for side in (0, 1)
        ]
        frontier, _ = ops.pareto_frontier(sides, outcomes=outcomes)
        assert {tuple(map(float, point)) for point in frontier} == as_points(one.frontier)
        nash = {point for point, _ in ops.nash_points(sides, frontier, outcomes=outcomes)}
        assert nash == as_points(one.utilities[one.nash_set])
        # Both sides' ideal is 10, so that equal shares of it are equal points.
        fair = {point for point, _ in ops.kalai_points(sides, frontier, outcomes=outcomes)}
        assert as_points(one.utilities[one.egalitarian_set]) <= fair
        assert as_points(one.utilities[one.kalai_smorodinsky_set]) <= fair
        # negmas takes the least difference of the two shares for their greatest minimum.
        even = {point for point, _ in ops.ks_points(sides, frontier, outcomes=outcomes)}
        assert max(min(point) for point in even) <= one.egalitarian
        differing += not even <= fair
    assert differing < 20


def as_points(rows: np.ndarray) -> set[tuple[float, float]]:
    return {(float(a), float(b)) for a, b in rows}


def cooperation(axelrod: ModuleType, name: str, seeds: int = 20, turns: int = 500) -> float:
    """Mean cooperation in self-play under noise .02."""
    strategy = getattr(axelrod, name)
    kept = []
    for seed in range(seeds):
        match = axelrod.Match((strategy(), strategy()), turns=turns, noise=0.02, seed=seed)
        match.play()
        kept.append(np.mean(match.normalised_cooperation()))
    return float(np.mean(kept))


@pytest.mark.parametrize(
    ("name", "p", "q"),
    [("TitForTat", 1, 0), ("GTFT", 1, 1 / 3), ("Cooperator", 1, 1), ("Defector", 0, 0)],
)
def test_reactive_strategies_of_axelrod_follow_the_closed_form(axelrod, name, p, q) -> None:
    found = cooperation(axelrod, name)
    assert found == pytest.approx(matrix.reactive_cooperation(p, q, 0.02), abs=0.06)
    if name != "TitForTat":  # whose slips echo for a long time
        assert found == pytest.approx(matrix.reactive_cooperation(p, q, 0.02), abs=0.01)


@pytest.mark.parametrize(
    ("name", "strategy"),
    [("WinStayLoseShift", (1, 0, 0, 1)), ("TitForTat", (1, 0, 1, 0)), ("Alternator", (0, 0, 1, 1))],
)
def test_memory_one_strategies_of_axelrod_follow_the_chain(axelrod, name, strategy) -> None:
    expected = matrix.memory_one(strategy, strategy, 0.02)[:2].sum()
    assert cooperation(axelrod, name) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("GTFT", 0.942),
        ("WinStayLoseShift", 0.940),
        ("ForgivingTitForTat", 0.833),
        ("SoftGrudger", 0.775),
        ("Forgiver", 0.551),
        ("LimitedRetaliate", 0.107),
        ("Grudger", 0.064),
    ],
)
def test_longer_grudges_cooperate_less_under_noise(axelrod, name: str, measured: float) -> None:
    assert cooperation(axelrod, name) == pytest.approx(measured, abs=0.03)
