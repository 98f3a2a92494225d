"""The games as environments of PettingZoo, for learners and for agents of any kind.

    from agentmem.bench.adapters.pettingzoo import env, parallel_env
    from agentmem.bench.games import Prisoners, Rubinstein

    world = env(Rubinstein(rounds=5), partners={1: "surrogate:immune"})
    world.reset(seed=7)
    for agent in world.agent_iter():
        seen, reward, over, _, _ = world.last()
        world.step(None if over else world.action_space(agent).sample(seen["action_mask"]))

Terry et al., "PettingZoo: Gym for multi-agent reinforcement learning" (2021); extra `pettingzoo`.
An episode is a match as a suite plays it, with the same draws, trembles and fabricated rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from anyascii import anyascii

from agentmem.bench.adapters.seating import AtOnce, Chair, model_seat
from agentmem.bench.events import Event
from agentmem.bench.games import Act, Division, Game, Move, Round
from agentmem.bench.games.division import answers
from agentmem.bench.match import Match
from agentmem.bench.players import scripted
from agentmem.bench.seats import ModelSeat, Recall, ScriptedSeat, Seat
from agentmem.bench.suite import is_model
from agentmem.clock import SimulatedClock
from agentmem.errors import InputError, MissingExtra
from agentmem.models import ChatModel, resolve

LONGEST = 2_000  # characters of the rules, of a line, and of what is asked, at most
CHARACTERS = frozenset(map(chr, [10, *range(32, 127)]))
Partner = str | ChatModel  # name of a scripted player, spec of a chat model, or the model


def env(
    game: Game,
    *,
    partners: Mapping[int, Partner] | None = None,
    recall: Recall | None = None,
    shown: int = 80,
) -> Any:
    """A game as a `pettingzoo.AECEnv`: the seats move one after another.

    `partners` sit at some of the seats: "titfortat", "surrogate:immune", or a chat model, which
    remembers by `recall` (by default the last 80 rounds).  The other seats are the agents `seat_N`.

    An observation is `text` (the rules, the last `shown` lines of what happened, and what is asked,
    in ASCII) and `action_mask` (which actions are legal now).  Action i is the move `env.moves[i]`;
    messages are no part of it.  Rewards are the payoffs of a round, in points, once it is over; an
    episode ends with the last round.  `reset(seed=...)` plays the game as seeded; without a seed,
    under the next one.

    InputError for a seat that is not there, and for a step that is not legal; ConfigError for an
    unknown partner; MissingExtra where the library is not installed.
    """
    if shown < 0:
        raise InputError(f"shown = {shown}: give a number of lines >= 0")
    seats = tuple(place for place in range(game.seats) if place not in (partners or {}))
    if not seats or set(partners or {}) - set(range(game.seats)):
        raise InputError(
            f"partners at {sorted(partners or {})}: {game.name} has seats 0 to {game.seats - 1}, "
            "and one at least is left to an agent"
        )
    made: dict[int, ScriptedSeat | ChatModel] = {}
    for place, who in (partners or {}).items():
        if isinstance(who, str) and not is_model(who):
            made[place] = ScriptedSeat(player=scripted(type(game), who))
        else:
            made[place] = resolve(who)
    return _class()(game, seats, made, recall or Recall(), shown)


def parallel_env(game: Game, **options: Any) -> Any:
    """The same as a `ParallelEnv`; InputError for a game whose seats do not all move at once."""
    world = env(game, **options)
    if not world.metadata["is_parallelizable"]:
        raise InputError(f"{game.name} has rounds of several steps: use env()")
    return _library("pettingzoo.utils.conversions").aec_to_parallel(world)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra("a game as an environment", "pettingzoo") from error


@cache
def _class() -> Any:
    """The environment as a subclass of `AECEnv`, made once the library is there."""
    return type("Environment", (Episode, _library("pettingzoo").AECEnv), {})


class Episode:
    """The environment, all but its base class."""

    render_mode = "ansi"

    def __init__(
        self,
        game: Game,
        seats: Sequence[int],
        partners: Mapping[int, ScriptedSeat | ChatModel],
        recall: Recall,
        shown: int,
    ) -> None:
        spaces = _library("gymnasium.spaces")
        self.moves, at_once = moves(game)
        self.metadata = {"name": game.name, "render_modes": ["ansi"], "is_parallelizable": at_once}
        self.possible_agents = [f"seat_{place}" for place in seats]
        self.agents: list[str] = []
        self._game, self._partners, self._recall, self._shown = game, partners, recall, shown
        self._places = dict(zip(self.possible_agents, seats, strict=True))
        self._actions = {agent: spaces.Discrete(len(self.moves)) for agent in self._places}
        self._views = {
            agent: spaces.Dict(
                text=spaces.Text((shown + 2) * LONGEST, charset=CHARACTERS),
                action_mask=spaces.MultiBinary(len(self.moves)),
            )
            for agent in self._places
        }
        self._seed = -1
        self._models: list[ModelSeat] = []

    def action_space(self, agent: str) -> Any:
        return self._actions[agent]

    def observation_space(self, agent: str) -> Any:
        return self._views[agent]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Begin a match; there are no `options`."""
        self.close()
        self._seed = self._seed + 1 if seed is None else seed
        self._now = self._game.seeded(self._seed)
        self._chairs = {agent: Chair() for agent in self._places}
        self.agents = list(self._places)
        self.agent_selection = self.agents[0]
        self.rewards, self._cumulative_rewards = (dict.fromkeys(self.agents, 0.0) for _ in range(2))
        self.terminations, self.truncations = (dict.fromkeys(self.agents, False) for _ in range(2))
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        clock = SimulatedClock()
        seats = [self._seat(place, clock) for place in range(self._now.seats)]
        self._match = Match(
            game=self._now, seats=seats, seed=self._seed, clock=clock, emit=self._pay
        )._play()
        self._go_on(None)

    def _seat(self, place: int, clock: SimulatedClock) -> Seat:
        """Who sits there; a model with a new memory."""
        partner = self._partners.get(place)
        if partner is None:
            return self._chairs[f"seat_{place}"]
        if isinstance(partner, ScriptedSeat):
            return partner
        model = model_seat(partner, self._recall, self._now, place, clock)
        self._models.append(model)
        return AtOnce(seat=model)

    def _pay(self, event: Event) -> None:
        for agent, place in self._places.items():
            if event["type"] == "round" and event["valid"]:
                self.rewards[agent] += event["payoffs"][place]

    def _go_on(self, move: Move | None) -> None:
        """Let the match run until an agent is to move, or it is over."""
        try:
            self._match.send(move)
        except StopIteration:
            self.terminations = dict.fromkeys(self.agents, True)
        else:
            self.agent_selection = next(a for a, chair in self._chairs.items() if chair.turn)

    def step(self, action: int | None) -> None:
        agent = self.agent_selection
        if self.terminations[agent]:
            _library("pettingzoo").AECEnv._was_dead_step(self, action)
            return
        legal = np.flatnonzero(self._mask(agent)).tolist()
        if action not in legal:
            raise InputError(f"action {action!r} of {agent} is not legal now: {legal} are")
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards[agent] = 0.0
        self._go_on(self.moves[action])
        for each, reward in self.rewards.items():
            self._cumulative_rewards[each] += reward

    def observe(self, agent: str) -> dict[str, Any]:
        chair = self._chairs[agent]
        told = list(chair.lines.values())[max(0, len(chair.lines) - self._shown) :]
        ask = "" if chair.turn is None else chair.turn.stage.ask
        parts = (self._now.rules(self._places[agent]), "\n".join(told), ask)
        text = anyascii("\n\n".join(part for part in parts if part))
        return {"text": text, "action_mask": self._mask(agent)}

    def _mask(self, agent: str) -> Any:
        """Which actions are legal, int8, shape (len(moves),); none where it is not to move."""
        turn = self._chairs[agent].turn
        legal = () if turn is None else turn.stage.legal
        return np.array([move in legal for move in self.moves], dtype=np.int8)

    def render(self) -> str:
        """What the first agent has been told."""
        return "\n".join(self._chairs[self.possible_agents[0]].lines.values())

    def close(self) -> None:
        """Close the memories of the partners."""
        while self._models:
            self._models.pop().memory.close()


def moves(game: Game) -> tuple[tuple[Move, ...], bool]:
    """Every move that may be legal at some time, and whether all seats move at once, in one step.

    Stages differ by how many acts came before, what is asked for and what is legal; seats that
    move together are looked at as if they did the same.
    """
    if isinstance(game, Division):  # a seed may draw any of its scenarios
        of = (answers(scenario.pool, first=False) for scenario in game.known.all)
        return tuple(dict.fromkeys(move for some in of for move in some.values())), False
    found: dict[Move, None] = {}
    known = set()
    at_once = True
    for number in range(1, game.rounds + 1):
        ahead = [Round(number=number)]
        while ahead:
            played = ahead.pop()
            if (stage := game.stage(played)) is None:
                continue
            at_once &= stage.seats == tuple(range(game.seats)) and not played.acts
            mark = (len(played.acts), stage.key, stage.legal)
            if mark not in known:
                known.add(mark)
                found |= dict.fromkeys(stage.legal)
                ahead += [
                    replace(played, acts=(*played.acts, *(Act(seat, move) for seat in stage.seats)))
                    for move in stage.legal
                ]
    return tuple(found), at_once
