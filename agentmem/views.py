"""What policies see and give back: aligned arrays, shape (n,), one row per record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]

KEPT = 16  # recalls of a record whose times are known
STABLE = (1e-9, 1e18)  # seconds: a stability that a record may have


@dataclass(frozen=True, kw_only=True)
class View:
    """What a policy sees of n records: aligned float64 arrays of shape (n,); seconds, turns."""

    now: float
    created: Floats
    used: Floats
    uses: Floats
    stability: Floats  # NaN where no policy has set it
    importance: Floats
    valence: Floats
    turns: Floats  # turns since the record was added, in its own namespace
    idle_turns: Floats  # turns since its last recall; inf if never recalled
    namespace: NDArray[np.int64]  # namespace codes: equal code, same namespace
    ids: NDArray[np.bytes_]
    kind: NDArray[np.int64]  # codes: indices into `kinds`
    source: NDArray[np.int64]  # codes: indices into `origins`
    verify_by: Floats  # second by which it should be looked at again; NaN: never
    words: Floats  # length of the text
    recalls: Floats  # shape (n, KEPT): seconds of the latest recalls, NaN where there were fewer;
    # (n, 0) unless a policy `traces`
    share: Floats  # while recalled: share of this recall's total score, 0..1; else NaN
    kinds: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()  # names of the sources
    by: str = ""  # while recalled: the source that asked

    def __len__(self) -> int:
        return len(self.created)

    @cached_property
    def age(self) -> Floats:
        """Seconds since the event, >= 0."""
        return np.maximum(self.now - self.created, 0.0)

    @cached_property
    def idle(self) -> Floats:
        """Seconds since the last recall (or the event), >= 0."""
        return np.maximum(self.now - self.used, 0.0)

    @cached_property
    def newer(self) -> Floats:
        """How many records of this view in the same namespace are newer; 0 for the newest."""
        order = np.lexsort((np.arange(len(self)), self.created, self.namespace))
        codes = self.namespace[order]
        ends = np.searchsorted(codes, codes, side="right")
        newer = np.empty(len(self))
        newer[order] = ends - 1 - np.arange(len(self))
        return newer

    def names(self, rows: NDArray[Any]) -> tuple[str, ...]:
        """The record ids of some rows (integer indices or a boolean mask)."""
        return tuple(name.decode() for name in self.ids[rows].tolist())

    def take(self, rows: NDArray[Any]) -> View:
        """The same view of fewer rows."""
        arrays = {k: v[rows] for k, v in self.__dict__.items() if k in _ARRAYS}
        plain = {k: v for k, v in self.__dict__.items() if k in _PLAIN}
        return View(**plain, **arrays)

    def at(self, update: Update) -> View:
        """The view as it is once `update` has been written."""
        recalls = self.recalls
        if recalls.shape[1]:
            recalls = recalls.copy()
            slots = update.uses.astype(np.int64) % KEPT
            recalls[np.arange(len(self)), slots] = update.used
        return replace(
            self,
            used=update.used,
            uses=update.uses,
            stability=update.stability,
            recalls=recalls,
        )


_PLAIN = ("now", "kinds", "origins", "by")
_ARRAYS = tuple(name for name in View.__dataclass_fields__ if name not in _PLAIN)


@dataclass(frozen=True, kw_only=True)
class Update:
    """What a recall leaves behind: new values for each row of the view, shape (n,)."""

    used: Floats
    uses: Floats
    stability: Floats

    def take(self, rows: NDArray[Any]) -> Update:
        """The same of fewer rows."""
        return Update(used=self.used[rows], uses=self.uses[rows], stability=self.stability[rows])
