"""What a run tells as it goes on: one mapping for each decision, round and result."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

Event = dict[str, Any]
Emit = Callable[[Event], None]
Level = Literal["full", "moves", "results"]  # of a log

TEXTS = frozenset(
    {"systems", "shown", "memory", "prompt", "replies", "errors", "records"}
)  # what the level `moves` leaves out: texts, and ids of records


def line(event: Event, level: Level) -> str:
    """The event as a line of a log of that level, with its end; nothing if it has no place there.

    full: everything.  moves: without texts and ids.  results: finished runs only.
    """
    if level == "results" and event["type"] != "result":
        return ""
    if level == "moves":
        event = {key: value for key, value in event.items() if key not in TEXTS}
    return json.dumps(event) + "\n"
