"""Order within a namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, View


def lowest(view: View, values: Floats, quota: Callable[[int], int]) -> NDArray[np.bool_]:
    """The rows of lowest value in each namespace, as a mask of shape (n,).

    `quota` says how many of a namespace's count.  Ties: what was not used for longer first,
    then the older, then the row order.
    """
    mask = np.zeros(len(view), dtype=np.bool_)
    for rows in _by_value(view, values):
        mask[rows[: quota(len(rows))]] = True
    return mask


def beyond(view: View, values: Floats, sizes: Floats, room: float) -> NDArray[np.bool_]:
    """The rows that no longer fit into the `room` of their namespace, as a mask of shape (n,).

    It is filled from the highest value down, and closed by the first row that does not fit.  Ties:
    as in `lowest`.
    """
    mask = np.zeros(len(view), dtype=np.bool_)
    for rows in _by_value(view, values):
        best = rows[::-1]
        mask[best[np.cumsum(sizes[best]) > room]] = True
    return mask


def _by_value(view: View, values: Floats) -> Iterator[NDArray[np.int64]]:
    """The rows of each namespace, the lowest value first."""
    rows = np.arange(len(view))
    order = np.lexsort((rows, view.created, view.used, values, view.namespace))
    _, starts, counts = np.unique(view.namespace[order], return_index=True, return_counts=True)
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        yield order[start : start + count]
