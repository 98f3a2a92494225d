"""What the verbs give back: plain lists and strings of ids that know a little more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

__all__ = ["Added", "Forgotten", "Superseded"]


class Added(list[str]):
    """The ids of what is now remembered, in order.

    `refused` holds those a tombstone stopped, `derived` what the stores made of the new ones at
    once; what takes a chat model follows.
    """

    def __init__(
        self, ids: Sequence[str], refused: Mapping[str, str], derived: Sequence[str] = ()
    ) -> None:
        super().__init__(ids)
        self.refused = dict(refused)
        self.derived = tuple(derived)


class Forgotten(list[str]):
    """The ids of what was active until now, or would go in a dry run.

    `reasons` says by id why each was meant, `scores` how relevant it is to the query, if there was
    one (0..1).  `run` is what `undo` takes back; "" if nothing was done.
    """

    def __init__(
        self,
        ids: Sequence[str],
        *,
        reasons: Mapping[str, str],
        scores: Mapping[str, float],
        run: str = "",
    ) -> None:
        super().__init__(ids)
        self.reasons = dict(reasons)
        self.scores = dict(scores)
        self.run = run


class Superseded(str):
    """The id of the new record; `old` is that of the one in whose place it stands.

    `score`: how relevant the old one is to the query by which it was named (0..1); None for an id.
    """

    old: str
    score: float | None

    def __new__(cls, new: str, *, old: str, score: float | None = None) -> Self:
        made = super().__new__(cls, new)
        made.old, made.score = old, score
        return made
