"""One HTML file with the plots, the tables, the runs and how they were made; it needs no network.

    report_html(result)                               plots and tables
    report_html(result, spec, events)                 with methods, and runs to step through

`report_of` makes it of a run's folder.  `picked` names the runs that are shown round by round;
their events come from the log (`logged`), or, of simulated players, by playing them again
(`replayed`).
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from agentmem.bench.files import read_object
from agentmem.bench.report import methods
from agentmem.bench.report.picks import HOW, Row, chosen, logged, main, replayed
from agentmem.bench.report.plots import policy_dots, seat_dots, tradeoff, window_curve
from agentmem.bench.report.runs import embedded
from agentmem.bench.report.tables import tables
from agentmem.bench.report.words import (
    against,
    by_seat,
    curve,
    glance,
    mixed,
    on_front,
    rescued,
    seat_gap,
)
from agentmem.bench.suite import Suite, is_simulated
from agentmem.bench.table import short
from agentmem.errors import MissingExtra

Result = Mapping[str, Any]
Spec = Mapping[str, Any]
UNKNOWN: Spec = {"date": "", "versions": {}, "wall_s": None, "git": None}

__all__ = ["logged", "picked", "replayed", "report_html", "report_of"]


def report_html(
    result: Result,
    spec: Spec | None = None,
    events: Iterable[Mapping[str, Any]] = (),
    meta: Mapping[str, Any] | None = None,
) -> str:
    """The report of a result.  MissingExtra without matplotlib and jinja2.

    `spec` is what `spec.json` holds, `events` what `events.jsonl` does, of the runs that `picked`
    names at least; `meta` stands for the result's own (date, versions, seconds).
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtra("the report", "bench") from error
    runs = embedded(result, spec, events)
    script = _text("page.js")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return page.from_string(_text("page.html.jinja")).render(
        result=result,
        meta={**UNKNOWN, **result.get("meta", {}), **(meta or {})},
        glance=glances(result, spec),
        sections=[section(label, result, spec) for label in result["games"]],
        runs=runs,
        how=HOW,
        methods=methods.paragraphs(result, spec),
        games=methods.games(spec),
        arms=methods.arms(spec),
        style=_text("page.css"),
        script=script,
        digest=b64encode(sha256(script.encode()).digest()).decode(),
        data=as_script([run["data"] for run in runs]),
    )


def report_of(folder: Path, result: Result, suite: Suite | None = None) -> str:
    """The report of a run's folder, with the runs that its log holds in full.

    Of a log that leaves texts out, they are played once more if `suite` is given.
    """
    found = {name: read_object(folder / f"{name}.json") for name in ("meta", "spec")}
    ids = picked(result, found["spec"])
    texts = found["meta"].get("log", "full") == "full"
    events = (
        logged(folder / "events.jsonl", ids) if texts or suite is None else replayed(suite, ids)
    )
    return report_html(result, found["spec"], events, found["meta"])


def picked(result: Result, spec: Spec | None = None) -> list[str]:
    """The names of the runs that the report shows round by round."""
    return [pick.id for pick in chosen(result, mixed(spec))]


def as_script(data: Any) -> str:
    """JSON that no text in it can end: `<`, `>` and `&` are escaped."""
    text = json.dumps(data, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _text(name: str) -> str:
    return files("agentmem.bench.report").joinpath(name).read_text(encoding="utf-8")


def glances(result: Result, spec: Spec | None = None) -> list[str]:
    """What long windows do, and which policy makes up for it, of every game and player."""
    said = [glance(line, result) for line in result["summary"]]
    cells: dict[tuple[str, str], list[Row]] = {}
    for line in result["summary"]:
        cells.setdefault((line["game"], line["player"]), []).append(line)
    plain = [[x for x in main(lines) if x["arm"] not in mixed(spec)] for lines in cells.values()]
    said += [rescued(lines) for lines in plain]
    return [sentence for sentence in said if sentence]


def section(label: str, result: Result, spec: Spec | None) -> dict[str, Any]:
    """One game: for each player the plots, and for each opponent the tables."""
    words = result["games"][label]
    lines = [line for line in result["summary"] if line["game"] == label]
    rows = [row for row in result["rows"] if row["game"] == label]
    players = []
    for player in dict.fromkeys(line["player"] for line in lines):
        mine = [line for line in lines if line["player"] == player]
        own = [row for row in rows if row["player"] == player]
        groups: list[dict[str, Any]] = []
        for opponent in dict.fromkeys(line["opponent"] for line in mine):
            here = [line for line in mine if line["opponent"] == opponent]
            there = [row for row in own if row["opponent"] == opponent]
            mark = labelled(result, player, opponent)
            made = [{**table, "label": mark} for table in tables(here, there, words)]
            groups.append({"title": f"{short(player)}, {against(opponent)}", "tables": made})
        figures = plots(mine, own, result, spec)
        players.append({"name": short(player), "figures": figures, "groups": groups})
    return {"label": label, "words": words, "players": players}


def labelled(result: Result, *players: str) -> str:
    """The label of simulated players, if one of these is."""
    return str(result["label"]) if any(is_simulated(player) for player in players) else ""


def plots(
    lines: Sequence[Row], rows: Sequence[Row], result: Result, spec: Spec | None
) -> list[dict[str, str]]:
    """The drawings of one game and player, with what is said beneath them."""
    shown = main(lines)
    game, player, opponent = (shown[0][key] for key in ("game", "player", "opponent"))
    words, label = result["games"][game], labelled(result, player, opponent)
    title = f"{short(player)}, {game}, {against(opponent)}"
    headline = words["headline_words"]
    found = []
    if sum(line["window"] is not None and line["mean"] is not None for line in shown) > 1:
        curves = [x for x in result.get("curves", ()) if x["game"] == game]
        curves = [x for x in curves if (x["player"], x["opponent"]) == (player, opponent)]
        drawn = window_curve(shown, title, headline, label)
        said = curve(curves[0] if curves else None)
        found.append({"title": "What a longer window does", "svg": drawn, "said": said})
    drawn = policy_dots(shown, title, words, label)
    found.append({"title": "What each policy does", "svg": drawn, "said": ""})
    alike = [line for line in shown if line["arm"] not in mixed(spec)]
    if sum(line["exploited"] is not None for line in alike) > 1:
        drawn, said = tradeoff(alike, title, words, label), on_front(alike)
        found.append({"title": "What it is open to", "svg": drawn, "said": said})
    parts, gaps = _seats(shown, rows, spec)
    if parts:
        drawn = seat_dots(parts, title, headline, label)
        found.append({"title": "Who remembers what", "svg": drawn, "said": gaps})
    return found


def _seats(lines: Sequence[Row], rows: Sequence[Row], spec: Spec | None) -> tuple[list[Row], str]:
    """The seats of arms with a memory for each, and the differences between them in words."""
    parts: list[Row] = []
    said = []
    for arm, memories in mixed(spec).items():
        for line in (line for line in lines if line["arm"] == arm):
            own = [x for x in rows if (x["opponent"], x["arm"]) == (line["opponent"], arm)]
            parts += by_seat(line, own, memories)
            said.append(seat_gap(line, own, memories))
    return parts, " ".join(filter(None, said))
