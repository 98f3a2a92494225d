"""Scripted players, told as transcripts."""

from __future__ import annotations

import pickle

import pytest

from agentmem.bench import oracles
from agentmem.bench.games import BUILTIN as GAMES
from agentmem.bench.games import Round
from agentmem.bench.match import Match
from agentmem.bench.players import BUILTIN, Player, Seen, dilemmas, scripted, ultimatum
from agentmem.bench.seats import ScriptedSeat
from agentmem.clock import SimulatedClock
from agentmem.errors import ConfigError


def play(
    one: Player, other: Player, rounds: int = 6, *, tremble: float = 0.0, seed: int = 1
) -> list[Round]:
    game = GAMES["prisoners" if one.game == "dilemma" else one.game]
    match = Match(
        game=game(rounds=rounds, tremble=tremble),
        seats=(ScriptedSeat(player=one), ScriptedSeat(player=other)),
        seed=seed,
        clock=SimulatedClock(),
        emit=len,
    )
    return list(match.play().rounds)


def versus(one: str, other: str, rounds: int = 6) -> str:
    """`CD CC ...`: what each of two dilemma players did."""
    played = play(scripted("prisoners", one), scripted("prisoners", other), rounds)
    return " ".join(f"{r.moves[0]}{r.moves[1]}" for r in played)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("allc", "alld", "CD CD CD CD CD CD"),
        ("tft", "allc", "CC CC CC CC CC CC"),
        ("tft", "alld", "CD DD DD DD DD DD"),
        ("tft", "alternator", "CC CD DC CD DC CD"),
        ("tft", "suspicious-tft", "CD DC CD DC CD DC"),
        ("suspicious-tft", "allc", "DC CC CC CC CC CC"),
        ("grudger", "defect-once", "CD DC DC DC DC DC"),
        ("grudger", "allc", "CC CC CC CC CC CC"),
        ("tft", "defect-once", "CD DC CC CC CC CC"),
        ("wsls", "alld", "CD DD CD DD CD DD"),
        ("wsls", "defect-once", "CD DC DC DC DC DC"),
        ("wsls", "wsls", "CC CC CC CC CC CC"),
        ("gtft", "allc", "CC CC CC CC CC CC"),
        ("alternator", "alternator", "CC DD CC DD CC DD"),
    ],
)
def test_transcripts(one: str, other: str, expected: str) -> None:
    assert versus(one, other) == expected


def test_generosity_forgives_at_its_rate() -> None:
    played = play(scripted("prisoners", "gtft"), scripted("prisoners", "alld"), 900)
    assert sum(r.moves[0] == "C" for r in played) / 900 == pytest.approx(1 / 3, abs=0.06)


def test_random_players_toss_a_coin_and_their_seats_toss_their_own() -> None:
    random = scripted("prisoners", "random")
    played = play(random, random, 400)
    assert sum(r.moves[0] == "C" for r in played) / 400 == pytest.approx(0.5, abs=0.1)
    assert sum(r.moves[0] == r.moves[1] for r in played) / 400 == pytest.approx(0.5, abs=0.1)


def test_noisy_generous_self_play_meets_its_closed_form() -> None:
    generous = dilemmas.GenerousTitForTat(forgive=1 / 3)
    played = [
        r for seed in range(4) for r in play(generous, generous, 500, tremble=0.02, seed=seed)
    ]
    share = sum(move == "C" for r in played for move in r.moves.values()) / (2 * len(played))
    assert share == pytest.approx(oracles.reactive_cooperation(1, 1 / 3, 0.02), abs=0.015)
    trembles = sum(len(r.trembled) for r in played) / (2 * len(played))
    assert trembles == pytest.approx(0.02, abs=0.008)


def bargain(one: str, other: str, rounds: int = 6) -> list[tuple[object, object]]:
    """Offer and answer of each round; seat 0 proposes first."""
    played = play(scripted("ultimatum", one), scripted("ultimatum", other), rounds)
    return [(r.moves[(r.number - 1) % 2], r.moves[r.number % 2]) for r in played]


def test_fair_and_hard_bargainers() -> None:
    assert bargain("fair", "fair", 2) == [(5, "accept"), (5, "accept")]
    assert bargain("fair", "hard", 2) == [(5, "reject"), (2, "reject")]


def test_mirror_gives_back_what_it_got() -> None:
    assert bargain("hard", "mirror", 4) == [
        (2, "reject"),
        (2, "reject"),
        (2, "accept"),
        (2, "reject"),
    ]
    assert bargain("mirror", "fair", 3) == [(5, "accept"), (5, "accept"), (5, "accept")]


def test_the_insulted_rejects_for_five_rounds() -> None:
    insulted = ultimatum.Insulted()
    offers = {1: 3, 3: 5, 5: 5, 7: 5}

    class Once:
        name = "once"
        game = "ultimatum"

        def move(self, seen: Seen) -> object:
            return offers[seen.number] if not seen.played.acts else "accept"

    played = play(Once(), insulted, 7)  # type: ignore[arg-type]  # attributes instead of ClassVar
    answers = [r.moves[1] for r in played if r.number % 2]
    assert answers == ["reject", "reject", "reject", "accept"]  # rounds 1, 3, 5, 7


def test_a_random_bargainer_makes_legal_moves_of_all_kinds() -> None:
    made = bargain("random", "random", 300)
    assert {offer for offer, _ in made} == set(range(11))
    assert {answer for _, answer in made} == {"accept", "reject"}


@pytest.mark.parametrize("of", sorted(BUILTIN))
def test_every_player_is_plain_data_and_repeats_itself(of: tuple[str, str]) -> None:
    player = scripted(*of)
    assert pickle.loads(pickle.dumps(player)) == player
    assert play(player, player, 12) == play(scripted(*of), scripted(*of), 12)


def test_unknown_players_name_the_nearest_of_the_game() -> None:
    with pytest.raises(ConfigError, match="did you mean 'alld'"):
        scripted("prisoners", "alldd")
    with pytest.raises(ConfigError, match="no scripted player 'alld' for ultimatum"):
        scripted("ultimatum", "alld")
