"""Which runs a report shows round by round, and where their events come from."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from agentmem.bench.events import Event
from agentmem.bench.once import play
from agentmem.bench.suite import SELF, Suite, is_model, is_simulated
from agentmem.bench.voices import Direct, Voice
from agentmem.models import resolve
from agentmem.steps import run

Row = Mapping[str, Any]

MOST = 12  # runs shown round by round
ROLES = {
    "full": "the longest window",
    "best": "the policy, no plain window, whose mean lies highest above its exploitability",
    "mixed": "the first arm whose seats remember in different ways",
    "short": "the window of 2 rounds",
    "none": "no memory",
}
HOW = (
    "Of each game and player the run nearest to the median of its cell is shown (the lower seed "
    f"of two equally near), for {', '.join(ROLES.values())}; in this order, a run of each cell "
    f"before a second one of any, {MOST} at most."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A run that is shown, and why."""

    row: Row
    role: str  # a key of ROLES
    middle: float  # median of the headline figure in its cell
    value: float  # the run's own

    @property
    def id(self) -> str:
        return run_id(self.row)


def run_id(row: Row) -> str:
    """The name of a row's run in the log, as `Job.id` gives it."""
    parts = (row["game"], row["player"], row["opponent"], row["arm"], str(row["seed"]))
    return "/".join(parts)


def chosen(result: Mapping[str, Any], mixed: Collection[str] = (), most: int = MOST) -> list[Pick]:
    """At most `most` runs of a result; `mixed` names the arms with a memory for each seat."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for line in result["summary"]:
        cells.setdefault((line["game"], line["player"]), []).append(line)
    found = [
        pick
        for role in ROLES
        for lines in cells.values()
        if (pick := _pick(result, main(lines), role, mixed)) is not None
    ]
    return found[:most]


def main(lines: Sequence[Row]) -> list[Row]:
    """The lines of self-play, or else those against the first opponent."""
    opponents = [line["opponent"] for line in lines]
    against = SELF if SELF in opponents else opponents[0]
    return [line for line in lines if line["opponent"] == against]


def _pick(
    result: Mapping[str, Any], lines: Sequence[Row], role: str, mixed: Collection[str]
) -> Pick | None:
    arm = _arm(lines, role, mixed)
    if arm is None:
        return None
    of = next(line for line in lines if line["arm"] == arm)
    name = of["headline"]
    alike = ("game", "player", "opponent", "arm")
    rows = [row for row in result["rows"] if all(row[key] == of[key] for key in alike)]
    rows = [row for row in rows if row.get(name) is not None]
    if not rows:
        return None
    middle = median(row[name] for row in rows)
    row = min(rows, key=lambda row: (abs(row[name] - middle), row["seed"]))
    return Pick(row=row, role=role, middle=middle, value=row[name])


def _arm(lines: Sequence[Row], role: str, mixed: Collection[str]) -> str | None:
    windows = {line["window"]: line["arm"] for line in lines if line["window"] is not None}
    if role == "full":
        return windows.get(max(windows, default=0) or None)
    if role in ("short", "none"):
        plain = {"short": 2, "none": 0}[role]
        longest = role == "short" and plain == max(windows, default=0)
        return None if longest else windows.get(plain)
    if role == "mixed":
        return next((line["arm"] for line in lines if line["arm"] in mixed), None)
    found = best(line for line in lines if line["arm"] not in mixed)
    return None if found is None else str(found["arm"])


def best(lines: Iterable[Row]) -> Row | None:
    """The arm, no plain window, whose headline figure lies highest above its exploitability.

    Cooperation that is bought with gullibility counts for little here.
    """
    known = [line for line in lines if line["window"] is None and line["mean"] is not None]
    return max(known, key=lambda line: line["mean"] - (line["exploited"] or 0), default=None)


def logged(path: Path, ids: Collection[str]) -> Iterator[Event]:
    """The events of some runs in a log of one JSON object a line."""
    marks = [json.dumps(name) for name in ids]
    with path.open(encoding="utf-8") as file:
        for line in file:
            if any(mark in line for mark in marks):
                yield json.loads(line)


def replayed(suite: Suite, ids: Collection[str]) -> Iterator[Event]:
    """The events of some runs, played once more: simulated players do the same again.

    Runs in which another model takes part are left out.
    """
    for job in suite.jobs():
        models = [job.player, *(who for who in job.players if who != SELF and is_model(who))]
        if job.id in ids and all(is_simulated(name) for name in models):
            events: list[Event] = []
            run(play(suite, job, _voice, events.append))
            yield from events


@cache
def _voice(spec: str) -> Voice:
    return Direct(model=resolve(spec))
