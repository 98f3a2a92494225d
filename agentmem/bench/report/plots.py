"""The plots of a report: what windows do, what policies do, and what that makes them open to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from math import cos, pi, sin
from textwrap import fill
from typing import Any

from agentmem.bench.report.drawing import (
    ALT,
    GRID,
    INK,
    MUTED,
    PAGE,
    SERIES,
    WIDTH,
    Drawing,
)

Line = Mapping[str, Any]
Box = tuple[float, float, float, float]  # left, bottom, right, top, in points
TWO_MODES = "hollow: two modes, the mean describes no run"


def window_curve(lines: Sequence[Line], title: str, words: str, label: str) -> str:
    """The headline figure against the number of rounds shown; a dot for each run."""
    lines = [x for x in lines if x["window"] is not None and x["mean"] is not None]
    lines = sorted(lines, key=lambda x: x["window"])
    with Drawing(WIDTH, 3.0, label) as drawing:
        axes = drawing.axes
        places = range(len(lines))
        axes.plot(places, [line["mean"] for line in lines], color=SERIES, linewidth=2, zorder=2)
        for place, line in zip(places, lines, strict=True):
            low, high = line["interval"] or (line["mean"], line["mean"])
            axes.plot([place, place], [low, high], color=SERIES, linewidth=1.3, zorder=2)
            _mean(axes, place, line["mean"], SERIES, "o", hollow=line["bimodal"])
            _runs(axes, _beside(place, len(line["values"]), len(lines)), line["values"])
        axes.set_xticks(places, [str(line["window"]) for line in lines])
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("window: most rounds of memory shown")
        axes.set_ylabel(words)
        axes.grid(axis="y", linewidth=0.7)
        drawing.title(title)
        if any(line["bimodal"] for line in lines):
            _two_modes(axes)
            drawing.legend()
        return drawing.svg(f"{words} against window length: {title}")


def policy_dots(lines: Sequence[Line], title: str, words: Mapping[str, str], label: str) -> str:
    """Each arm's headline figure, and beside it how far the arm lets itself be exploited.

    Upright lines stand at the means of the short window and of the longest one.
    """
    rows = [line for line in reversed(lines) if line["mean"] is not None]
    both = any(line["exploited"] is not None for line in rows)
    with Drawing(WIDTH, 1.75 + 0.3 * len(rows), label) as drawing:
        axes = drawing.axes
        for place, line in enumerate(rows):
            lane = place + (0.16 if both else 0.0)
            _whisker(axes, lane, line["mean"], line["interval"], SERIES, "o", line["bimodal"])
            _runs(axes, line["values"], [lane] * len(line["values"]))
            _whisker(axes, place - 0.16, line["exploited"], line["exploited_interval"], ALT, "D")
        axes.plot([], [], "o", color=SERIES, markersize=5, label=words["headline_words"])
        if both:
            said = fill(words["exploited_words"], 42)
            axes.plot([], [], "D", color=ALT, markersize=4.5, label=said)
        for arm, dash in _references(lines).items():
            height = next(line["mean"] for line in lines if line["arm"] == arm)
            axes.axvline(height, color=INK, linewidth=0.9, linestyle=dash, zorder=1, label=arm)
        if any(line["bimodal"] for line in rows):
            _two_modes(axes)
        _lanes(axes, [line["arm"] for line in rows])
        drawing.title(title)
        drawing.legend()
        return drawing.svg(f"{words['headline_words']} by policy: {title}")


def seat_dots(parts: Sequence[Line], title: str, words: str, label: str) -> str:
    """The headline figure seat by seat, of arms whose seats remember in different ways."""
    lanes: list[tuple[str, Line | None]] = []
    for part in parts:
        if (part["arm"], None) not in lanes:
            lanes.append((part["arm"], None))
        lanes.append((f"{part['seat']}: {part['memory']}", part))
    lanes.reverse()
    with Drawing(WIDTH, 1.1 + 0.26 * len(lanes), label) as drawing:
        for place, (_, one) in enumerate(lanes):
            if one is not None:
                _whisker(drawing.axes, place, one["mean"], one["interval"], SERIES, "o")
                _runs(drawing.axes, one["values"], [place] * len(one["values"]))
        _lanes(drawing.axes, [name for name, _ in lanes])
        for (_, one), text in zip(lanes, drawing.axes.get_yticklabels(), strict=True):
            text.set_fontweight("normal" if one else "bold")
        drawing.title(title)
        drawing.axes.set_xlabel(words)
        return drawing.svg(f"{words} seat by seat: {title}")


def front(lines: Sequence[Line]) -> list[Line]:
    """The arms that no other matches in one figure and beats in the other: cooperation, which is
    good, and exploitability, which is not; least exploitable first.
    """
    known = [x for x in lines if x["mean"] is not None and x["exploited"] is not None]
    best = [
        line
        for line in known
        if not any(
            other["mean"] >= line["mean"]
            and other["exploited"] <= line["exploited"]
            and (other["mean"], other["exploited"]) != (line["mean"], line["exploited"])
            for other in known
        )
    ]
    return sorted(best, key=lambda line: (line["exploited"], line["mean"]))


def tradeoff(lines: Sequence[Line], title: str, words: Mapping[str, str], label: str) -> str:
    """Cooperation against exploitability, a dot for each arm, its area by tokens of memory."""
    shown = [x for x in lines if x["mean"] is not None and x["exploited"] is not None]
    best = front(shown)
    most = max((x["memory_tokens"] or 0 for x in shown), default=0) or 1
    with Drawing(WIDTH, 4.3, label) as drawing:
        axes = drawing.axes
        axes.set_xlim(*_range([x["exploited"] for x in shown]))
        axes.set_ylim(*_range([x["mean"] for x in shown]))
        axes.step(
            [x["exploited"] for x in best],
            [x["mean"] for x in best],
            where="post",
            color=SERIES,
            linewidth=1.2,
            linestyle="--",
            label="Pareto front",
        )
        for line in shown:
            face = SERIES if line in best else MUTED
            area = 14 + 90 * (line["memory_tokens"] or 0) / most
            at = ([line["exploited"]], [line["mean"]])
            axes.scatter(*at, s=area, color=face, alpha=0.8, edgecolors=PAGE, zorder=3)
        axes.scatter([], [], s=14, color=MUTED, label="no memory in the prompt")
        axes.scatter([], [], s=104, color=MUTED, label=f"{most:.0f} tokens of memory")
        _name(axes, shown, best)
        _inside(axes)
        axes.set_xlabel(fill(f"{words['exploited_words']}: less is better", 54))
        axes.set_ylabel(words["headline_words"])
        axes.grid(linewidth=0.7)
        drawing.title(title)
        drawing.legend(ncols=3, columnspacing=1.0, fontsize=7)
        return drawing.svg(f"{words['headline_words']} against exploitability: {title}")


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Limits around shares, at least a fifth apart, with room for names."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max(0.14 * (high - low), (0.2 - (high - low)) / 2, 0.02)
    return max(low - room, -0.05), min(high + room, 1.05)


def _inside(axes: Any) -> None:
    """Ticks only where a share can lie."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        ticks = axis.get_major_locator().tick_values(low, high)
        axis.set_ticks([tick for tick in ticks if max(low, -1e-9) <= tick <= min(high, 1 + 1e-9)])


def _name(axes: Any, lines: Sequence[Line], best: Sequence[Line]) -> None:
    """Put each arm's name where it hides no dot, no name and not the front, if there is room."""
    wide, high = WIDTH * 72 - 52, 4.3 * 72 - 92  # the axes, about, in points
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()

    def at(line: Line) -> tuple[float, float]:
        across, up = (line["exploited"] - x0) / (x1 - x0), (line["mean"] - y0) / (y1 - y0)
        return across * wide, up * high

    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in map(at, lines)]
    for (x, y), (right, top) in pairwise(map(at, best)):
        taken += [(x, y - 1, right, y + 1), (right - 1, y, right + 1, top)]
    for line in lines:
        x, y = at(line)
        size = (3.7 * len(line["arm"]), 8.0)
        places = [_place(x, y, r, turn, size) for r, turn in product((7, 15, 25, 38, 52), range(8))]
        box = min(places, key=lambda one: _hidden(one, taken, (0.0, 0.0, wide, high)))
        taken.append(box)
        side, edge = ("left", box[0]) if box[0] > x else ("right", box[2])
        if box[0] <= x <= box[2]:
            side, edge = "center", (box[0] + box[2]) / 2
        axes.annotate(
            line["arm"],
            (line["exploited"], line["mean"]),
            (edge - x, (box[1] + box[3]) / 2 - y),
            textcoords="offset points",
            fontsize=7,
            ha=side,
            va="center",
            zorder=4,
            arrowprops={"arrowstyle": "-", "color": GRID, "shrinkA": 0, "shrinkB": 3},
        )


def _place(x: float, y: float, radius: float, turn: int, size: tuple[float, float]) -> Box:
    """A box for a name beside a point, in one of 8 directions."""
    across, up = cos(turn * pi / 4), sin(turn * pi / 4)
    shift = 0.0 if across > 0.1 else size[0] if across < -0.1 else size[0] / 2
    left, middle = x + radius * across - shift, y + radius * up
    return left, middle - size[1] / 2, left + size[0], middle + size[1] / 2


def _hidden(box: Box, taken: Sequence[Box], frame: Box) -> float:
    """How much of other boxes a box hides, in square points; outside of the frame counts more."""
    over = sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in taken
    )
    outside = max(0.0, frame[0] - box[0]) + max(0.0, box[2] - frame[2])
    outside += max(0.0, frame[1] - box[1]) + max(0.0, box[3] - frame[3])
    return over + 20 * outside


def _references(lines: Sequence[Line]) -> dict[str, str]:
    """The short window and the longest one among the arms, with the dash of their lines."""
    gaps = [gap for line in lines for gap in line["against"].values() if gap]
    found = {gap["arm"]: ":" if gap.get("role") == "short" else "--" for gap in gaps}
    return {line["arm"]: found[line["arm"]] for line in lines if line["arm"] in found}


def _lanes(axes: Any, names: Sequence[str]) -> None:
    """A lane of its own for each name, on shares from 0 to 1."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(-0.03, 1.03)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.7)


def _whisker(
    axes: Any,
    lane: float,
    mean: float | None,
    interval: Any,
    colour: str,
    marker: str,
    hollow: bool = False,
) -> None:
    if mean is None:
        return
    low, high = interval or (mean, mean)
    axes.plot([low, high], [lane, lane], color=colour, linewidth=1.6, zorder=2)
    axes.plot([mean], [lane], marker, color=colour, **_look(colour, marker, hollow))


def _mean(axes: Any, x: float, y: float, colour: str, marker: str, *, hollow: bool) -> None:
    axes.plot([x], [y], marker, color=colour, **_look(colour, marker, hollow))


def _look(colour: str, marker: str, hollow: bool) -> dict[str, Any]:
    """A mark for a mean; hollow where the mean hides two modes."""
    return {
        "markersize": 5.5 if marker == "o" else 4.5,
        "markerfacecolor": PAGE if hollow else colour,
        "markeredgecolor": colour if hollow else PAGE,
        "markeredgewidth": 1.3 if hollow else 0.8,
        "zorder": 3,
    }


def _two_modes(axes: Any) -> None:
    axes.plot([], [], "o", color=SERIES, label=TWO_MODES, **_look(SERIES, "o", True))


def _runs(axes: Any, x: Sequence[float], y: Sequence[float]) -> None:
    axes.scatter(x, y, s=11, color=MUTED, alpha=0.6, linewidths=0)


def _beside(place: int, count: int, places: int) -> list[float]:
    """Positions to the right of a place, that keep equal runs apart."""
    unit = max(1, places - 1) / 6
    return [place + unit * (0.13 + 0.02 * (i % 5)) for i in range(count)]
