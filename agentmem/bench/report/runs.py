"""The runs that a report shows round by round, ready for its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentmem.bench.report.picks import ROLES, Pick, Row, chosen
from agentmem.bench.report.timeline import MOVES, lanes, rebuilt, timeline
from agentmem.bench.report.words import against, memory, mixed
from agentmem.bench.suite import is_model, is_simulated
from agentmem.bench.table import short


def embedded(
    result: Mapping[str, Any],
    spec: Mapping[str, Any] | None,
    events: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The chosen runs of which there are events; each with texts, drawing, table and data."""
    picks = {pick.id: pick for pick in chosen(result, mixed(spec))}
    told: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if event.get("run") in picks:
            told.setdefault(event["run"], []).append(event)
    return [_run(picks[name], told[name], result, spec) for name in picks if name in told]


def _run(
    pick: Pick,
    events: list[Mapping[str, Any]],
    result: Mapping[str, Any],
    spec: Mapping[str, Any] | None,
) -> dict[str, Any]:
    row = pick.row
    cell = next((x for x in (spec or {}).get("cells", ()) if x["label"] == row["game"]), None)
    data = timeline(events, None if cell is None else rebuilt(cell, row["seed"]))
    data["seats"] = seats(row, spec, len(data["memories"]))
    data["words"] = dict(MOVES)
    words = result["games"][row["game"]]["headline_words"]
    simulated = any(is_simulated(one) for one in (row["player"], row["opponent"]))
    return {
        "title": f"{row['game']}, {short(row['player'])}, {against(row['opponent'])}: "
        f"{row['arm']}, seed {row['seed']}",
        "why": f"Chosen as {ROLES[pick.role]}. Its {words} is {pick.value:.2f}; the median of its "
        f"cell is {pick.middle:.2f}.",
        "label": result["label"] if simulated else "",
        "lanes": lanes(data, len(data["seats"])),
        "length": len(data["rounds"]),
        "seats": data["seats"],
        "rows": [_plain(played, len(data["seats"])) for played in data["rounds"]],
        "data": data,
    }


def seats(row: Row, spec: Mapping[str, Any] | None, number: int) -> list[str]:
    """Who sits where, and how it remembers."""
    arm = next((x for x in (spec or {}).get("arms", ()) if x["name"] == row["arm"]), None)
    recalls = [memory(one) for one in arm["seats"]] if arm else [row["arm"]]
    found = []
    for seat in range(number):
        own = seat in row["seats"]
        who = short(row["player"] if own else row["opponent"])
        known = own or is_model(row["opponent"])
        recall = recalls[seat if len(recalls) > 1 else 0]
        found.append(f"{who}, {recall}" if known else f"{who}, by rule")
    return found


def _plain(played: Mapping[str, Any], number: int) -> list[str]:
    """A round as a row of a table: number, what each seat did, points, what was irregular."""
    acts = [
        [said for place, _, _, said in played["acts"] if place == seat] for seat in range(number)
    ]
    odd = [f"seat {t['seat'] + 1} asked again" for t in played["turns"] if t["status"] == "reasked"]
    odd += [f"seat {seat + 1} trembled" for seat, _, trembled, _ in played["acts"] if trembled]
    if not played["valid"]:
        odd.append("invalid")
    return [
        str(played["n"]),
        *(", then ".join(moves) for moves in acts),
        " / ".join(f"{points:g}" for points in played["pay"]),
        "; ".join(odd),
    ]
