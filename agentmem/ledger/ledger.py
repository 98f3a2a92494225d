"""The ledger: the one source of truth.  A change goes in whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from math import isnan
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select

from agentmem.core import Change, Namespace, Record
from agentmem.errors import EmbedderMismatch, InputError, NotFound, StalePlan
from agentmem.ledger.apply import Applier, redact
from agentmem.ledger.migrations import migrate
from agentmem.ledger.rows import WHOLE, dumps, hashes, to_entry, to_record
from agentmem.ledger.sqlite import HOLDERS, PACK_TEXT, PLACES, Database, Durability, compiled
from agentmem.ledger.tables import (
    ACTIVE,
    journal,
    mention,
    meta,
    namespace,
    record,
    tombstone,
)
from agentmem.salience import importance

Expire = Callable[[Sequence[Record]], Sequence[float | None]]

_STONE = compiled(select(tombstone.c.pos).where(tombstone.c.id == bindparam("id")))
_LAST = compiled(select(func.max(journal.c.seq)))
_NEXT_POS = compiled(
    select(
        func.coalesce(select(func.max(record.c.pos)).scalar_subquery(), 0),
        func.coalesce(select(func.max(tombstone.c.pos)).scalar_subquery(), 0),
    )
)
_SPACE = compiled(
    select(namespace.c.turn, namespace.c.records).where(namespace.c.id == bindparam("space"))
)
_LINE = compiled(insert(journal))
_META = compiled(select(meta.c.value).where(meta.c.key == bindparam("key")))
_SET_META = "INSERT OR REPLACE INTO meta(key, value) VALUES (:key, :value)"
_ONE = compiled(WHOLE.where(record.c.pos == bindparam("pos")))
_LINES_OF = compiled(select(mention.c.seq).where(mention.c.pos == bindparam("pos")))
_PAYLOAD = compiled(select(journal.c.payload).where(journal.c.seq == bindparam("seq")))
_REWRITE = "UPDATE journal SET payload = :payload WHERE seq = :seq"


class Place(NamedTuple):
    """Where a record stands in the ledger."""

    pos: int
    space: int  # namespace code
    status: int
    seq: int  # journal line that changed it last


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a commit did.  `seq` is its journal line; 0 if there was nothing to write."""

    seq: int = 0
    added: Mapping[str, tuple[int, Record]] = field(default_factory=dict)  # id -> position, as is
    known: tuple[str, ...] = ()  # adds that were there already
    refused: Mapping[str, str] = field(default_factory=dict)  # adds stopped by a tombstone: why


class Ledger:
    """One file.  Not locked: the caller serialises threads; SQLite serialises processes."""

    def __init__(
        self,
        path: str,
        *,
        embedder: str,
        dim: int,
        durability: Durability = "normal",
        timeout: float = 10.0,
    ) -> None:
        self.db = Database(path, durability, timeout)
        self.paths: dict[int, Namespace] = {}
        try:
            with self.db.write():
                migrate(self.db)
                self._stamp(embedder, dim)
        except BaseException:
            self.db.close()
            raise

    def _stamp(self, embedder: str, dim: int) -> None:
        stamp = f"{embedder}/{dim}"
        found = self.meta("embedder")
        if found is None:
            self.set_meta("embedder", stamp)
        elif found != stamp:
            raise EmbedderMismatch(
                f"{self.db.path}: its vectors come from embedder {found!r}, this memory uses "
                f"{stamp!r}; open it with the embedder it was made with"
            )

    def meta(self, key: str) -> str | None:
        value: str | None = self.db.value(_META, key=key)
        return value

    def set_meta(self, key: str, value: str) -> None:
        self.db.run(_SET_META, key=key, value=value)

    def seq(self) -> int:
        """The newest journal line."""
        return self.db.value(_LAST) or 0

    def path(self, space: int) -> Namespace:
        """The namespace of a code."""
        if space not in self.paths:
            self.spaces()
        return self.paths[space]

    def spaces(self) -> Mapping[int, Namespace]:
        """All namespaces by code."""
        newest = max(self.paths, default=0)
        for code, path in self.db.rows("SELECT id, path FROM namespace WHERE id > :n", n=newest):
            self.paths[code] = tuple(json.loads(path))
        return self.paths

    def together(self) -> AbstractContextManager[None]:
        """Several commits, one transaction."""
        return self._write()

    def record(self, pos: int) -> Record | None:
        rows = self.db.rows(_ONE, pos=pos)
        return to_record(rows[0], self.path) if rows else None

    def locate(self, name: str) -> Place:
        """Where a record stands; NotFound."""
        return self.places([name])[name]

    def places(self, names: Iterable[str]) -> dict[str, Place]:
        """Where each of some records stands; NotFound if one is missing."""
        wanted = list(dict.fromkeys(names))
        found = {row[0]: Place(*row[1:]) for row in self.db.rows(PLACES, ids=dumps(wanted))}
        for name in wanted:
            if name not in found:
                erased = self.db.rows(_STONE, id=name)
                raise NotFound(
                    f"record {name!r} was erased" if erased else f"there is no record {name!r}"
                )
        return found

    def commit(
        self,
        change: Change,
        *,
        at: float,
        vectors: Mapping[str, bytes],
        expire: Expire,
        expiries: str = "",
        revive: bool = False,
        run: str | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> Outcome:
        """Write a change in one transaction over records, vectors, lexical index and journal.

        `vectors` by record id; `expire` gives each record's due time under policies whose
        fingerprint is `expiries`; `versions`, where given, must still be the newest (StalePlan).
        """
        with self._write():
            self._fresh(versions or {})
            self._stamp_expiries(expiries)
            adds, known, refused = self._sift(change.add, revive)
            if refused and change.supersede:
                name, how = next(iter(refused.items()))
                raise InputError(
                    f"the new text was {how} earlier (record {name!r}): bring it back with "
                    "add(..., revive=True) before it takes the place of another"
                )
            payload = self._payload(replace(change, add=tuple(adds)), at, expire)
            if not any(payload.values()):
                return Outcome(known=tuple(known), refused=refused)
            seq = self._line(change, at, payload, run)
            entries = payload.get("add", []) + payload.get("update", [])
            data = {e["pos"]: vectors[e["id"]] for e in entries if e["id"] in vectors}
            Applier(self.db, seq, at, self.path)(payload, data)
            self._redact(payload.get("erase", ()))
        added = {
            entry["id"]: (entry["pos"], self._as_stored(record, entry))
            for record, entry in zip(adds, payload.get("add", ()), strict=True)
        }
        return Outcome(seq=seq, added=added, known=tuple(known), refused=refused)

    @contextmanager
    def _write(self) -> Iterator[None]:
        try:
            with self.db.write():
                yield
        except BaseException:
            self.paths.clear()  # may name a namespace that was never made
            raise

    def _stamp_expiries(self, expiries: str) -> None:
        found = self.meta("expiries")
        if found is None:
            self.set_meta("expiries", expiries)
        elif found not in (expiries, ""):
            self.set_meta("expiries", "")  # written under several policies: to be recomputed

    def set_expiries(self, due: Sequence[tuple[float | None, int]] | None) -> None:
        """Set (expiry, position) pairs; None clears all.  The caller holds the transaction."""
        if due is None:
            self.db.run("UPDATE record SET expiry = NULL WHERE expiry IS NOT NULL")
        else:
            self.db.many("UPDATE record SET expiry = ? WHERE pos = ?", due)

    def _fresh(self, versions: Mapping[str, int]) -> None:
        rows = self.db.rows(PLACES, ids=dumps(list(versions)))
        newest = {name: Place(*rest).seq for name, *rest in rows}
        stale = [name for name, seq in versions.items() if newest.get(name) != seq]
        if stale:
            raise StalePlan(
                f"{len(stale)} of {len(versions)} records of this plan have changed since it was "
                f"made, {stale[0]!r} first; make a new plan"
            )

    def _sift(
        self, adds: Sequence[Record], revive: bool
    ) -> tuple[list[Record], list[str], dict[str, str]]:
        """Which adds are new, which are there already, which a tombstone stops."""
        new: dict[str, Record] = {}
        known: list[str] = []
        refused: dict[str, str] = {}
        rows = self.db.rows(PLACES, ids=dumps([one.id for one in adds]))
        status = {name: Place(*rest).status for name, *rest in rows}
        for one in adds:
            if status.get(one.id) == ACTIVE or one.id in new:
                known.append(one.id)
            elif one.id in status:
                refused[one.id] = "forgotten"
            elif not revive and self.db.rows(_STONE, id=one.id):
                refused[one.id] = "erased"
            else:
                new[one.id] = one
        return list(new.values()), known, refused

    def _payload(self, change: Change, at: float, expire: Expire) -> dict[str, Any]:
        """Everything the change will do, with every number settled."""
        places = self.places(change.ids)
        payload: dict[str, Any] = {}
        if change.add:
            payload["add"] = self._entries(change.add, expire)
        if change.update:
            due = expire(change.update)
            payload["update"] = [
                to_entry(r, places[r.id].pos, places[r.id].space, e)
                for r, e in zip(change.update, due, strict=True)
            ]
        for verb, records in (("touch", change.touch), ("restore", change.restore)):
            if records:
                payload[verb] = [
                    [places[r.id].pos, r.used, r.used_turn, r.uses, r.stability, e]
                    for r, e in zip(records, expire(records), strict=True)
                ]
        if change.archive:
            payload["archive"] = [places[name].pos for name in change.archive]
        if change.supersede:
            added = {e["id"]: e["pos"] for e in payload.get("add", ())}
            payload["supersede"] = [
                [places[old].pos, added.get(new) or self.locate(new).pos]
                for old, new in change.supersede
            ]
        if change.erase:
            payload["erase"] = [[places[n].pos, n, places[n].space] for n in change.erase]
        if change.scores:
            payload["scores"] = {str(places[n].pos): s for n, s in change.scores.items()}
        return payload

    def _entries(self, adds: Sequence[Record], expire: Expire) -> list[dict[str, Any]]:
        [(top, erased)] = self.db.rows(_NEXT_POS)
        pos = max(top, erased)
        turns: dict[int, tuple[int, int]] = {}
        settled: list[Record] = []
        spaces: list[int] = []
        held: dict[tuple[int, int], int] = {}
        for one in adds:
            space = self.space(one.namespace)
            if space not in turns:
                [(turn, count)] = self.db.rows(_SPACE, space=space)
                turns[space] = (turn + 1, count)
            value = one.importance
            if isnan(value):
                value = self._surprise(one.text, space, turns[space][1], held)
            settled.append(replace(one, turn=one.turn or turns[space][0], importance=value))
            spaces.append(space)
        return [
            to_entry(r, pos + i, space, due)
            for i, (r, space, due) in enumerate(
                zip(settled, spaces, expire(settled), strict=True), start=1
            )
        ]

    def _surprise(
        self, text: str, space: int, records: int, held: dict[tuple[int, int], int]
    ) -> float:
        """Surprisal against what the namespace held before this change; `held` is a cache."""
        keys = [(word, space) for word in hashes(text)]
        missing = [word for word, _ in keys if (word, space) not in held]
        if missing:
            held.update(dict.fromkeys([(word, space) for word in missing], 0))
            rows = self.db.rows(HOLDERS, words=dumps(missing))
            held.update({(word, where): count for word, where, count in rows if where == space})
        return importance([held[key] for key in keys], records)

    def space(self, path: Namespace) -> int:
        """The code of a namespace, made if need be; the caller holds the transaction."""
        text = dumps(list(path))
        code = self.db.value("SELECT id FROM namespace WHERE path = :path", path=text)
        if code is None:
            code = self.db.run(
                "INSERT INTO namespace(path, turn, active, records) VALUES (:path, 0, 0, 0)",
                path=text,
            )
        self.paths[code] = path
        return int(code)

    def _line(self, change: Change, at: float, payload: dict[str, Any], run: str | None) -> int:
        where = None if change.namespace is None else self.space(change.namespace)
        return self.db.run(
            _LINE,
            seq=None,
            at=at,
            policy=change.policy,
            reason=change.reason,
            run=run,
            namespace=where,
            turn=change.turn,
            payload=dumps(payload),
        )

    def _redact(self, erased: Iterable[Sequence[Any]]) -> None:
        """Take the words of erased records out of every line that holds them."""
        for pos, _, _ in erased:
            for (seq,) in self.db.rows(_LINES_OF, pos=pos):
                payload = json.loads(self.db.value(_PAYLOAD, seq=seq))
                self.db.run(_REWRITE, payload=dumps(redact(payload, pos)), seq=seq)
            self.db.run(PACK_TEXT)

    @staticmethod
    def _as_stored(record: Record, entry: Mapping[str, Any]) -> Record:
        return replace(record, turn=entry["turn"], importance=entry["importance"])

    def close(self) -> None:
        self.db.close()
