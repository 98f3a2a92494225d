"""SQLite underneath the ledger: connection, errors, full-text search, physical erasure.

Statements are written in SQLAlchemy Core and compiled once; they then run on the driver's own
cursor, which costs a fraction of executing them through Core (`bench/ledger.py`).
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.dialects import sqlite as dialects
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.expression import ClauseElement

from agentmem.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerReadOnly,
)
from agentmem.ledger import cipher
from agentmem.ledger.tables import metadata

Durability = Literal["normal", "full"]

FULL_TEXT = (
    "CREATE VIRTUAL TABLE lexicon USING fts5(text, scope, content='', "
    "columnsize=0, tokenize='porter unicode61 remove_diacritics 2')"
)
ADD_TEXT = "INSERT INTO lexicon(rowid, text, scope) VALUES (:pos, :text, :scope)"
DROP_TEXT = (
    "INSERT INTO lexicon(lexicon, rowid, text, scope) VALUES ('delete', :pos, :text, :scope)"
)
PACK_TEXT = "INSERT INTO lexicon(lexicon) VALUES ('optimize')"
MATCH = "SELECT rowid FROM lexicon WHERE lexicon MATCH :query"
LISTED = "SELECT value FROM json_each(:positions)"
PLACES = (
    "SELECT record.id, record.pos, record.namespace, record.status, record.seq "
    "FROM json_each(:ids) AS name JOIN record ON record.id = name.value"
)
KNOWN = (  # 0, 1: the id of a record, whose text has been changed, or has not; 2: what it says now
    "SELECT name.value, record.id, record.status, record.content IS NULL "
    "FROM json_each(:names) AS name JOIN record ON record.id = name.value "
    "UNION ALL SELECT name.value, record.id, record.status, 2 "
    "FROM json_each(:names) AS name JOIN record ON record.content = name.value "
    "UNION ALL SELECT name.value, '', 0, 3 "  # erased
    "FROM json_each(:names) AS name JOIN tombstone ON tombstone.content = name.value"
)
STONES = (
    "SELECT id, content, namespace FROM tombstone WHERE content NOT IN "
    "(SELECT coalesce(content, id) FROM record) ORDER BY pos, content"
)
SET_STATUS = (
    "UPDATE record SET status = :status, seq = :seq "
    "WHERE pos IN (SELECT value FROM json_each(:positions))"
)
ACTIVE_OF = (
    "SELECT namespace, count(*) FROM record WHERE status = 1 "
    "AND pos IN (SELECT value FROM json_each(:positions)) GROUP BY namespace"
)
MENTION = "INSERT INTO mention(pos, seq) VALUES (?, ?)"
HOLDERS = (
    "SELECT term.hash, term.namespace, term.records FROM json_each(:words) AS word "
    "JOIN term ON term.hash = word.value"
)

_ERRORS: tuple[tuple[str, type[LedgerError], str], ...] = (
    ("SQLITE_BUSY", LedgerBusy, "another process kept the file locked"),
    ("SQLITE_LOCKED", LedgerBusy, "another connection kept the file locked"),
    ("SQLITE_FULL", LedgerFull, "no space left; nothing of the change was kept"),
    ("SQLITE_READONLY", LedgerReadOnly, "the file cannot be written"),
    ("SQLITE_CANTOPEN", LedgerReadOnly, "the file cannot be opened or made here"),
    ("SQLITE_PERM", LedgerReadOnly, "no permission"),
    ("SQLITE_NOTADB", LedgerCorrupt, "this is not an agentmem ledger, or it is encrypted"),
    ("SQLITE_CORRUPT", LedgerCorrupt, "the file is damaged; restore a backup or an export"),
    ("SQLITE_IOERR", LedgerError, "the disk failed"),
)


@lru_cache(maxsize=256)
def compiled(statement: ClauseElement) -> str:
    """The SQL of a Core statement: named parameters (`:name`), its own integers written out."""
    made = statement.compile(dialect=dialects.dialect(paramstyle="named"))
    sql = str(made)
    for name, value in made.params.items():
        if isinstance(value, int):
            sql = re.sub(rf":{name}\b", str(value), sql)
    return sql


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


class Database:
    """One connection to one file; every failure leaves as an error of agentmem.

    With a `key` the file is encrypted (`agentmem.ledger.cipher`).
    """

    def __init__(
        self, path: str, durability: Durability, timeout: float, key: str | None = None
    ) -> None:
        self.path = path
        self.timeout = timeout
        self.undone = 0  # transactions rolled back: what was read in them never was
        self._encrypted = key is not None
        driver: Any = sqlite3 if key is None else cipher.driver()
        self._error: type[Exception] = driver.Error
        try:
            self._db: sqlite3.Connection = driver.connect(
                path, timeout=timeout, isolation_level=None, check_same_thread=False
            )
        except self._error as error:
            raise self._border(error) from error
        try:
            if key is not None:
                cipher.unlock(self._db, key, path)
            self._pragmas(durability)
        except BaseException as error:
            self._db.close()
            if isinstance(error, self._error):
                raise self._border(error) from error
            raise

    def _pragmas(self, durability: Durability) -> None:
        level = {"normal": "NORMAL", "full": "FULL"}[durability]
        deadline = time.monotonic() + self.timeout
        while True:  # the switch to WAL ignores the busy timeout
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                break
            except self._error as error:
                busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self._db.execute(f"PRAGMA synchronous = {level}")
        self._db.execute("PRAGMA secure_delete = ON")  # erased text leaves no trace in free pages
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: fewer, larger checkpoints
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._db.execute("PRAGMA cache_size = -65536")

    def _border(self, error: Exception) -> LedgerError:
        """The error of agentmem for one of the driver."""
        name = getattr(error, "sqlite_errorname", "")
        if self._encrypted and name == "SQLITE_NOTADB":
            return LedgerError(f"{self.path}: wrong key, or not an encrypted ledger ({name})")
        for prefix, kind, meaning in _ERRORS:
            if name.startswith(prefix):
                waited = f" for {self.timeout:g} s" if kind is LedgerBusy else ""
                return kind(f"{self.path}: {meaning}{waited} ({name})")
        return LedgerError(f"{self.path}: {error}")

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            return self._db.execute(sql, values).fetchall()
        except self._error as error:
            raise self._border(error) from error

    def value(self, sql: str, **values: Any) -> Any:
        """The first column of the first row; None if there is none."""
        rows = self.rows(sql, **values)
        return rows[0][0] if rows else None

    def run(self, sql: str, **values: Any) -> int:
        """Execute; returns the rowid of an insert."""
        try:
            return self._db.execute(sql, values).lastrowid or 0
        except self._error as error:
            raise self._border(error) from error

    def many(self, sql: str, rows: Sequence[Any]) -> None:
        """Execute once per row of parameters."""
        if not rows:
            return
        try:
            self._db.executemany(sql, rows)
        except self._error as error:
            raise self._border(error) from error

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, the only writer meanwhile; all of it or nothing.  Nests."""
        if self._db.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self.undone += 1
            self._rollback()
            raise

    @contextmanager
    def read(self) -> Iterator[None]:
        """One snapshot for several queries."""
        if self._db.in_transaction:
            yield
            return
        self.run("BEGIN")
        try:
            yield
        finally:
            self._rollback()

    def _rollback(self) -> None:
        if self._db.in_transaction:  # a full disk ends the transaction by itself
            self._db.execute("ROLLBACK")

    def create(self, tables: Collection[str] | None = None, indexes: Collection[str] = ()) -> None:
        """Make some tables with their indexes, and some other indexes; all, if none is named.

        The caller holds the transaction.
        """
        dialect = dialects.dialect()
        for table in metadata.sorted_tables:
            whole = tables is None or table.name in tables
            if whole:
                self.run(str(CreateTable(table).compile(dialect=dialect)))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                if whole or index.name in indexes:
                    self.run(str(CreateIndex(index).compile(dialect=dialect)))
        if tables is None:
            self.run(FULL_TEXT)

    def parts(self) -> list[bytes]:
        """The bytes of the file, unused pages too, and of its logs; none of a memory in RAM, nor
        of an encrypted file.

        The file through SQLite: a program that opens and closes it besides loses its locks on it.
        The logs have none; they are read, not mapped, since others may cut them short.
        """
        if self.path == ":memory:" or self._encrypted:
            return []
        try:
            pages = self._db.serialize()
        except self._error as error:
            raise self._border(error) from error
        return [pages, *(_bytes(Path(self.path + tail)) for tail in ("-wal", "-journal"))]

    def tables(self) -> set[str]:
        """Names of the tables in the file."""
        return {name for (name,) in self.rows("SELECT name FROM sqlite_master")}

    def rewrite(self) -> None:
        """Write every page anew: deleted cells are zeroed, but a page that was rearranged may keep
        stale copies of its cells in the gap between them.
        """
        if self._encrypted:
            self.run("VACUUM")  # in RAM: no temporary file in the clear
        elif self.path != ":memory:":
            self.run("PRAGMA temp_store = FILE")
            try:
                self.run("VACUUM")
            finally:
                self.run("PRAGMA temp_store = MEMORY")

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, which still holds erased bytes; False if readers hold it."""
        if self.path == ":memory:":
            return True
        self.run("PRAGMA busy_timeout = 0")  # the caller decides how long to try
        try:
            return not self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        finally:
            self.run(f"PRAGMA busy_timeout = {int(self.timeout * 1000)}")

    def check(self) -> None:
        """Raise LedgerCorrupt unless the file passes SQLite's quick check."""
        problems = [row[0] for row in self.rows("PRAGMA quick_check(5)")]
        if problems != ["ok"]:
            raise LedgerCorrupt(f"{self.path}: {'; '.join(problems)}")

    @property
    def size(self) -> int:
        """Bytes on disk, write-ahead log included; 0 in memory."""
        files = (Path(self.path), Path(self.path + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        self._db.close()
