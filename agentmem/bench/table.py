"""The summary as a table of text."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any


def figure(value: float | None, digits: int = 2) -> str:
    """A number for a table; a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A difference, with its sign; a real minus, and none before zero."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def spread(mean: float | None, interval: Any) -> str:
    """`0.93 [0.91, 0.95]`."""
    if mean is None or interval is None:
        return figure(mean)
    return f"{mean:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def short(player: str) -> str:
    """A model's spec without the part that all simulated players share."""
    return player.removeprefix("surrogate:")


def cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    """One line of the summary as text, after game, player and opponent."""
    against = line["against"]
    gaps = [
        f"{signed(gap['mean'])} vs {name.removeprefix('window-')}"
        for name, gap in against.items()
        if gap is not None
    ]
    return (
        line["arm"],
        str(line["runs"]),
        spread(line["mean"], line["interval"]) + (" *" if line["bimodal"] else ""),
        spread(line["exploited"], line["exploited_interval"]),
        ", ".join(gaps) or "-",
        figure(line["welfare_norm"]),
        figure(line["flr"]),
        figure(line["grudge_lifetime"], 1),
        figure(line["memory_tokens"], 0),
        figure(line["invalid_rate"], 3),
    )


def columns(words: Mapping[str, str]) -> tuple[str, ...]:
    """The heads of `cells` for one game."""
    return (
        "arm",
        "runs",
        f"{words['headline_words']} [95%]",
        f"{words['exploited_words']} [95%]",
        "paired difference to window",
        "welfare",
        "FLR",
        "grudge (rounds)",
        "memory tokens",
        "invalid",
    )


def table_text(result: Mapping[str, Any], width: int = 160) -> str:
    """One table per game, player and opponent, each under the label of simulated players."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=False)
    tables: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for line in result["summary"]:
        tables.setdefault((line["game"], line["player"], line["opponent"]), []).append(line)
    for (game, player, opponent), lines in tables.items():
        table = Table(
            title=f"{game}: {short(player)} against {opponent}",
            caption=result["label"] or None,
            box=box.SIMPLE,
            title_justify="left",
        )
        for place, head in enumerate(columns(result["games"][game])):
            table.add_column(head, justify="left" if place == 0 else "right")
        for line in lines:
            table.add_row(*cells(line))
        console.print(table)
    console.print("* bimodal: the mean hides runs near 0 and runs near 1.")
    text = console.file.getvalue() if isinstance(console.file, StringIO) else ""
    return "\n".join(row.rstrip() for row in text.splitlines()) + "\n"
