"""What is read out of a ledger besides single records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, bindparam, func, select, text
from sqlalchemy.dialects import sqlite as dialects

from agentmem.core import Ints, Namespace, Vectors
from agentmem.ledger.apply import mentioned
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.rows import LIFE, dumps, scope_token, word_hash
from agentmem.ledger.sqlite import HOLDERS, LISTED, MATCH, STONES, compiled
from agentmem.ledger.tables import (
    ACTIVE,
    STATUS,
    journal,
    mention,
    namespace,
    record,
    tombstone,
    vector,
)

_WITH_VECTOR = select(*LIFE, vector.c.data).select_from(
    record.outerjoin(vector, vector.c.pos == record.c.pos)
)
_EVERY = compiled(_WITH_VECTOR.order_by(record.c.pos))
_SOME = compiled(_WITH_VECTOR.where(record.c.pos.in_(text(LISTED))))
_PAYLOADS = compiled(select(journal.c.payload).where(journal.c.seq > bindparam("since")))
_GONE = compiled(select(tombstone.c.pos).where(tombstone.c.seq > bindparam("since")))
_DUE = compiled(
    select(*LIFE)
    .where(record.c.status == ACTIVE)
    .where(record.c.expiry.isnot(None), record.c.expiry <= bindparam("now"))
    .order_by(record.c.expiry, record.c.pos)
)
_OUTLIVED = (  # of a kind that mixes its sources, or left without one that lasts
    "SELECT DISTINCT record.pos, record.id FROM derivation AS d CROSS JOIN record "
    "ON record.pos = d.pos WHERE d.source IN (SELECT value FROM json_each(:names)) "
    "AND record.status = 1 AND record.kind != :kept "
    "AND (record.kind IN (SELECT value FROM json_each(:mixing)) OR NOT EXISTS ("
    "SELECT 1 FROM derivation AS other JOIN record AS source ON source.id = other.source "
    "WHERE other.pos = d.pos AND other.source NOT IN (SELECT value FROM json_each(:names)) "
    "AND (source.expires IS NULL OR source.expires > :now)))"
)
_RECALLS = "SELECT pos, slot, at FROM recall WHERE pos IN (SELECT value FROM json_each(:positions))"
_VECTORS = compiled(select(vector.c.pos, vector.c.data).where(vector.c.pos.in_(text(LISTED))))
_TOGETHER = (
    "SELECT journal.payload FROM mention CROSS JOIN journal ON journal.seq = mention.seq "
    "WHERE mention.pos = :pos AND journal.reason = 'recall' ORDER BY mention.seq DESC LIMIT :n"
)
_ACTIVE = compiled(select(*LIFE).where(record.c.status == ACTIVE))
_SPACES = compiled(
    select(namespace.c.id, namespace.c.turn, namespace.c.active, namespace.c.records)
)
_LINE = select(journal.c.seq, journal.c.at, journal.c.policy, journal.c.reason, journal.c.run)
_LINE_FULL = _LINE.add_columns(journal.c.payload)
_LINES_OF = compiled(
    _LINE_FULL.join(mention, mention.c.seq == journal.c.seq)
    .where(mention.c.pos == bindparam("pos"))
    .order_by(journal.c.seq)
)
_SEQS = (
    "SELECT DISTINCT seq FROM mention WHERE pos IN (SELECT value FROM json_each(:positions)) "
    "ORDER BY seq"
)
_LINES_OF_RUN = compiled(
    _LINE_FULL.where(journal.c.run == bindparam("run")).order_by(journal.c.seq)
)
_LINES = compiled(
    _LINE_FULL.where(journal.c.seq > bindparam("since")).order_by(journal.c.seq).limit(1000)
)
_ONE_LINE = compiled(_LINE_FULL.where(journal.c.seq == bindparam("seq")))
_WITHIN = record.c.namespace.in_(text("SELECT value FROM json_each(:spaces)"))
_KINDS = compiled(select(record.c.kind).where(_WITHIN).distinct())
_SPOKEN = compiled(
    select(mention.c.pos, mention.c.seq)
    .join(record, record.c.pos == mention.c.pos)
    .where(_WITHIN, record.c.kind.in_(text("SELECT value FROM json_each(:kinds)")))
)
_LAST_REMOVAL = compiled(
    select(func.max(journal.c.turn)).where(
        journal.c.policy == bindparam("policy"),
        journal.c.namespace == bindparam("space"),
        journal.c.turn.isnot(None),
    )
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One journal line."""

    seq: int
    at: float
    policy: str
    reason: str
    run: str | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Space:
    """A namespace and its counters."""

    code: int
    turn: int
    active: int
    records: int


class Reads:
    """Queries over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db

    def follow(self, since: int) -> tuple[int, list[tuple[Any, ...]], list[int]]:
        """(newest line, LIFE + vector of records changed since, positions erased since)."""
        with self.db.read():
            if since:
                lines = self.db.rows(_PAYLOADS, since=since)
                spoken = set[int]().union(*(mentioned(json.loads(text)) for (text,) in lines))
                rows = self.db.rows(_SOME, positions=dumps(sorted(spoken)))
            else:
                rows = self.db.rows(_EVERY)
            gone = [pos for (pos,) in self.db.rows(_GONE, since=since)]
            return self.ledger.seq(), rows, gone

    def due(self, now: float) -> list[tuple[Any, ...]]:
        """LIFE of active records whose expiry has passed: costs what it finds."""
        return self.db.rows(_DUE, now=now)

    def active(self) -> list[tuple[Any, ...]]:
        """LIFE of every active record."""
        return self.db.rows(_ACTIVE)

    def recalls(self, positions: Iterable[int]) -> list[tuple[int, int, float]]:
        """(position, slot, second) of the latest recalls of some records."""
        return self.db.rows(_RECALLS, positions=dumps(list(positions)))

    def recalled_with(self, pos: int, n: int) -> list[list[int]]:
        """The positions of each of a record's latest n recalls, newest first."""
        lines = [json.loads(payload) for (payload,) in self.db.rows(_TOGETHER, pos=pos, n=n)]
        return [[row[0] for row in line.get("touch", ())] for line in lines]

    def turns(self) -> dict[int, int]:
        """Turns so far by namespace code."""
        return {space.code: space.turn for space in self.spaces()}

    def spaces(self) -> list[Space]:
        rows = self.db.rows(_SPACES)
        return [Space(code=c, turn=t, active=a, records=r) for c, t, a, r in rows]

    def holders(self, words: Sequence[str], spaces: Collection[int]) -> dict[str, int]:
        """How many records of some namespaces hold each word."""
        by_hash = {word_hash(word): word for word in words}
        held = dict.fromkeys(words, 0)
        for code, space, count in self.db.rows(HOLDERS, words=dumps(list(by_hash))):
            if space in spaces:
                held[by_hash[code]] += count
        return held

    def postings(self, word: str, prefix: Namespace) -> Ints:
        """Positions of the records that hold a word (or another form of its stem), ascending.

        A non-empty prefix confines the look-up itself to that branch of namespaces.
        """
        query = f'text: "{word}"'
        if prefix:
            query = f'(scope: "{scope_token(prefix)}") AND ({query})'
        return np.array([pos for (pos,) in self.db.rows(MATCH, query=query)], dtype=np.int64)

    def line(self, seq: int) -> Line:
        """One journal line."""
        return _line(self.db.rows(_ONE_LINE, seq=seq)[0])

    def lines_of(self, pos: int) -> list[Line]:
        return [_line(row) for row in self.db.rows(_LINES_OF, pos=pos)]

    def lines_of_run(self, run: str) -> list[Line]:
        return [_line(row) for row in self.db.rows(_LINES_OF_RUN, run=run)]

    def spoken(self, positions: Iterable[int]) -> list[int]:
        """The journal lines that speak of any of some positions, ascending."""
        return [seq for (seq,) in self.db.rows(_SEQS, positions=dumps(list(positions)))]

    def lines(self) -> Iterator[Line]:
        """The whole journal, oldest first."""
        since = 0
        while rows := self.db.rows(_LINES, since=since):
            yield from (_line(row) for row in rows)
            since = rows[-1][0]

    def vectors(self, positions: Sequence[int]) -> dict[int, Vectors]:
        """The embeddings, shape (dim,), of those of some positions that have one."""
        rows = self.db.rows(_VECTORS, positions=dumps(positions))
        return {pos: np.frombuffer(data, dtype="<f4") for pos, data in rows}

    def last_removal(self, policy: str, space: int) -> int:
        """The turn of a policy's last removal in a namespace; 0 if none."""
        return self.db.value(_LAST_REMOVAL, policy=policy, space=space) or 0

    def positions(self, condition: ColumnElement[bool]) -> list[int]:
        """Positions of the records that meet a condition over the columns of `record`."""
        query = select(record.c.pos).where(condition).order_by(record.c.pos)
        statement = query.compile(
            dialect=dialects.dialect(paramstyle="named"),
            compile_kwargs={"render_postcompile": True},
        )
        return [pos for (pos,) in self.db.rows(str(statement), **statement.params)]

    def statuses(self, spaces: Collection[int]) -> dict[str, int]:
        """How many records of some namespaces have each status."""
        rows = self.db.rows("SELECT namespace, status, count(*) FROM record GROUP BY 1, 2")
        counts: dict[str, int] = dict.fromkeys(STATUS.values(), 0)
        for space, status, count in rows:
            counts[STATUS[status]] += count if space in spaces else 0
        return counts

    def stones(self, spaces: Collection[int]) -> list[tuple[str, str, int]]:
        """(id, content identity, namespace code) of what was erased and is not there again."""
        rows = self.db.rows(STONES)
        return [(name, content, space) for name, content, space in rows if space in spaces]

    def stone(self, name: str) -> tuple[int, int] | None:
        """(position, namespace code) of an erased record that has not been added again."""
        rows = self.db.rows(
            "SELECT pos, namespace FROM tombstone WHERE id = :id AND id NOT IN "
            "(SELECT id FROM record WHERE id = :id) ORDER BY pos DESC",
            id=name,
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def newest(self, space: int, kind: str, n: int) -> list[int]:
        """Positions of the newest active records of a kind in a namespace, newest first."""
        rows = self.db.rows(
            "SELECT pos FROM record WHERE namespace = :space AND kind = :kind AND status = 1 "
            "ORDER BY pos DESC LIMIT :n",
            space=space,
            kind=kind,
            n=n,
        )
        return [pos for (pos,) in rows]

    def kinds(self, spaces: Collection[int]) -> list[str]:
        """The kinds that some namespaces hold."""
        return [kind for (kind,) in self.db.rows(_KINDS, spaces=dumps(sorted(spaces)))]

    def versions(
        self, spaces: Collection[int], kinds: Collection[str]
    ) -> Iterator[tuple[int, list[str]]]:
        """(position, sources) of every version that records of some kinds have had."""
        rows = self.db.rows(_SPOKEN, spaces=dumps(sorted(spaces)), kinds=dumps(list(kinds)))
        places = {pos for pos, _ in rows}
        for seq in sorted({seq for _, seq in rows}):
            payload = self.line(seq).payload
            for entry in (*payload.get("add", ()), *payload.get("update", ())):
                if entry["pos"] in places:
                    yield entry["pos"], entry["sources"]

    def awaiting(self) -> list[int]:
        """Positions of the records that are to be made anew, ascending."""
        rows = self.db.rows(  # CROSS: from the few tasks to their records, not the other way
            "SELECT record.pos FROM task CROSS JOIN record ON record.id = task.target "
            "WHERE task.target != ''"
        )
        return sorted({pos for (pos,) in rows})

    def outlived(
        self, names: Iterable[str], now: float, *, kept: str, mixing: Collection[str]
    ) -> list[int]:
        """Positions of the active records that rest, at some remove, on these, which have expired.
        `kept`: a kind that does not; `mixing`: kinds whose texts rest on all their sources.
        """
        given = {"now": now, "kept": kept, "mixing": dumps([*mixing])}
        gone, found = set(names), dict[int, str]()
        while rows := self.db.rows(_OUTLIVED, names=dumps(sorted(gone)), **given):
            if len(rows) == len(found):
                break
            found = dict(rows)
            gone.update(found.values())
        return sorted(found)

    def derived(self, name: str) -> list[int]:
        """Positions of the records that name this one among their sources."""
        rows = self.db.rows("SELECT pos FROM derivation WHERE source = :s ORDER BY pos", s=name)
        return [pos for (pos,) in rows]


def _line(row: Sequence[Any]) -> Line:
    seq, at, policy, reason, run, payload = row
    return Line(seq=seq, at=at, policy=policy, reason=reason, run=run, payload=json.loads(payload))
