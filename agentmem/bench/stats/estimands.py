"""What is estimated: the slope of the memory curse, the area under its curve, how far it is undone.

Cooperation stands for a game's headline figure, a share in [0, 1].  Arguments are by seed: common
random numbers pair the runs of two arms under one seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log2
from typing import Any

import numpy as np

from agentmem.bench.stats.bootstrap import bca, bca_ratio, differences
from agentmem.bench.stats.permutation import sign_flip

BySeed = Mapping[int, float]

LEAST = 0.05  # a smaller slope leaves nothing to be rescued from
LOW, HIGH = 0.2, 0.8  # a run below or above counts for one of two modes
MODE = 0.1  # least share of runs in each mode


def bimodal(values: Sequence[float]) -> bool:
    """Whether the mean hides two modes: runs near 0 and runs near 1."""
    if not values:
        return False
    low = sum(v < LOW for v in values) / len(values)
    high = sum(v > HIGH for v in values) / len(values)
    return low >= MODE and high >= MODE


def cliffs_delta(mine: Sequence[float], other: Sequence[float]) -> float | None:
    """P(mine > other) - P(mine < other) of runs drawn from each, in [-1, 1] (Cliff 1993).

    It ignores the pairing, and unlike differences of transformed shares does not explode at a
    ceiling.  None if either is empty.
    """
    if not mine or not other:
        return None
    return float(np.sign(np.subtract.outer(np.asarray(mine), np.asarray(other))).mean())


def paired(mine: BySeed, other: BySeed) -> dict[str, Any] | None:
    """Mean difference over the seeds that both have, its interval and p; None without any.

    `pp` is the mean in percentage points, `sd` that of the differences (None of one pair), `p` by
    flips of signs, `delta` Cliff's over the same runs.
    """
    gaps = differences(mine, other)
    if not gaps:
        return None
    seeds = mine.keys() & other.keys()
    mean = float(np.mean(gaps))
    return {
        "mean": mean,
        "pp": 100 * mean,
        "interval": bca(gaps),
        "n": len(gaps),
        "sd": float(np.std(gaps, ddof=1)) if len(gaps) > 1 else None,
        "p": sign_flip(gaps),
        "delta": cliffs_delta([mine[s] for s in seeds], [other[s] for s in seeds]),
    }


def curse_slope(short: BySeed, full: BySeed) -> dict[str, Any] | None:
    """Cooperation under the short window minus that under the longest, as `paired` gives it."""
    return paired(short, full)


def area(curve: Mapping[int, float]) -> float | None:
    """Mean height of cooperation over log2(1 + window): the area under the curve by trapezoids,
    over the range of the axis, so that it lies in [0, 1].  None for fewer than 2 windows.
    """
    points = [(log2(1 + window), height) for window, height in sorted(curve.items())]
    if len(points) < 2:
        return None
    under = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return under / (points[-1][0] - points[0][0])


def areas(curves: Mapping[int, BySeed]) -> dict[str, Any] | None:
    """`area` under each seed that all windows have: mean, interval, n; None without any."""
    seeds = sorted(set.intersection(*(set(curve) for curve in curves.values()))) if curves else []
    found = [area({window: curve[seed] for window, curve in curves.items()}) for seed in seeds]
    values = [value for value in found if value is not None]
    if not values:
        return None
    return {"mean": float(np.mean(values)), "interval": bca(values), "n": len(values)}


def rescue(policy: BySeed, short: BySeed, full: BySeed) -> dict[str, Any]:
    """How much of what the longest window cost a policy wins back: 0 nothing, 1 all of it.

    (policy - full) / (short - full), of means over the seeds that all three have, with a bootstrap
    interval.  `value` is None, with a `reason`, where no seed is common or the denominator is
    below .05; `interval` alone, with a `reason`, where it is without bound.
    """
    seeds = sorted(policy.keys() & short.keys() & full.keys())
    won = [policy[seed] - full[seed] for seed in seeds]
    lost = [short[seed] - full[seed] for seed in seeds]
    found: dict[str, Any] = {"value": None, "interval": None, "n": len(seeds), "reason": None}
    if not seeds:
        return found | {"reason": "no seed is common to the arm, the short and the longest window"}
    slope = float(np.mean(lost))
    if slope < LEAST:
        return found | {"reason": f"the curse slope is {slope:.3f}, below {LEAST}"}
    interval = bca_ratio(won, lost)
    unsure = "one common seed" if len(seeds) == 1 else "the curse slope cannot be told from 0"
    return found | {
        "value": float(np.mean(won)) / slope,
        "interval": interval,
        "reason": None if interval else unsure,
    }
