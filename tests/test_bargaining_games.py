"""The bargaining games: rules, records, payoffs, and the figures that all share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench.games import (
    BUILTIN,
    Act,
    Choice,
    Demand,
    Division,
    Game,
    Move,
    Round,
    Rubinstein,
    Trade,
    Ultimatum,
)
from agentmem.bench.games.bargain import Bargain
from agentmem.bench.match import Match
from agentmem.bench.oracles import bargaining
from agentmem.bench.players import Player, scripted
from agentmem.bench.prompting import form
from agentmem.bench.seats import ScriptedSeat
from agentmem.clock import SimulatedClock
from agentmem.errors import IllegalMove, InputError

GAMES = sorted(name for name, game in BUILTIN.items() if issubclass(game, Bargain))


def after(game: Game, *moves: Move | tuple[Move, str], number: int = 1) -> Round:
    """A round in which the seats whose turn it is make these moves, perhaps with a message."""
    played = Round(number=number)
    left = [move if isinstance(move, tuple) else (move, "") for move in moves]
    while left:
        stage = game.stage(played)
        assert stage is not None
        for seat in stage.seats:
            move, message = left.pop(0)
            assert move in stage.legal, move
            played = replace(played, acts=(*played.acts, Act(seat, move, message)))
    if game.stage(played) is None:
        played = replace(played, payoffs=game.pay(played))
    return played


def texts(game: Game, played: Round, seat: int) -> list[str]:
    return [line.text for line in game.lines(played, seat)]


def match(game: Game, *players: Player, seed: int = 1) -> list[Round]:
    seats = [ScriptedSeat(player=player) for player in players]
    playing = Match(
        game=game.seeded(seed), seats=seats, seed=seed, clock=SimulatedClock(), emit=len
    )
    return list(playing.play().rounds)


def ask(game: Game, *moves: Move | tuple[Move, str], number: int = 1) -> str:
    stage = game.stage(after(game, *moves, number=number))
    assert stage is not None
    return stage.ask


# Figures


def test_figures_of_bargains_follow_their_formulas() -> None:
    game = Ultimatum()
    rounds = [
        after(game, 2, "accept", number=1),  # (8, 2)
        after(game, 5, "accept", number=2),  # (5, 5)
        after(game, 3, "reject", number=3),
    ]
    found = game.figures(rounds, [], (0,))
    assert found["agreement"] == found["efficiency"] == pytest.approx(2 / 3)
    assert found["own_share"] == pytest.approx(13 / 30)
    assert found["given_away"] == pytest.approx(7 / 30)
    assert found["fairness"] == pytest.approx((1 - 4 * 0.3**2 + 1) / 2)
    assert found["gini"] == pytest.approx(6 / 40)
    assert found["nash_ratio"] == pytest.approx((16 / 25 + 1 + 0) / 3)
    assert found["pareto_distance"] == pytest.approx(10 / 2**0.5 / 3)
    assert found["rounds_to_deal"] == 1
    assert found["spe_distance"] == pytest.approx((0.2 + 0.5 + 1) / 3)
    assert found["mean_offer"] == pytest.approx(0.25)


def test_forgiveness_is_the_time_from_an_insult_to_the_next_fair_offer() -> None:
    game = Ultimatum()
    offers = {1: 3, 2: 1, 3: 5, 4: 2, 5: 0, 6: 4, 7: 1}  # odd rounds: seat 0
    rounds = [after(game, offer, "accept", number=n) for n, offer in offers.items()]
    insulted = game.figures(rounds, [], (1,))
    assert insulted["forgiveness_latency"] == pytest.approx((5 + 1) / 2)  # rounds 1, 5 -> 6
    assert insulted["unforgiven"] == pytest.approx(1 / 3)  # round 7
    other = game.figures(rounds, [], (0,))
    assert (other["forgiveness_latency"], other["unforgiven"]) == (1, 0.5)  # 2 -> 3; 4 never


def test_retaliation_is_hostility_in_view_of_a_harm_less_that_without() -> None:
    moves: list[Move] = ["reject", "accept", 4, 5]
    harm = [True, False, True, True]
    choices = [
        Choice(number=i, seat=0, move=m, harm=h)
        for i, (m, h) in enumerate(zip(moves, harm, strict=True))
    ]
    assert Ultimatum().figures([], choices, (0,))["retaliation"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", GAMES)
def test_no_rounds_no_figures(name: str) -> None:
    assert set(BUILTIN[name]().figures([], [], (0,)).values()) == {None}


@pytest.mark.parametrize("name", GAMES)
def test_every_bargaining_game_plays_to_its_end_with_random_players(name: str) -> None:
    game = BUILTIN[name](rounds=12).seeded(3)
    rounds = match(game, scripted(name, "random"), scripted(name, "random"), seed=3)
    assert len(rounds) == 12
    found = game.figures(rounds, [], (0,))
    assert 0 <= float(str(found["agreement"])) <= 1
    assert -1e-9 <= float(str(found["efficiency"])) <= 1 + 1e-9
    for played in rounds:
        for seat in (0, 1):
            whole = texts(game, played, seat)
            for cut in range(len(played.acts)):
                part = replace(played, acts=played.acts[:cut], payoffs=())
                assert texts(game, part, seat) == whole[: len(texts(game, part, seat))]


@pytest.mark.parametrize("name", GAMES)
def test_hardboiled_takes_most_of_what_a_random_partner_agrees_to(name: str) -> None:
    game = BUILTIN[name](rounds=30).seeded(0)
    rounds = match(game, scripted(name, "hardboiled"), scripted(name, "random"), seed=0)
    found = game.figures(rounds, [], (1,))
    assert float(str(found["given_away"])) > 2 * float(str(found["own_share"]))
    assert float(str(found["agreement"])) > 0
    assert game.exploiter == "hardboiled"


# Messages


def test_a_message_goes_to_the_other_and_into_the_records() -> None:
    game = Ultimatum(talk=True)
    played = after(game, (5, 'half for "you"'), ("accept", "thanks"))
    assert ask(game, (5, "half")).endswith('\nPlayer 2 says: "half"')
    assert texts(game, played, 0) == [
        "[Round 1] You offered Player 2 5 of 10; Player 2 accepted (you 5, Player 2 5)"
        '; You said "half for \\"you\\""; Player 2 said "thanks"'
    ]
    assert "message" in game.rules(0)
    stage = game.stage(Round(number=1))
    assert stage is not None
    assert stage.talk
    assert '"message"' in form("direct", stage.key, stage.placeholder, talk=stage.talk)
    assert stage.parse('{"offer": 4, "message": "well"}') == (4, "well")
    silent = Ultimatum().stage(Round(number=1))
    assert silent is not None
    with pytest.raises(IllegalMove):
        silent.parse('{"offer": 4, "message": "well"}')


# Alternating offers


def test_offers_alternate_and_the_pie_shrinks() -> None:
    game = Rubinstein(discount=0.5, most=3)
    assert ask(game) == (
        "Game 1, round 1 of at most 3. The whole of 100 units is now worth 100 points to you and "
        "100 points to Player 2. You are the proposer. How many of the 100 units do you offer "
        "Player 2?"
    )
    assert "worth 25 points to you" in ask(game, 10, "reject", 20, "reject")
    second = game.stage(after(game, 10, "reject"))
    assert second is not None
    assert second.seats == (1,)
    assert after(game, 40, "accept").payoffs == (60, 40)
    assert after(game, 40, "reject", 30, "accept").payoffs == (15, 35)
    assert after(game, 40, "reject", 30, "reject", 99, "reject").payoffs == (0, 0)
    assert after(game, 40, "accept", number=2).payoffs == (40, 60)


def test_alternating_offers_are_remembered_round_by_round() -> None:
    game = Rubinstein()
    played = after(game, 40, "reject", 30, "accept", number=4)
    assert texts(game, played, 1) == [
        "[Game 4, round 1] you offered 40, Player 2 rejected",
        "[Game 4, round 2] Player 2 offered 30, you accepted (you 27, Player 2 63)",
    ]
    assert [line.valence for line in game.lines(played, 1)] == [-1, -1]
    assert [line.valence for line in game.lines(played, 0)] == [1, 1]
    assert game.lines(after(game, 40, number=4), 0) == ()
    friendly = "[Game 4, round 1] you offered 50, Player 2 accepted (you 50, Player 2 50)"
    assert game.lines(played, 1)[0].friendly == friendly


def test_the_last_refusal_of_a_game_says_that_there_was_no_deal() -> None:
    game = Rubinstein(most=1)
    assert texts(game, after(game, 0, "reject"), 0) == [
        "[Game 1, round 1] you offered 0, Player 2 rejected (you 0, Player 2 0)"
    ]


def test_private_discounts_are_drawn_by_the_seed_and_never_told_to_the_other() -> None:
    drawn = {Rubinstein(private=True).seeded(seed).discounts for seed in range(60)}
    assert len(drawn) == 9
    game = Rubinstein(private=True, discounts=(0.8, 0.95))
    assert game.seeded(3).discounts == (0.8, 0.95)
    asked = game.rules(0) + ask(game, 1, "reject", 2) + texts(game, after(game, 1, "accept"), 0)[0]
    assert "0.8 times" in asked
    assert "0.95" not in asked
    assert "Player 2 1)" not in asked
    assert "0.95 times" in Rubinstein(discounts=(0.8, 0.95)).rules(0)


@pytest.mark.parametrize("discounts", [(0.9,), (0.9, 0.0), (0.9, 1.1)])
def test_impossible_discounts_are_refused(discounts: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="discounts"):
        Rubinstein(discounts=discounts)


@given(st.sampled_from([0.5, 0.8, 0.9, 0.95]), st.sampled_from([0.7, 0.9, 1.0]), st.integers(1, 11))
def test_two_equilibrium_players_agree_at_once_on_the_equilibrium(
    own: float, other: float, most: int
) -> None:
    game = Rubinstein(discounts=(own, other), most=most, rounds=2)
    spe = scripted("rubinstein", "spe")
    first, second = match(game, spe, spe)
    assert first.acts[0].move == bargaining.alternating(100, own, other, most)[0]
    assert second.acts[0].move == bargaining.alternating(100, other, own, most)[0]
    found = game.figures([first, second], [], (0,))
    assert (found["efficiency"], found["spe_distance"], found["rounds_to_deal"]) == (1, 0, 1)


def test_offers_of_less_than_half_and_refusals_are_hostile() -> None:
    for game in (Rubinstein(), Ultimatum(pie=100)):
        judged = {
            move: game.hostile(Choice(number=1, seat=0, move=move, harm=False))
            for move in (49, 50, "accept", "reject")
        }
        assert judged == {49: True, 50: False, "accept": False, "reject": True}
    assert Demand().hostile(Choice(number=1, seat=0, move=6, harm=False))
    assert not Demand().hostile(Choice(number=1, seat=0, move=5, harm=False))


def test_a_deal_later_costs_what_the_discount_takes() -> None:
    game = Rubinstein()
    found = game.figures([after(game, 1, "reject", 50, "accept")], [], (0, 1))
    assert found["efficiency"] == pytest.approx(bargaining.efficiency(0.9, 2))
    assert found["rounds_to_deal"] == 2
    assert found["pareto_distance"] == pytest.approx(10 / 2**0.5)
    assert found["own_share"] == pytest.approx(0.45)


def test_games_are_called_games_where_they_have_rounds() -> None:
    assert "The number of games is not announced." in Rubinstein().rules(0)
    assert "The number of rounds is not announced." in Ultimatum().rules(0)


# Demands


def test_demands_are_paid_if_they_fit_together() -> None:
    game = Demand()
    assert after(game, 4, 6).payoffs == (4, 6)
    assert after(game, 4, 4).payoffs == (4, 4)
    assert after(game, 6, 6).payoffs == (0, 0)
    assert texts(game, after(game, 4, 8, number=7), 0) == [
        "[Round 7] You: 4 (0 pts) | Player 2: 8 (0 pts)"
    ]
    harm = {
        pair: [line.valence for s in (0, 1) for line in game.lines(after(game, *pair), s)]
        for pair in ((4, 7), (4, 6), (5, 6), (3, 7), (6, 6))
    }
    assert harm == {
        (4, 7): [-1, 1],
        (4, 6): [1, 1],  # somebody gave way
        (5, 6): [-1, 1],  # no deal for wanting more than half
        (3, 7): [-1, 1],
        (6, 6): [-1, -1],
    }


def test_demands_on_four_and_six_meet_the_mixed_equilibrium() -> None:
    game = Demand()
    mixed = bargaining.demand_mixed(10, 4)
    pairs = {(4, 4): mixed.low**2, (4, 6): mixed.low * (1 - mixed.low)}
    pairs |= {(6, 4): pairs[4, 6], (6, 6): (1 - mixed.low) ** 2}
    ends = {pair: game.outcome(after(game, *pair)) for pair in pairs}
    assert sum(p for pair, p in pairs.items() if ends[pair].agreed) == pytest.approx(8 / 9)
    gained = sum(p * ends[pair].efficiency for pair, p in pairs.items())
    assert gained == pytest.approx(mixed.efficiency) == pytest.approx(0.8)


def test_a_demand_made_at_the_same_time_forgives_nothing() -> None:
    game = Demand()
    rounds = [after(game, 5, 8, number=1), after(game, 5, 5, number=2)]
    assert game.figures(rounds, [], (0,))["forgiveness_latency"] == 1


# Divisions

DIVISION = Division(scenarios="casino")  # of food 3, water 3, firewood 3


def worth(number: int, seat: int) -> str:
    return "-".join(map(str, DIVISION.scenario(number).values[seat]))


def test_a_division_is_proposed_until_one_agrees() -> None:
    first = DIVISION.stage(Round(number=2))
    assert first is not None
    assert first.seats == (1,)
    assert "agree" not in first.answers
    assert first.parse('{"take": [3, 1, 0]}') == ("3-1-0", "")
    for wrong in ('"agree"', "[4, 0, 0]", "[1, 1]", "[1.0, 1, 1]", '"<n>"'):
        with pytest.raises(IllegalMove, match="3 whole numbers, at most"):
            first.parse(f'{{"take": {wrong}}}')
    second = DIVISION.stage(after(DIVISION, "3-1-0", number=2))
    assert second is not None
    assert second.seats == (0,)
    assert second.parse('{"take": "agree"}') == ("agree", "")
    deal = after(DIVISION, "3-1-0", "agree", number=2)
    assert deal.payoffs == (
        DIVISION.value(2, 0, (0, 2, 3)),
        DIVISION.value(2, 1, (3, 1, 0)),
    )


def test_no_agreement_pays_what_walking_away_is_worth() -> None:
    own = Division(turns=2)
    pool = "-".join(map(str, own.scenario(1).pool))
    assert after(own, pool, pool).payoffs == (0, 0)
    game = replace(DIVISION, turns=2)
    played = after(game, "3-3-3", "3-3-3")
    assert played.payoffs == (5, 5)
    end = game.outcome(played)
    assert (end.agreed, end.turns, end.nash) == (False, 2, 0)
    assert [line.text.rpartition("; ")[2] for line in game.lines(played, 0)] == [
        "Player 2 did not agree",
        "no turn was left (you got 5)",
    ]


def test_a_later_deal_is_worth_less_where_points_fade() -> None:
    game = replace(DIVISION, discount=0.9)
    at_once, later = after(game, "1-1-1", "agree"), after(game, "3-3-3", "2-2-2", "agree")
    assert later.payoffs == pytest.approx([0.9 * points for points in at_once.payoffs])
    assert game.outcome(later).turns == 2
    assert "0.9 times" in game.rules(0)
    assert "0.9" not in DIVISION.rules(0)


def test_what_is_told_and_remembered_of_a_division_is_ones_own() -> None:
    played = after(DIVISION, "3-2-1", "0-0-3", "agree")
    mine, left = DIVISION.value(1, 0, (3, 2, 1)), DIVISION.value(1, 0, (3, 3, 0))
    of = f"of food 3, water 3, firewood 3 (worth {worth(1, 0)} each to you)"
    assert texts(DIVISION, played, 0) == [
        f"[Game 1, turn 1] {of} you asked for food 3, water 2, firewood 1: {mine} of 36 points; "
        "Player 2 did not agree",
        f"[Game 1, turn 2] {of} Player 2 left you food 3, water 3, firewood 0: {left} of 36 "
        f"points; you agreed (you got {left})",
    ]
    assert worth(1, 0) != worth(1, 1)
    told = ask(DIVISION, "3-2-1") + "".join(texts(DIVISION, played, 1))
    assert worth(1, 0) not in told
    offered = DIVISION.value(1, 1, (0, 1, 2))
    assert f"food 0, water 1, firewood 2, together worth {offered} points to you" in told
    assert "agreed" in DIVISION.lines(played, 0)[0].friendly


def test_every_game_divides_something_else_in_the_order_of_the_seed() -> None:
    game = Division(rounds=1000)
    one, other = game.seeded(1), game.seeded(2)
    drawn = [one.scenario(number) for number in range(1, 1001)]
    assert len(set(drawn)) == 1000
    assert drawn != [other.scenario(number) for number in range(1, 1001)]
    assert [one.seeded(1).scenario(n) for n in (1, 2)] == drawn[:2]
    with pytest.raises(InputError, match="has 1000 scenarios, 1001 are needed"):
        Division(rounds=1000, opening="poisoned")


def test_outcomes_of_divisions_are_measured_by_what_could_be_had() -> None:
    game = Division()
    for number in range(1, 20):
        could = game.best(number).division
        place = int(could.nash_set[0])
        first = could.allocations[place] if number % 2 else could.pool - could.allocations[place]
        played = after(game, "-".join(map(str, first)), "agree", number=number)
        end = game.outcome(played)
        assert end.points == tuple(could.utilities[place])
        assert (end.nash, end.gap) == (1, 0)
        assert end.efficiency == pytest.approx(could.utilities[place].sum() / could.welfare)


def test_asking_for_more_than_the_fair_division_gives_is_hostile() -> None:
    fair = DIVISION.best(1).fair[0]
    asked = {
        move: DIVISION.value(1, 0, tuple(map(int, move.split("-"))))
        for move in ("3-3-3", "1-1-1", "0-0-0")
    }
    for move, points in asked.items():
        choice = Choice(number=1, seat=0, move=move, harm=False)
        assert DIVISION.hostile(choice) == (points > fair)
    assert not DIVISION.hostile(Choice(number=1, seat=0, move="agree", harm=True))


# Trade


def gainful(game: Trade, *, zopa: bool = True) -> int:
    """The first odd game, so that seat 0 sells, with or without something to gain."""
    numbers = range(1, game.rounds + 1, 2)
    return next(n for n in numbers if (game.limits(n).surplus > 0) == zopa)


def test_prices_alternate_and_divide_the_surplus() -> None:
    game = Trade().seeded(4)
    number = gainful(game)
    cost, value = game.limits(number).cost, game.limits(number).value
    assert after(game, value - 1, "accept", number=number).payoffs == (value - 1 - cost, 1)
    assert after(game, 100, "reject", cost, "accept", number=number).payoffs == (0, value - cost)
    assert after(game, *([0, "reject"] * 6), number=number).payoffs == (0, 0)
    assert f"You are the seller; the good costs you {cost}." in ask(game, number=number)
    other = ask(game, 77, number=number)
    assert other.endswith(
        f"You are the buyer; the good is worth {value} to you. Player 2 names the price 77, "
        "where the highest is 100. Do you accept or reject?"
    )
    late = after(replace(game, discount=0.5), 100, "reject", cost, "accept", number=number)
    assert late.payoffs == (0, (value - cost) / 2)
    assert replace(game, discount=0.5).outcome(late).efficiency == 0.5


def test_a_trade_is_remembered_without_the_others_limit() -> None:
    game = Trade(most=2).seeded(4)
    number = gainful(game)
    cost, value = game.limits(number).cost, game.limits(number).value
    played = after(game, value, "reject", cost, "reject", number=number)
    assert texts(game, played, 0) == [
        f"[Game {number}, round 1] as the seller, with a cost of {cost}: you named {value}, "
        "Player 2 rejected",
        f"[Game {number}, round 2] as the seller, with a cost of {cost}: Player 2 named {cost}, "
        "you rejected (you 0)",
    ]
    assert [line.valence for line in game.lines(played, 0)] == [-1, -1]
    assert f"a value of {value}: Player 2 named {value}" in texts(game, played, 1)[0]


@given(st.integers(0, 50), st.sampled_from([0.0, 0.5, 0.75, 1.0]))
def test_the_share_of_games_with_something_to_gain_is_exact(seed: int, zopa: float) -> None:
    game = Trade(zopa=zopa, rounds=40).seeded(seed)
    limits = [game.limits(number) for number in range(1, 41)]
    assert sum(one.value > one.cost for one in limits) == 40 * zopa
    assert all(1 <= min(one.cost, one.value) < max(one.cost, one.value) <= 99 for one in limits)


def test_no_deal_is_efficient_where_there_is_nothing_to_gain() -> None:
    game = Trade(most=1).seeded(4)
    number = gainful(game, zopa=False)
    cost = game.limits(number).cost
    none, bad = after(game, 0, "reject", number=number), after(game, cost, "accept", number=number)
    assert game.outcome(none).efficiency == 1
    assert game.outcome(none).gap == 0
    assert game.outcome(bad).efficiency == 0
    assert game.outcome(bad).gap > 0
    assert game.offers(bad) == ()
    assert game.hostile(Choice(number=number, seat=1, move="reject", harm=True)) is None


def test_a_price_that_leaves_less_than_half_is_hostile() -> None:
    game = Trade().seeded(4)
    number = gainful(game)
    middle = bargaining.trade(game.limits(number).cost, game.limits(number).value).price
    assert middle is not None
    for price in (int(middle) - 1, int(middle) + 2):
        choice = Choice(number=number, seat=0, move=price, harm=True)
        assert game.hostile(choice) == (price > middle)


# Openings


@pytest.mark.parametrize("name", GAMES)
def test_openings_show_harm_or_kindness(name: str) -> None:
    for opening, valence in (("poisoned", -1.0), ("blessed", 1.0)):
        game = BUILTIN[name](opening=opening, opened=2).seeded(1)
        lines = [game.fabricated(number, seat) for number in (1, 2) for seat in (0, 1)]
        assert [line and line.valence for line in lines] == [valence] * 4
