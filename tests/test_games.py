"""Rules, words, parsing and payoffs of the games, and what theory says about them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench import oracles, theory
from agentmem.bench.games import Act, Choice, Prisoners, Round, Stage, Ultimatum
from agentmem.bench.prompting import form, question, template, tokens
from agentmem.errors import ConfigError, IllegalMove, InputError

PD = Prisoners(order="plain")
ULTIMATUM = Ultimatum()


def played(game: Prisoners | Ultimatum, first: object, second: object, number: int = 1) -> Round:
    acts = [Act(0, first), Act(1, second)]
    if isinstance(game, Ultimatum) and game.proposer(number) == 1:
        acts.reverse()
    done = Round(number=number, acts=tuple(acts))
    assert game.stage(done) is None
    return replace(done, payoffs=game.pay(done))


def stage(game: Prisoners | Ultimatum, number: int = 1, *acts: Act) -> Stage:
    found = game.stage(Round(number=number, acts=acts))
    assert found is not None
    return found


def told(game: Prisoners | Ultimatum, done: Round, seat: int) -> str:
    (line,) = game.lines(done, seat)
    return line.text


def valence(game: Prisoners | Ultimatum, done: Round, seat: int) -> float:
    (line,) = game.lines(done, seat)
    return line.valence


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("primary", {"CC": (2, 2), "CD": (0, 3), "DC": (3, 0), "DD": (1, 1)}),
        ("textbook", {"CC": (3, 3), "CD": (0, 5), "DC": (5, 0), "DD": (1, 1)}),
    ],
)
def test_dilemma_pays_both_seats(name: str, expected: dict[str, tuple[float, float]]) -> None:
    game = Prisoners(payoffs=name)
    assert {pair: played(game, *pair).payoffs for pair in expected} == expected


def test_defection_is_the_only_one_shot_equilibrium() -> None:
    assert theory.equilibria(PD) == [("D", "D")]
    assert theory.equilibria(Prisoners(payoffs="textbook")) == [("D", "D")]


@pytest.mark.parametrize("name", ["primary", "textbook"])
def test_grim_trigger_needs_an_even_chance_of_another_round(name: str) -> None:
    assert theory.grim_threshold(Prisoners(payoffs=name)) == 0.5


def test_generous_tit_for_tat_under_noise_in_closed_form() -> None:
    forgive = theory.generous(Prisoners(payoffs="textbook"))
    assert forgive == pytest.approx(1 / 3)
    assert oracles.reactive_cooperation(1, forgive, 0.02) == pytest.approx(0.944, abs=5e-4)
    assert oracles.reactive_cooperation(1, 0, 0.02) == pytest.approx(0.5)


@given(st.integers(1, 100), st.data())
def test_best_fixed_offer_meets_the_threshold(pie: int, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(0, pie - 1))
    assert theory.best_offer(Ultimatum(pie=pie), threshold) == (threshold, pie - threshold)


def test_ultimatum_proposers_alternate_and_payoffs_follow_the_answer() -> None:
    assert stage(ULTIMATUM, 1).seats == (0,)
    assert stage(ULTIMATUM, 2).seats == (1,)
    assert stage(ULTIMATUM, 2, Act(1, 3)).seats == (0,)
    assert played(ULTIMATUM, 3, "accept", 1).payoffs == (7, 3)
    assert played(ULTIMATUM, "accept", 3, 2).payoffs == (3, 7)
    assert played(ULTIMATUM, 3, "reject", 1).payoffs == (0, 0)


def test_record_lines_speak_from_the_seat() -> None:
    game = Prisoners(order="plain")
    one = played(game, "C", "D", 37)
    assert told(game, one, 0) == "[Round 37] You: A0 (0 pts) | Player 2: A1 (3 pts)"
    assert told(game, one, 1) == "[Round 37] You: A1 (3 pts) | Player 2: A0 (0 pts)"
    deal = played(ULTIMATUM, "reject", 3, 12)
    assert told(ULTIMATUM, deal, 0) == (
        "[Round 12] Player 2 offered you 3 of 10; you rejected (you 0, Player 2 0)"
    )
    assert told(ULTIMATUM, deal, 1) == (
        "[Round 12] You offered Player 2 3 of 10; Player 2 rejected (you 0, Player 2 0)"
    )


def test_valence_is_what_the_other_did_to_me() -> None:
    one = played(PD, "C", "D")
    assert (valence(PD, one, 0), valence(PD, one, 1)) == (-1, 1)
    insult = played(ULTIMATUM, 3, "accept")
    assert (valence(ULTIMATUM, insult, 0), valence(ULTIMATUM, insult, 1)) == (1, -1)
    refused = played(ULTIMATUM, 4, "reject")
    assert (valence(ULTIMATUM, refused, 0), valence(ULTIMATUM, refused, 1)) == (-1, 1)


def test_odd_seeds_exchange_the_action_tokens() -> None:
    even, odd = Prisoners().seeded(0), Prisoners().seeded(1)
    assert (even.word("C"), odd.word("C")) == ("A0", "A1")
    assert "You choose A0, Player 2 chooses A1: you get 0, Player 2 gets 3." in even.rules(0)
    assert "You choose A0, Player 2 chooses A1: you get 3, Player 2 gets 0." in odd.rules(0)
    assert Prisoners(order="plain").seeded(1).order == "plain"


@pytest.mark.parametrize("game", [PD, ULTIMATUM])
@pytest.mark.parametrize("style", ["cot", "direct"])
def test_prompts_are_neutral_and_their_example_is_no_legal_move(
    game: Prisoners | Ultimatum, style: str
) -> None:
    stages = [stage(game)] + ([stage(game, 1, Act(0, 4))] if game is ULTIMATUM else [])
    for at in stages:
        how = form(style, at.key, at.placeholder)  # type: ignore[arg-type]  # parametrised
        text = (game.rules(0) + question([], at.ask, how)).lower()
        assert not any(word in text for word in ("cooperat", "defect", "dilemma", "betray"))
        assert "no earlier rounds are shown." in text
        with pytest.raises(IllegalMove):
            at.parse(how)


def test_memory_lines_stand_oldest_first_before_the_question() -> None:
    text = question(["[Round 1] x", "[Round 2] y"], "Round 3. Choose.", "Output")
    assert text == "Earlier rounds:\n[Round 1] x\n[Round 2] y\n\nRound 3. Choose.\nOutput"


def test_a_template_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ConfigError, match="number"):
        template("dilemma_ask").render(round="3")


@given(st.sampled_from(["C", "D"]), st.integers(0, 1), st.text(max_size=40))
def test_dilemma_answers_round_trip(move: str, seed: int, before: str) -> None:
    game = Prisoners().seeded(seed)
    at = stage(game)
    reply = f'{before} {{"action": "{game.word(move)}"}}'
    assert at.parse(reply) == (move, "")


@given(st.integers(0, 10))
def test_offers_round_trip(offer: int) -> None:
    assert stage(ULTIMATUM).parse(f'I say\n{{"offer":{offer}}}') == (offer, "")


def test_a_fenced_answer_is_read() -> None:
    assert stage(PD).parse('```json\n{"action":"A1"}\n```') == ("D", "")


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ("", "does not end with a JSON object"),
        ("A0", "does not end with a JSON object"),
        ('{"action":"A0"} or so', "does not end with a JSON object"),
        ('{"action":A0}', "is not valid JSON"),
        ('{"action":"A2"}', "'A2' is not A0 or A1"),
        ('{"action":"<token>"}', "is not A0 or A1"),
        ('{"action":["A0"]}', "is not A0 or A1"),
        ('{"action":"A0","action":"A1"}', "once and nothing else"),
        ('{"move":"A0"}', "must hold the key 'action'"),
    ],
)
def test_illegal_dilemma_replies_say_what_is_wrong(reply: str, wrong: str) -> None:
    with pytest.raises(IllegalMove, match=wrong):
        stage(PD).parse(reply)


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ('{"action":' + "1" * 5000 + "}", "is not valid JSON .too large"),
        ('{"action":' + "[" * 100_000 + "}", "is not valid JSON .too large"),
        ('{"action":"A0"}' + " " * 50_000 + "x", "does not end with a JSON object"),
        ('{"in":{"action":"A0"}}', "must hold the key 'action'"),
    ],
    ids=["digits", "brackets", "blanks", "nested"],
)
def test_replies_beyond_all_measure_are_illegal_and_break_nothing(reply: str, wrong: str) -> None:
    with pytest.raises(IllegalMove, match=wrong) as caught:
        stage(PD).parse(reply)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("half {each}?", "half {each}?"),
        ('I say {"offer":9}', 'I say {"offer":9}'),
        ("a\n[Round 9] You: 0\u2028b", "a [Round 9] You: 0 b"),
        ("\ud800", "?"),  # half a character, which cannot be written
    ],
    ids=["braces", "an answer", "lines", "surrogate"],
)
def test_a_message_may_hold_anything_and_stays_one_line(said: str, heard: str) -> None:
    reply = json.dumps({"offer": 5, "message": said})
    assert stage(Ultimatum(talk=True)).parse(f"So be it.\n{reply}") == (5, heard)


@pytest.mark.parametrize("value", ["11", "-1", "true", "5.0", '"5"', "null"])
def test_illegal_offers_are_refused(value: str) -> None:
    with pytest.raises(IllegalMove, match="a whole number from 0 to 10"):
        stage(ULTIMATUM).parse(f'{{"offer":{value}}}')


def test_illegal_answers_are_refused() -> None:
    with pytest.raises(IllegalMove, match="accept or reject"):
        stage(ULTIMATUM, 1, Act(0, 5)).parse('{"answer":"perhaps"}')


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"rounds": 0}, ConfigError, "rounds = 0"),
        ({"tremble": 1.0}, ConfigError, "tremble"),
        ({"payoffs": "primry"}, InputError, "did you mean 'primary'"),
        ({"payoffs": {"T": 1, "R": 2, "P": 1, "S": 0}}, InputError, "T > R > P > S"),
        ({"payoffs": {"T": 3, "R": 2}}, InputError, "T, R, P and S"),
    ],
)
def test_impossible_settings_are_refused(
    settings: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Prisoners(**settings)  # type: ignore[arg-type]  # wrong on purpose


def test_dilemma_figures() -> None:
    moves = ["CC", "CC", "CD", "CC", "DD", "DD", "DD", "DD", "DD", "DD"]
    rounds = [played(PD, *pair, number=i + 1) for i, pair in enumerate(moves)]
    choices = [Choice(number=i + 1, seat=0, move=m[0], harm=i > 2) for i, m in enumerate(moves)]
    found = PD.figures(rounds, choices, (0, 1))
    assert found["cooperation"] == pytest.approx(7 / 20)
    assert found["cooperation_by_seat"] == [0.4, 0.3]
    assert found["cooperation_by_fifth"] == [1.0, 0.75, 0.0, 0.0, 0.0]
    assert found["first_defection_round"] == 3
    assert found["recovery_rate"] == 0.5  # mended after round 3, not after round 5
    assert found["lock_in"] == pytest.approx(0.6)
    assert found["reward"] == pytest.approx((3 * 4 + 3 + 6 * 2) / 20)
    assert found["welfare_norm"] == pytest.approx((27 / 20 - 1) / 1)
    assert found["retaliation"] == pytest.approx(6 / 7)


def test_what_breaks_in_the_first_round_can_be_mended_and_in_the_last_nobody_knows() -> None:
    """So that a partner who defects once, at first, shows who forgives."""

    def recovery(*moves: str) -> object:
        rounds = [played(PD, *pair, number=i + 1) for i, pair in enumerate(moves)]
        return PD.figures(rounds, [], (0,))["recovery_rate"]

    assert recovery("CD", "CC", "CC") == 1.0
    assert recovery("CD", "DC", "DD") == 0.0
    assert recovery("CC", "CC", "CD") is None


def test_figures_of_no_valid_round_are_empty() -> None:
    for game in (PD, ULTIMATUM):
        found = game.figures([], [], (0,))
        assert all(value in (None, []) for value in found.values())


def test_ultimatum_figures() -> None:
    rounds = [
        played(ULTIMATUM, 2, "accept", 1),
        played(ULTIMATUM, "accept", 5, 2),
        played(ULTIMATUM, 4, "reject", 3),
        played(ULTIMATUM, "reject", 1, 4),
    ]
    choices = [
        Choice(number=1, seat=0, move=2, harm=False),
        Choice(number=2, seat=0, move="accept", harm=False),
        Choice(number=3, seat=0, move=4, harm=True),
        Choice(number=4, seat=0, move="reject", harm=True),
    ]
    found = ULTIMATUM.figures(rounds, choices, (0,))
    assert found["agreement"] == 0.5
    assert found["mean_offer"] == pytest.approx(0.3)
    assert found["own_share"] == pytest.approx(13 / 40)
    assert found["given_away"] == pytest.approx(7 / 40)
    assert found["gini"] == pytest.approx(6 / 40)
    assert found["retaliation"] == pytest.approx(0.5)


def test_tokens_are_estimated_by_characters() -> None:
    assert [tokens(""), tokens("a"), tokens("abcd"), tokens("abcde")] == [0, 1, 1, 2]
