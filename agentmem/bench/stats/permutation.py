"""Sign-flip tests of paired differences, and corrections for asking many questions at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.stats.bootstrap import finite
from agentmem.errors import InputError

EXACT = 16  # most pairs of which all 2^n signs are tried
DRAWN = 9_999  # signs drawn for more pairs; with the observed ones, 10,000

Floats = NDArray[np.float64]


@lru_cache(maxsize=4)
def _signs(n: int) -> Floats:
    """+1 and -1, shape (2^n, n) for all of them, else (DRAWN, n) under a fixed seed."""
    if n <= EXACT:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    else:
        bits = np.random.default_rng(0).integers(0, 2, (DRAWN, n))
    return np.asarray(1 - 2 * bits, dtype=float)


def sign_flip(gaps: Sequence[float]) -> float:
    """Two-sided p, in (0, 1], of paired differences having mean 0; 1 for none.

    InputError for a difference that is not finite.

    Under the null each difference may as well have the other sign (Fisher 1935): p is the share of
    sign patterns whose mean is at least as far from 0 as the observed one.  All patterns up to
    16 pairs; beyond that 9,999 drawn ones, with the observed one added to them (Phipson and Smyth
    2010).  No p is below 2^(1 - n).
    """
    data = finite(gaps)
    n = len(data)
    if n == 0:
        return 1.0
    flipped = np.abs(np.einsum("ij,j->i", _signs(n), data))
    # Sums of floats in another order: what differs by rounding only is a tie.
    far = int(np.sum(flipped >= abs(data.sum()) - 1e-9 * np.abs(data).sum()))
    return far / 2**n if n <= EXACT else (far + 1) / (DRAWN + 1)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p that keep the chance of any false claim in the family (Holm 1979, step-down).

    The i-th smallest of m, i from 0, is multiplied by m - i; running maximum; at most 1.
    """
    values = _probabilities(p)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * (len(values) - np.arange(len(values)))
    return _back(np.minimum(np.maximum.accumulate(scaled), 1), order)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p (q) that bound the expected share of false claims (Benjamini, Hochberg 1995).

    The i-th smallest of m, i from 1, is multiplied by m / i; running minimum from the largest.
    Holds for independent and for positively dependent tests (Benjamini and Yekutieli 2001).
    """
    values = _probabilities(p)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / np.arange(1, len(values) + 1)
    return _back(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _probabilities(p: Sequence[float]) -> Floats:
    values = np.asarray(p, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"p = {list(p)!r}: give numbers from 0 to 1")
    return values


def _back(ordered: Floats, order: NDArray[np.intp]) -> list[float]:
    """The values in the order in which they came."""
    found = np.empty(len(ordered))
    found[order] = ordered
    return [float(value) for value in found]
