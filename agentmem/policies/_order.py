"""Order within a namespace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, View


def lowest(view: View, values: Floats, quota: Callable[[int], int]) -> NDArray[np.bool_]:
    """The rows of lowest value in each namespace, as a mask of shape (n,).

    `quota` says how many of a namespace's count.  Ties: the older first, then the row order.
    """
    order = np.lexsort((np.arange(len(view)), view.created, values, view.namespace))
    _, starts, counts = np.unique(view.namespace[order], return_index=True, return_counts=True)
    mask = np.zeros(len(view), dtype=np.bool_)
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        mask[order[start : start + quota(count)]] = True
    return mask
