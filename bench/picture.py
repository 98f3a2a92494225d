"""Drawings of results as SVG files of their own, in the style of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentmem.bench.report.drawing import ALT, INK, MUTED, PAGE, SERIES, WIDTH, Drawing

# The colours of the report's page, light and dark.
STYLE = (
    "<style>:root{--page:#fbfbf9;--ink:#1d1f21;--muted:#5d6468;--grid:#dcdfe0;"
    "--series:#1f5fbf;--alt:#c2410c}@media(prefers-color-scheme:dark){:root{--page:#15171a;"
    "--ink:#e7e9ea;--muted:#a3abb0;--grid:#363b40;--series:#6ea8ff;--alt:#ff9a5c}}"
    "text{font-family:system-ui,sans-serif}</style>"
    '<rect width="100%" height="100%" style="fill:var(--page)"/>'
)


def alone(svg: str) -> str:
    """An SVG element as a file: with its namespaces, its colours and its ground."""
    spaces = ' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head, _, rest = svg.partition(">")
    return f"{head.replace('<svg', '<svg' + spaces, 1)}>{STYLE}{rest}"


def dots(rows: Sequence[Mapping[str, Any]], key: str, title: str, note: str) -> str:
    """One figure for each policy, with the range over the runs; the best on top."""
    order = list(reversed(rows))
    with Drawing(WIDTH + 0.6, 0.9 + 0.2 * len(order), note) as drawing:
        axes = drawing.axes
        for place, row in enumerate(order):
            axes.plot([row["least"], row["most"]], [place] * 2, color=SERIES, linewidth=1.4)
            axes.plot(
                [row[key]], [place], "o", color=SERIES, markersize=5, markeredgecolor=PAGE, zorder=3
            )
        axes.set_yticks(range(len(order)), [row["policy"].strip("*") for row in order])
        axes.set_ylim(-0.7, len(order) - 0.3)
        axes.set_xlim(0.0, 1.02)
        axes.grid(axis="x", linewidth=0.7)
        axes.set_title(title)
        return alone(drawing.svg(f"{title}, by policy"))


def curves(
    at: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    marked: Mapping[str, str],
    title: str,
    words: tuple[str, str],
    note: str,
) -> str:
    """Lines over shares: those in `marked` have a name and a colour, the others none."""
    colours = {"series": SERIES, "alt": ALT, "ink": INK, "muted": MUTED}
    with Drawing(WIDTH + 1.2, 3.6, note) as drawing:
        axes = drawing.axes
        for name, values in lines.items():
            if name not in marked:
                axes.plot(at, values, color=MUTED, linewidth=0.7, alpha=0.55)
        for name, colour in marked.items():
            ink = colours[colour.removesuffix("--")]
            dash = "--" if colour.endswith("--") else "-"
            axes.plot(at, lines[name], dash, color=ink, linewidth=2.0, zorder=3, label=name)
        others = len(lines) - len(marked)
        if others:
            axes.plot([], [], color=MUTED, linewidth=0.7, label=f"{others} other policies")
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.02)
        axes.set_xlabel(words[0])
        axes.set_ylabel(words[1])
        axes.set_title(title)
        axes.grid(linewidth=0.7)
        axes.legend(loc="lower right", fontsize=8)
        return alone(drawing.svg(f"{title}: {words[1]} against {words[0]}"))
