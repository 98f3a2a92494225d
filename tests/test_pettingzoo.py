"""The games as environments.  The fast tests use a stand-in for the library; the slow ones the
library itself, and its own checks.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from agentmem.bench.adapters import pettingzoo as adapter
from agentmem.bench.games import BUILTIN, Division, Game, Investment, Prisoners, Rubinstein
from agentmem.bench.match import Match
from agentmem.bench.players import Seen
from agentmem.bench.seats import Recall, ScriptedSeat
from agentmem.bench.surrogates import Reply
from agentmem.bench.surrogates import model as surrogate
from agentmem.clock import SimulatedClock
from agentmem.errors import ConfigError, InputError, MissingExtra


class FakeEnv:
    """As `pettingzoo.AECEnv`, as far as it is used."""

    def _was_dead_step(self, action: object) -> None:
        gone = self.agent_selection
        self.agents.remove(gone)
        for table in (self.rewards, self.terminations, self.truncations, self.infos):
            del table[gone]
        if self.agents:
            self.agent_selection = self.agents[0]

    def last(self) -> tuple[Any, ...]:
        agent = self.agent_selection
        seen = self.observe(agent)
        return seen, self._cumulative_rewards[agent], self.terminations[agent], False, {}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    parts = {
        "pettingzoo": {"AECEnv": FakeEnv},
        "pettingzoo.utils.conversions": {"aec_to_parallel": lambda world: ("parallel", world)},
        "gymnasium.spaces": {
            "Discrete": lambda n: SimpleNamespace(n=n),
            "Text": lambda most, *, charset: SimpleNamespace(most=most, charset=charset),
            "MultiBinary": lambda n: SimpleNamespace(n=n),
            "Dict": lambda **parts: parts,
        },
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    adapter._class.cache_clear()
    yield
    adapter._class.cache_clear()


def play(world: Any, seed: int, draws: Random) -> tuple[list[Any], dict[str, float]]:
    """An episode of drawn moves: the moves, and each agent's points."""
    world.reset(seed=seed)
    made, points = [], dict.fromkeys(world.agents, 0.0)
    while world.agents:
        agent = world.agent_selection
        seen, reward, over, *_ = world.last()
        points[agent] += reward
        legal = [place for place, may in enumerate(seen["action_mask"]) if may]
        assert bool(legal) != over
        world.step(None if over else draws.choice(legal))
        made += [] if over else [(agent, world.moves)]
    return made, points


@dataclass
class Drawing:
    """A player that draws as `play` does, out of the same order of moves."""

    moves: tuple[Any, ...]
    draws: Random
    name: str = "drawing"
    game: str = "any"

    def move(self, seen: Seen) -> Any:
        return self.draws.choice([move for move in self.moves if move in seen.stage.legal])


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_an_episode_pays_what_a_match_of_the_same_moves_pays(fake, name: str) -> None:
    game = BUILTIN[name](rounds=5, tremble=0.2)
    world = adapter.env(game)
    for seed in (0, 1):
        _, points = play(world, seed, Random(seed))
        draws = Random(seed)
        players = [Drawing(world.moves, draws) for _ in range(game.seats)]
        match = Match(
            game=game.seeded(seed),
            seats=[ScriptedSeat(player=player) for player in players],
            seed=seed,
            clock=SimulatedClock(),
            emit=lambda event: None,
        )
        paid = [r.payoffs for r in match.play().valid]
        totals = [sum(some) for some in zip(*paid, strict=True)]
        assert list(points.values()) == pytest.approx(totals)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_observations_fit_their_space(fake, name: str) -> None:
    world = adapter.env(BUILTIN[name](rounds=3), shown=4)
    world.reset(seed=1)
    draws = Random(3)
    while not all(world.terminations.values()):
        agent = world.agent_selection
        seen, space = world.observe(agent), world.observation_space(agent)
        assert len(seen["text"]) <= space["text"].most
        assert set(seen["text"]) <= space["text"].charset
        assert seen["action_mask"].shape == (space["action_mask"].n,)
        assert world.action_space(agent).n == len(world.moves)
        legal = [place for place, may in enumerate(seen["action_mask"]) if may]
        world.step(draws.choice(legal))


def test_who_is_to_move_reads_the_rules_what_happened_and_what_is_asked(fake) -> None:
    game = Prisoners(rounds=3)
    world = adapter.env(game, shown=1)
    world.reset(seed=1)
    assert world.observe("seat_0")["text"].startswith(game.seeded(1).rules(0))
    assert not world.observe("seat_1")["action_mask"].any()
    cooperate, defect = world.moves.index("C"), world.moves.index("D")
    for action in (cooperate, defect, defect, cooperate):
        world.step(action)
    lines = world.observe("seat_0")["text"].splitlines()
    assert "[Round 2] You: A0 (3 pts) | Player 2: A1 (0 pts)" in lines  # swapped by the odd seed
    assert not any(line.startswith("[Round 1]") for line in lines)
    assert lines[-1].startswith("Round 3")
    assert world.render().count("[Round ") == 2


def test_without_a_line_to_show_there_is_none(fake) -> None:
    world = adapter.env(Prisoners(rounds=3), shown=0)
    world.reset()
    for _ in range(2):
        world.step(0)
    assert "[Round" not in world.observe("seat_0")["text"]


def test_without_a_seed_the_next_one_is_played(fake) -> None:
    world = adapter.env(Prisoners(rounds=2))
    texts = []
    for seed in (0, None, 1):
        world.reset(seed=seed)
        texts.append(world.observe("seat_0")["text"])
    assert texts[0] != texts[1] == texts[2]


def test_scripted_partners_move_for_themselves(fake) -> None:
    world = adapter.env(Prisoners(rounds=3), partners={0: "tft"})
    world.reset(seed=0)
    points = 0.0
    for move in ("D", "D", "C"):
        assert world.agents == ["seat_1"]
        world.step(world.moves.index(move))
        points += world.rewards["seat_1"]
    assert world.terminations == {"seat_1": True}
    assert points == 3.0 + 1.0 + 0.0  # tit for tat: C, D, D


def test_models_with_a_memory_are_partners(fake) -> None:
    model = surrogate("immune")
    world = adapter.env(Investment(rounds=2), partners={1: model}, recall=Recall(k=5))
    world.reset(seed=0)
    (memory,) = [seat.memory for seat in world._models]
    for _ in range(2):
        world.step(world.moves.index(10))
        assert world.rewards["seat_0"] > 10  # it sends back about half of 30
    assert len(memory.search(None, k=10)) == 2
    world.close()
    assert world._models == []


def test_a_round_without_a_move_of_the_partner_is_not_paid(fake) -> None:
    class Walker:
        """Rejects, then says nothing of use."""

        def invoke(self, messages: Any, **_: object) -> Reply:
            asked = messages[-1]["content"]
            return Reply('{"answer":"reject"}' if "round 1 of" in asked else "I am off.")

    world = adapter.env(Rubinstein(rounds=1), partners={1: Walker()})
    world.reset(seed=0)
    world.step(world.moves.index(50))
    assert world.terminations == {"seat_0": True}
    assert world.rewards == {"seat_0": 0.0}
    assert world.render() == ""


def test_a_step_that_is_not_legal_is_refused(fake) -> None:
    world = adapter.env(Rubinstein(rounds=1))
    world.reset(seed=0)
    for action in (world.moves.index("accept"), len(world.moves), -1, None):
        with pytest.raises(InputError, match=r"is not legal now: \[0, 1, 2"):
            world.step(action)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"partners": {2: "tft"}}, "has seats 0 to 1"),
        ({"partners": {0: "tft", 1: "tft"}}, "one at least is left"),
        ({"shown": -1}, "shown = -1"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(fake, options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        adapter.env(Prisoners(), **options)


def test_an_unknown_partner_is_told(fake) -> None:
    with pytest.raises(ConfigError, match="tft"):
        adapter.env(Prisoners(), partners={0: "tftt"})


def test_only_games_of_one_step_are_parallel(fake) -> None:
    kind, world = adapter.parallel_env(Prisoners(rounds=2), shown=3)
    assert kind == "parallel"
    assert world.metadata["is_parallelizable"]
    with pytest.raises(InputError, match=r"use env\(\)"):
        adapter.parallel_env(Investment())


def test_the_moves_are_those_of_every_scenario_that_a_seed_may_draw() -> None:
    game = Division(rounds=2)
    found, at_once = adapter.moves(game)
    assert not at_once
    for seed in range(20):
        drawn = game.seeded(seed)
        for number in (1, 2):
            world = drawn.scenario(number).pool
            assert "-".join(map(str, world)) in found


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter._class.cache_clear()
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[pettingzoo\]"):
        adapter.env(Prisoners())


@pytest.fixture
def checks() -> Iterator[Any]:
    pytest.importorskip("pettingzoo", reason="needs pettingzoo: pip install '.[pettingzoo]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have arrays than texts
        import pettingzoo.test

        yield pettingzoo.test


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_library_takes_every_game_for_an_environment(checks, name: str) -> None:
    game: Game = BUILTIN[name](rounds=4, tremble=0.1)
    checks.api_test(adapter.env(game), num_cycles=50)
    checks.seed_test(lambda: adapter.env(game), num_cycles=50)
    if adapter.moves(game)[1]:
        checks.parallel_api_test(adapter.parallel_env(game), num_cycles=20)
        checks.parallel_seed_test(lambda: adapter.parallel_env(game), num_cycles=20)


@pytest.mark.slow
def test_partners_play_in_the_library(checks) -> None:
    game = Rubinstein(rounds=2)
    checks.api_test(adapter.env(game, partners={1: "surrogate:immune"}), num_cycles=20)
    world = adapter.parallel_env(Prisoners(rounds=3), partners={1: "tft"})
    world.reset(seed=0)
    *_, over, _, _ = world.step({"seat_0": 0})
    assert over == {"seat_0": False}
