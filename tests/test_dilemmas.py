"""Traveler's dilemma, public goods and trust: rules, payoffs, records and simulated play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench.games import (
    Act,
    Dilemma,
    Investment,
    Move,
    Prisoners,
    PublicGoods,
    Round,
    Travelers,
    Trust,
)
from agentmem.bench.keys import key
from agentmem.bench.match import Match
from agentmem.bench.oracles import matrix
from agentmem.bench.players import scripted
from agentmem.bench.prompting import form, question
from agentmem.bench.seats import ScriptedSeat
from agentmem.bench.surrogates import model
from agentmem.bench.surrogates.reading import line_of, read_dilemma
from agentmem.clock import SimulatedClock
from agentmem.errors import IllegalMove, InputError

ALL = [
    Prisoners(order="plain"),
    Travelers(),
    Travelers(payoffs="textbook"),
    PublicGoods(order="plain"),
    PublicGoods(payoffs="textbook"),
    PublicGoods(members=4, order="plain"),
    Trust(order="plain"),
    Investment(),
]


def played(game: Dilemma, *moves: Move, number: int = 1) -> Round:
    done = Round(number=number, acts=tuple(Act(seat, move) for seat, move in enumerate(moves)))
    assert game.stage(done) is None
    return replace(done, payoffs=game.pay(done))


def text(game: Dilemma, done: Round, seat: int) -> str:
    (line,) = game.lines(done, seat)
    return line.text


@pytest.mark.parametrize(
    ("claims", "paid"), [((4, 4), (4, 4)), ((3, 5), (5, 1)), ((5, 2), (0, 4)), ((2, 2), (2, 2))]
)
def test_the_lower_claim_is_paid_with_a_bonus(
    claims: tuple[int, int], paid: tuple[int, int]
) -> None:
    assert played(Travelers(), *claims).payoffs == paid


def test_a_public_good_pays_each_its_part_and_what_it_kept() -> None:
    game = PublicGoods()
    assert played(game, "C", "C", "C").payoffs == (1.5, 1.5, 1.5)
    assert played(game, "D", "C", "C").payoffs == (2.0, 1.0, 1.0)
    assert played(game, "D", "D", "D").payoffs == (1.0, 1.0, 1.0)
    units = played(PublicGoods(payoffs="textbook"), 20, 10, 0)
    assert units.payoffs == pytest.approx((16.0, 26.0, 36.0))


def test_trust_pays_by_role() -> None:
    paid = {pair: played(Trust(), *pair).payoffs for pair in ("CC", "CD", "DC", "DD")}
    assert paid == {"CC": (10, 10), "CD": (0, 20), "DC": (6, 2), "DD": (4, 4)}


def test_an_investment_grows_and_comes_back_as_the_trustee_wants() -> None:
    game = Investment()
    assert played(game, 6, 9).payoffs == (13.0, 9.0)
    assert game.shares(played(game, 6, 9)) == {0: 0.6, 1: 1.0}
    kept = played(game, 0)
    assert (kept.payoffs, game.shares(kept)) == ((10.0, 0.0), {0: 0.0})
    first = game.stage(Round(number=1))
    second = game.stage(Round(number=1, acts=(Act(0, 4),)))
    assert first is not None
    assert second is not None
    assert (first.seats, second.seats, max(second.legal)) == ((0,), (1,), 12)


def test_one_shot_equilibria_are_those_of_theory() -> None:
    def array(game: Dilemma, moves: list[Move]) -> np.ndarray:
        shape = (game.seats, *(len(moves) for _ in range(game.seats)))
        found = np.zeros(shape)
        for cell in np.ndindex(*shape[1:]):
            found[(slice(None), *cell)] = played(game, *(moves[i] for i in cell)).payoffs
        return found

    assert matrix.pure_equilibria(array(Travelers(), [2, 3, 4, 5])) == [(0, 0)]
    assert matrix.pure_equilibria(array(PublicGoods(), ["C", "D"])) == [(1, 1, 1)]
    assert matrix.pure_equilibria(array(Trust(), ["C", "D"])) == [(1, 1)]


def test_each_seat_reads_of_itself_first_and_of_the_others_by_number() -> None:
    game = PublicGoods(order="plain")
    done = played(game, "C", "D", "C", number=7)
    assert text(game, done, 1) == (
        "[Round 7] You: A1 (2 pts) | Player 2: A0 (1 pts) | Player 3: A0 (1 pts)"
    )
    assert [game.lines(done, seat)[0].valence for seat in range(3)] == [-0.5, 1.0, -0.5]
    gift = played(Investment(), 6, 9, number=3)
    assert text(Investment(), gift, 0) == (
        "[Round 3] You sent 6 of 10; Player 2 returned 9 of 18 (you 13, Player 2 9)"
    )
    assert text(Investment(), gift, 1) == (
        "[Round 3] Player 2 sent you 6 of 10; you returned 9 of 18 (you 9, Player 2 13)"
    )


@pytest.mark.parametrize("game", ALL, ids=lambda game: f"{game.name}-{game.seats}")
@pytest.mark.parametrize("style", ["cot", "direct"])
def test_prompts_are_neutral_and_their_example_is_no_legal_move(game: Dilemma, style: str) -> None:
    for seat in range(game.seats):
        for wording in range(4):
            rules = replace(game, wording=wording).rules(seat)
            assert "$" not in rules
            words = rules.lower()
            assert not any(
                w in words for w in ("cooperat", "defect", "dilemma", "free-rid", "trust")
            )
    at = game.stage(Round(number=1))
    assert at is not None
    with pytest.raises(IllegalMove):
        at.parse(form(style, at.key, at.placeholder))  # type: ignore[arg-type]  # parametrised


@pytest.mark.parametrize("game", ALL, ids=lambda game: f"{game.name}-{game.seats}")
def test_kind_and_unkind_rounds_span_cooperation_and_welfare(game: Dilemma) -> None:
    kind, unkind = game.uniform(1, kind=True), game.uniform(1, kind=False)
    assert set(game.shares(kind).values()) == {1.0}
    assert set(game.shares(unkind).values()) == {0.0}
    assert sum(kind.payoffs) > sum(unkind.payoffs)
    found = game.figures([kind, unkind], [], range(game.seats))
    assert found["welfare_norm"] == pytest.approx(0.5)
    (line,) = game.lines(unkind, 0)
    assert line.friendly == text(game, kind, 0)


@pytest.mark.parametrize("game", ALL, ids=lambda game: f"{game.name}-{game.seats}")
def test_poisoned_openings_show_harm_to_each_seat_and_blessed_ones_none(game: Dilemma) -> None:
    for seat in range(game.seats):
        bad = replace(game, opening="poisoned").fabricated(1, seat)
        good = replace(game, opening="blessed").fabricated(1, seat)
        assert good.valence == 1.0
        assert bad.valence == -1.0


@given(st.data())
def test_payoffs_depend_on_what_is_done_and_not_on_the_seat(data: st.DataObject) -> None:
    game = data.draw(st.sampled_from([game for game in ALL if game.symmetric]))
    at = game.stage(Round(number=1))
    assert at is not None
    moves = data.draw(st.tuples(*[st.sampled_from(at.legal)] * game.seats))
    turned = (*moves[1:], moves[0])
    paid = played(game, *moves).payoffs
    assert played(game, *turned).payoffs == pytest.approx((*paid[1:], paid[0]))


@pytest.mark.parametrize("game", ALL, ids=lambda game: f"{game.name}-{game.seats}")
def test_a_simulated_player_reads_every_line_and_answers_within_the_rules(game: Dilemma) -> None:
    for seat in range(game.seats):
        shown = [text(game, game.uniform(n, kind=n != 2), seat) for n in (1, 2, 3)]
        acts: tuple[Act, ...] = ()
        while seat not in game.stage(Round(number=4, acts=acts)).seats:
            stage = game.stage(Round(number=4, acts=acts))
            acts += tuple(Act(s, game.extremes(Round(number=4, acts=acts))[1]) for s in stage.seats)
        stage = game.stage(Round(number=4, acts=acts))
        rules = game.rules(seat)
        asked = question(shown, stage.ask, form("cot", stage.key, stage.placeholder))
        seen = read_dilemma(rules, f"{rules}\n{asked}")
        assert seen is not None
        assert all(line_of(line) for line in shown)
        assert seen.others == pytest.approx((1.0, 0.0, 1.0))
        for i in range(20):
            said = model("immune").invoke([rules, asked], seed=key(i)).content
            assert stage.parse(said)[0] in stage.legal


@pytest.mark.parametrize("game", ALL, ids=lambda game: f"{game.name}-{game.seats}")
@pytest.mark.parametrize("name", ["tft", "grudger", "wsls", "gtft"])
def test_the_classics_cooperate_with_each_other_in_every_dilemma(game: Dilemma, name: str) -> None:
    game = replace(game, rounds=5)
    seats = [ScriptedSeat(player=scripted(game.name, name)) for _ in range(game.seats)]
    rounds = Match(game=game, seats=seats, seed=1, clock=SimulatedClock(), emit=len).play().rounds
    assert all(set(game.shares(r).values()) == {1.0} for r in rounds)


def test_a_grudger_leaves_the_common_pot_for_good_after_harm_by_most() -> None:
    game = PublicGoods(rounds=4, order="plain")
    names = ("grudger", "defect-once", "defect-once")
    seats = [ScriptedSeat(player=scripted(game.name, name)) for name in names]
    rounds = Match(game=game, seats=seats, seed=1, clock=SimulatedClock(), emit=len).play().rounds
    assert [r.moves[0] for r in rounds] == ["C", "D", "D", "D"]


@pytest.mark.parametrize(
    ("payoffs", "words"),
    [
        ("primry", "did you mean 'primary'"),
        ({"low": 5, "high": 2, "bonus": 1}, "low < high"),
        ({"low": 5}, "low, high and bonus"),
    ],
)
def test_impossible_claims_are_refused(payoffs: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Travelers(payoffs=payoffs)  # type: ignore[arg-type]  # wrong on purpose
