"""The plots of a report, as SVG text that takes its colours from the page.

Colours are drawn as stand-ins and then replaced by CSS variables, so that one drawing serves light
and dark pages.  The text stays text.  Nothing in the SVG points outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from agentmem.errors import MissingExtra

Line = Mapping[str, Any]

WIDTH = 4.4  # inches; 72 px each: narrow enough for a phone
STAND_INS = {
    "#000101": "var(--ink)",
    "#000202": "var(--muted)",
    "#000303": "var(--grid)",
    "#000404": "var(--series)",
    "#000505": "var(--alt)",
    "#000606": "var(--page)",
}
INK, MUTED, GRID, SERIES, ALT, PAGE = STAND_INS
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "agentmem",
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


def window_curve(lines: Sequence[Line], title: str, words: str, label: str) -> str:
    """The headline figure against the number of rounds shown; a dot for each run."""
    lines = sorted((x for x in lines if x["window"] is not None), key=lambda x: x["window"])
    with Drawing(WIDTH, 2.9, label) as drawing:
        axes = drawing.axes
        places = range(len(lines))
        means = [line["mean"] for line in lines]
        axes.plot(places, means, color=SERIES, linewidth=2, marker="o", markersize=4.5, zorder=3)
        for place, line in zip(places, lines, strict=True):
            low, high = line["interval"] or (line["mean"], line["mean"])
            axes.plot([place, place], [low, high], color=SERIES, linewidth=1.3, zorder=2)
            spots = [place + shift for shift in _jitter(len(line["values"]))]
            axes.scatter(spots, line["values"], s=11, color=MUTED, alpha=0.6, linewidths=0)
        axes.set_xticks(places, [str(line["window"]) for line in lines])
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("window: most rounds of memory shown")
        axes.set_ylabel(words)
        axes.set_title(title)
        axes.grid(axis="y", linewidth=0.7)
        return drawing.svg(f"{words} against window length: {title}")


def policy_dots(lines: Sequence[Line], title: str, words: Mapping[str, str], label: str) -> str:
    """Each arm's headline figure, and beside it how far the arm lets itself be exploited."""
    rows = list(reversed(lines))
    both = any(line["exploited"] is not None for line in rows)
    with Drawing(WIDTH, 1.35 + 0.3 * len(rows), label) as drawing:
        axes = drawing.axes
        for place, line in enumerate(rows):
            lane = place + (0.16 if both else 0.0)
            _whisker(axes, lane, line["mean"], line["interval"], SERIES, "o")
            axes.scatter(
                line["values"],
                [lane] * len(line["values"]),
                s=11,
                color=MUTED,
                alpha=0.6,
                linewidths=0,
            )
            _whisker(axes, place - 0.16, line["exploited"], line["exploited_interval"], ALT, "D")
        axes.plot([], [], "o", color=SERIES, markersize=5, label=words["headline_words"])
        if both:
            axes.plot([], [], "D", color=ALT, markersize=4.5, label=words["exploited_words"])
        axes.set_yticks(range(len(rows)), [line["arm"] for line in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlim(-0.03, 1.03)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", linewidth=0.7)
        axes.set_title(title, pad=32 if both else 20)
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            borderaxespad=0.1,
            fontsize=8,
            handletextpad=0.2,
            labelspacing=0.2,
        )
        return drawing.svg(f"{words['headline_words']} by policy: {title}")


def _whisker(
    axes: Any, lane: float, mean: float | None, interval: Any, colour: str, marker: str
) -> None:
    if mean is None:
        return
    low, high = interval or (mean, mean)
    axes.plot([low, high], [lane, lane], color=colour, linewidth=1.6, zorder=2)
    axes.plot(
        [mean],
        [lane],
        marker,
        color=colour,
        markersize=5.5 if marker == "o" else 4.5,
        markeredgecolor=PAGE,
        markeredgewidth=0.8,
        zorder=3,
    )


def _jitter(count: int) -> list[float]:
    """Sideways shifts that keep equal runs apart."""
    return [0.13 + 0.02 * (i % 5) for i in range(count)]


class Drawing:
    """A figure, its axes, and what turns it into SVG text.  MissingExtra without matplotlib."""

    def __init__(self, width: float, height: float, label: str) -> None:
        self.size = (width, height)
        self.label = label

    def __enter__(self) -> Drawing:
        try:
            import matplotlib as mpl
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtra("the plots of a report", "bench") from error
        self.context = mpl.rc_context(SETTINGS)
        self.context.__enter__()
        self.figure = Figure(figsize=self.size, layout="constrained")
        self.figure.patch.set_alpha(0.0)
        if self.label:
            self.figure.supxlabel(self.label, x=0.01, ha="left", fontsize=7, color=MUTED)
        axes = self.figure.add_subplot()
        axes.patch.set_alpha(0.0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
        axes.set_axisbelow(True)
        self.axes: Any = axes
        return self

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(None, None, None)

    def svg(self, description: str) -> str:
        text = StringIO()
        self.figure.savefig(text, format="svg", metadata={"Date": None})
        return inline(text.getvalue(), description)


def inline(svg: str, description: str) -> str:
    """An SVG file's text as an element of a page: no prolog, no outside names, own ids."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"\s+xmlns(?::\w+)?=\"[^\"]*\"", "", body)
    mark = "p" + re.sub(r"\W+", "-", description.lower()).strip("-")
    body = re.sub(r'\bid="', f'id="{mark}-', body)
    body = re.sub(r'((?:xlink:)?href=")#', rf"\1#{mark}-", body)
    body = body.replace("url(#", f"url(#{mark}-")
    for colour, variable in STAND_INS.items():
        body = body.replace(colour, variable)
    name = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return body.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
