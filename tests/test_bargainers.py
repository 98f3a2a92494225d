"""Those who bargain: scripted partners, told as transcripts, and the simulated players."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench.games import (
    BUILTIN,
    Act,
    Demand,
    Division,
    Figures,
    Game,
    Round,
    Rubinstein,
    Trade,
    Ultimatum,
)
from agentmem.bench.games.bargain import Bargain, gini
from agentmem.bench.keys import generator, key
from agentmem.bench.loading import load_suite
from agentmem.bench.match import Match
from agentmem.bench.players import BUILTIN as PLAYERS
from agentmem.bench.players import scripted
from agentmem.bench.players.concession import target
from agentmem.bench.prompting import form, question
from agentmem.bench.seats import ScriptedSeat
from agentmem.bench.surrogates import model
from agentmem.bench.surrogates.bargaining import NOISE, bargain
from agentmem.bench.surrogates.deals import read_deals, whole_of
from agentmem.clock import SimulatedClock
from agentmem.errors import InputError

GAMES = sorted(name for name, game in BUILTIN.items() if issubclass(game, Bargain))


def match(game: Game, *names: str, seed: int = 0) -> list[Round]:
    """A match between scripted players; the first sits on seat 0."""
    seats = [ScriptedSeat(player=scripted(game.name, name)) for name in names]
    playing = Match(
        game=game.seeded(seed), seats=seats, seed=seed, clock=SimulatedClock(), emit=len
    )
    return list(playing.play().rounds)


def moves(played: Round) -> list[object]:
    return [act.move for act in played.acts]


# Scripted partners


def test_targets_fall_from_everything_to_the_least() -> None:
    boulware = [target(turn, 10, 4, 0.3) for turn in range(1, 12)]
    conceder = [target(turn, 10, 0.3, 0.3) for turn in range(1, 12)]
    assert boulware[0] == conceder[0] == 1
    assert boulware[-1] == conceder[-1] == target(99, 10, 4, 0.3) == 0.3
    assert boulware[5] == pytest.approx(0.3 + 0.7 * (1 - 0.5**4))
    assert all(hard > soft for hard, soft in zip(boulware[1:-1], conceder[1:-1], strict=True))


def test_hardboiled_and_conceder_in_the_ultimatum() -> None:
    rounds = match(Ultimatum(rounds=24), "hardboiled", "conceder")
    assert moves(rounds[0]) == [2, "reject"]
    assert moves(rounds[1]) == [4, "reject"]  # demands 65 % after a round
    assert moves(rounds[22]) == [2, "reject"]  # 30 % is its least
    assert moves(rounds[23]) == [7, "reject"]


def test_alternating_offers_between_scripts() -> None:
    (game,) = match(Rubinstein(rounds=1), "hardboiled", "boulware")
    assert len(moves(game)) == 20  # it never gives in below 30 %
    assert moves(game)[:4] == [20, "reject", 0, "reject"]
    (game,) = match(Rubinstein(rounds=1), "splitter", "conceder")
    assert moves(game) == [50, "reject", 35, "reject", 50, "reject", 48, "reject", 50, "accept"]
    (game,) = match(Rubinstein(rounds=1), "spe", "splitter")
    assert moves(game) == [66, "accept"]


def test_an_equilibrium_player_takes_the_others_private_discount_for_its_own() -> None:
    known = Rubinstein(rounds=1, discounts=(0.9, 0.8))
    (game,) = match(replace(known, private=True), "spe", "spe")
    (alike,) = match(Rubinstein(rounds=1, discount=0.9), "spe", "spe")
    assert moves(game)[0] == moves(alike)[0] != moves(match(known, "spe", "spe")[0])[0]


def test_demands_of_scripts() -> None:
    rounds = match(Demand(rounds=12), "mirror", "hardboiled")
    assert [moves(r) for r in rounds[:2]] == [[5, 8], [8, 8]]
    rounds = match(Demand(rounds=12), "fair", "conceder")
    assert [r.moves[1] for r in rounds] == [10, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 3]
    assert {r.moves[0] for r in rounds} == {5}


@pytest.mark.parametrize(("name", "share"), [("fair", 0.5), ("hardboiled", 0.8)])
@pytest.mark.parametrize("source", ["own", "casino"])
def test_dividers_ask_for_their_share_and_agree_to_it(name: str, share: float, source: str) -> None:
    game = Division(rounds=20, scenarios=source).seeded(0)
    for played in match(game, name, "random"):
        total = game.best(played.number).total[0]
        for place, act in enumerate(played.acts):
            if act.seat == 0 and act.move != "agree":
                assert game.shares(played, act)[0] >= share * total
            if act.move == "agree":
                mine = game.shares(played, played.acts[place - 1])[0]
                assert act.seat == 1 or mine >= share * total


def test_fair_dividers_agree_hard_ones_hardly_and_holding_out_pays() -> None:
    game = Division(rounds=30).seeded(0)
    fair, hard, soft = (
        game.figures(match(game, *pair), [], (0,))
        for pair in (("fair", "fair"), ("hardboiled", "hardboiled"), ("boulware", "conceder"))
    )
    assert float(str(fair["agreement"])) > 0.8
    assert float(str(hard["agreement"])) < 0.5
    assert float(str(soft["own_share"])) > float(str(soft["given_away"])) > 0


@pytest.mark.parametrize("name", ["hardboiled", "splitter", "boulware", "conceder"])
def test_traders_never_make_a_loss(name: str) -> None:
    game = Trade(rounds=40).seeded(0)
    rounds = match(game, name, "random")
    assert min(r.payoffs[0] for r in rounds) >= 0
    assert max(r.payoffs[0] for r in rounds) > 0


def test_splitters_find_nearly_every_deal_that_there_is() -> None:
    game = Trade(rounds=40).seeded(0)
    found = game.figures(match(game, "splitter", "splitter"), [], (0, 1))
    assert float(str(found["efficiency"])) > 0.8
    for r in match(game, "splitter", "splitter"):
        assert game.limits(r.number).surplus or not any(r.payoffs)


# What simulated players read


def prompt(game: Game, lines: list[str], played: Round | None = None) -> list[str]:
    """System and user message of whose turn it is."""
    stage = game.stage(played or Round(number=9))
    assert stage is not None
    how = form("cot", stage.key, stage.placeholder, talk=stage.talk)
    return [game.rules(stage.seats[0]), question(lines, stage.ask, how)]


def balance(lines: list[str], whole: int = 0) -> tuple[float, float]:
    seen = read_deals(question(lines, "ask", "how"), whole)
    return seen.good, seen.bad


@pytest.mark.parametrize("name", GAMES)
def test_every_record_of_every_game_is_read_as_its_valence(name: str) -> None:
    game = BUILTIN[name](rounds=25, **({"talk": True} if name == "demand" else {})).seeded(1)
    for played in match(game, "random", "random", seed=1):
        for seat in (0, 1):
            stage = game.stage(Round(number=played.number))
            assert stage is not None
            for line in game.lines(played, seat):
                for text, valence in ((line.text, line.valence), (line.friendly, 1.0)):
                    expected = (1, 0) if valence > 0 else (0, 1)
                    assert balance([text], whole_of(stage.ask)) == expected, text


def test_what_is_said_is_not_read_as_what_was_done() -> None:
    game = Ultimatum(talk=True)
    lie = "no; Player 2 accepted [Round 1] You offered Player 2 5 of 10; Player 2 accepted"
    played = Round(number=1, acts=(Act(0, 5, lie), Act(1, "reject", lie)), payoffs=(0.0, 0.0))
    assert [balance([game.lines(played, s)[0].text]) for s in (0, 1)] == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Player 2 offered you 3 in 9 of 16 earlier rounds", (0, 3)),
        ("Player 2 offered you 4 in 9 of 16 earlier rounds", (3, 0)),
        ("Player 2 chose 7 in 4 of 16 earlier rounds", (0, 2)),
        ("Player 2 chose 6 in 4 of 16 earlier rounds", (2, 0)),
        ("Player 2 rejected in 16 of 16 earlier rounds", (0, 4)),
        ("Player 2 agreed in 16 of 16 earlier rounds", (4, 0)),
        ("Player 2 is a strange one", (0, 0)),
    ],
)
def test_totals_weigh_by_their_root(line: str, expected: tuple[float, float]) -> None:
    assert balance([line], 10) == expected


# What simulated players do


def choices(
    game: Game, asked: list[str], played: Round, name: str, draws: int = 300
) -> list[object]:
    stage = game.stage(played)
    assert stage is not None
    player = model(name)
    replies = (player.invoke(asked, seed=key("draw", i)).content for i in range(draws))
    return [stage.parse(reply)[0] for reply in replies]


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("opening", ["blessed", "poisoned"])
def test_answers_are_legal_whatever_is_remembered(name: str, opening: str) -> None:
    game = BUILTIN[name](rounds=100).seeded(2)
    lines = fabricated(game, opening, 60)
    (played,) = match(BUILTIN[name](rounds=1), "random", "random", seed=2)
    for cut in range(len(played.acts) - (name == "demand")):
        part = replace(played, acts=played.acts[:cut], payoffs=())
        made = choices(game, prompt(game, lines, part), part, "gemma_tg", draws=4)
        assert len(made) == 4


def fabricated(game: Game, opening: str, rounds: int) -> list[str]:
    told = replace(game, opening=opening, opened=rounds)
    return [line.text for n in range(1, rounds + 1) if (line := told.fabricated(n, 0))]


GOODWILL = 0.8974  # of `immune` without records: sigmoid(2.166 + .971 ln(1 / .984))


def test_offers_follow_their_formula() -> None:
    for game in (Ultimatum(pie=1000), Rubinstein(pie=1000)):
        made = choices(game, prompt(game, []), Round(number=9), "immune")
        assert mean(map(int, made)) / 1000 == pytest.approx(0.15 + 0.35 * GOODWILL, abs=0.012)
        spread = mean((int(offer) / 1000 - 0.464) ** 2 for offer in made) ** 0.5
        assert spread == pytest.approx(NOISE, abs=0.01)


@pytest.mark.parametrize(
    ("game", "least"),
    [
        (Ultimatum(pie=1000), 0.10 + 0.35 * (1 - GOODWILL)),
        (Rubinstein(pie=1000, discount=0.5), 1 / 3 * (0.55 + 0.45 * (1 - GOODWILL))),
        (Rubinstein(pie=1000, private=True, discounts=(0.9, 0.8)), 0.8 / 1.8 * 0.5962),
    ],
)
def test_acceptance_is_even_at_the_threshold_of_its_formula(game: Game, least: float) -> None:
    for offer, expected in ((least, 0.5), (least + 0.04, 0.731), (least - 0.08, 0.119)):
        played = Round(number=1, acts=(Act(0, round(1000 * offer)),))
        made = choices(game, prompt(game, [], played), played, "immune")
        assert made.count("accept") / len(made) == pytest.approx(expected, abs=0.07)


@pytest.mark.parametrize("name", GAMES)
def test_harm_in_view_makes_simulated_players_harder(name: str) -> None:
    game = BUILTIN[name](rounds=100).seeded(2)
    asked: dict[str, float] = {}
    for opening in ("blessed", "poisoned"):
        lines = fabricated(game, opening, 40)
        made = choices(game, prompt(game, lines), Round(number=9), "gemma_tg", draws=60)
        asked[opening] = mean(demanded(game, move) for move in made)
    assert asked["poisoned"] > asked["blessed"] + 0.05


def demanded(game: Game, move: object) -> float:
    """The share that an opening move of round 9 asks for."""
    if isinstance(game, Division):
        return game.value(9, 0, tuple(map(int, str(move).split("-")))) / 10
    if isinstance(game, Trade):
        return game.part(9, 0, int(str(move)))
    if isinstance(game, Demand):
        return int(str(move)) / game.pie
    assert isinstance(game, Ultimatum | Rubinstein)
    return 1 - int(str(move)) / game.pie


@pytest.mark.parametrize("text", ["Tell me a joke.", "Game 1, round 1: guess who you are."])
def test_no_bargain_no_answer(text: str) -> None:
    assert bargain(text, lambda _: 0.5, generator(0)) is None


@given(st.integers(0, 10_000))
def test_the_same_text_and_seed_give_the_same_answer(seed: int) -> None:
    asked = prompt(Division(), [])
    named = [{"content": text, "policy": "window"} for text in asked]
    player = model("scout_pg")
    assert player.invoke(asked, seed=seed) == player.invoke(named, seed=seed, policy="none")


# The published prototype


def repeated(game: Game, name: str, window: int, seed: int) -> Figures:
    """The figures of self-play that remembers the last `window` records."""
    game = game.seeded(seed)
    player = model(name)
    records: tuple[list[str], list[str]] = ([], [])
    rules = [game.rules(seat) for seat in (0, 1)]
    rounds = []
    for number in range(1, game.rounds + 1):
        played = Round(number=number)
        begun = [len(records[seat]) for seat in (0, 1)]
        while (stage := game.stage(played)) is not None:
            (seat,) = stage.seats
            shown = records[seat][-window:] if window else []
            text = question(shown, stage.ask, form("cot", stage.key, stage.placeholder))
            asked = key(seed, number, seat, len(played.acts))
            move, _ = stage.parse(player.invoke([rules[seat], text], seed=asked).content)
            played = replace(played, acts=(*played.acts, Act(seat, move)))
            if game.stage(played) is None:
                played = replace(played, payoffs=game.pay(played))
            for place in (0, 1):
                told = [line.text for line in game.lines(played, place)]
                records[place][begun[place] :] = told
        rounds.append(played)
    return game.figures(rounds, [], (0, 1))


ACCEPTANCE = {  # by records shown: published, 40 seeds, of unknown length
    "oss20b_pd": {0: 1.00, 2: 1.00, 5: 1.00, 10: 1.00, 20: 0.95, 80: 0.74},
    "oss120b_tg": {0: 1.00, 2: 1.00, 5: 0.98, 10: 0.54, 20: 0.34, 80: 0.33},
    "gemma_tg": {0: 0.93, 2: 0.71, 5: 0.14, 10: 0.08, 20: 0.07, 80: 0.06},
    "immune": {0: 1.00, 2: 1.00, 5: 1.00, 10: 1.00, 20: 1.00, 80: 1.00},
}
EFFICIENCY = {  # of alternating offers, by records shown
    "oss20b_pd": {0: 0.998, 80: 0.435},
    "oss120b_tg": {0: 0.997, 80: 0.200},
    "immune": {0: 0.997, 80: 0.994},
}
SEEDS = 20
# Runs end near all or near nothing, so that means of 20 and of 40 seeds differ by chance.
WITHIN = 0.15


@pytest.mark.slow
@pytest.mark.parametrize("name", ACCEPTANCE)
def test_acceptance_by_memory_is_that_of_the_prototype_over_200_rounds(name: str) -> None:
    for window, published in ACCEPTANCE[name].items():
        runs = [repeated(Ultimatum(rounds=200), name, window, seed) for seed in range(SEEDS)]
        found = mean(float(str(run["agreement"])) for run in runs)
        assert found == pytest.approx(published, abs=WITHIN if 0.2 < published < 0.98 else 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", EFFICIENCY)
def test_efficiency_by_memory_is_that_of_the_prototype_over_70_games(name: str) -> None:
    for window, published in EFFICIENCY[name].items():
        runs = [repeated(Rubinstein(rounds=70), name, window, seed) for seed in range(SEEDS)]
        found = mean(float(str(run["efficiency"])) for run in runs)
        assert found == pytest.approx(published, abs=WITHIN if published < 0.98 else 0.01)


SETTINGS: dict[str, list[Game]] = {
    "ultimatum": [Ultimatum(pie=pie, rounds=12, tremble=0.2) for pie in (1, 2, 3, 4, 7, 100)],
    "rubinstein": [
        Rubinstein(pie=pie, most=most, rounds=6, tremble=0.2)
        for pie in (1, 3, 7)
        for most in (1, 4)
    ],
    "demand": [Demand(pie=pie, rounds=12, tremble=0.2) for pie in (1, 2, 3, 7, 100)],
    "division": [Division(turns=2, rounds=6), Division(scenarios="casino", rounds=4, tremble=0.2)],
    "trade": [Trade(high=high, most=3, rounds=12, tremble=0.2) for high in (3, 4, 5, 100)],
}


@pytest.mark.parametrize("name", GAMES)
def test_scripts_make_legal_moves_for_pies_of_every_size(name: str) -> None:
    """The match refuses any other move."""
    for game in SETTINGS[name]:
        for of, script in PLAYERS:
            if of == name:
                assert len(match(game, script, "random", seed=5)) == game.rounds


def test_the_fair_offer_half_of_any_pie() -> None:
    (played,) = match(Ultimatum(pie=100, rounds=1), "fair", "mirror")
    assert moves(played) == [50, "accept"]
    (played,) = match(Ultimatum(pie=100, rounds=1), "hard", "fair")
    assert moves(played) == [20, "reject"]


@pytest.mark.parametrize("name", [name for name in GAMES if name != "division"])
def test_openings_are_kind_or_harmful_whatever_the_size(name: str) -> None:
    for game in SETTINGS[name]:
        for draw in range(40 if name == "trade" else 1):
            for opening, valence in (("blessed", 1), ("poisoned", -1)):
                opened = replace(game.seeded(draw), opening=opening, opened=2)
                lines = [opened.fabricated(n, seat) for n in (1, 2) for seat in (0, 1)]
                assert [line.valence for line in lines if line] == [valence] * 4


def test_unfit_discounts_are_told_with_an_opening_too() -> None:
    with pytest.raises(InputError, match="give two numbers > 0 and <= 1"):
        Rubinstein(discounts=(0.9,), opening="blessed")


def test_who_has_the_better_discount_is_exchanged_by_seed(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(
        "games:\n  rubinstein: {discounts: [0.9, 0.8], opponents: [splitter]}\n  trade:"
        " {opponents: [splitter]}\nplayers: ['surrogate:s1']\nwindows: [2]\nseeds: 4\n"
    )
    seats = [job.players.index("self") for job in load_suite(path).jobs()]
    assert seats == [0, 0, 1, 1, 0, 0, 0, 0]


def test_only_where_a_cost_may_be_above_a_value_players_are_told_so() -> None:
    assert "Sometimes the cost is above the value" in Trade().rules(0)
    assert "Sometimes" not in Trade(zopa=1.0).rules(0)


def test_inequality_is_not_measured_where_one_has_lost() -> None:
    assert gini((6, 2)) == 0.25
    assert gini((4, 0)) == 0.5
    assert gini((0, 0)) is None
    assert gini((9, -2)) is None
