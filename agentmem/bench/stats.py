"""Statistics over runs.  A run is one observation: rounds within a run are one cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LOW, HIGH = 0.2, 0.8  # a run below or above counts for one of two modes
MODE = 0.1  # least share of runs in each mode
REFERENCE = 2  # the short window that arms are compared with; the other is the longest

Row = dict[str, Any]
Interval = tuple[float, float]


@cache
def _draws(n: int) -> NDArray[np.int64]:
    """Bootstrap indices, shape (RESAMPLES, n); the same for every figure of n runs."""
    return np.random.default_rng(0).integers(0, n, (RESAMPLES, n))


def bca(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Bias-corrected accelerated bootstrap interval of the mean; None for fewer than 2 values.

    Efron (1987).  Ties with the observed mean count half in the bias.  Without spread, or with
    all resamples on one side, the interval is what the resamples cover.
    """
    data = np.asarray(values, dtype=float)
    n = len(data)
    if n < 2:
        return None
    means = data[_draws(n)].mean(axis=1)
    normal = NormalDist()
    centre = data.mean()
    tied = np.isclose(means, centre, rtol=1e-12, atol=1e-12)
    below = float(np.mean((means < centre) & ~tied) + np.mean(tied) / 2)
    if np.ptp(data) == 0 or not 0 < below < 1:
        return float(means.min()), float(means.max())
    bias = normal.inv_cdf(below)
    left_out = (data.sum() - data) / (n - 1)
    gap = left_out.mean() - left_out
    skew = float((gap**3).sum() / (6 * ((gap**2).sum() ** 1.5)))
    ends = []
    for z in (normal.inv_cdf((1 - level) / 2), normal.inv_cdf((1 + level) / 2)):
        shifted = bias + (bias + z) / (1 - skew * (bias + z))
        ends.append(float(np.quantile(means, normal.cdf(shifted))))
    return ends[0], ends[1]


def bimodal(values: Sequence[float]) -> bool:
    """Whether the mean hides two modes: runs near 0 and runs near 1."""
    if not values:
        return False
    low = sum(v < LOW for v in values) / len(values)
    high = sum(v > HIGH for v in values) / len(values)
    return low >= MODE and high >= MODE


def paired(mine: Mapping[int, float], other: Mapping[int, float]) -> dict[str, Any] | None:
    """Mean difference over the seeds that both have, with its interval; None without any."""
    seeds = sorted(mine.keys() & other.keys())
    if not seeds:
        return None
    gaps = [mine[seed] - other[seed] for seed in seeds]
    return {"mean": float(np.mean(gaps)), "interval": bca(gaps), "n": len(gaps)}


def average(rows: Sequence[Row], name: str) -> float | None:
    """Mean of a figure over the runs that have it."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


def by_seed(rows: Sequence[Row], name: str) -> dict[int, float]:
    return {row["seed"]: row[name] for row in rows if row.get(name) is not None}


Key = tuple[str, str, str, str]  # game label, player, opponent, arm


def groups(rows: Sequence[Row]) -> dict[Key, list[Row]]:
    """Rows of the same setting under different seeds, in the order of their first row."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault((row["game"], row["player"], row["opponent"], row["arm"]), []).append(row)
    return found


def summarise(rows: Sequence[Row], games: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """One line per (game, player, opponent, arm): what the runs of all seeds say.

    `games` gives, by label, the names of the headline figure (`headline`), of the scripted
    opponent that shows gullibility (`exploiter`) and of the figure that shows it (`exploited`).
    """
    found = groups(rows)
    return [_line(found, key, games[key[0]]) for key in found]


def _line(found: Mapping[Key, list[Row]], key: Key, words: Mapping[str, str]) -> Row:
    game, player, opponent, arm = key
    runs = found[key]
    values = by_seed(runs, words["headline"])
    abuser = (game, player, words["exploiter"], arm)
    abused = [] if key == abuser else found.get(abuser, [])
    gullible = by_seed(abused, words["exploited"])
    figures = ("welfare_norm", "reward", "flr", "grudge_lifetime", "memory_tokens", "invalid_rate")
    return {
        "game": game,
        "player": player,
        "opponent": opponent,
        "arm": arm,
        "window": runs[0]["window"],
        "headline": words["headline"],
        "runs": len(runs),
        "values": list(values.values()),
        "mean": average(runs, words["headline"]),
        "interval": bca(list(values.values())),
        "bimodal": bimodal(list(values.values())),
        "exploited": average(abused, words["exploited"]),
        "exploited_interval": bca(list(gullible.values())),
        "against": _against(found, key, values, words["headline"]),
        **{name: average(runs, name) for name in figures},
    }


def _against(
    found: Mapping[Key, list[Row]], key: Key, values: Mapping[int, float], headline: str
) -> dict[str, Any]:
    """Paired differences from the short window and from the longest, where the suite has them."""
    windows = {runs[0]["window"]: runs for k, runs in found.items() if k[:3] == key[:3]}
    lengths = [n for n in windows if n]
    mine = found[key][0]["window"]
    return {
        f"window-{n}": paired(values, by_seed(windows[n], headline))
        for n in sorted({REFERENCE, max(lengths, default=0)})
        if n in lengths and n != mine
    }
