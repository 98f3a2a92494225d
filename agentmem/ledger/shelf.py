"""Whole records read lately, kept decoded for as long as no journal line speaks of them.

A search shows mostly what the last one showed; reading that out of JSON again costs more than
finding it.  What is handed out is always made anew, so nobody changes what is kept; a record whose
metadata is nested is not, since to copy it would cost as much.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, func, select, text

from agentmem.core import Namespace, Record
from agentmem.ledger.apply import Payload, mentioned
from agentmem.ledger.rows import BULK, WHOLE, copied, dumps, flat, to_fields
from agentmem.ledger.sqlite import LISTED, Database, compiled
from agentmem.ledger.tables import journal, record
from agentmem.values import built

MOST = 4096  # records kept; a quarter goes where there are more, the first read first
LONGEST = 4096  # characters of a record, its metadata included, that is kept
BEHIND = 64  # journal lines read to see what has changed; after more of them all is read anew
BATCH = 1000  # whole records read at once

_SOME = compiled(WHOLE.where(record.c.pos.in_(text(LISTED))))
_LAST = compiled(select(func.max(journal.c.seq)))
_SINCE = compiled(
    select(journal.c.payload).where(journal.c.seq > bindparam("since")).order_by(journal.c.seq)
)


class Shelf:
    """The records of one file; other writers are followed through the journal."""

    def __init__(self, db: Database, path: Callable[[int], Namespace]) -> None:
        self._db = db
        self._path = path
        self._kept: dict[int, Mapping[str, Any]] = {}  # by position, in order of reading
        self._seen = 0  # newest journal line followed
        self._undone = db.undone

    def seq(self) -> int:
        """The newest journal line."""
        return self._db.value(_LAST) or 0

    def records(self, positions: Sequence[int]) -> dict[int, Record]:
        """The records at some positions; those that are gone are left out."""
        self._follow()
        kept = self._kept
        found = {pos: built(Record, copied(kept[pos])) for pos in positions if pos in kept}
        missing = [pos for pos in positions if pos not in found]
        for start in range(0, len(missing), BATCH):
            listed = dumps(missing[start : start + BATCH])
            for row in self._db.rows(_SOME, positions=listed):
                fields = to_fields(row, self._path)
                if len(missing) <= MOST:
                    self._keep(row, fields)
                found[row[0]] = built(Record, fields)
        return found

    def wrote(self, seq: int, payload: Payload) -> None:
        """Follow a journal line of one's own, which need not be read for that."""
        if seq == self._seen + 1:
            self._drop(payload)
            self._seen = seq

    def clear(self) -> None:
        """Keep nothing: something may have been erased."""
        self._kept.clear()

    def holds(self, positions: Iterable[int]) -> int:
        """How many of some positions are kept."""
        return sum(pos in self._kept for pos in positions)

    def _keep(self, row: Sequence[Any], fields: Mapping[str, Any]) -> None:
        if flat(fields["data"]) and sum(len(row[i]) for i in BULK) <= LONGEST:
            if len(self._kept) >= MOST:
                for oldest in list(islice(self._kept, MOST // 4 + 1)):
                    del self._kept[oldest]
            self._kept[row[0]] = copied(fields)

    def _follow(self) -> None:
        """Drop what has been changed since, by whomever, or was read of what has been undone."""
        newest = self.seq()
        behind = newest - self._seen
        if self._undone != self._db.undone or not 0 <= behind <= BEHIND:
            self.clear()
        elif behind and self._kept:
            for (payload,) in self._db.rows(_SINCE, since=self._seen):
                self._drop(json.loads(payload))
        self._seen, self._undone = newest, self._db.undone

    def _drop(self, payload: Payload) -> None:
        if "erase" in payload:
            self.clear()
        for pos in mentioned(payload):
            self._kept.pop(pos, None)
