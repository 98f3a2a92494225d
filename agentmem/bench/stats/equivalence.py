"""Whether a difference is small enough not to matter: two one-sided tests."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, cos, pi, sin, sqrt
from typing import Any

import numpy as np

from agentmem.bench.stats.bootstrap import bca
from agentmem.errors import InputError

MARGIN = 0.03  # 3 percentage points
ALPHA = 0.05  # of each of the two tests
RESOLUTION = 2.0**-52  # smaller tails cannot be told from 0


def t_tail(t: float, df: int) -> float:
    """P(T > t) of Student's t with `df` >= 1 degrees of freedom, to about 1e-15.

    The finite series for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    """
    angle = atan2(t, sqrt(df))
    odd = df % 2 == 1
    term = cos(angle) if odd else 1.0
    total = 0.0
    for k in range(df % 2, df - 1, 2):
        total += term
        term *= cos(angle) ** 2 * (k + 1) / (k + 2)
    inside = (angle + sin(angle) * total) * 2 / pi if odd else sin(angle) * total
    return (1 - inside) / 2


def tost(
    gaps: Sequence[float], margin: float = MARGIN, alpha: float = ALPHA
) -> dict[str, Any] | None:
    """Equivalence of paired runs: is the mean difference within +-margin?  None below 2 pairs.

    Two one-sided paired t tests, against mean <= -margin and mean >= +margin (Schuirmann 1987).
    `p` is the larger of both, `equivalent` whether it is below alpha, and `verdict` is
    `no harm` (equivalent), `harm` (below -margin, one-sided t at alpha) or `undecided`.
    `interval` is the BCa interval at level 1 - 2 alpha, beside it.  Without any spread t says
    nothing; 2^-n, the exact one-sided sign-flip p of differences all on one side, stands in.
    InputError for a margin that is not above 0 or an alpha outside (0, 0.5).
    """
    if not margin > 0 or not 0 < alpha < 0.5:
        raise InputError(f"margin = {margin!r}, alpha = {alpha!r}: give > 0, and > 0 and < 0.5")
    if len(gaps) < 2:
        return None
    mean = float(np.mean(gaps))
    above, below = _above(gaps, -margin), _above([-gap for gap in gaps], -margin)
    p = max(above, below)
    harmful = _above([-gap for gap in gaps], margin) < alpha
    return {
        "margin": margin,
        "alpha": alpha,
        "mean": mean,
        "n": len(gaps),
        "p": p,
        "interval": bca(gaps, 1 - 2 * alpha),
        "equivalent": p < alpha,
        "verdict": "no harm" if p < alpha else "harm" if harmful else "undecided",
    }


def _above(gaps: Sequence[float], bound: float) -> float:
    """One-sided p of mean(gaps) <= bound."""
    n = len(gaps)
    error = float(np.std(gaps, ddof=1)) / sqrt(n)
    excess = float(np.mean(gaps)) - bound
    if error < 1e-12:  # all the same, up to rounding
        return 2.0**-n if excess > 0 else 1.0
    return max(t_tail(excess / error, n - 1), RESOLUTION)
