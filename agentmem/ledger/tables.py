"""The tables of a ledger, the same for every database.

`record` holds the lifecycle, `vector` the embeddings (apart, so that deletes stay cheap), `journal`
every change, `mention` which line speaks of which record, `term` how many records of a namespace
hold a word (hashed), `derivation` what was derived from what, `recall` when a record was recalled
lately, `tombstone` what was erased, `task` what the stores still owe, `lease` who is at it (not
journalled: it means nothing after a crash).
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import JSON

from agentmem.core import Status

SCHEMA = 3  # bump together with a new function in migrations.py

ACTIVE, ARCHIVED, SUPERSEDED = 1, 2, 3
STATUS: dict[int, Status] = {ACTIVE: "active", ARCHIVED: "archived", SUPERSEDED: "superseded"}

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

namespace = Table(
    "namespace",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),  # JSON array of strings
    Column("turn", Integer, nullable=False, default=0),  # adds so far
    Column("active", Integer, nullable=False, default=0),
    Column("records", Integer, nullable=False, default=0),  # all that are not erased
)

record = Table(
    "record",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("content", Text),  # identity of the text, where that is not the record's id any more
    Column("namespace", Integer, ForeignKey("namespace.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("ingested", Float, nullable=False),
    Column("used", Float, nullable=False),
    Column("used_turn", Integer),
    Column("uses", Integer, nullable=False),
    Column("stability", Float),
    Column("importance", Float, nullable=False),
    Column("valence", Float, nullable=False),
    Column("status", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("links", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("words", Integer, nullable=False),  # length of the text, for BM25
    Column("expiry", Float),  # when it is due for removal; NULL for never
    Column("seq", Integer, nullable=False),  # journal line that changed it last
    Column("key", Text),  # what it is found by, where that is not its text
    Column("expires", Float),  # from then on out of recall; NULL for never
    Column("verify_by", Float),
)
Index("record_kind", record.c.namespace, record.c.kind, record.c.pos)
Index(
    "record_expiry",
    record.c.expiry,
    sqlite_where=(record.c.status == ACTIVE) & record.c.expiry.isnot(None),
    postgresql_where=(record.c.status == ACTIVE) & record.c.expiry.isnot(None),
)

Index(
    "record_content",
    record.c.content,
    sqlite_where=record.c.content.isnot(None),
    postgresql_where=record.c.content.isnot(None),
)

vector = Table(
    "vector",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),  # float32, little endian
)

term = Table(
    "term",
    metadata,
    Column("hash", Integer, primary_key=True, autoincrement=False),
    Column("namespace", Integer, primary_key=True, autoincrement=False),
    Column("records", Integer, nullable=False),
    sqlite_with_rowid=False,
)

derivation = Table(
    "derivation",
    metadata,
    Column("source", Text, primary_key=True),
    Column("pos", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

recall = Table(  # a ring of the latest KEPT recalls of each record
    "recall",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),  # uses modulo KEPT
    Column("at", Float, nullable=False),
    sqlite_with_rowid=False,
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, primary_key=True),  # each identity the record ever had
    Column("id", Text, nullable=False),
    Column("namespace", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("tombstone_id", tombstone.c.id)
Index("tombstone_content", tombstone.c.content)
Index("tombstone_seq", tombstone.c.seq)

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("policy", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("run", Text),  # the plan it belongs to
    Column("namespace", Integer),  # of a removal: where ...
    Column("turn", Integer),  # ... and at which turn
    Column("payload", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)
Index(
    "journal_run",
    journal.c.run,
    sqlite_where=journal.c.run.isnot(None),
    postgresql_where=journal.c.run.isnot(None),
)
Index(
    "journal_removal",
    journal.c.policy,
    journal.c.namespace,
    journal.c.turn,
    sqlite_where=journal.c.turn.isnot(None),
    postgresql_where=journal.c.turn.isnot(None),
)

PENDING, FAILED = 1, 2

task = Table(
    "task",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),  # of the first source
    Column("store", Text, primary_key=True),
    Column("rest", Text, primary_key=True),  # JSON array: ids of further sources
    Column("target", Text, primary_key=True),  # id of the record to be made anew; "" for none
    Column("state", Integer, nullable=False),
    Column("error", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("task_due", task.c.store, task.c.state, task.c.pos)
Index(
    "task_target",
    task.c.target,
    sqlite_where=task.c.target != "",
    postgresql_where=task.c.target != "",
)

lease = Table(
    "lease",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),
    Column("store", Text, primary_key=True),
    Column("until", Float, nullable=False),  # second until which nobody else takes the task
    Column("tries", Integer, nullable=False),
    sqlite_with_rowid=False,
)

mention = Table(
    "mention",
    metadata,
    Column("pos", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
