"""What an older defection costs at equal recent play, as a memory shows it.

The cleanest sign of the memory curse in published logs: the partner's last two moves are kind, and
still a defection at lag 3 or more, where it is visible, lowers cooperation.  Here it is measured
for any player under any memory: P(cooperate) after a history with one such defection, minus the
same without it, each as the memory renders it.  The mirror: one kind move before unkind ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentmem.bench.games import Act, Round, Stage
from agentmem.bench.games.dilemma import Dilemma
from agentmem.bench.keys import key
from agentmem.bench.once import memory_config
from agentmem.bench.seats import ModelSeat, Recall, Turn
from agentmem.bench.surrogates.chat import Mind, Simulated
from agentmem.bench.surrogates.reading import read_dilemma
from agentmem.bench.voices import Answer, Key, Messages
from agentmem.budget import Usage
from agentmem.clock import SimulatedClock
from agentmem.errors import InputError
from agentmem.memory import AgentMemory
from agentmem.models import ChatModel
from agentmem.replies import text_of
from agentmem.steps import Steps, run

RECENT = 2  # moves that are the same in both histories

History = tuple[int, bool, int]  # lag of the odd move (0: none), whether mirrored, seed


@dataclass(frozen=True, slots=True)
class Asked:
    """What a player is sent, and how to read its answer."""

    rules: str
    prompt: str
    stage: Stage
    game: Dilemma

    @property
    def messages(self) -> list[Mapping[str, str]]:
        return [
            {"role": "system", "content": self.rules},
            {"role": "user", "content": self.prompt},
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """P(cooperate), 0..1, means over the seeds."""

    without: float  # no odd move at all
    by_lag: Mapping[int, float]  # with one, at that lag

    def effect(self, *lags: int) -> float:
        """-1..1: mean change by the odd move, at these lags or at all."""
        chosen = lags or tuple(self.by_lag)
        return sum(self.by_lag[lag] for lag in chosen) / len(chosen) - self.without


def older(
    model: ChatModel,
    recall: Recall,
    game: Dilemma,
    *,
    lags: Sequence[int] = (3, 4),
    rounds: int = 15,
    mirror: bool = False,
    seeds: int = 2,
    samples: int = 25,
    step: float = 3600.0,
) -> Older:
    """What one older move changes, for `model` with a memory of `recall`.

    In `rounds` rounds the player was kind, and so were the others but for one round, `lag` rounds
    ago (1 is the last round; at least 3); `mirror`: they were unkind but for it.  A simulated
    player's chance is exact, any other's is the share of `samples` answers.  InputError for lags
    below 3 or beyond the rounds.
    """

    def chance(lag: int) -> float:
        found = [
            chance_of(
                model,
                asked(model, recall, game, history=(lag, mirror, seed), rounds=rounds, step=step),
                samples=samples,
            )
            for seed in range(seeds)
        ]
        return sum(found) / len(found)

    return Older(without=chance(0), by_lag={lag: chance(lag) for lag in lags})


def asked(
    model: ChatModel,
    recall: Recall,
    game: Dilemma,
    *,
    history: History,
    rounds: int,
    step: float = 3600.0,
) -> Asked:
    """What seat 0 is sent after such a history; `model` is asked only where the memory asks it."""
    lag, mirror, seed = history
    if lag and not RECENT < lag <= rounds:
        raise InputError(f"lag {lag}: give 0, or {RECENT + 1} to {rounds}, the number of rounds")
    game = game.seeded(seed)
    clock = SimulatedClock()
    config = replace(memory_config(recall, model), namespace=("bench", "seat-0"))
    with AgentMemory(config, clock=clock) as memory:
        seat = ModelSeat(
            voice=_Nod(game), memory=memory, clock=clock, recall=recall, rules=game.rules(0)
        )
        for number in range(1, rounds + 1):
            clock.advance(step)
            odd = number == rounds + 1 - lag and lag > 0
            played = game.uniform(number, kind=odd == mirror, but={0: True})
            for line in game.lines(played, 0):
                run(seat._learn(number, line))
        clock.advance(step)
        now = Round(number=rounds + 1)
        stage = _stage(game, now)
        turn = Turn(game=game, seed=seed, seat=0, step=0, stage=stage, played=now, past=())
        event = run(seat._decide(turn)).event or {}
    return Asked(rules=seat.rules, prompt=event["prompt"], stage=stage, game=game)


def _stage(game: Dilemma, played: Round) -> Stage:
    stage = game.stage(played)
    if stage is None:
        raise InputError(f"{game.name} asks nothing in round {played.number}")
    return stage


@dataclass(frozen=True)
class _Nod:
    """A voice that makes a legal move, so that a seat tells what it was asked."""

    game: Dilemma

    def _ask(
        self, messages: Messages, *, seed: int | None, key: Key, **options: Any
    ) -> Steps[Answer]:
        yield from ()
        stage = _stage(self.game, Round(number=1))
        return Answer(text=json.dumps({stage.key: next(iter(stage.answers))}), usage=Usage())


def chance_of(model: ChatModel, what: Asked, *, samples: int = 25) -> float:
    """0..1: how cooperative a player is there; exact for simulated players, else by samples."""
    mind = _mind(model)
    if mind is not None:
        text = f"{what.rules}\n{what.prompt}"
        seen = read_dilemma(what.rules, text)
        if seen is None:
            raise InputError("there is no dilemma in the prompt")
        return mind.chance(seen, deliberate="step by step" in text)
    shares = [_share(model, what, n) for n in range(samples)]
    return sum(shares) / len(shares)


def _mind(model: object) -> Mind | None:
    return model.mind if isinstance(model, Simulated) else None


def _share(model: ChatModel, what: Asked, sample: int) -> float:
    """0..1: how cooperative one answer is, all others of its step being kind."""
    reply = model.invoke(what.messages, seed=key("older", what.prompt, sample))
    move, _ = what.stage.parse(text_of(reply.content))
    kindest = what.game.extremes(Round(number=1))[1]
    acts = (Act(seat, kindest if seat else move) for seat in what.stage.seats)
    return what.game.shares(Round(number=1, acts=tuple(acts)))[0]
