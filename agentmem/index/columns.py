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
from agentmem.ledger.rows import CODE, LIFE
from agentmem.text import words

ABSENT, ACTIVE = 0, 1
LIFE_SIZE = len(LIFE)
_FLOATS = (
    "created",
    "used",
    "used_turn",
    "uses",
    "stability",
    "importance",
    "valence",
    "turn",
    "words",
)


def view_of(rows: Sequence[Sequence[Any]], now: float, turns_now: dict[int, int]) -> View:
    """The view of some LIFE rows; `turns_now`: turns so far by namespace code."""
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * LIFE_SIZE
    spaces = np.array(columns[2], dtype=np.int64)
    current = np.array([turns_now[space] for space in columns[2]], dtype=np.float64)
    floats = {name: _column(name, columns[i]) for i, name in _PLACES}
    return _view(
        now, floats, spaces, current, np.array([i.encode() for i in columns[1]], dtype="S32")
    )


_PLACES = (
    (4, "created"),
    (5, "used"),
    (6, "used_turn"),
    (7, "uses"),
    (8, "stability"),
    (9, "importance"),
    (10, "valence"),
    (11, "turn"),
    (12, "words"),
)


_MISSING = {"used_turn": -np.inf}  # never recalled: idle for infinitely many turns


def _column(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    column = np.array(values, dtype=np.float64)
    if name in _MISSING:
        column[np.isnan(column)] = _MISSING[name]
    return column


def _view(
    now: float,
    floats: dict[str, NDArray[np.float64]],
    spaces: Ints,
    current: NDArray[np.float64],
    ids: NDArray[np.bytes_],
) -> View:
    return View(
        now=now,
        created=floats["created"],
        used=floats["used"],
        uses=floats["uses"],
        stability=floats["stability"],
        importance=floats["importance"],
        valence=floats["valence"],
        turns=current - floats["turn"],
        idle_turns=current - floats["used_turn"],
        namespace=spaces,
        ids=ids,
    )


class Columns:
    """Growing arrays, one row per ledger position, and the dense index beside them."""

    def __init__(self, dense: Index) -> None:
        self.dense = dense
        self.size = 0  # rows in use: highest position + 1
        self.ids = np.zeros(0, dtype="S32")
        self.space = np.zeros(0, dtype=np.int32)
        self.status = np.zeros(0, dtype=np.int8)
        self.kind = np.zeros(0, dtype=np.int16)
        self.speaker = np.zeros(0, dtype=np.int64)  # hash of who speaks; 0 for nobody
        self.asks = np.zeros(0, dtype=np.bool_)  # ends as a question
        self.speakers: set[int] = set()  # everybody who has spoken
        self.kinds: dict[str, int] = {}  # codes of `kind`, in order of first appearance
        self.floats = {name: np.zeros(0) for name in _FLOATS}
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
        self.speaker = _resized(self.speaker, room)
        self.asks = _resized(self.asks, room)
        self.floats = {name: _resized(column, room) for name, column in self.floats.items()}

    def _code(self, kind: str) -> int:
        return self.kinds.setdefault(kind, len(self.kinds))

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
        for i, name in _PLACES:
            self.floats[name][at] = _column(name, columns[i])
        spaces = np.array(columns[2], dtype=np.int64)
        if spaces.max() >= len(self.turns):
            self.turns = _resized(self.turns, int(spaces.max()) * 3 // 2 + 64)
        np.maximum.at(self.turns, spaces, self.floats["turn"][at])
        self.kind[at] = [self._code(kind) for kind in columns[LIFE_SIZE - 1]]
        self.speaker[at] = speakers = [speaker(head) for head in columns[LIFE_SIZE - 3]]
        self.speakers.update(speakers)
        self.speakers.discard(0)
        self.asks[at] = [asks(tail) for tail in columns[LIFE_SIZE - 2]]
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
        self.kind[pos] = self._code(record.kind)
        self.speaker[pos], self.asks[pos] = speaker(record.text), asks(record.text)
        self.speakers |= {int(self.speaker[pos])} - {0}
        values = {name: getattr(record, name) for name in _FLOATS if name != "words"}
        for name, value in values.items():
            self.floats[name][pos] = _MISSING.get(name, np.nan) if value is None else value
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

    def set_turns(self, turns: dict[int, int]) -> None:
        """Turns so far by namespace code, as the ledger has them."""
        self.turns = np.zeros(max(turns, default=0) + 1)
        self.turns[list(turns)] = list(turns.values())

    def drop(self, positions: Iterable[int]) -> None:
        """Forget rows for good."""
        rows = np.array([p for p in positions if p < self.size], dtype=np.int64)
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
        if kinds is not None and not self.kinds.keys() <= set(kinds):
            codes_of = [code for name, code in self.kinds.items() if name in kinds]
            mask = mask & np.isin(self.kind[: self.size], codes_of)
        return np.flatnonzero(mask)

    def groups(self) -> dict[int, Ints]:
        """Positions of the active records, ascending, by namespace code."""
        rows = self.rows(None)
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
        spaces = self.space[_span(rows)].astype(np.int64)
        part = _span(rows)
        floats = {name: _frozen(column[part]) for name, column in self.floats.items()}
        return _view(now, floats, spaces, self.turns[spaces], _frozen(self.ids[part]))


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
