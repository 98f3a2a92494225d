"""What theory says about matrix games and about dividing a pie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agentmem.bench import theory
from agentmem.bench.games import (
    Demand,
    Investment,
    Prisoners,
    PublicGoods,
    Travelers,
    Trust,
    Ultimatum,
)
from agentmem.bench.oracles import bargaining, matrix
from agentmem.errors import InputError

PRIMARY = matrix.prisoners(3, 2, 1, 0)
TEXTBOOK = matrix.prisoners(5, 3, 1, 0)
CLAIMS = matrix.travelers(2, 5, 2)
CLASSIC = matrix.travelers(2, 100, 2)
GOODS = matrix.public_goods(3, 1, 1.5)
TRUST = matrix.trust((10, 10), (0, 20), (6, 2), (4, 4))
BERG = matrix.trust((15, 15), (0, 30), (10, 0), (10, 0))


def test_the_arrays_hold_the_published_payoffs() -> None:
    assert PRIMARY[:, 0, 1].tolist() == [0, 3]
    assert CLAIMS[:, 3, 3].tolist() == [5, 5]
    assert CLAIMS[:, 2, 3].tolist() == [6, 2]  # claims 4 and 5: 4 + 2 and 4 - 2
    assert GOODS[:, 1, 1, 0].tolist() == [1, 1, 2]
    assert TRUST[:, 0, 1].tolist() == [0, 20]
    assert TRUST[:, 1, 0].tolist() == [6, 2]
    assert matrix.public_goods(3, 20, 1.6)[:, 20, 0, 0] == pytest.approx([32 / 3, 92 / 3, 92 / 3])


@pytest.mark.parametrize(
    ("payoffs", "expected"),
    [
        (PRIMARY, [(1, 1)]),
        (TEXTBOOK, [(1, 1)]),
        (CLAIMS, [(0, 0)]),
        (CLASSIC, [(0, 0)]),
        (GOODS, [(0, 0, 0)]),
        (matrix.public_goods(3, 20, 1.6), [(0, 0, 0)]),
        (TRUST, [(1, 1)]),
    ],
)
def test_only_defection_is_a_one_shot_equilibrium(payoffs, expected) -> None:
    assert matrix.pure_equilibria(payoffs) == expected


@settings(max_examples=40)
@given(arrays(float, (2, 3, 4), elements=st.integers(0, 3).map(float)))
def test_equilibria_are_the_profiles_no_seat_wants_to_leave(payoffs) -> None:
    found = matrix.pure_equilibria(payoffs)
    for a, b in np.ndindex(3, 4):
        stays = payoffs[0, a, b] >= payoffs[0, :, b].max() and payoffs[1, a, b] >= (
            payoffs[1, a].max()
        )
        assert ((a, b) in found) == stays


@settings(max_examples=40)
@given(arrays(float, (2, 3, 3), elements=st.integers(0, 9).map(float)))
def test_no_equilibrium_is_strictly_dominated(payoffs) -> None:
    left = matrix.undominated(payoffs)
    assert all(a in left[0] and b in left[1] for a, b in matrix.pure_equilibria(payoffs))


def test_dominance_leaves_defection() -> None:
    assert matrix.dominates(PRIMARY, 0, 1, 0, strictly=True)
    assert matrix.undominated(GOODS) == [[0], [0], [0]]
    assert matrix.dominates(TRUST, 1, 1, 0, strictly=True)  # the trustee keeps
    assert not matrix.dominates(TRUST, 0, 1, 0, strictly=False)  # which decides the investor
    assert matrix.undominated(TRUST) == [[1], [1]]
    # The highest claim is only ever matched, not beaten, by the one below it.
    assert matrix.undominated(CLAIMS) == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert matrix.undominated(CLAIMS, strictly=False) == [[0], [0]]


@pytest.mark.parametrize(
    ("payoffs", "agreed", "punishment", "expected"),
    [
        (PRIMARY, (0, 0), (1, 1), (0.5, 0.5)),
        (TEXTBOOK, (0, 0), (1, 1), (0.5, 0.5)),
        (CLAIMS, (3, 3), (0, 0), (0.25, 0.25)),
        (GOODS, (1, 1, 1), (0, 0, 0), (0.5, 0.5, 0.5)),
        (TRUST, (0, 0), (1, 1), (0.0, 0.625)),
    ],
)
def test_patience_that_grim_trigger_needs(payoffs, agreed, punishment, expected) -> None:
    assert matrix.grim(payoffs, agreed, punishment) == pytest.approx(expected)


def test_tit_for_tat_needs_more_patience_than_grim_trigger_for_axelrods_payoffs() -> None:
    assert matrix.tit_for_tat(5, 3, 1, 0) == pytest.approx(2 / 3)
    assert matrix.tit_for_tat(3, 2, 1, 0) == pytest.approx(1 / 2)


def test_what_does_not_punish_is_told() -> None:
    with pytest.raises(InputError, match="does not punish"):
        matrix.grim(PRIMARY, (1, 0), (0, 1)[::-1])
    with pytest.raises(InputError, match=r"shape \(2, 2\)"):
        matrix.pure_equilibria([[1, 2], [3, 4]])


def test_published_rewards_of_the_trust_game_fit_the_primary_payoffs_almost() -> None:
    assert matrix.giving(TRUST, 8.59, 0.512) == pytest.approx((0.765, 0.259), abs=5e-4)
    assert matrix.giving(TRUST, 5.19, 0.095) == pytest.approx((0.198, -0.008), abs=5e-4)
    assert matrix.giving(BERG, 8.59, 0.512) == pytest.approx((0.359, 0.665), abs=5e-4)
    assert matrix.giving(BERG, 5.19, 0.095) == pytest.approx((0.019, 0.171), abs=5e-4)
    with pytest.raises(InputError, match="trustee"):
        matrix.giving(PRIMARY, 1.5, 0.5)


def test_welfare_runs_from_all_defecting_to_all_cooperating() -> None:
    assert [matrix.welfare_norm(x, 1, 2) for x in (1, 1.5, 2)] == [0, 0.5, 1]
    with pytest.raises(InputError, match="no scale"):
        matrix.welfare_norm(1, 2, 2)


def test_reactive_strategies_under_noise() -> None:
    assert matrix.reactive_cooperation(1, 0, 0.02) == pytest.approx(0.5)
    assert matrix.reactive_cooperation(1, 1 / 3, 0.02) == pytest.approx(0.944, abs=5e-4)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.4))
def test_the_chain_of_memory_one_strategies_contains_the_reactive_form(p, q, noise) -> None:
    shares = matrix.memory_one((p, q, p, q), (p, q, p, q), noise)
    assert shares.sum() == pytest.approx(1)
    assert shares.min() > -1e-9
    assert shares[:2].sum() == pytest.approx(matrix.reactive_cooperation(p, q, noise), abs=1e-6)


def test_win_stay_lose_shift_mends_its_slips() -> None:
    wsls = (1, 0, 0, 1)
    assert matrix.memory_one(wsls, wsls, 0.02)[:2].sum() == pytest.approx(0.942, abs=5e-4)
    grudger = (1, 0, 0, 0)
    assert matrix.memory_one(grudger, (1, 0, 1, 0), 0.02)[:2].sum() < 0.1
    with pytest.raises(InputError, match="noise"):
        matrix.memory_one(grudger, grudger)


def test_second_seat_reads_the_outcome_from_its_own_side() -> None:
    alternates, copies = (0, 0, 1, 1), (1, 0, 1, 0)  # own last move decides; the other's does
    shares = matrix.memory_one(alternates, copies, 0.001)
    assert shares == pytest.approx([0, 0.5, 0.5, 0], abs=0.01)


@pytest.mark.parametrize("payoffs", ["primary", "textbook", {"T": 7, "R": 5, "P": 2, "S": 1}])
@pytest.mark.parametrize("order", ["plain", "swapped"])
def test_the_dilemma_pays_what_theory_says(payoffs, order) -> None:
    game = Prisoners(payoffs=payoffs, order=order)
    expected = matrix.prisoners(**{key.lower(): value for key, value in game.matrix.items()})
    found = theory.payoff_array(game)
    assert theory.actions(game)[0] == (("C", "D") if order == "plain" else ("D", "C"))
    assert (found if order == "plain" else found[:, ::-1, ::-1]).tolist() == expected.tolist()
    assert theory.equilibria(game) == [("D", "D")]
    assert theory.grim_threshold(game) == pytest.approx(max(matrix.grim(expected, (0, 0), (1, 1))))


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        (Travelers(), CLAIMS),
        (Travelers(payoffs="textbook"), CLASSIC),
        (PublicGoods(order="plain"), GOODS[:, ::-1, ::-1, ::-1]),
        (Trust(order="plain"), TRUST),
        (Demand(), bargaining.demands(10)),
    ],
)
def test_games_of_one_step_pay_what_theory_says(game, expected) -> None:
    assert theory.payoff_array(game) == pytest.approx(expected)


def test_equilibria_are_said_in_moves() -> None:
    assert theory.equilibria(Travelers()) == [(2, 2)]
    assert theory.equilibria(PublicGoods()) == [("D", "D", "D")]
    assert theory.equilibria(Trust()) == [("D", "D")]
    assert set(theory.equilibria(Demand())) == {(x, 10 - x) for x in range(11)} | {(10, 10)}


def test_a_game_of_several_steps_has_no_matrix() -> None:
    for game in (Ultimatum(), Investment()):
        with pytest.raises(InputError, match=f"{game.name}.*no matrix"):
            theory.payoff_array(game)


def test_the_most_generous_deterring_forgiveness() -> None:
    assert theory.generous(Prisoners(payoffs="textbook")) == pytest.approx(1 / 3)
    assert theory.generous(Prisoners()) == pytest.approx(1 / 2)


def test_a_threshold_that_leaves_nothing_is_not_worth_meeting() -> None:
    assert theory.best_offer(Ultimatum(), 3) == (3, 7)
    assert bargaining.best_offer(10, 0) == (0, 10)  # subgame-perfect if ties are accepted
    assert bargaining.best_offer(10, 1) == (1, 9)  # and if they are not
    assert bargaining.best_offer(10, 11) == (0, 0)


def test_first_proposers_share_without_end() -> None:
    assert bargaining.rubinstein(0.9, 0.9) == pytest.approx(0.5263, abs=5e-5)
    assert bargaining.rubinstein(0.9, 0.8) == pytest.approx(0.7143, abs=5e-5)
    assert bargaining.rubinstein(0.5, 1) == 0
    with pytest.raises(InputError, match="patient"):
        bargaining.rubinstein(1, 1)
    with pytest.raises(InputError, match=r"discount 1\.2"):
        bargaining.rubinstein(0.9, 1.2)


@pytest.mark.parametrize(
    ("rounds", "share"), [(1, 1), (2, 0.1), (3, 0.91), (10, 0.3428), (11, 0.6915)]
)
def test_first_proposers_share_with_an_end(rounds: int, share: float) -> None:
    assert bargaining.rubinstein_alike(0.9, rounds) == pytest.approx(share, abs=5e-5)
    assert bargaining.rubinstein_within(0.9, 0.9, rounds) == pytest.approx(share, abs=5e-5)


@given(st.floats(0, 0.97), st.floats(0, 0.97))
def test_far_ends_do_not_matter(own: float, other: float) -> None:
    far = bargaining.rubinstein_within(own, other, 601)
    assert far == pytest.approx(bargaining.rubinstein(own, other), abs=1e-6)


@pytest.mark.parametrize(
    ("discount", "rounds", "kept"),
    [
        (0.9, 1, 100),
        (0.9, 2, 10),
        (0.9, 3, 91),
        (0.9, 10, 34),
        (0.9, 11, 69),
        (0.9, 99, 55),
        (0.95, 99, 59),
    ],
)
def test_whole_units_round_the_equilibrium_away_from_the_closed_form(discount, rounds, kept):
    assert 100 - bargaining.alternating(100, discount, discount, rounds)[0] == kept


@given(st.floats(0, 0.97), st.floats(0, 0.97), st.integers(1, 20))
def test_a_large_pie_approaches_the_closed_form(own, other, rounds) -> None:
    pie = 1_000_000
    found = 1 - bargaining.alternating(pie, own, other, rounds)[0] / pie
    assert found == pytest.approx(bargaining.rubinstein_within(own, other, rounds), abs=1e-4)


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1), st.integers(2, 8))
def test_nobody_gains_by_another_offer_or_answer(pie, own, other, rounds) -> None:
    offers = bargaining.alternating(pie, own, other, rounds)
    for i, offer in enumerate(offers):
        mine, theirs = (own, other) if i % 2 == 0 else (other, own)
        keeps, gets = (pie - offers[i + 1], offers[i + 1]) if i + 1 < rounds else (0, 0)
        accepted = [o for o in range(pie + 1) if o >= theirs * keeps - 1e-9]
        assert offer in accepted
        assert pie - offer == max([mine * gets, *(pie - o for o in accepted)])


def test_no_pie_and_no_round_are_told() -> None:
    with pytest.raises(InputError, match="pie 0"):
        bargaining.alternating(0, 0.9, 0.9, 3)
    with pytest.raises(InputError, match="round 0"):
        bargaining.alternating(10, 0.9, 0.9, 0)


def test_delay_costs_the_discount() -> None:
    assert [bargaining.efficiency(0.9, n) for n in (1, 2, 3)] == pytest.approx([1, 0.9, 0.81])


def test_demands_that_use_up_the_pie_are_equilibria_and_so_is_asking_for_all() -> None:
    expected = [(x, 10 - x) for x in range(11)]
    assert matrix.pure_equilibria(bargaining.demands(10)) == [*expected, (10, 10)]


def test_mixed_demands_waste_a_fifth_of_the_pie() -> None:
    mixed = bargaining.demand_mixed(10, 4)
    assert (mixed.low, mixed.deal) == pytest.approx((2 / 3, 8 / 9))
    assert mixed.efficiency == pytest.approx(0.80)
    with pytest.raises(InputError, match="from 1 to 4"):
        bargaining.demand_mixed(10, 5)


@given(st.integers(1, 49), st.integers(3, 100))
def test_mixed_demands_leave_both_demands_equally_good(low: int, pie: int) -> None:
    if 2 * low >= pie:
        return
    points = bargaining.demands(pie)[0]
    chances = np.zeros(pie + 1)
    chances[low] = bargaining.demand_mixed(pie, low).low
    chances[pie - low] += 1 - chances[low]
    value = points @ chances
    assert value[low] == pytest.approx(value[pie - low])
    assert value[low] == pytest.approx(value.max())


def test_trade_is_efficient_just_where_there_is_something_to_gain() -> None:
    assert bargaining.trade(30, 70) == bargaining.Trade(traded=True, surplus=40, price=50)
    assert not bargaining.trade(70, 70).traded
    assert bargaining.trade_efficiency(30, 70, 31) == 1
    assert bargaining.trade_efficiency(30, 70, None) == 0
    assert bargaining.trade_efficiency(70, 30, None) == 1
    assert bargaining.trade_efficiency(70, 30, 50) == 0
