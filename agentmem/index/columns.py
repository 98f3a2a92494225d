"""The lifecycle of every record as arrays in memory, following the ledger line by line.

Row i of each array is ledger position i.  Derived: it can be dropped and rebuilt at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Index, Ints, Record, Touch, Vectors, View
from agentmem.index.cues import asks, speaker
from agentmem.index.life import (
    FLOATS,
    HEAD,
    KIND,
    LIFE_SIZE,
    MISSING,
    PLACES,
    SOURCE,
    TAIL,
    Codes,
    column_of,
    seen,
)
from agentmem.ledger.rows import CODE
from agentmem.text import words
from agentmem.views import KEPT

ABSENT, ACTIVE = 0, 1


class Columns:
    """Growing arrays, one row per ledger position, and the dense index beside them."""

    def __init__(self, dense: Index, *, traces: bool = False) -> None:
        self.dense = dense
        self.size = 0  # rows in use: highest position + 1
        self.ids = np.zeros(0, dtype="S32")
        self.space = np.zeros(0, dtype=np.int32)
        self.status = np.zeros(0, dtype=np.int8)
        self.kind = np.zeros(0, dtype=np.int16)
        self.source = np.zeros(0, dtype=np.int32)
        self.speaker = np.zeros(0, dtype=np.int64)  # hash of who speaks; 0 for nobody
        self.asks = np.zeros(0, dtype=np.bool_)  # ends as a question
        self.speakers: set[int] = set()  # everybody who has spoken
        self.kinds, self.origins = Codes(), Codes()  # of `kind` and `source`
        self.recalls = np.zeros((0, KEPT if traces else 0))  # seconds of the latest recalls
        self.perishable = False  # has any record a date of expiry of its own?
        self.floats = {name: np.zeros(0) for name in FLOATS}
        self.turns = np.zeros(0)  # turns so far, by namespace code

    def _grow(self, size: int) -> None:
        self.size = max(self.size, size)
        if size <= len(self.ids):
            return
        room = max(1024, size, len(self.ids) * 3 // 2)
        self.ids = _resized(self.ids, room)
        self.space = _resized(self.space, room)
        self.status = _resized(self.status, room)
        self.kind = _resized(self.kind, room)
        self.source = _resized(self.source, room)
        self.speaker = _resized(self.speaker, room)
        self.asks = _resized(self.asks, room)
        self.floats = {name: _resized(column, room) for name, column in self.floats.items()}
        grown = np.full((room, self.recalls.shape[1]), np.nan)
        grown[: len(self.recalls)] = self.recalls
        self.recalls = grown

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take over LIFE rows, each followed by the vector's bytes (or None: leave it be)."""
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        at = np.array(columns[0], dtype=np.int64)
        self._grow(int(at.max()) + 1)
        self.ids[at] = [name.encode() for name in columns[1]]
        self.space[at] = columns[2]
        self.status[at] = columns[3]
        for i, name in PLACES:
            self.floats[name][at] = column_of(name, columns[i])
        spaces = np.array(columns[2], dtype=np.int64)
        if spaces.max() >= len(self.turns):
            self.turns = _resized(self.turns, int(spaces.max()) * 3 // 2 + 64)
        np.maximum.at(self.turns, spaces, self.floats["turn"][at])
        self.perishable |= not np.isnan(self.floats["expires"][at]).all()
        self.kind[at] = self.kinds.of(columns[KIND])
        self.source[at] = self.origins.of(columns[SOURCE])
        self.speaker[at] = speakers = [speaker(head) for head in columns[HEAD]]
        self.speakers.update(speakers)
        self.speakers.discard(0)
        self.asks[at] = [asks(tail) for tail in columns[TAIL]]
        have = [i for i, data in enumerate(columns[LIFE_SIZE]) if data is not None]
        if have:
            data = b"".join(columns[LIFE_SIZE][i] for i in have)
            vectors = np.frombuffer(data, dtype="<f4").reshape(len(have), -1)
            self.dense.put(at[have], vectors)

    def add(self, pos: int, space: int, record: Record, vector: Vectors) -> None:
        """One new record."""
        self._grow(pos + 1)
        self.ids[pos] = record.id.encode()
        self.space[pos] = space
        self.status[pos] = CODE[record.status]
        self.kind[pos] = self.kinds[record.kind]
        self.source[pos] = self.origins[record.source]
        self.recalls[pos] = np.nan
        self.perishable |= record.expires is not None
        self.speaker[pos] = speaks = speaker(record.text)
        if speaks:
            self.speakers.add(speaks)
        self.asks[pos] = asks(record.text)
        fields = vars(record)
        for name, column in self.floats.items():
            value = fields.get(name)
            column[pos] = MISSING.get(name, np.nan) if value is None else value
        self.floats["words"][pos] = len(words(record.found_by))
        if space >= len(self.turns):
            self.turns = _resized(self.turns, space * 3 // 2 + 64)
        self.turns[space] = max(self.turns[space], record.turn)
        self.dense.put(np.array([pos]), vector[None, :])

    def touch(self, rows: Ints, touched: Sequence[Touch]) -> None:
        """The new lifecycle of records that have just been recalled."""
        for name in ("used", "uses", "stability", "used_turn"):
            values = np.array([getattr(one, name) for one in touched], dtype=np.float64)
            self.floats[name][rows] = values
        if self.recalls.shape[1]:
            slots = self.floats["uses"][rows].astype(np.int64) % KEPT
            self.recalls[rows, slots] = self.floats["used"][rows]

    def recalled(self, recalls: Iterable[tuple[int, int, float]]) -> None:
        """Take over (position, slot, second) of recalls."""
        for pos, slot, at in recalls:
            self.recalls[pos, slot] = at

    def unexpired(self, rows: Ints, now: float) -> Ints:
        """Those of some rows whose own date of expiry, if any, lies ahead."""
        if not self.perishable:
            return rows
        due = self.floats["expires"][rows] <= now  # NaN: never
        return rows[~due]

    def set_turns(self, turns: dict[int, int]) -> None:
        """Turns so far by namespace code, as the ledger has them."""
        self.turns = np.zeros(max(turns, default=0) + 1)
        self.turns[list(turns)] = list(turns.values())

    def drop(self, positions: Iterable[int]) -> None:
        """Forget rows for good."""
        rows = np.unique(np.array([p for p in positions if p < self.size], dtype=np.int64))
        self.status[rows] = ABSENT
        self.ids[rows] = b""
        self.speaker[rows] = 0
        self.dense.drop(rows)

    def rows(
        self,
        spaces: Iterable[int] | None,
        *,
        status: int | None = ACTIVE,
        kinds: Collection[str] | None = None,
    ) -> Ints:
        """Positions in some namespaces, ascending, of some kinds (None: all of them).

        status None: whatever is not erased.
        """
        codes = self.status[: self.size]
        mask = codes != ABSENT if status is None else codes == status
        if spaces is not None:
            wanted = np.fromiter(spaces, dtype=np.int32)
            here = self.space[: self.size]
            mask = mask & (here == wanted[0] if len(wanted) == 1 else np.isin(here, wanted))
        if kinds is not None and not set(self.kinds.names) <= set(kinds):
            codes_of = [code for code, name in enumerate(self.kinds.names) if name in kinds]
            mask = mask & np.isin(self.kind[: self.size], codes_of)
        found: Ints = mask.nonzero()[0]
        return found

    def groups(self) -> dict[int, Ints]:
        """Positions of the active records, ascending, by namespace code."""
        rows = self.rows(None)
        if not len(rows):
            return {}
        codes = self.space[rows]
        order = np.argsort(codes, kind="stable")
        found, starts = np.unique(codes[order], return_index=True)
        parts = np.split(rows[order], starts[1:])
        return dict(zip(found.tolist(), parts, strict=True))

    @property
    def held(self) -> int:
        """How many records there are, whatever their status."""
        return int(np.count_nonzero(self.status[: self.size]))

    def lengths(self, rows: Ints) -> Floats:
        """Words in each of some rows."""
        return self.floats["words"][_span(rows)]

    def view(self, rows: Ints, now: float) -> View:
        """What policies see of some rows."""
        part = _span(rows)
        spaces = self.space[part].astype(np.int64)
        floats = {name: _frozen(column[part]) for name, column in self.floats.items()}
        floats["turns"] = self.turns[spaces]
        return seen(
            now,
            floats,
            namespace=spaces,
            ids=_frozen(self.ids[part]),
            kind=self.kind[part].astype(np.int64),
            source=self.source[part].astype(np.int64),
            recalls=_frozen(self.recalls[part]),
            kinds=self.kinds.names,
            origins=self.origins.names,
        )


def _span(rows: Ints) -> Ints | slice:
    """Consecutive rows as a slice: no copy."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows) and (rows[1:] > rows[:-1]).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _frozen(column: NDArray[Any]) -> NDArray[Any]:
    column.flags.writeable = False  # may be a window on the live array
    return column


def _resized(column: NDArray[Any], room: int) -> NDArray[Any]:
    grown = np.zeros(room, dtype=column.dtype)
    grown[: len(column)] = column
    return grown
