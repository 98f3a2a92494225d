"""Bootstrap intervals over runs: of a mean, of a paired difference, of a ratio of means.

All figures of n runs share the same resamples, drawn under a fixed seed: a figure has one interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from agentmem.errors import InputError

RESAMPLES = 10_000
LEVEL = 0.95
ROUNDING = 1e-9  # of figures that are shares

Interval = tuple[float, float]
Floats = NDArray[np.float64]


@lru_cache(maxsize=4)
def weights(n: int) -> Floats:
    """How much each of n runs counts in each resample: shape (RESAMPLES, n), rows add up to 1."""
    drawn = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    places = (drawn + n * np.arange(RESAMPLES)[:, None]).ravel()
    return np.bincount(places, minlength=RESAMPLES * n).reshape(RESAMPLES, n) / n


def finite(values: Sequence[float]) -> Floats:
    """The values as an array, shape (n,); InputError for one that is no finite number."""
    data = np.asarray(values, dtype=float)
    if not np.isfinite(data).all():
        raise InputError(f"{list(values)!r}: give finite numbers")
    return data


def bca(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Interval of the mean; None for fewer than 2 values; InputError for one not finite."""
    data = finite(values)
    if len(data) < 2:
        return None
    return _ends(data.mean(), _resampled(data), _left_out(data), level)


def bca_difference(
    mine: Mapping[int, float], other: Mapping[int, float], level: float = LEVEL
) -> Interval | None:
    """Interval of the mean difference over the seeds that both have; None for fewer than 2."""
    return bca(differences(mine, other), level)


def bca_ratio(
    numerators: Sequence[float], denominators: Sequence[float], level: float = LEVEL
) -> Interval | None:
    """Interval of mean(numerators) / mean(denominators), which belong together pair by pair.

    None for fewer than 2 pairs, for a denominator that is not above 0, and where the resamples
    leave an end without bound: the denominator cannot be told from 0 then (Fieller 1954).
    """
    over, under = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if len(over) < 2 or under.mean() <= 0:
        return None
    resampled = _quotient(_resampled(over), _resampled(under))
    left_out = _quotient(_left_out(over), _left_out(under))
    ends = _ends(over.mean() / under.mean(), resampled, left_out, level)
    return ends if np.isfinite(ends).all() else None


def differences(mine: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """Mine minus the other's, seed by seed, over the seeds that both have, in their order."""
    return [mine[seed] - other[seed] for seed in sorted(mine.keys() & other.keys())]


def _resampled(data: Floats) -> Floats:
    """The mean in each resample, shape (RESAMPLES,); threads of a BLAS would cost more here."""
    return np.asarray(np.einsum("ij,j->i", weights(len(data)), data))


def _quotient(over: Floats, under: Floats) -> Floats:
    """Element by element; infinite, with the sign of `over`, where `under` is not above 0.

    What rounding leaves of a sum that is 0 counts as 0.
    """
    positive = under > ROUNDING
    return np.where(positive, over / np.where(positive, under, 1), np.copysign(np.inf, over))


def _left_out(data: Floats) -> Floats:
    """The mean without each value in turn, shape (n,)."""
    return np.asarray((data.sum() - data) / (len(data) - 1))


def _ends(estimate: float, resampled: Floats, left_out: Floats, level: float) -> Interval:
    """Bias-corrected accelerated interval (Efron 1987), or the percentile one (Efron 1979).

    Resamples equal to the estimate count half in the bias.  Percentiles stand in where the
    correction is undefined: no spread, all resamples on one side, an infinite jackknife value, or
    a skew too large for it.
    """
    normal = NormalDist()
    tails = ((1 - level) / 2, (1 + level) / 2)
    tied = np.isclose(resampled, estimate, rtol=1e-12, atol=1e-12)
    below = float(np.mean((resampled < estimate) & ~tied) + np.mean(tied) / 2)
    gap = left_out.mean() - left_out if np.isfinite(left_out).all() else np.zeros(1)
    spread = float((gap**2).sum())
    if 0 < below < 1 and spread > 1e-24:
        bias = normal.inv_cdf(below)
        skew = float((gap**3).sum()) / (6 * spread**1.5)
        shifted = [bias + normal.inv_cdf(tail) for tail in tails]
        if all(skew * z < 1 for z in shifted):
            low, high = (normal.cdf(bias + z / (1 - skew * z)) for z in shifted)
            tails = (low, high)
    return _quantile(resampled, tails[0]), _quantile(resampled, tails[1])


def _quantile(resampled: Floats, at: float) -> float:
    """Interpolated, unless some are infinite."""
    if np.isfinite(resampled).all():
        return float(np.quantile(resampled, at))
    return float(np.quantile(resampled, at, method="inverted_cdf"))
