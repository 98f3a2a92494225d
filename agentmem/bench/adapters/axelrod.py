"""Agents with a memory as players of the Axelrod library, in its matches and tournaments.

    import axelrod
    from agentmem.bench.adapters.axelrod import agent

    player = agent("surrogate:immune", Recall(policies=build_policies([{"window": {"n": 5}}])))
    match = axelrod.Match((player, axelrod.TitForTat()), turns=200, noise=0.02, seed=7)

The other way round, its strategies are opponents here: see `agentmem.bench.players.axelrod`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from agentmem.bench.adapters.seating import model_seat
from agentmem.bench.games import Act, Move, Prisoners, Round
from agentmem.bench.players.axelrod import Pair, library
from agentmem.bench.prompting import Form
from agentmem.bench.seats import Recall, Turn
from agentmem.clock import SimulatedClock
from agentmem.errors import IllegalMove, InputError
from agentmem.models import ChatModel, resolve
from agentmem.steps import run

CLASSIFIER = {
    "memory_depth": float("inf"),
    "stochastic": True,
    "long_run_time": True,
    "inspects_source": False,
    "manipulates_source": False,
    "manipulates_state": False,
}


@dataclass(kw_only=True)
class Sitter:
    """A chat model with a memory, for one match of somebody else's making.

    `points` are T, R, P and S; a round takes `step` seconds of simulated time.  The order of the
    action tokens follows the seed, as in our own matches.
    """

    model: ChatModel
    recall: Recall
    points: Mapping[str, float]
    seed: int = 0
    style: Form = "cot"
    step: float = 3600.0
    _past: list[Round] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.game = Prisoners(payoffs=self.points).seeded(self.seed)
        self.clock = SimulatedClock()
        self.seat = model_seat(self.model, self.recall, self.game, 0, self.clock, self.style)
        weakref.finalize(self, self.seat.memory.close)

    def move(self, past: Sequence[Pair]) -> Move:
        """C or D, after the rounds so far; IllegalMove if no reply of the model names one.

        A match of the library cannot leave out a round, and no move is made up for a model.
        """
        for pair in past[len(self._past) :]:
            self._learn(pair)
        self.clock.advance(self.step)
        played = Round(number=len(past) + 1)
        stage = self.game.stage(played)
        if stage is None:
            raise InputError(f"{self.game.name} asks for nothing in round {played.number}")
        turn = Turn(
            game=self.game,
            seed=self.seed,
            seat=0,
            step=0,
            stage=stage,
            played=played,
            past=self._past,
        )
        decided = run(self.seat._decide(turn))
        if decided.move is None:
            raise IllegalMove(f"round {played.number}: no reply of the model names a legal move")
        return decided.move

    def _learn(self, pair: Pair) -> None:
        acts = tuple(Act(seat, move) for seat, move in enumerate(pair))
        played = Round(number=len(self._past) + 1, acts=acts)
        played = replace(played, payoffs=self.game.pay(played))
        for line in self.game.lines(played, 0):
            run(self.seat._learn(played.number, line))
        self._past.append(played)


def agent(
    model: str | ChatModel, recall: Recall | None = None, *, name: str = "", style: Form = "cot"
) -> Any:
    """An agent with a memory as an `axelrod.Player`.

    `model` is a spec, as in "surrogate:immune", or a chat model; `recall` says how it remembers (by
    default, all of the last 80 rounds); `name` is what tables call it.  Every match begins with an
    empty memory.  Its opponents should be paid as in a dilemma (T > R > P > S, 2R > T + S): the
    first move raises InputError otherwise.  MissingExtra where the library is not installed.
    Tournaments have to run in one process, since a memory cannot be sent to another.
    """
    label = name or (f"agentmem {model}" if isinstance(model, str) else "agentmem")
    chat = resolve(model) if isinstance(model, str) else model
    return _agent_class()(chat=chat, recall=recall or Recall(), label=label, style=style)


@cache
def _agent_class() -> Any:
    """The subclass of `axelrod.Player`, made once the library is there."""
    body = {
        "name": "agentmem",
        "classifier": CLASSIFIER,
        "__init__": _init,
        "__repr__": _repr,
        "strategy": _strategy,
    }
    return type("Agent", (library().Player,), body)


def _init(self: Any, chat: ChatModel, recall: Recall, label: str, style: Form) -> None:
    """The library calls this again before every match, with the same arguments."""
    library().Player.__init__(self)
    self.chat, self.recall, self.label, self.style = chat, recall, label, style
    self.sitter = None


def _repr(self: Any) -> str:
    return str(self.label)


def _strategy(self: Any, opponent: Any) -> Any:
    """The move as an action of the library, whose histories hold moves after noise."""
    if self.sitter is None:
        points = zip("RPST", self.match_attributes["game"].RPST(), strict=True)
        self.sitter = Sitter(
            model=self.chat,
            recall=self.recall,
            points={name: float(value) for name, value in points},
            seed=int(getattr(self, "_seed", 0)),
            style=self.style,
        )
    past = [(a.name, b.name) for a, b in zip(self.history, opponent.history, strict=True)]
    return getattr(library().Action, str(self.sitter.move(past)))
