"""Dividing several kinds of items between two sides: every allocation, and the best of them.

Deal or no deal (Lewis et al. 2017, arXiv 1706.05125): a pool holds some items of each type, each
side values the types in private, and what one side does not get the other does.  Disagreement is
worth 0 to both.  The pools are small, so that everything is found by enumeration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem.errors import InputError

MOST = 100_000  # allocations that are enumerated


@dataclass(frozen=True)
class Division:
    """A pool and what its items are worth.

    `pool`: items of each type; `values`: points of one item of each type, for either side.
    InputError where they do not fit together, or there are too many allocations.
    """

    pool: tuple[int, ...]
    values: tuple[tuple[float, ...], tuple[float, ...]]

    def __post_init__(self) -> None:
        if not self.pool or min(self.pool) < 0:
            raise InputError(f"pool {self.pool}: give a number of items >= 0 for each type")
        if len(self.values) != 2 or any(len(side) != len(self.pool) for side in self.values):
            raise InputError(f"values {self.values}: give one for each type of {self.pool}, twice")
        if min(min(side) for side in self.values) < 0:
            raise InputError(f"values {self.values}: give numbers >= 0")
        if np.prod(np.array(self.pool, dtype=float) + 1) > MOST:
            raise InputError(f"pool {self.pool}: more than {MOST:,} allocations")

    @cached_property
    def allocations(self) -> NDArray[np.int64]:
        """(n, types): what side 0 gets, for every division of the whole pool."""
        return np.indices([n + 1 for n in self.pool]).reshape(len(self.pool), -1).T

    @cached_property
    def utilities(self) -> NDArray[np.float64]:
        """(n, 2): points of both sides for each allocation."""
        first = self.allocations @ np.array(self.values[0], dtype=np.float64)
        second = (np.array(self.pool) - self.allocations) @ np.array(self.values[1], dtype=float)
        return np.stack([first, second], axis=1)

    def points(self, share: Sequence[int]) -> tuple[float, float]:
        """Points of both sides if side 0 gets `share`; InputError for more than there is."""
        if len(share) != len(self.pool) or any(
            not 0 <= some <= whole for some, whole in zip(share, self.pool, strict=True)
        ):
            raise InputError(f"share {tuple(share)}: give at most {self.pool}")
        place = int(np.ravel_multi_index(tuple(share), tuple(n + 1 for n in self.pool)))
        return float(self.utilities[place, 0]), float(self.utilities[place, 1])

    @property
    def welfare(self) -> float:
        """Most points that both sides can have together."""
        return float(self.utilities.sum(axis=1).max())

    @property
    def nash(self) -> float:
        """Greatest product of points (Nash 1950)."""
        return float(self.utilities.prod(axis=1).max())

    @property
    def egalitarian(self) -> float:
        """Greatest minimum of points (Kalai 1977)."""
        return float(self.utilities.min(axis=1).max())

    @property
    def ideal(self) -> NDArray[np.float64]:
        """(2,): points of each side if it gets everything."""
        most: NDArray[np.float64] = self.utilities.max(axis=0)
        return most

    @cached_property
    def nash_set(self) -> NDArray[np.int64]:
        """Places of the allocations with the greatest product of points."""
        return _best(self.utilities.prod(axis=1))

    @cached_property
    def egalitarian_set(self) -> NDArray[np.int64]:
        """Places of the best for the worse-off side; of those, the best for the other."""
        return _leximin(self.utilities)

    @cached_property
    def kalai_smorodinsky_set(self) -> NDArray[np.int64]:
        """Places of the best for the side that has the lesser share of its ideal points.

        Of those, the best for the other: Kalai and Smorodinsky (1975) for finite sets.
        """
        return _leximin(self.utilities / np.where(self.ideal > 0, self.ideal, 1.0))

    @cached_property
    def pareto(self) -> NDArray[np.bool_]:
        """(n,): allocations that no other one betters for one side and for neither worsens."""
        ours = self.utilities
        least = (ours[:, None, :] >= ours[None, :, :]).all(axis=2)  # [i, j]: i is as good as j
        better = (ours[:, None, :] > ours[None, :, :]).any(axis=2)
        beaten: NDArray[np.bool_] = np.any(least & better, axis=0)
        return ~beaten

    @cached_property
    def frontier(self) -> NDArray[np.float64]:
        """(m, 2): different points of the Pareto set, side 0's least first."""
        return np.unique(self.utilities[self.pareto], axis=0)

    def pareto_distance(self, points: ArrayLike) -> float:
        """Euclidean distance from some points (2,) to the nearest on the frontier; 0 is best."""
        gaps = self.frontier - np.asarray(points, dtype=np.float64)
        return float(np.sqrt((gaps**2).sum(axis=1)).min())

    def nash_ratio(self, points: Sequence[float]) -> float:
        """Product of points over the greatest one, in 0..1; 1 where that is 0."""
        return float(points[0] * points[1] / self.nash) if self.nash else 1.0


def _best(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.nonzero(scores >= scores.max() - 1e-9)[0]


def _leximin(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows (n, 2) with the greatest minimum and, of those, the greatest maximum."""
    fair = _best(scores.min(axis=1))
    return fair[_best(scores[fair].max(axis=1))]
