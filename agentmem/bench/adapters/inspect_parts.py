"""What a run is in Inspect's terms: scores, messages and events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from agentmem.bench.events import Event
from agentmem.bench.games import Game
from agentmem.bench.stats import Row
from agentmem.bench.suite import is_simulated
from agentmem.bench.surrogates import LABEL
from agentmem.core import content_id
from agentmem.errors import MissingExtra

SCORER = "agentmem"  # its name, and that of whoever tells what happened
EXPLOITED = "exploited"


def library(part: str = "") -> Any:
    """The module `inspect_ai`, or a part of it; MissingExtra where it is not installed."""
    try:
        return import_module(f"inspect_ai.{part}" if part else "inspect_ai")
    except ImportError as error:
        raise MissingExtra("a task or a log of Inspect", "inspect") from error


def setting(opponent: str, arm: str) -> str:
    """What the figures of a task are grouped by."""
    return f"{opponent}, {arm}"


def sample_id(opponent: str, arm: str, seed: int) -> str:
    """A run within its task."""
    return f"{opponent}/{arm}/{seed}"


def values(game: type[Game], row: Row) -> dict[str, float]:
    """What a run is scored by: the game's headline figure, and, under `exploited`, the figure that
    shows gullibility, of a run against the opponent that shows it.  NaN: it says nothing of that.
    """
    shows = row["opponent"] == game.exploiter
    found = {game.headline: row[game.headline], EXPLOITED: row[game.exploited] if shows else None}
    return {name: math.nan if value is None else float(value) for name, value in found.items()}


def score(game: type[Game], row: Row) -> Any:
    """The score of a run; the whole row is its metadata."""
    found = values(game, row)
    simulated = any(map(is_simulated, (row["player"], row["opponent"])))
    return library("scorer").Score(
        value=found,
        answer=f"{game.headline_words}: {found[game.headline]:.3g}",
        explanation=LABEL if simulated else None,
        metadata=row,
    )


def messages(event: Event, system: str = "") -> list[Any]:
    """A decision: what was asked, and every reply, with what was wrong with it."""
    chat = library("model")
    mark = content_id(*(str(event[name]) for name in ("run", "round", "step", "seat")))[:16]
    said: list[Any] = [chat.ChatMessageSystem(content=system, id=f"{mark}-s")] if system else []
    asked = [event["prompt"], *event["errors"]]
    for place, (ask, reply) in enumerate(zip(asked, event["replies"], strict=False)):
        said.append(chat.ChatMessageUser(content=ask, id=f"{mark}-u{place}"))
        said.append(
            chat.ChatMessageAssistant(content=reply, source="generate", id=f"{mark}-a{place}")
        )
    return said


def conversation(events: Sequence[Event], seat: int, system: str) -> list[Any]:
    """All that one seat was asked and said in a run, one decision after another."""
    own = [event for event in events if event["type"] == "decision" and event["seat"] == seat]
    return [
        message
        for place, event in enumerate(own)
        for message in messages(event, "" if place else system)
    ]


def happened(event: Event) -> dict[str, Any]:
    """What is told of a round."""
    return {name: value for name, value in event.items() if name not in ("type", "run")}


@dataclass(kw_only=True)
class Telling:
    """The events of a run, one after another from `begun` on.

    `systems` are the system messages of the seats; "" where a seat has none.
    """

    begun: datetime
    row: Row
    systems: Sequence[str]
    elapsed: float = 0.0  # seconds of waiting for answers
    usage: dict[str, Any] = field(default_factory=dict)  # by model
    _told: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> datetime:
        return self.begun + timedelta(seconds=self.elapsed)

    def event(self, event: Event) -> Any:
        """A decision as the call of a model, a round as information."""
        made = self._decision if event["type"] == "decision" else self._round
        return made(event)

    def _common(self, event: Event) -> dict[str, Any]:
        self._told["events"] += 1
        mark = content_id(event["run"], str(self._told["events"]))
        return {"uuid": mark[:22], "timestamp": self.now, "working_start": self.elapsed}

    def _round(self, event: Event) -> Any:
        return library("event").InfoEvent(
            source=SCORER, data=happened(event), **self._common(event)
        )

    def _decision(self, event: Event) -> Any:
        chat = library("model")
        own = event["seat"] in self.row["seats"]
        model = self.row["player"] if own else self.row["opponent"]
        *asked, reply = messages(event, self.systems[event["seat"]])
        usage = chat.ModelUsage(
            input_tokens=event["tokens_in"] - event["tokens_cached"],
            input_tokens_cache_read=event["tokens_cached"],
            output_tokens=event["tokens_out"],
            total_tokens=event["tokens_in"] + event["tokens_out"],
            total_cost=event["cost"],
        )
        self.usage[model] = self.usage[model] + usage if model in self.usage else usage
        common = self._common(event)
        self.elapsed += event["latency_s"]
        names = ("round", "step", "seat", "status", "move", "shown", "memory_hash")
        return library("event").ModelEvent(
            model=model,
            input=asked,
            tools=[],
            tool_choice="none",
            config=chat.GenerateConfig(),
            output=chat.ModelOutput(
                model=model,
                choices=[chat.ChatCompletionChoice(message=reply, stop_reason="stop")],
                usage=usage,
                time=event["latency_s"],
            ),
            completed=self.now,
            working_time=event["latency_s"],
            metadata={name: event[name] for name in names},
            **common,
        )
