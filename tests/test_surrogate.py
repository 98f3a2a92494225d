"""The simulated player: reproduces the cells it was fitted to, and reads nothing but the prompt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench import lexicon
from agentmem.bench.games import Act, Prisoners, Round, Ultimatum
from agentmem.bench.keys import key
from agentmem.bench.prompting import form, question
from agentmem.bench.surrogates import PROFILES, model
from agentmem.bench.surrogates.balance import mean_field
from agentmem.bench.surrogates.bargaining import read_deals
from agentmem.bench.surrogates.predict import self_play
from agentmem.bench.surrogates.reading import Evidence, momentum, read_dilemma
from agentmem.errors import ConfigError, InputError

# Cooperation in self-play, 500 rounds: the simulated table that the fits were published with.
WINDOWS = (0, 1, 2, 3, 5, 10, 20, 40, 80)
CELLS = {
    "gemma_tg": (0.64, 0.59, 0.516, 0.44, 0.31, 0.20, 0.14, 0.11, 0.095),
    "oss20b_pd": (0.93, 0.95, 0.949, 0.95, 0.93, 0.63, 0.25, 0.19, 0.181),
    "oss120b_tg": (0.89, 0.92, 0.935, 0.92, 0.80, 0.25, 0.15, 0.12, 0.111),
    "scout_pg": (0.70, 0.84, 0.873, 0.87, 0.85, 0.83, 0.75, 0.61, 0.520),
    "llama33_tg": (0.89, 0.93, 0.933, 0.92, 0.82, 0.25, 0.12, 0.10, 0.092),
    "immune": (0.89, 0.96, 0.980, 0.98, 0.98, 0.98, 0.98, 0.98, 0.978),
}


@pytest.mark.parametrize("name", CELLS)
def test_windows_reproduce_the_fitted_cells(name: str) -> None:
    seats = 3 if name.endswith("_pg") else 2
    runs = 400 if seats == 2 else 1000  # two modes: the mean of a few runs says little
    for n, expected in zip(WINDOWS, CELLS[name], strict=True):
        found = self_play(PROFILES[name], n, seats=seats, runs=runs)
        error = 2 * found.std() / 200**0.5  # two standard errors of the table's own 200 runs
        assert found.mean() == pytest.approx(expected, abs=max(0.03, error))


def test_the_immune_cell_is_flat() -> None:
    found = [self_play(PROFILES["immune"], n, runs=100).mean() for n in WINDOWS[2:]]
    assert max(found) - min(found) < 0.01


def test_self_play_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="seats = 1"):
        self_play(PROFILES["immune"], 2, seats=1)


@pytest.mark.parametrize(
    ("name", "window", "roots"),
    [
        ("oss120b_tg", 5, [0.12, 0.47, 0.97]),
        ("scout_pg", 80, [0.05, 0.71, 0.89]),
        ("immune", 80, [0.985]),
    ],
)
def test_mean_field_roots(name: str, window: int, roots: list[float]) -> None:
    grid = np.linspace(0, 1, 2001)
    gap = np.array([mean_field(PROFILES[name], window, p) - p for p in grid])
    found = grid[np.nonzero(np.diff(np.sign(gap)))[0]]
    assert found == pytest.approx(roots, abs=0.006)


def test_without_evidence_forward_and_history_balance_as_published() -> None:
    profile = PROFILES["immune"]
    forward, history = profile.forward(0.0), profile.history(0.0)
    assert forward / (forward + history) == pytest.approx(0.504, abs=5e-4)


def test_momentum_weighs_the_last_two_moves() -> None:
    assert momentum([]) == 0
    assert momentum([-1]) == pytest.approx(-1.0)
    assert momentum([1, -1]) == pytest.approx(-0.4)
    assert momentum([-1, -1, -1, 1, 1]) == pytest.approx(1.0)


def prompt(game: Prisoners | Ultimatum, lines: list[str], number: int = 9, *acts: Act) -> list:
    stage = game.stage(Round(number=number, acts=acts))
    text = question(lines, stage.ask, form("cot", stage.key, stage.placeholder))
    return [{"role": "system", "content": game.rules(0)}, {"role": "user", "content": text}]


def share(profile: str, game: Prisoners, lines: list[str], draws: int = 400) -> float:
    """How often the model answers with the cooperative move."""
    stage = game.stage(Round(number=9))
    asked = prompt(game, lines)
    player = model(profile)
    replies = (player.invoke(asked, seed=key("draw", i)).content for i in range(draws))
    return sum(stage.parse(reply)[0] == "C" for reply in replies) / draws


def lines(game: Prisoners, others: str) -> list[str]:
    return [
        f"[Round {i + 1}] You: {game.word('C')} (0 pts) | Player 2: {game.word(move)} (0 pts)"
        for i, move in enumerate(others)
    ]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("others", ["", "C", "CCCD", "DDDDDDDD"])
def test_answers_follow_the_equation_from_the_text_alone(seed: int, others: str) -> None:
    game = Prisoners().seeded(seed)
    signs = [1.0 if move == "C" else -1.0 for move in others]
    expected = PROFILES["gemma_tg"].cooperate(others.count("C"), others.count("D"), momentum(signs))
    assert share("gemma_tg", game, lines(game, others)) == pytest.approx(expected, abs=0.07)


def test_the_same_text_and_seed_give_the_same_reply_whatever_surrounds_them() -> None:
    game = Prisoners().seeded(0)
    asked = prompt(game, lines(game, "CDC"))
    first = model("oss20b_pd").invoke(asked, seed=5)
    named = [{**message, "policy": "window", "name": "x"} for message in asked]
    other = model("surrogate:oss20b_pd").invoke(named, seed=5, temperature=0.7, policy="budget")
    assert first == other
    assert asyncio.run(model("oss20b_pd").ainvoke(asked, seed=5)) == first


def test_without_a_seed_the_text_decides() -> None:
    game = Prisoners().seeded(0)
    asked = prompt(game, lines(game, "CDC"))
    assert model("gemma_tg").invoke(asked) == model("gemma_tg").invoke(asked)
    replies = {model("gemma_tg", seed=i).invoke(asked).content for i in range(20)}
    assert len(replies) > 1


def evidence(shown: list[str]) -> Evidence:
    game = Prisoners(order="plain")
    rules, asked = (m["content"] for m in prompt(game, shown))
    seen = read_dilemma(rules, f"{rules}\n{asked}")
    assert seen is not None
    return seen.evidence


def test_totals_count_less_than_rounds() -> None:
    seen = evidence(["Player 2 chose A1 in 16 of 25 earlier rounds."])
    assert (seen.good, seen.bad, seen.momentum) == (3.0, 4.0, 0.0)


def test_totals_of_gifts_count_by_their_share() -> None:
    shown = [
        "Player 2 sent you 5 of 10 in 8 of 9 earlier rounds",
        "Player 2 sent you 0 of 10 in 1 of 9 earlier rounds",
    ]
    ask = "Round 9. How many do you send back, a whole number from 0 to 15?"
    seen = read_dilemma("", question(shown, ask, ""))
    assert seen is not None
    assert seen.counted == (4, 5)
    returned = ["Player 2 returned 6 of 24 in 4 of 4 earlier rounds"]
    seen = read_dilemma("", question(returned, ask, ""))
    assert seen is not None
    assert seen.counted == (2, 2)


def test_a_brief_weighs_as_totals_do_in_dilemmas_and_in_bargaining() -> None:
    brief = "1970-01-01 to 1970-01-02. 25 earlier turns: 9 helped, 16 harmed, 0 did neither. Often"
    seen = evidence([brief])
    assert (seen.good, seen.bad, seen.momentum) == (3.0, 4.0, 0.0)
    deal = read_deals(f"Earlier rounds:\n{brief}")
    assert (deal.good, deal.bad) == (3.0, 4.0)


def test_several_partners_count_as_shares() -> None:
    line = "[Round 1] You: A0 (1 pts) | Player 2: A0 (1 pts) | Player 3: A1 (2 pts)"
    seen = evidence([line])
    assert (seen.good, seen.bad, seen.momentum) == (0.5, 0.5, 0.0)


def test_free_notes_weigh_by_their_words_and_rules_do_not() -> None:
    game = Prisoners(order="plain")
    noted = [*lines(game, "C"), "Trust can rebuild. They defected previously and again; mistrust!"]
    seen = evidence(noted)
    assert (seen.forward, seen.history, seen.good) == (2, 3, 1.0)
    assert evidence([]) == Evidence()


def test_friendly_notes_help_and_bitter_ones_hurt() -> None:
    game = Prisoners(order="plain")
    plain = share("gemma_tg", game, lines(game, "CD"))
    kind = share("gemma_tg", game, [*lines(game, "CD"), "trust future together ongoing mutual"])
    bitter = share("gemma_tg", game, [*lines(game, "CD"), "grudge defected betrayed risk again"])
    assert bitter < plain - 0.05 < plain < plain + 0.05 < kind


def test_a_long_record_of_harm_lowers_the_forward_ratio_of_the_words() -> None:
    game = Prisoners(order="plain")

    def ratio(others: str) -> float:
        asked = prompt(game, lines(game, others))
        texts = [model("oss20b_pd").invoke(asked, seed=i).content for i in range(200)]
        forward, history = lexicon.count("\n".join(texts))
        return forward / (forward + history)

    assert ratio("") == pytest.approx(0.504, abs=0.05)
    assert ratio("D" * 80) == pytest.approx(1 / (1 + 0.984 + 0.681 * np.log(81)), abs=0.05)


def test_without_reasoning_harm_weighs_a_quarter_and_the_reply_is_bare() -> None:
    game = Prisoners(order="plain")
    stage = game.stage(Round(number=9))
    text = question(lines(game, "D" * 8), stage.ask, form("direct", "action", stage.placeholder))
    asked = [game.rules(0), text]
    replies = [model("oss20b_pd").invoke(asked, seed=key(i)).content for i in range(400)]
    profile = replace(PROFILES["oss20b_pd"], g=PROFILES["oss20b_pd"].g / 4)
    expected = profile.cooperate(0, 8, -1.0)
    assert set(replies) == {'{"action":"A0"}', '{"action":"A1"}'}
    assert replies.count('{"action":"A0"}') / 400 == pytest.approx(expected, abs=0.07)


def deals(received: str) -> list[str]:
    """`+` a fair offer, `-` an insult, `a` an acceptance, `r` a rejection, by Player 2."""
    told = {
        "+": "Player 2 offered you 4 of 10; you rejected (you 0, Player 2 0)",
        "-": "Player 2 offered you 3 of 10; you accepted (you 3, Player 2 7)",
        "a": "You offered Player 2 1 of 10; Player 2 accepted (you 9, Player 2 1)",
        "r": "You offered Player 2 9 of 10; Player 2 rejected (you 0, Player 2 0)",
    }
    return [f"[Round {i + 1}] {told[one]}" for i, one in enumerate(received)]


def test_bargaining_reads_what_the_other_did() -> None:
    seen = read_deals("Earlier rounds:\n" + "\n".join(deals("++-aarr")))
    assert (seen.good, seen.bad) == (4, 3)


def test_insults_make_a_bargainer_stingy_and_touchy() -> None:
    game = Ultimatum()
    player = model("gemma_tg")

    def mean(received: str) -> tuple[float, float]:
        asked = prompt(game, deals(received), number=9)
        offer = game.stage(Round(number=9))
        offers = [offer.parse(player.invoke(asked, seed=key(i)).content)[0] for i in range(150)]
        asked = prompt(game, deals(received), 10, Act(1, 3))
        answer = game.stage(Round(number=10, acts=(Act(1, 3),)))
        said = [answer.parse(player.invoke(asked, seed=key(i)).content)[0] for i in range(150)]
        return float(np.mean(offers)), said.count("accept") / len(said)

    friendly, hurt = mean("++aa++aa"), mean("--rr--rr")
    assert friendly[0] > hurt[0] + 0.5
    assert friendly[1] > hurt[1] + 0.3


@given(st.integers(1, 1000), st.integers(0, 2**40))
def test_offers_stay_within_the_pie(pie: int, seed: int) -> None:
    game = Ultimatum(pie=pie)
    reply = model("immune").invoke(prompt(game, [], number=1), seed=seed).content
    assert 0 <= int(game.stage(Round(number=1)).parse(reply)[0]) <= pie


def test_a_prompt_without_a_game_is_refused() -> None:
    with pytest.raises(InputError, match="only plays games"):
        model("immune").invoke([{"role": "user", "content": "Hello!"}])


def test_unknown_profiles_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'gemma_tg'"):
        model("surrogate:gemma_tq")
