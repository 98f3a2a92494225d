"""Rows of the ledger as arrays: what the columns and the policies see of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Ints, View
from agentmem.ledger.rows import LIFE
from agentmem.views import KEPT

LIFE_SIZE = len(LIFE)
FLOATS = (
    "created",
    "used",
    "used_turn",
    "uses",
    "stability",
    "importance",
    "valence",
    "turn",
    "words",
    "expires",
    "verify_by",
)


class Codes:
    """Names as small whole numbers, in order of first appearance."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def of(self, names: Iterable[str]) -> Ints:
        """The codes of some names, shape (n,)."""
        return np.array([self[name] for name in names], dtype=np.int64)

    def __getitem__(self, name: str) -> int:
        return self._codes.setdefault(name, len(self._codes))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._codes)


def traced(positions: Sequence[int], recalls: Iterable[tuple[int, int, float]]) -> Floats:
    """`View.recalls` of some positions, shape (n, KEPT), of (position, slot, second) triples."""
    row = {pos: i for i, pos in enumerate(positions)}
    found = np.full((len(positions), KEPT), np.nan)
    for pos, slot, at in recalls:
        found[row[pos], slot] = at
    return found


def view_of(
    rows: Sequence[Sequence[Any]], now: float, turns_now: dict[int, int]
) -> tuple[View, Floats]:
    """The view of some LIFE rows, and each one's own expiry (NaN: none).

    `turns_now`: turns so far by namespace code.  Recalls are not in the rows: shape (n, 0).
    """
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * LIFE_SIZE
    spaces = np.array(columns[2], dtype=np.int64)
    current = np.array([turns_now[space] for space in columns[2]], dtype=np.float64)
    floats = {name: column_of(name, columns[i]) for i, name in PLACES}
    kinds, origins = Codes(), Codes()
    floats["turns"] = current
    view = seen(
        now,
        floats,
        namespace=spaces,
        ids=np.array([i.encode() for i in columns[1]], dtype="S32"),
        kind=kinds.of(columns[KIND]),
        source=origins.of(columns[SOURCE]),
        recalls=np.empty((len(rows), 0)),
        kinds=kinds.names,
        origins=origins.names,
    )
    return view, floats["expires"]


HEAD, TAIL, KIND, SOURCE = range(14, 18)  # places in LIFE of what is no number
PLACES = (
    (4, "created"),
    (5, "used"),
    (6, "used_turn"),
    (7, "uses"),
    (8, "stability"),
    (9, "importance"),
    (10, "valence"),
    (11, "turn"),
    (12, "words"),
    (18, "expires"),
    (19, "verify_by"),
)


MISSING = {"used_turn": -np.inf}  # never recalled: idle for infinitely many turns


def column_of(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    """The values of one of PLACES as an array, NaN (or what MISSING says) for None."""
    column = np.array(values, dtype=np.float64)
    if name in MISSING:
        column[np.isnan(column)] = MISSING[name]
    return column


def seen(now: float, floats: Mapping[str, Floats], **others: Any) -> View:
    """The view of some columns; `floats["turns"]`: turns so far in each row's namespace."""
    return View(
        now=now,
        created=floats["created"],
        used=floats["used"],
        uses=floats["uses"],
        stability=floats["stability"],
        importance=floats["importance"],
        valence=floats["valence"],
        verify_by=floats["verify_by"],
        words=floats["words"],
        turns=floats["turns"] - floats["turn"],
        idle_turns=floats["turns"] - floats["used_turn"],
        share=np.full(len(floats["turn"]), np.nan),
        **others,
    )
