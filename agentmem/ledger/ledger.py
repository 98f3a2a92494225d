"""The ledger: the one source of truth.  A change goes in whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, insert, select

from agentmem.core import Change, Record
from agentmem.errors import EmbedderMismatch, InputError, StalePlan
from agentmem.ledger.apply import Applier, redact
from agentmem.ledger.book import Book, Place
from agentmem.ledger.draft import Expire, draft
from agentmem.ledger.migrations import migrate
from agentmem.ledger.rows import dumps
from agentmem.ledger.sift import Sifted, sift
from agentmem.ledger.sqlite import PACK_TEXT, Database, Durability, compiled
from agentmem.ledger.tables import (
    journal,
    mention,
)
from agentmem.values import changed

_LINE = compiled(insert(journal))
_STAMPS = "SELECT key, value FROM meta"
_LINES_OF = compiled(select(mention.c.seq).where(mention.c.pos == bindparam("pos")))
_SAID = compiled(
    select(journal.c.payload, journal.c.policy, journal.c.reason).where(
        journal.c.seq == bindparam("seq")
    )
)
_BLANK = "UPDATE journal SET reason = '' WHERE seq = :seq"
_REWRITE = "UPDATE journal SET payload = :payload WHERE seq = :seq"

# What the verbs say for themselves; any other reason is a caller's.
REASONS = frozenset(
    ("add", "added again", "erase", "forget", "import", "recall", "restore", "supersede", "update")
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a commit did.  `seq` is its journal line; 0 if there was nothing to write.

    The mappings are keyed by the content identity of each add.
    """

    seq: int = 0
    added: Mapping[str, tuple[int, Record]] = field(default_factory=dict)  # position and record
    ids: Mapping[str, str] = field(default_factory=dict)  # id of what is remembered
    refused: Mapping[str, str] = field(default_factory=dict)  # why it is not stored
    standing: Mapping[str, str] = field(default_factory=dict)  # id of the inactive record it is


class Ledger(Book):
    """One file.  Not locked: the caller serialises threads; SQLite serialises processes."""

    def __init__(
        self,
        path: str,
        *,
        embedder: str,
        dim: int,
        durability: Durability = "normal",
        timeout: float = 10.0,
        key: str | None = None,
    ) -> None:
        super().__init__(Database(path, durability, timeout, key))
        try:
            with self.db.write():
                migrate(self.db)
                self._stamp(embedder, dim)
        except BaseException:
            self.db.close()
            raise

    def _stamp(self, embedder: str, dim: int) -> None:
        stamp = self._stamp_of_vectors = f"{embedder}/{dim}"
        found = self.meta("embedder")
        if found is None:
            self.set_meta("embedder", stamp)
        elif found != stamp:
            raise EmbedderMismatch(
                f"{self.db.path}: its vectors come from embedder {found!r}, this memory uses "
                f"{stamp!r}; open it with the embedder it was made with"
            )

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
        places: Mapping[str, Place] | None = None,
    ) -> Outcome:
        """Write a change in one transaction over records, vectors, lexical index and journal.

        `vectors` by content identity (of an update: by id); `expire` gives each record's due time
        under policies whose fingerprint is `expiries`; `versions`, where given, must still be the
        newest (StalePlan); `places`: where the records stand, if this transaction knows already.
        """
        with self._write():
            if versions:
                self.unchanged(versions, places)
            self._stamped(expiries, writes_vectors=bool(vectors))
            found = self._sifted(change, revive)
            payload = draft(self, change, expire, places or self.places(change.ids), found.new)
            if not any(payload.values()):
                return Outcome(ids=found.ids, refused=found.refused, standing=found.standing)
            seq = self._line(change, at, payload, run)
            by_id = {record.id: content for content, record in found.new.items()}
            entries = payload.get("add", []) + payload.get("update", [])
            named = [(entry["pos"], by_id.get(entry["id"], entry["id"])) for entry in entries]
            data = {pos: vectors[name] for pos, name in named if name in vectors}
            Applier(self.db, seq, at, self.path)(payload, data)
            self.shelf.wrote(seq, payload)
            self._redact(payload.get("erase", ()))
        pairs = zip(found.new.items(), payload.get("add", ()), strict=True)
        settled = ("turn", "importance")
        added = {
            content: (entry["pos"], changed(record, **{name: entry[name] for name in settled}))
            for (content, record), entry in pairs
        }
        return Outcome(
            seq=seq, added=added, ids=found.ids, refused=found.refused, standing=found.standing
        )

    def _stamped(self, expiries: str, *, writes_vectors: bool) -> None:
        """EmbedderMismatch if the file's vectors were made anew since it was opened, and some are
        to be written; `expiries` is noted.
        """
        stamps = dict(self.db.rows(_STAMPS))
        if writes_vectors and stamps.get("embedder") != self._stamp_of_vectors:
            raise EmbedderMismatch(
                f"{self.db.path}: its vectors were made anew by another embedder, "
                f"{stamps.get('embedder')!r}, since this memory was opened; open it again"
            )
        found = stamps.get("expiries")
        if found is None:
            self.set_meta("expiries", expiries)
        elif found not in (expiries, ""):
            self.set_meta("expiries", "")  # written under several policies: to be recomputed

    def _sifted(self, change: Change, revive: bool) -> Sifted:
        """The adds of a change; InputError if one that is to take another's place is refused."""
        found = sift(self, change.add, revive)
        if found.refused and change.supersede:
            content, how = next(iter(found.refused.items()))
            raise InputError(
                f"the new text was {how} earlier (record {content!r}): bring it back with "
                "add(..., revive=True) before it takes the place of another"
            )
        return found

    @contextmanager
    def _write(self) -> Iterator[None]:
        try:
            with self.db.write():
                yield
        except BaseException:
            self.reread_spaces()
            raise

    def together(self) -> AbstractContextManager[None]:
        """Several commits, one transaction."""
        return self._write()

    def set_expiries(self, due: Sequence[tuple[float | None, int]]) -> None:
        """Set (expiry, position) pairs.  The caller holds the transaction."""
        self.db.many("UPDATE record SET expiry = ? WHERE pos = ?", due)

    def unchanged(
        self, versions: Mapping[str, int], places: Mapping[str, Place] | None = None
    ) -> None:
        """StalePlan unless the newest line of each record is the one given."""
        newest = dict(self.present(versions)) if places is None else places
        stale = [n for n, seq in versions.items() if n not in newest or newest[n].seq != seq]
        if stale:
            raise StalePlan(
                f"{len(stale)} of {len(versions)} records of this plan have changed since it was "
                f"made, {stale[0]!r} first; make a new plan"
            )

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

    def _redact(self, erased: Sequence[Sequence[Any]]) -> None:
        """Take the words of erased records out of every line and of the lexical index."""
        gone = {pos for pos, *_ in erased}
        spoken = {seq for pos in gone for (seq,) in self.db.rows(_LINES_OF, pos=pos)}
        for seq in sorted(spoken):
            [(text, policy, reason)] = self.db.rows(_SAID, seq=seq)
            payload = json.loads(text)
            if payload.keys() & {"add", "update"}:
                self.db.run(_REWRITE, payload=dumps(redact(payload, gone)), seq=seq)
            quotes = not policy or "'" in reason  # a caller's may, an updater's does with marks
            if quotes and reason not in REASONS and "erase" not in payload:
                self.db.run(_BLANK, seq=seq)
        if gone:
            self.db.run(PACK_TEXT)

    def blank_reasons(self, lines: Iterable[int]) -> None:
        """Take the reasons out of some lines: they quote what is erased.  In a transaction."""
        for seq in lines:
            self.db.run(_BLANK, seq=seq)

    def close(self) -> None:
        self.db.close()
