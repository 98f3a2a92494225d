"""One run of a suite: a match under one arm and one seed, its figures and its events."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from typing import Any

from agentmem.bench.match import Match, Played
from agentmem.bench.players import scripted
from agentmem.bench.seats import Event, ModelSeat, Recall, ScriptedSeat, Seat
from agentmem.bench.stats import Row
from agentmem.bench.suite import SELF, Job, Suite
from agentmem.clock import SimulatedClock
from agentmem.config import ExtractionConfig, MemoryConfig, build_embedder, build_stores
from agentmem.memory import AgentMemory
from agentmem.models import ChatModel, resolve


def play(suite: Suite, job: Job) -> tuple[Row, str, float]:
    """The row of a run, its events as JSON lines, and the seconds it took."""
    begun = time.perf_counter()
    row, events = _match(suite, job)
    events.append({"type": "result", "run": job.id, "row": row})
    text = "".join(json.dumps(event) + "\n" for event in events)
    return row, text, time.perf_counter() - begun


@cache
def _model(spec: str) -> ChatModel:
    return resolve(spec)


@cache
def _parts() -> dict[str, Any]:
    """The default embedder and store, made once."""
    return {"embedder": build_embedder(), "stores": build_stores()}


def memory_config(recall: Recall, model: ChatModel) -> MemoryConfig:
    """The memory of a seat; `model` makes something of the rounds, where an arm wants that."""
    parts = _parts()
    if recall.stores:
        parts = {**parts, "stores": recall.stores}
    if recall.asks_model:
        parts = {**parts, "extraction": ExtractionConfig(model=model, background=False)}
    return MemoryConfig(policies=recall.policies, consolidation=recall.consolidation, **parts)


def _match(suite: Suite, job: Job) -> tuple[Row, list[Event]]:
    game = job.cell.game.seeded(job.seed)
    clock = SimulatedClock()
    config = memory_config(job.arm.recall, _model(job.player))
    seats: list[Seat] = []
    models: dict[int, ModelSeat] = {}
    for place, who in enumerate((job.player, job.opponent)):
        if place == 1 and who != SELF:
            seats.append(ScriptedSeat(player=scripted(game.name, who)))
            continue
        models[place] = ModelSeat(
            model=_model(job.player),
            memory=AgentMemory(replace(config, namespace=("bench", f"seat-{place}")), clock=clock),
            clock=clock,
            recall=job.arm.recall,
            system=game.rules(),
            style=suite.options.form,
            sampler_seed=suite.options.sampler_seed,
        )
        seats.append(models[place])
    match = Match(
        game=game, seats=(seats[0], seats[1]), seed=job.seed, clock=clock, step=suite.memory.round
    )
    try:
        played = match.play()
    finally:
        for seat in models.values():
            seat.memory.close()
    head = {"type": "run", "run": job.id, "system": game.rules(), "order": game.order}
    events = [head, *({**event, "run": job.id} for event in match.events)]
    return _row(job, played, models), events


def _row(job: Job, played: Played, models: dict[int, ModelSeat]) -> Row:
    """The figures of one run."""
    seats = list(models.values())
    decisions = sum(seat.decisions for seat in seats)
    words = [sum(seat.words[side] for seat in seats) for side in (0, 1)]
    harms = sum(seat.harms for seat in seats)
    figures = job.cell.game.figures(played.valid, played.choices, sorted(models))
    return {
        "game": job.cell.label,
        "player": job.player,
        "opponent": job.opponent,
        "arm": job.arm.name,
        "window": job.arm.window,
        "seed": job.seed,
        "rounds": len(played.rounds),
        **figures,
        "trembles": sum(len(r.trembled) for r in played.rounds),
        "flr": words[0] / sum(words) if sum(words) else None,
        # Mean number of decisions at which a harm stays in the prompt; cut off by the end.
        "grudge_lifetime": sum(s.harms_shown for s in seats) / harms if harms else None,
        "tokens_in": sum(s.spent["in"] for s in seats) / decisions,
        "tokens_out": sum(s.spent["out"] for s in seats) / decisions,
        "memory_tokens": sum(s.spent["memory"] for s in seats) / decisions,
        "invalid_rate": 1 - len(played.valid) / len(played.rounds),
    }
