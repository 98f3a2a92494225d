"""One HTML file with the plots, the tables and how they were made.  It needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from agentmem.bench.plots import Line, policy_dots, window_curve
from agentmem.bench.suite import SELF
from agentmem.bench.table import cells, columns, short, signed
from agentmem.errors import MissingExtra


def report_html(result: Mapping[str, Any]) -> str:
    """The report of a result.  MissingExtra without matplotlib and jinja2."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtra("the report", "bench") from error
    text = files("agentmem.bench").joinpath("report.html.jinja").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return page.from_string(text).render(
        result=result,
        glance=[said for line in result["summary"] if (said := glance(line, result))],
        sections=[section(label, result) for label in result["games"]],
        runs=len(result["rows"]),
    )


def section(label: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """One game: a curve and a policy plot for each player, and the tables."""
    words = result["games"][label]
    lines = [line for line in result["summary"] if line["game"] == label]
    curves = []
    dots = []
    tables = []
    for player in dict.fromkeys(line["player"] for line in lines):
        mine = [line for line in lines if line["player"] == player]
        opponents = list(dict.fromkeys(line["opponent"] for line in mine))
        main = SELF if SELF in opponents else opponents[0]
        shown = [line for line in mine if line["opponent"] == main]
        title = f"{short(player)}, {label}, " + ("self-play" if main == SELF else f"against {main}")
        if sum(line["window"] is not None for line in shown) > 1:
            curves.append(window_curve(shown, title, words["headline_words"], result["label"]))
        dots.append(policy_dots(shown, title, words, result["label"]))
        for opponent in opponents:
            rows = [cells(line) for line in mine if line["opponent"] == opponent]
            tables.append({"title": f"{short(player)} against {opponent}", "rows": rows})
    return {
        "label": label,
        "words": words,
        "columns": columns(words),
        "figures": curves + dots,
        "tables": tables,
    }


def glance(line: Line, result: Mapping[str, Any]) -> str:
    """A sentence on what a long window does, for the arm with the longest one; else nothing."""
    windows = [x["window"] for x in result["summary"] if x["window"] is not None]
    gap = line["against"].get("window-2")
    if line["opponent"] != SELF or gap is None or line["window"] != max(windows, default=0):
        return ""
    words = result["games"][line["game"]]["headline_words"]
    interval = gap["interval"]
    spread = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    return (
        f"{short(line['player'])}, {line['game']}, self-play: {words} {line['mean']:.2f} with a "
        f"window of {line['window']} rounds, {signed(gap['mean'])}{spread} compared with 2 rounds."
    )
