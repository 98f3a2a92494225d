"""Numbered schema changes.  MIGRATIONS[n] takes a ledger from schema n to schema n + 1.

A migration runs inside the transaction that opens the file: all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from agentmem.errors import LedgerCorrupt, SchemaTooNew
from agentmem.ledger.sqlite import Database
from agentmem.ledger.tables import SCHEMA


def _structures(db: Database) -> None:
    """1 -> 2: keys, kinds that can be listed, and the work that stores owe."""
    db.run("ALTER TABLE record ADD COLUMN key TEXT")
    db.create(("task", "lease"), ("record_kind",))


def _forgetting(db: Database) -> None:
    """2 -> 3: expiry and review dates of single records, and the times of the latest recalls."""
    db.run("ALTER TABLE record ADD COLUMN expires FLOAT")
    db.run("ALTER TABLE record ADD COLUMN verify_by FLOAT")
    db.create(("recall",), ())


MIGRATIONS: dict[int, Callable[[Database], None]] = {1: _structures, 2: _forgetting}


def migrate(db: Database) -> None:
    """Bring the file to SCHEMA; the caller holds the write transaction."""
    tables = db.tables()
    if not tables:
        db.create()
        db.run("INSERT INTO meta(key, value) VALUES ('schema', :schema)", schema=str(SCHEMA))
        return
    if "meta" not in tables or "journal" not in tables:
        raise LedgerCorrupt(f"{db.path}: this SQLite file is not an agentmem ledger")
    schema = int(db.value("SELECT value FROM meta WHERE key = 'schema'") or 0)
    if schema > SCHEMA:
        raise SchemaTooNew(
            f"{db.path}: written by a newer agentmem (schema {schema}; this one reads up to "
            f"{SCHEMA}); upgrade agentmem-forgetting"
        )
    for number in range(schema, SCHEMA):
        MIGRATIONS[number](db)
        db.run("UPDATE meta SET value = :to WHERE key = 'schema'", to=str(number + 1))
