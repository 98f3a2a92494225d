"""What a ledger holds, looked up: namespaces, places, whole records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select

from agentmem.core import Namespace, Record
from agentmem.errors import NotFound
from agentmem.ledger.rows import dumps
from agentmem.ledger.shelf import Shelf
from agentmem.ledger.sqlite import KNOWN, PLACES, Database, compiled
from agentmem.ledger.tables import meta, tombstone

_STONE = compiled(select(tombstone.c.pos).where(tombstone.c.id == bindparam("id")))
_META = compiled(select(meta.c.value).where(meta.c.key == bindparam("key")))
_SET_META = "INSERT OR REPLACE INTO meta(key, value) VALUES (:key, :value)"


class Place(NamedTuple):
    """Where a record stands in the ledger."""

    pos: int
    space: int  # namespace code
    status: int
    seq: int  # journal line that changed it last


class Book:
    """Look-ups in one file."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.shelf = Shelf(db, self.path)
        self._paths: dict[int, Namespace] = {}
        self._codes: dict[Namespace, int] = {}
        self._newest = 0  # highest namespace code seen

    def meta(self, key: str) -> str | None:
        value: str | None = self.db.value(_META, key=key)
        return value

    def set_meta(self, key: str, value: str) -> None:
        self.db.run(_SET_META, key=key, value=value)

    def seq(self) -> int:
        """The newest journal line."""
        return self.shelf.seq()

    def first_at(self) -> float:
        """When the first journal line was written; 0 if none."""
        return float(self.db.value("SELECT at FROM journal ORDER BY seq LIMIT 1") or 0.0)

    def last_at(self) -> float:
        """When the newest journal line was written, by the clock of its writer; 0 if none."""
        return float(self.db.value("SELECT at FROM journal ORDER BY seq DESC LIMIT 1") or 0.0)

    def path(self, space: int) -> Namespace:
        """The namespace of a code."""
        if space not in self._paths:
            self.spaces()
        return self._paths[space]

    def spaces(self) -> Mapping[int, Namespace]:
        """All namespaces by code."""
        rows = self.db.rows("SELECT id, path FROM namespace WHERE id > :n", n=self._newest)
        for code, path in rows:
            self._paths[code] = tuple(json.loads(path))
            self._newest = max(self._newest, code)
        return self._paths

    def record(self, pos: int) -> Record | None:
        return self.shelf.records([pos]).get(pos)

    def records(self, positions: Sequence[int]) -> dict[int, Record]:
        """The records at some positions; those that are gone are left out."""
        return self.shelf.records(positions)

    def locate(self, name: str) -> Place:
        """Where a record stands; NotFound."""
        return self.places([name])[name]

    def places(self, names: Iterable[str]) -> dict[str, Place]:
        """Where each of some records stands; NotFound if one is missing."""
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if not isinstance(name, str) or not name.isascii():
                raise NotFound(f"{name!r} is no record id")
        found = dict(self.present(wanted))
        for name in wanted:
            if name not in found:
                erased = self.erased(name)
                raise NotFound(
                    f"record {name!r} was erased" if erased else f"there is no record {name!r}"
                )
        return found

    def erased(self, name: str) -> bool:
        """Was a record of this id erased (and perhaps added again since)?"""
        return bool(self.db.rows(_STONE, id=name))

    def present(self, names: Iterable[str]) -> list[tuple[str, Place]]:
        """Those of some ids that there are, and where they stand."""
        wanted = list(names)
        rows = self.db.rows(PLACES, ids=dumps(wanted)) if wanted else []
        return [(name, Place(*place)) for name, *place in rows]

    def held(self, contents: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Content identity -> (id, status code) of the record that has it, an active one first."""
        return self.known(contents)[0]

    def buried(self, contents: Iterable[str]) -> set[str]:
        """Which content identities have a tombstone."""
        return self.known(contents)[2]

    def known(self, names: Iterable[str]) -> tuple[dict[str, tuple[str, int]], set[str], set[str]]:
        """Of some names: what they are as contents (`held`), which are ids of records, and which
        are contents that were erased (`buried`).
        """
        rows = self.db.rows(KNOWN, names=dumps(list(dict.fromkeys(names))))
        rows.sort(key=lambda row: row[2], reverse=True)
        return (
            {name: (held, status) for name, held, status, how in rows if how in (1, 2)},
            {name for name, _, _, how in rows if how in (0, 1)},
            {name for name, _, _, how in rows if how == 3},
        )

    def last_erasure(self) -> int:
        """The newest journal line that erased something; 0 if there is none."""
        return int(self.db.value("SELECT coalesce(max(seq), 0) FROM tombstone"))

    def erased_since(self, content: str, sources: Sequence[str]) -> bool:
        """Was a content erased after the last of some records was stored?"""
        last = self.db.value(
            "SELECT max(seq) FROM tombstone WHERE content = :content", content=content
        )
        if last is None:
            return False
        stored = [
            self.db.value("SELECT min(seq) FROM mention WHERE pos = :pos", pos=place.pos)
            for _, place in self.present(sources)
        ]
        return bool(max(stored, default=0) < last)

    def space_of(self, path: Namespace) -> int | None:
        """The code of a namespace; None if nothing was ever kept there."""
        return next((code for code, known in self.spaces().items() if known == path), None)

    def space(self, path: Namespace) -> int:
        """The code of a namespace, made if need be; the caller holds the transaction."""
        if path not in self._codes:
            text = dumps(list(path))
            code = self.db.value("SELECT id FROM namespace WHERE path = :path", path=text)
            if code is None:
                code = self.db.run(
                    "INSERT INTO namespace(path, turn, active, records) VALUES (:path, 0, 0, 0)",
                    path=text,
                )
            self._codes[path] = int(code)
        return self._codes[path]

    def reread_spaces(self) -> None:
        """Drop what was read of namespaces: a transaction that made one was rolled back."""
        self._paths.clear()
        self._codes.clear()
        self._newest = 0
