"""Two runs side by side: how their specifications differ, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentmem.bench.files import read_object
from agentmem.bench.stats import Row, paired
from agentmem.errors import InputError

Setting = tuple[str, str, str, str]  # game, player, opponent, arm
FIGURES = ("exploited", "welfare_norm", "invalid_rate", "tokens_in", "tokens_out", "cost")
MISSING = "(none)"


def compare(one: str | Path, other: str | Path) -> dict[str, Any]:
    """`spec`: what differs between the specifications, by key path.  `figures`: a line for each
    setting that both have, with the headline figure of both and their paired difference (other
    minus one) over the seeds in common.  `only`: settings that one of them lacks.

    Where each run has one player, and not the same, the two are set against each other.
    InputError for a folder without a result.
    """
    (first, first_spec), (second, second_spec) = (read(Path(path)) for path in (one, other))
    ours, theirs = by_setting(first), by_setting(second)
    players = [{setting[1] for setting in found} for found in (ours, theirs)]
    if all(len(some) == 1 for some in players) and players[0] != players[1]:
        label = " | ".join(next(iter(some)) for some in players)
        ours, theirs = (
            {(game, label, *rest): rows for (game, _, *rest), rows in found.items()}
            for found in (ours, theirs)
        )
    both = [setting for setting in ours if setting in theirs]
    return {
        "runs": [str(one), str(other)],
        "labels": [first["label"], second["label"]],
        "spec": differences(first_spec, second_spec),
        "figures": [line(s, ours[s], theirs[s], first["games"][s[0]]) for s in both],
        "only": [list(setting) for setting in {**ours, **theirs} if setting not in both],
    }


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result and the specification in a run's folder."""
    for name in ("result.json", "spec.json"):
        if not (folder / name).is_file():
            raise InputError(f"{str(folder)!r} is no folder of a finished run: it holds no {name}")
    return read_object(folder / "result.json", "label", "games", "rows"), read_object(
        folder / "spec.json"
    )


def by_setting(result: Mapping[str, Any]) -> dict[Any, list[Row]]:
    """The rows of each setting."""
    found: dict[Any, list[Row]] = {}
    for row in result["rows"]:
        setting = (row["game"], row["player"], row["opponent"], row["arm"])
        found.setdefault(setting, []).append(row)
    return found


def line(
    setting: Setting, ours: Sequence[Row], theirs: Sequence[Row], words: Mapping[str, str]
) -> dict[str, Any]:
    """What both runs say of a setting."""
    headline = words["headline"]
    values = [
        {row["seed"]: row[headline] for row in rows if row.get(headline) is not None}
        for rows in (ours, theirs)
    ]
    figures = {name: [mean(rows, name) for rows in (ours, theirs)] for name in FIGURES}
    return {
        **dict(zip(("game", "player", "opponent", "arm"), setting, strict=True)),
        "headline": headline,
        "means": [mean(rows, headline) for rows in (ours, theirs)],
        "difference": paired(values[1], values[0]),
        **figures,
    }


def mean(rows: Sequence[Row], name: str) -> float | None:
    """Mean of a figure over the runs that have it."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return sum(values) / len(values) if values else None


def differences(one: Any, other: Any) -> list[dict[str, Any]]:
    """What differs between two pieces of plain data: key path, and both values."""
    ours, theirs = dict(leaves(one, "")), dict(leaves(other, ""))
    return [
        {"key": key, "values": [ours.get(key, MISSING), theirs.get(key, MISSING)]}
        for key in {**ours, **theirs}
        if ours.get(key, MISSING) != theirs.get(key, MISSING)
    ]


def leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Every plain value in plain data, with its key path.  A named one is known by its name."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for place, inner in enumerate(value):
            name = inner.get("name", inner.get("label")) if isinstance(inner, Mapping) else None
            yield from leaves(inner, f"{at}[{place if name is None else name}]")
    else:
        yield at, value
