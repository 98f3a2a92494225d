"""A journal line takes effect: the only code that writes records, vectors and the lexical index.

`commit` and `replay` both come through here, so replaying a journal rebuilds the same rows.  A
line's payload is JSON: {verb: entries}.  The caller holds the transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from agentmem.core import Namespace
from agentmem.ledger import sqlite
from agentmem.ledger.rows import ABSENT, dumps, found_by, hashes, scope, spelled, to_values
from agentmem.ledger.sqlite import Database, compiled
from agentmem.ledger.tables import (
    ACTIVE,
    ARCHIVED,
    SUPERSEDED,
    derivation,
    namespace,
    recall,
    record,
    task,
    term,
    tombstone,
    vector,
)
from agentmem.text import words
from agentmem.views import KEPT

Payload = Mapping[str, Any]

_INSERT = {
    table.name: compiled(insert(table)) for table in (record, vector, derivation, tombstone, task)
}
_HERE = record.c.pos == bindparam("at_pos")
_WHOLE = compiled(
    update(record)
    .where(_HERE)
    .values({c.name: bindparam(c.name) for c in record.c if c.name not in ("pos", "id")})
)
_LIFE = ("used", "used_turn", "uses", "stability", "expiry", "seq")
_TOUCH = compiled(update(record).where(_HERE).values({n: bindparam(n) for n in _LIFE}))
_RESTORE = compiled(
    update(record).where(_HERE).values({n: bindparam(n) for n in (*_LIFE, "status")})
)
_DROP_RECORD = compiled(delete(record).where(record.c.pos == bindparam("pos")))
_DROP_VECTOR = compiled(delete(vector).where(vector.c.pos == bindparam("pos")))
_DROP_SOURCES = compiled(delete(derivation).where(derivation.c.pos == bindparam("pos")))
_DROP_RECALLS = compiled(delete(recall).where(recall.c.pos == bindparam("pos")))
_RECALLED = "INSERT OR REPLACE INTO recall(pos, slot, at) VALUES (?, ?, ?)"
_NO_TASK = compiled(
    delete(task).where(*(task.c[n] == bindparam(n) for n in ("pos", "store", "rest", "target")))
)
_NO_TASKS = compiled(delete(task).where(task.c.pos == bindparam("pos")))
_COUNTS = compiled(
    update(namespace)
    .where(namespace.c.id == bindparam("space"))
    .values(
        active=namespace.c.active + bindparam("more_active"),
        records=namespace.c.records + bindparam("more_records"),
    )
)
_TURN = compiled(
    update(namespace)
    .where(namespace.c.id == bindparam("space"), namespace.c.turn < bindparam("now_turn"))
    .values(turn=bindparam("now_turn"))
)
_MORE_TERMS = (
    "INSERT INTO term(hash, namespace, records) VALUES (?, ?, ?) "
    "ON CONFLICT(hash, namespace) DO UPDATE SET records = records + excluded.records"
)
_FEWER_TERMS = compiled(
    update(term)
    .where(term.c.hash == bindparam("word"), term.c.namespace == bindparam("space"))
    .values(records=term.c.records - 1)
)
_NO_TERMS = compiled(
    delete(term).where(
        term.c.hash == bindparam("word"),
        term.c.namespace == bindparam("space"),
        term.c.records <= 0,
    )
)
_STATE = compiled(
    select(record.c.namespace, func.coalesce(record.c.key, record.c.text), record.c.status).where(
        record.c.pos == bindparam("pos")
    )
)
_SPACE = compiled(
    select(record.c.namespace, record.c.status).where(record.c.pos == bindparam("pos"))
)


class Applier:
    """Applies one journal line."""

    def __init__(
        self, db: Database, seq: int, at: float, paths: Callable[[int], Namespace]
    ) -> None:
        self.db = db
        self.seq = seq
        self.at = at
        self.paths = paths

    def __call__(self, payload: Payload, vectors: Mapping[int, bytes]) -> None:
        """Take effect; `vectors` holds the embedding of each added or rewritten position."""
        if "add" in payload:
            self._add([e for e in payload["add"] if not e.get("erased")], vectors)
            self._turns(payload["add"])
        for entry in payload.get("update", ()):
            if not entry.get("erased"):
                self._update(entry, vectors.get(entry["pos"]))
        self._life(_TOUCH, payload.get("touch", ()))
        ring = [(pos, uses % KEPT, used) for pos, used, _, uses, *_ in payload.get("touch", ())]
        self.db.many(_RECALLED, ring)
        self._status(payload.get("archive", ()), ARCHIVED)
        self._status([old for old, _ in payload.get("supersede", ())], SUPERSEDED)
        self._restore(payload.get("restore", ()))
        for pos, name, space, contents in payload.get("erase", ()):
            self._erase(pos)
            self._bury(pos, name, space, contents)
        for pos, name, space, contents in payload.get("bury", ()):
            self._bury(pos, name, space, contents)
        self._tasks(payload.get("tasks", ()))
        self.db.many(sqlite.MENTION, [(pos, self.seq) for pos in sorted(mentioned(payload))])

    def _add(self, entries: Sequence[Mapping[str, Any]], vectors: Mapping[int, bytes]) -> None:
        said = [words(found_by(entry)) for entry in entries]
        pairs = list(zip(entries, said, strict=True))
        rows = [to_values(entry, self.seq, len(its)) for entry, its in pairs]
        self.db.many(_INSERT["record"], rows)
        self.db.many(
            _INSERT["vector"],
            [{"pos": e["pos"], "data": vectors[e["pos"]]} for e in entries if e["pos"] in vectors],
        )
        ring = [(e["pos"], slot, at) for e in entries for slot, at in e.get("recalls", {}).items()]
        self.db.many(_RECALLED, ring)  # of a memory folded up to a moment
        terms = Counter((word, e["namespace"]) for e, its in pairs for word in hashes(its))
        self._index(pairs, terms)
        for space, count in Counter(e["namespace"] for e in entries).items():
            active = sum(e["namespace"] == space and e["status"] == ACTIVE for e in entries)
            self.db.run(_COUNTS, space=space, more_active=active, more_records=count)

    def _index(
        self,
        entries: Sequence[tuple[Mapping[str, Any], Sequence[str]]],
        terms: Counter[tuple[int, int]],
    ) -> None:
        """Take entries, each with the words it is found by, into the lexical index."""
        lexical = [
            {"pos": e["pos"], "text": spelled(said), "scope": scope(self.paths(e["namespace"]))}
            for e, said in entries
        ]
        self.db.many(sqlite.ADD_TEXT, lexical)
        self.db.many(_MORE_TERMS, sorted((w, space, n) for (w, space), n in terms.items()))
        sources = [{"source": s, "pos": e["pos"]} for e, _ in entries for s in set(e["sources"])]
        self.db.many(_INSERT["derivation"], sources)

    def _turns(self, entries: Iterable[Mapping[str, Any]]) -> None:
        latest: dict[int, int] = {}
        for entry in entries:
            latest[entry["namespace"]] = max(latest.get(entry["namespace"], 0), entry["turn"])
        for space, turn in latest.items():
            self.db.run(_TURN, space=space, now_turn=turn)

    def _unindex(self, pos: int, space: int, text: str) -> None:
        said = words(text)
        self.db.run(sqlite.DROP_TEXT, pos=pos, text=spelled(said), scope=scope(self.paths(space)))
        held = [{"word": word, "space": space} for word in hashes(said)]
        self.db.many(_FEWER_TERMS, held)
        self.db.many(_NO_TERMS, held)
        self.db.run(_DROP_SOURCES, pos=pos)

    def _update(self, entry: Mapping[str, Any], data: bytes | None) -> None:
        [(space, text, status)] = self.db.rows(_STATE, pos=entry["pos"])
        self._unindex(entry["pos"], space, text)
        said = words(found_by(entry))
        self._index([(entry, said)], Counter((word, space) for word in hashes(said)))
        values = _without_keys(to_values(entry, self.seq, len(said)))
        self.db.run(_WHOLE, at_pos=entry["pos"], **values)
        if data is not None:
            self.db.run(_DROP_VECTOR, pos=entry["pos"])
            self.db.run(_INSERT["vector"], pos=entry["pos"], data=data)
        change = (entry["status"] == ACTIVE) - (status == ACTIVE)
        if change:
            self.db.run(_COUNTS, space=space, more_active=change, more_records=0)

    def _life(self, statement: str, entries: Sequence[Sequence[Any]], **more: Any) -> None:
        names = ("used", "used_turn", "uses", "stability", "expiry")
        rows = [
            {"at_pos": pos, "seq": self.seq, **dict(zip(names, life, strict=True)), **more}
            for pos, *life in entries
        ]
        self.db.many(statement, rows)

    def _status(self, positions: Sequence[int], status: int) -> None:
        if positions:
            listed = dumps(positions)
            for space, active in self.db.rows(sqlite.ACTIVE_OF, positions=listed):
                self.db.run(_COUNTS, space=space, more_active=-active, more_records=0)
            self.db.run(sqlite.SET_STATUS, status=status, seq=self.seq, positions=listed)

    def _restore(self, entries: Sequence[Sequence[Any]]) -> None:
        for entry in entries:
            for space, before in self.db.rows(_SPACE, pos=entry[0]):
                change = int(before != ACTIVE)
                self.db.run(_COUNTS, space=space, more_active=change, more_records=0)
        self._life(_RESTORE, entries, status=ACTIVE)

    def _tasks(self, entries: Sequence[Sequence[Any]]) -> None:
        for pos, store, rest, target, state, error in entries:
            self.db.run(_NO_TASK, pos=pos, store=store, rest=dumps(rest), target=target)
            if state:
                self.db.run(
                    _INSERT["task"],
                    pos=pos,
                    store=store,
                    rest=dumps(rest),
                    target=target,
                    state=state,
                    error=error,
                )

    def _erase(self, pos: int) -> None:
        for space, text, status in self.db.rows(_STATE, pos=pos):
            self._unindex(pos, space, text)
            self.db.run(_DROP_RECORD, pos=pos)
            self.db.run(_DROP_VECTOR, pos=pos)
            self.db.run(_DROP_RECALLS, pos=pos)
            self.db.run(_NO_TASKS, pos=pos)
            active = -int(status == ACTIVE)
            self.db.run(_COUNTS, space=space, more_active=active, more_records=-1)

    def _bury(self, pos: int, name: str, space: int, contents: Sequence[str]) -> None:
        stone = {"pos": pos, "id": name, "namespace": space, "seq": self.seq, "at": self.at}
        self.db.many(_INSERT["tombstone"], [{**stone, "content": one} for one in contents])


def mentioned(payload: Payload) -> set[int]:
    """The positions a journal line speaks of."""
    whole = {entry["pos"] for verb in ("add", "update") for entry in payload.get(verb, ())}
    rows = {
        row[0]
        for verb in ("touch", "restore", "erase", "bury", "supersede")
        for row in payload.get(verb, ())
    }
    new = {new for _, new in payload.get("supersede", ()) if new}
    return whole | rows | new | set(payload.get("archive", ()))


def redact(payload: dict[str, Any], gone: Collection[int]) -> dict[str, Any]:
    """The payload without what it said of some records; positions and times stay."""
    blank: dict[str, Any] = {
        "text": "",
        **ABSENT,
        "source": "",
        "kind": "",
        "sources": [],
        "links": [],
        "data": {},
    }
    for verb in ("add", "update"):
        for entry in payload.get(verb, ()):
            if entry["pos"] in gone:
                entry |= {**blank, "erased": True}
    return payload


def _without_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("pos", "id", "erased")}
