"""Randomness that is a matter of the record: the same seed, the same draw, in every process."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats

_STEP = 0x9E3779B97F4A7C15  # 2**64 / golden ratio


def uniform(ids: NDArray[np.bytes_], seed: int) -> Floats:
    """A number in (0, 1) for each id, shape (n,), uniform over ids; seed >= 0.

    SplitMix64's finaliser (Steele et al. 2014) over the four words of an id and the seed.
    """
    words = np.ascontiguousarray(ids, dtype="S32").view("<u8").reshape(len(ids), 4)
    state = np.full(len(ids), seed % 2**64, dtype=np.uint64)
    for column in words.T:
        state = _mixed(state ^ column)
    unit: Floats = ((_mixed(state) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return unit


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + np.uint64(_STEP)  # arithmetic modulo 2**64
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
