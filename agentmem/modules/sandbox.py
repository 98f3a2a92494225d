"""Tables in RAM that foreign SQL may read and write, and nothing else.

SQLite's own authorizer decides, statement by statement, while it compiles them; what a statement
may cost is bounded in virtual-machine instructions, not in seconds, so that a statement that ran
once runs again when it is replayed, on any machine.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from weakref import finalize

from agentmem.errors import InputError, nearest
from agentmem.extract.english import word_set

__all__ = ["Cell", "Rows", "Tables"]

Cell = str | int | float | None
Rows = list[dict[str, Cell]]

VERBS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "CREATE TABLE")
FUNCTIONS = word_set("""
    abs avg ceil coalesce count floor glob group_concat ifnull iif instr length like lower ltrim
    max min nullif replace round rtrim sign substr substring sum total trim typeof upper
""")  # deterministic, and bounded by what they read
_VERB = re.compile(r"\s*([A-Za-z]+)(?:\s+(TABLE)\b)?", re.IGNORECASE)
_CLOCK = re.compile(r"\bcurrent_(?:time|date|timestamp)\b|\bdefault\s*\(", re.IGNORECASE)
_WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_TICK = 1000  # instructions between two looks at the budget
_MOST = 2**20  # characters or bytes of one value
_LONGEST = 20_000  # characters of one statement
_PAGES = 2**14  # of 4 KiB: 64 MiB of tables


class Tables:
    """An empty database in RAM.  `run` one statement at a time, between `begin` and the end.

    `max_rows`: rows of one result; `max_steps`: instructions of one statement, in thousands.
    """

    def __init__(self, max_rows: int, max_steps: int) -> None:
        self.max_rows, self.max_steps = max_rows, max_steps
        self.wrote = False  # did the last statement change anything, or could it have?
        self._creating = ""
        self._own: frozenset[str] = frozenset()
        self._left = 0
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute(f"PRAGMA max_page_count = {_PAGES}")
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST)
        self._db.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _LONGEST)
        self._db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        self.close = finalize(self, self._db.close)

    def schema(self) -> str:
        """The CREATE TABLE statements as they are now; "" without tables."""
        return "\n".join(row["sql"] for row in self._master())

    def run(self, sql: str, params: Mapping[str, Cell]) -> Rows:
        """The rows of one statement with its parameters (`:name`) bound.

        InputError for a statement that is not allowed, does not compile, lacks a parameter, or
        costs or gives too much; whoever began the transaction then rolls it back.
        """
        verb = _verb(sql)
        self.wrote = False
        self._own = frozenset(row["name"] for row in self._master())
        self._creating = "?" if verb == "CREATE TABLE" else ""
        self._left = self.max_steps
        self._db.set_authorizer(self._allows)
        self._db.set_progress_handler(self._tick, _TICK)
        try:
            found = self._db.execute(sql, dict(params)).fetchmany(self.max_rows + 1)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            why = "it takes too long" if self._left < 0 else str(error)
            raise InputError(f"SQL {_short(sql)}: {why}") from error
        finally:
            self._db.set_authorizer(None)
            self._db.set_progress_handler(None, _TICK)
        if len(found) > self.max_rows:
            raise InputError(f"SQL {_short(sql)}: more than {self.max_rows} rows; add a LIMIT")
        return [dict(row) for row in found]

    def begin(self) -> None:
        self._db.execute("BEGIN")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Take back what was done since `begin`; nothing if SQLite has done so itself."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _master(self) -> list[sqlite3.Row]:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
        return self._db.execute(query).fetchall()

    def _tick(self) -> int:
        self._left -= 1
        return int(self._left < 0)

    def _allows(
        self, action: int, first: str | None, second: str | None, base: str | None, _: str | None
    ) -> int:
        """SQLite's question about one thing that a statement would do."""
        if base not in (None, "main"):
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION:
            allowed = (second or "").lower() in FUNCTIONS
        elif self._creating:
            allowed = self._creates(action, first or "")
        elif action in _WRITES:
            self.wrote = True
            allowed = first in self._own
        elif action == sqlite3.SQLITE_READ:
            rows_of_a_query = second == "" and not (first or "").startswith("sqlite_")
            allowed = first in self._own or rows_of_a_query
        else:
            allowed = action == sqlite3.SQLITE_SELECT
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def _creates(self, action: int, name: str) -> bool:
        """Is this part of making one new table?  SQLite writes its own catalogue for that."""
        self.wrote = True
        if action == sqlite3.SQLITE_CREATE_TABLE:
            self._creating = name
            return not name.lower().startswith("sqlite_")
        if action == sqlite3.SQLITE_CREATE_INDEX:
            return name.startswith("sqlite_autoindex_")
        books = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_READ}
        own = action == sqlite3.SQLITE_READ and name == self._creating
        return own or (action in books and name == "sqlite_master")


def _verb(sql: str) -> str:
    """The verb that a statement begins with; InputError if it is none that is allowed."""
    found = _VERB.match(sql)
    verb = " ".join(part.upper() for part in found.groups() if part) if found else sql[:20]
    if verb not in VERBS:
        raise InputError(f"SQL {_short(sql)}: {verb!r} is not allowed{nearest(verb, VERBS)}")
    if _CLOCK.search(sql):
        raise InputError(
            f"SQL {_short(sql)}: current_time, current_date, current_timestamp and DEFAULT (...) "
            "are not allowed: a statement has to do the same when it is replayed; bind the value"
        )
    return verb


def _short(sql: str) -> str:
    return repr(" ".join(sql.split())[:80])
