"""Answers that were paid for, kept in a file, so that an interrupted suite does not pay twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agentmem.budget import Usage
from agentmem.errors import LedgerCorrupt
from agentmem.ledger.sqlite import Database

__all__ = ["Answer", "Answers"]

OURS = 0x616D616E  # "aman": the application id of such a file
TABLE = (
    "CREATE TABLE answer (key TEXT PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL, "
    "tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, cached INTEGER NOT NULL, "
    "estimated INTEGER NOT NULL, latency REAL NOT NULL, retries INTEGER NOT NULL, "
    "cost REAL NOT NULL, made TEXT NOT NULL)"
)
GET = (
    "SELECT text, tokens_in, tokens_out, cached, estimated, latency, retries, cost "
    "FROM answer WHERE key = :key"
)
PUT = (
    "INSERT OR IGNORE INTO answer VALUES (:key, :model, :text, :tokens_in, :tokens_out, :cached, "
    ":estimated, :latency, :retries, :cost, :made)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said, and what the call that said it took."""

    text: str
    usage: Usage
    latency: float = 0.0  # seconds from the call to its reply, without waiting for a slot
    retries: int = 0  # calls for it that had failed before
    reused: bool = False  # read from a file of answers: nothing was paid now
    cost: float = 0.0  # in the currency of the prices, when it was made; 0 without a price


class Answers:
    """Answers by key, in an SQLite file; several processes may use it at once.

    An answer is committed before `put` returns, so a killed process loses none (a power failure
    may lose the last).  Both take some 0.05 ms and are not worth a thread.  LedgerError and its
    kin if the file cannot be used; LedgerCorrupt if it holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._db = Database(self.path, "normal", timeout=30.0)
        try:
            with self._db.write():
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        kind = self._db.value("PRAGMA application_id")
        if kind == OURS:
            return
        if kind or self._db.tables():
            raise LedgerCorrupt(f"{self.path}: not a file of answers; give another path")
        self._db.run(TABLE)
        self._db.run(f"PRAGMA application_id = {OURS}")

    def get(self, key: str) -> Answer | None:
        """The answer of a key, marked as reused."""
        rows = self._db.rows(GET, key=key)
        if not rows:
            return None
        text, tokens_in, tokens_out, cached, estimated, latency, retries, cost = rows[0]
        usage = Usage(
            tokens_in=tokens_in, tokens_out=tokens_out, cached=cached, estimated=bool(estimated)
        )
        return Answer(
            text=text, usage=usage, latency=latency, retries=retries, cost=cost, reused=True
        )

    def put(self, key: str, model: str, answer: Answer) -> Answer:
        """Keep an answer; if somebody was first, theirs stands.  Returns what stands.

        What is handed out now is thus what will be handed out when it is asked for again.
        """
        usage = answer.usage
        self._db.run(
            PUT,
            key=key,
            model=model,
            text=answer.text,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            cached=usage.cached,
            estimated=usage.estimated,
            latency=answer.latency,
            retries=answer.retries,
            cost=answer.cost,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        kept = self.get(key)
        return answer if kept is None else replace(kept, reused=False)

    def __len__(self) -> int:
        return int(self._db.value("SELECT count(*) FROM answer"))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
