"""Axelrod's strategies as players here, and agents as players there.

The fast tests use a stand-in for the library; the slow ones the library itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from agentmem.bench import run_suite
from agentmem.bench.adapters import axelrod as sitting
from agentmem.bench.games import Act, Prisoners, Round
from agentmem.bench.keys import generator
from agentmem.bench.match import Match, Played
from agentmem.bench.oracles.grudge import Grudge
from agentmem.bench.oracles.matrix import reactive_cooperation
from agentmem.bench.players import Player, Seen, scripted
from agentmem.bench.players import axelrod as strategies
from agentmem.bench.players.axelrod import library as installed
from agentmem.bench.seats import Recall, ScriptedSeat
from agentmem.bench.surrogates import Reply
from agentmem.clock import SimulatedClock
from agentmem.config import build_policies
from agentmem.errors import ConfigError, IllegalMove, InputError, MissingExtra

Action = Enum("Action", ["C", "D"])


class FakePlayer:
    """As `axelrod.Player`, as far as it is used."""

    def __init__(self) -> None:
        self.history: list[Action] = []
        self.set_match_attributes(game=FakeGame())

    def set_match_attributes(self, **attributes: Any) -> None:
        self.match_attributes = attributes

    def set_seed(self, seed: int) -> None:
        self._seed = seed

    def update_history(self, mine: Action, other: Action) -> None:
        self.history.append(mine)


class Counting(FakePlayer):
    """Defects once, when its own count of moves reaches three."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def strategy(self, opponent: FakePlayer) -> Action:
        assert len(opponent.history) == len(self.history) == self.count
        self.count += 1
        return Action.D if self.count == 3 else Action.C


class Echo(FakePlayer):
    """Does what the other did last."""

    def strategy(self, opponent: FakePlayer) -> Action:
        return opponent.history[-1] if opponent.history else Action.C


class Coin(FakePlayer):
    """Follows its seed."""

    def strategy(self, opponent: FakePlayer) -> Action:
        return Action.D if self._seed % 2 else Action.C


class Picky(Echo):
    """Knows no such points."""

    def set_match_attributes(self, **attributes: Any) -> None:
        super().set_match_attributes(**attributes)
        if attributes["game"].points:
            raise ValueError


class FakeGame:
    def __init__(self, **points: float) -> None:
        self.points = points

    def RPST(self) -> tuple[float, ...]:  # noqa: N802 - the library's name
        return tuple(self.points[name] for name in "rpst")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    found = SimpleNamespace(
        Action=Action,
        Game=FakeGame,
        MockPlayer=FakePlayer,
        Classifiers={"stochastic": lambda player: isinstance(player, Coin)},
        Player=FakePlayer,
        strategies=[Counting, Echo, Coin, Picky],
        **{one.__name__: one for one in (Counting, Echo, Coin, Picky)},
    )
    monkeypatch.setattr(strategies, "library", lambda: found)
    monkeypatch.setattr(sitting, "library", lambda: found)
    strategies.strategies.cache_clear()
    sitting._agent_class.cache_clear()
    yield found
    strategies.strategies.cache_clear()
    sitting._agent_class.cache_clear()


def seen(past: str, seed: int = 0, game: Prisoners | None = None) -> Seen:
    """What seat 0 sees after rounds such as "CC CD"."""
    game = game or Prisoners()
    rounds = [
        Round(number=i, acts=(Act(0, pair[0]), Act(1, pair[1])))
        for i, pair in enumerate(past.split(), 1)
    ]
    played = Round(number=len(rounds) + 1)
    stage = game.stage(played)
    assert stage is not None
    return Seen(
        game=game, seat=0, stage=stage, played=played, past=rounds, rng=generator("test", seed)
    )


def play(*players: Player, rounds: int = 20, seed: int = 1, **settings: Any) -> Played:
    game = Prisoners(rounds=rounds, **settings).seeded(seed)
    seats = [ScriptedSeat(player=player) for player in players]
    clock = SimulatedClock()
    return Match(game=game, seats=seats, seed=seed, clock=clock, emit=lambda event: None).play()


def moves(played: Played) -> list[str]:
    return ["".join(map(str, (r.moves[0], r.moves[1]))) for r in played.rounds]


def test_a_strategy_sees_the_moves_as_they_were_made(fake) -> None:
    echo = scripted("prisoners", "axelrod:Echo")
    found = play(echo, scripted("prisoners", "alternator"), rounds=6)
    assert moves(found) == ["CC", "CD", "DC", "CD", "DC", "CD"]
    trembling = play(scripted("prisoners", "axelrod:Echo"), echo, rounds=60, tremble=0.2)
    for before, after in zip(trembling.rounds, trembling.rounds[1:], strict=False):
        for act in range(2):
            if act not in after.trembled:
                assert after.acts[act].move == before.acts[1 - act].move


def test_a_strategy_that_counts_is_told_every_round_once(fake) -> None:
    counting = strategies.strategy("Counting")
    assert [counting.move(seen(past)) for past in ("", "CC", "CC CC", "CC CC DC")] == list("CCDC")


def test_a_past_that_is_not_the_one_it_knows_begins_it_anew(fake) -> None:
    counting = strategies.strategy("axelrod:Counting")
    assert [counting.move(seen("CC CC")) for _ in range(3)] == list("DDD")  # an invalid round
    assert counting.move(seen("CC CC DC CC")) == "C"  # one was missed
    assert counting.move(seen("DD DD")) == "D"  # another match
    assert counting.move(seen("")) == "C"


def test_draws_come_from_the_match(fake) -> None:
    coins = [[strategies.strategy("Coin").move(seen("", seed)) for seed in range(20)] for _ in "ab"]
    assert coins[0] == coins[1]
    assert set(coins[0]) == {"C", "D"}


def test_what_the_library_does_not_have_is_told(fake) -> None:
    with pytest.raises(ConfigError, match=r"no strategy 'Ecko'.*Echo"):
        scripted("prisoners", "axelrod:Ecko")
    with pytest.raises(ConfigError, match="ultimatum"):
        scripted("ultimatum", "axelrod:Echo")
    with pytest.raises(ConfigError, match="Picky is not defined for the points"):
        strategies.strategy("Picky").move(seen(""))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed.cache_clear()
    strategies.strategies.cache_clear()
    monkeypatch.setitem(sys.modules, "axelrod", None)
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[axelrod\]"):
        scripted("prisoners", "axelrod:TitForTat")
    installed.cache_clear()


@dataclass
class Recorder:
    """A chat model that says one thing, and keeps what it read."""

    says: str

    def __post_init__(self) -> None:
        self.read: list[str] = []

    def invoke(self, messages: Sequence[Any], **_: Any) -> Reply:
        self.read.append(messages[-1]["content"])
        return Reply(self.says)


def sat(fake: Any, player: Any, other: str, points: dict[str, float] | None = None) -> str:
    """The player's moves against a string of moves, as the library would play it."""
    player.__init__(player.chat, player.recall, player.label, player.style)
    player.set_match_attributes(game=FakeGame(**(points or {"r": 2, "p": 1, "s": 0, "t": 3})))
    player.set_seed(4)
    opponent = FakePlayer()
    made = ""
    for move in other:
        action = player.strategy(opponent)
        made += action.name
        player.update_history(action, Action[move])
        opponent.update_history(Action[move], action)
    return made


def test_an_agent_remembers_the_rounds_of_its_match_by_its_policy(fake) -> None:
    chat = Recorder('{"action":"A0"}')
    window = Recall(policies=build_policies([{"window": {"n": 2}}]))
    player = sitting.agent(chat, window, name="short", style="direct")
    assert repr(player) == "short"
    assert sat(fake, player, "CDDC") == "CCCC"
    assert "No earlier rounds" in chat.read[0]
    shown = [line for line in chat.read[3].split("\n") if line.startswith("[")]
    assert shown == [
        "[Round 2] You: A0 (0 pts) | Player 2: A1 (3 pts)",
        "[Round 3] You: A0 (0 pts) | Player 2: A1 (3 pts)",
    ]
    assert sat(fake, player, "C") == "C"
    assert "No earlier rounds" in chat.read[4]  # every match begins with an empty memory


def test_an_agent_plays_the_same_under_the_same_seed(fake) -> None:
    player = sitting.agent("surrogate:s1-stubborn")
    assert repr(player) == "agentmem surrogate:s1-stubborn"
    first = sat(fake, player, "CCDCCCCCCCCC")
    assert first == sat(fake, player, "CCDCCCCCCCCC")
    assert first.startswith("CCC")
    assert first.count("D") > 3  # a grudge


def test_no_move_is_made_up_for_a_model(fake) -> None:
    with pytest.raises(IllegalMove, match="round 1: no reply"):
        sat(fake, sitting.agent(Recorder("Let us see.")), "C")
    with pytest.raises(InputError, match="T > R > P > S"):
        sat(fake, sitting.agent("surrogate:s1"), "C", {"r": 3, "p": 3, "s": 0, "t": 5})


@pytest.fixture(scope="module")
def library() -> ModuleType:
    found = pytest.importorskip("axelrod", reason="needs axelrod: pip install '.[axelrod]'")
    assert isinstance(found, ModuleType)
    return found


@pytest.mark.slow
def test_every_strategy_plays_where_its_points_allow(library) -> None:
    assert len(strategies.strategies()) == 240
    refused = []
    for name in strategies.strategies():
        one = strategies.strategy(name)
        played = play(one, scripted("prisoners", "random"), rounds=8, payoffs="textbook")
        assert {move for pair in moves(played) for move in pair} <= {"C", "D"}
        try:
            strategies.strategy(name).move(seen(""))
        except ConfigError:
            refused.append(name)
    assert len(refused) == 16
    assert "ZDGen2" in refused


@pytest.mark.slow
def test_a_strategy_plays_here_as_it_does_there(library) -> None:
    """All deterministic ones, against one that alternates."""
    attributes = {"length": float("inf"), "game": library.Game(r=3, s=0, t=5, p=1), "noise": 0}
    compared = 0
    for strategy in library.strategies:
        slow = library.Classifiers["long_run_time"](strategy())
        if slow or library.Classifiers["stochastic"](strategy()):
            continue
        pair = (strategy(), library.Alternator())
        match = library.Match(pair, turns=30, match_attributes=attributes)
        theirs = ["".join(action.name for action in both) for both in match.play()]
        ours = play(
            strategies.strategy(strategy.__name__),
            scripted("prisoners", "alternator"),
            rounds=30,
            payoffs="textbook",
        )
        assert moves(ours) == theirs, strategy.__name__
        compared += 1
    assert compared > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("tft", "TitForTat"),
        ("suspicious-tft", "SuspiciousTitForTat"),
        ("grudger", "Grudger"),
        ("wsls", "WinStayLoseShift"),
        ("allc", "Cooperator"),
        ("alld", "Defector"),
    ],
)
def test_our_classics_are_theirs(library, ours: str, theirs: str) -> None:
    against = scripted("prisoners", "random")
    first = play(scripted("prisoners", ours), against, rounds=60, tremble=0.05)
    second = play(strategies.strategy(theirs), against, rounds=60, tremble=0.05)
    assert moves(first) == moves(second)


@pytest.mark.slow
def test_a_suite_names_strategies_as_opponents(library, tmp_path) -> None:
    path = tmp_path / "theirs.yaml"
    path.write_text(
        "games: {prisoners: {rounds: 10, opponents: ['axelrod:TitForTat', 'axelrod:Defector']}}\n"
        "players: ['surrogate:s1-stubborn']\nwindows: [2]\nseeds: 2\n"
    )
    folder = run_suite(path, tmp_path, progress=False, workers=1)
    rows = json.loads((folder / "result.json").read_text("utf-8"))["rows"]
    share = {row["opponent"]: row["cooperation"] for row in rows}
    assert share["axelrod:TitForTat"] > share["axelrod:Defector"]


@pytest.mark.slow
def test_generosity_under_noise_is_the_same_in_our_matches(library) -> None:
    """Of 16 matches of 250 rounds; for the textbook payoffs it forgives one in three."""
    share = []
    for seed in range(16):
        pair = (strategies.strategy("GTFT"), strategies.strategy("GTFT"))
        found = play(*pair, rounds=250, seed=seed, tremble=0.02, payoffs="textbook")
        share += [move == "C" for both in moves(found) for move in both]
    expected = reactive_cooperation(1, 1 / 3, 0.02)
    assert sum(share) / len(share) == pytest.approx(expected, abs=0.015)


@pytest.mark.slow
def test_agents_sit_in_a_match_of_the_library(library) -> None:
    recall = Recall(policies=build_policies([{"window": {"n": 2}}]))
    game = library.Game(r=2, s=0, t=3, p=1)

    def match() -> Any:
        pair = [sitting.agent("surrogate:s1", recall, style="direct") for _ in range(2)]
        return library.Match(pair, turns=400, seed=3, game=game)

    found = match()
    plays = found.play()
    assert match().play() == plays
    expected = Grudge(window=2).self_play(400)
    for share in found.normalised_cooperation():
        assert share == pytest.approx(expected, abs=0.03)


@pytest.mark.slow
def test_agents_sit_in_a_tournament_of_the_library(library) -> None:
    short = Recall(policies=build_policies([{"window": {"n": 2}}]))
    players = [
        library.TitForTat(),
        library.Defector(),
        sitting.agent("surrogate:s1-stubborn", short, name="short memory"),
        sitting.agent("surrogate:s1-stubborn", name="long memory"),
    ]
    tournament = library.Tournament(players, turns=40, repetitions=2, seed=1)
    results = tournament.play(progress_bar=False)
    assert set(results.ranked_names) == {"Tit For Tat", "Defector", "short memory", "long memory"}
    defector, long = 1, 3
    assert results.normalised_cooperation[long][defector] < 0.5
