"""The plot of freshness against recall: where each policy lies, alone and with interference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from picture import alone

from agentmem.bench.report.drawing import ALT, INK, MUTED, PAGE, SERIES, Drawing

Row = Mapping[str, Any]
X, Y = "recall@10", "fresh"
NEAR = (0.028, 0.05)  # dots nearer to each other than this share a label


def clusters(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows whose dots lie next to each other, in the order given."""
    found: list[list[Row]] = []
    for row in rows:
        for one in found:
            if abs(one[0][X] - row[X]) < NEAR[0] and abs(one[0][Y] - row[Y]) < NEAR[1]:
                one.append(row)
                break
        else:
            found.append([row])
    return found


def label(rows: Sequence[Row]) -> str:
    """The first name of a cluster, without its options' names, and how many more there are."""
    name = re.sub(r" \(\w+ ([^)]*)\)", r" \1", str(rows[0]["arm"]))
    return name + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")


def frontier(plain: Sequence[Row], newer: Sequence[Row], bound: float, note: str) -> str:
    """An SVG file: a hollow dot for each policy alone, a full one with newer before older.

    `plain` and `newer` are aligned and begin with the default configuration; `bound`: the least
    recall@10 that will do.
    """
    with Drawing(7.2, 5.2, note) as drawing:
        axes = drawing.axes
        for before, after in zip(plain, newer, strict=True):
            axes.plot([before[X], after[X]], [before[Y], after[Y]], color=MUTED, alpha=0.35, lw=0.8)
        _dots(axes, plain[1:], ALT, PAGE)
        _dots(axes, newer[1:], SERIES, SERIES)
        for cluster in clusters(newer[1:]):
            _name(axes, cluster)
        axes.plot([newer[0][X]], [newer[0][Y]], "*", color=INK, markersize=13, zorder=5)
        axes.plot(
            [], [], "o", color=ALT, markerfacecolor=PAGE, markersize=5, label="a policy alone"
        )
        axes.plot([], [], "o", color=SERIES, markersize=5, label="the same, and newer before older")
        axes.plot([], [], "*", color=INK, markersize=11, linestyle="", label="the default")
        axes.axvline(bound, color=MUTED, linewidth=0.8, linestyle=":")
        axes.axhline(0.9, color=MUTED, linewidth=0.8, linestyle=":")
        axes.set_xlim(-0.03, 0.83)
        axes.set_ylim(0.1, 1.04)
        axes.set_xlabel("LoCoMo: evidence among the first 10 (recall@10)")
        axes.set_ylabel("MemoryCode: fresh before stale")
        axes.set_title("Freshness against recall")
        axes.grid(linewidth=0.7)
        axes.legend(loc=(0.01, 0.14), fontsize=8)
        return alone(drawing.svg("Freshness against recall, by policy"))


def _dots(axes: Any, rows: Sequence[Row], colour: str, face: str) -> None:
    axes.plot(
        [row[X] for row in rows],
        [row[Y] for row in rows],
        "o",
        color=colour,
        markerfacecolor=face,
        markersize=5,
        zorder=4,
    )


def _name(axes: Any, cluster: Sequence[Row]) -> None:
    """A label beside the dots, where there is more room."""
    x, y = cluster[0][X], cluster[0][Y]
    left = x > 0.6 or 0.1 < x < 0.31
    rise = -18 if x > 0.75 else 4 if x > 0.7 else -3  # points
    axes.annotate(
        label(cluster),
        (x, y),
        xytext=(-7 if left else 7, rise),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=7.5,
        color=INK,
    )
