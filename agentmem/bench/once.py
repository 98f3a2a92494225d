"""One run of a suite: a match under one arm and one seed, its events and its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from agentmem.bench.events import Emit
from agentmem.bench.games import Game
from agentmem.bench.match import Match, Played
from agentmem.bench.players import scripted
from agentmem.bench.seats import ModelSeat, Recall, ScriptedSeat, Seat
from agentmem.bench.stats import Row
from agentmem.bench.suite import SELF, Job, Suite, is_model
from agentmem.bench.voices import Spoken, Voice
from agentmem.clock import SimulatedClock
from agentmem.config import ExtractionConfig, MemoryConfig, build_embedder, build_stores
from agentmem.embed.hashing import HashEmbedder
from agentmem.memory import AgentMemory
from agentmem.models import ChatModel
from agentmem.steps import Steps

Voices = Callable[[str], Voice]  # model spec to how it is reached


@cache
def _parts(by_meaning: bool) -> dict[str, Any]:
    """Embedder and store, made once; where nothing is looked for by meaning, hashes will do."""
    embedder = build_embedder() if by_meaning else HashEmbedder(dim=8)
    return {"embedder": embedder, "stores": build_stores()}


def memory_config(recall: Recall, model: ChatModel) -> MemoryConfig:
    """The memory of a seat; `model` makes something of the rounds, where an arm wants that."""
    made = recall.stores or recall.consolidation or recall.retrieval
    parts = _parts(by_meaning=bool(recall.by_observation or made))
    if recall.stores:
        parts = {**parts, "stores": recall.stores}
    if recall.asks_model:
        parts = {**parts, "extraction": ExtractionConfig(model=model, background=False)}
    return MemoryConfig(
        policies=recall.policies,
        updates=(),  # rounds are events: none takes another's place
        consolidation=recall.consolidation,
        retrieval=recall.retrieval,
        **parts,
    )


def play(suite: Suite, job: Job, voices: Voices, emit: Emit) -> Steps[Row]:
    """Play a run; its figures.  Its events go to `emit` as they happen, the row last."""
    game = job.cell.game.seeded(job.seed)
    emit(
        {
            "type": "run",
            "run": job.id,
            "systems": [game.rules(seat) for seat in range(game.seats)],
            "order": game.order,
        }
    )
    clock = SimulatedClock()
    models: dict[int, ModelSeat] = {}
    seats: list[Seat] = []
    for place, who in enumerate(job.players):
        if who == SELF or is_model(who):
            spec = job.player if who == SELF else who
            models[place] = _model_seat(suite, job, place, voices(spec), clock)
            seats.append(models[place])
        else:
            seats.append(ScriptedSeat(player=scripted(type(game), who)))
    match = Match(
        game=game,
        seats=seats,
        seed=job.seed,
        clock=clock,
        emit=lambda event: emit({"type": event["type"], "run": job.id, **event}),
        step=suite.memory.round,
    )
    try:
        played = yield from match._play()
    finally:
        for seat in models.values():
            seat.memory.close()
    row = _row(game, job, played, models)
    emit({"type": "result", "run": job.id, "row": row})
    return row


def _model_seat(
    suite: Suite, job: Job, place: int, voice: Voice, clock: SimulatedClock
) -> ModelSeat:
    """A seat of a chat model; its memory is in RAM and lives on the simulated clock."""
    game, recall = job.cell.game.seeded(job.seed), job.arm.recall(place)
    spoken = Spoken(voice=voice, at=(job.seed, game.name, place), seeded=suite.options.sampler_seed)
    config = replace(memory_config(recall, spoken), namespace=("bench", f"seat-{place}"))
    return ModelSeat(
        voice=voice,
        memory=AgentMemory(config, clock=clock),
        clock=clock,
        recall=recall,
        rules=game.rules(place),
        style=job.cell.asking.form,
        rules_first=job.cell.asking.rules == "system",
        sampler_seed=suite.options.sampler_seed,
        spoken=spoken,
    )


def _row(game: Game, job: Job, played: Played, models: Mapping[int, ModelSeat]) -> Row:
    """The figures of one run: those of the game, then those of the player's seats."""
    measured = [place for place, who in enumerate(job.players) if who == SELF]
    choices = [choice for choice in played.choices if choice.seat in measured]
    return {
        "game": job.cell.label,
        "player": job.player,
        "opponent": job.opponent,
        "arm": job.arm.name,
        "window": job.arm.window,
        "seed": job.seed,
        "rounds": len(played.rounds),
        "seats": measured,
        "payoffs": getattr(job.cell.game, "payoffs", None),
        **game.figures(played.valid, choices, measured),
        "trembles": sum(len(r.trembled) for r in played.rounds),
        "invalid_rate": 1 - len(played.valid) / len(played.rounds),
        **_taken([models[place] for place in measured]),
    }


def _taken(seats: Sequence[ModelSeat]) -> Row:
    """What the player's decisions took, and what was seen and said in them.

    What is counted by decision is None for a player who was never asked, as who is sent nothing.
    """
    spent, upkeep = [seat.spent for seat in seats], [seat.upkeep for seat in seats]
    decisions = sum(one.decisions for one in spent)
    forward, history, words = (sum(one.words[side] for one in spent) for side in range(3))
    harms = sum(one.harms for one in spent)
    totals = {
        "tokens_in": sum(one.tokens_in for one in spent),
        "tokens_out": sum(one.tokens_out for one in spent),
        "tokens_cached": sum(one.cached for one in spent),
        "memory_tokens": sum(one.memory for one in spent),
        # What the memories asked for themselves.
        "upkeep_calls": sum(one.calls for one in upkeep),
        "upkeep_tokens": sum(one.tokens_in + one.tokens_out for one in upkeep),
    }
    return {
        "decisions": decisions,
        "flr": forward / (forward + history) if forward + history else None,
        "forward_per_1000": 1000 * forward / words if words else None,  # words of the replies
        "history_per_1000": 1000 * history / words if words else None,
        # Mean number of decisions at which a harm stays in the prompt; cut off by the end.
        "grudge_lifetime": sum(one.harms_shown for one in spent) / harms if harms else None,
        **{name: total / decisions if decisions else None for name, total in totals.items()},
        "cost": sum(one.cost for one in spent) + sum(one.cost for one in upkeep),
    }
