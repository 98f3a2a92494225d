"""Why the ledger compiles its SQLAlchemy Core statements once and runs them on the driver.

    python bench/ledger.py [--quick] [--seed 0] [--out FOLDER]

The same rows into the same tables of two files, one transaction an add, synchronous = NORMAL:
through SQLAlchemy Core's own execution (statement cache warm), and as the ledger does it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from corpus import Corpus
from measure import Goal, Row, arguments, circumstances, destination, in_turns, publish
from sqlalchemy import create_engine, event, insert, update

from agentmem.ledger.sqlite import Database, compiled
from agentmem.ledger.tables import journal, metadata, namespace, record, vector

CORE, DRIVER = "SQLAlchemy Core execute", "compiled once, driver's cursor"


def rows(i: int, text: str) -> list[tuple[Any, dict[str, Any]]]:
    """The statements of one add, with their values."""
    life = {"created": 0.0, "ingested": 0.0, "used": 0.0, "used_turn": None, "uses": 0}
    kind = {"kind": "chunk", "status": 1, "source": "", "version": 1, "turn": i, "words": 18}
    unset = dict.fromkeys(("key", "expires", "verify_by", "stability", "expiry"))
    plain = {**unset, "importance": 0.5, "valence": 0.0, "seq": i}
    whole = {"pos": i, "id": f"{i:032x}", "content": None, "namespace": 1, "text": text}
    line = {"seq": i, "at": 0.0, "policy": "", "reason": "add", "payload": text}
    where = {"run": None, "namespace": None, "turn": None}
    return [
        (insert(journal), {**line, **where}),
        (insert(record), {**whole, **life, **kind, **plain, "sources": "[]", "links": "[]"}),
        (insert(vector), {"pos": i, "data": b"\0" * 1024}),
    ]


def through_core(path: Path, texts: list[str]) -> Any:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    metadata.create_all(engine)
    connection = engine.connect()

    def add(i: int) -> None:
        for statement, values in rows(i + 1, texts[i]):
            extra: dict[str, object] = {"data": {}} if statement.table is record else {}
            connection.execute(statement, {**values, **extra})
        connection.execute(update(namespace).where(namespace.c.id == 1).values(turn=i))
        connection.commit()

    return add


def through_driver(path: Path, texts: list[str]) -> Any:
    db = Database(str(path), "normal", 10.0)
    db.create()
    statements = {table.name: compiled(insert(table)) for table in (journal, record, vector)}

    def add(i: int) -> None:
        with db.write():
            for statement, values in rows(i + 1, texts[i]):
                extra = {"data": "{}"} if statement.table is record else {}
                db.run(statements[statement.table.name], **values, **extra)
            db.run("UPDATE namespace SET turn = :turn WHERE id = 1", turn=i)

    return add


def main() -> None:
    options = arguments(__doc__).parse_args()
    n = 300 if options.quick else 3000
    texts = Corpus(options.seed).texts(n + 10)
    facts = circumstances(options.seed, options.quick)
    with tempfile.TemporaryDirectory() as folder:
        systems = {
            CORE: (through_core(Path(folder) / "core.db", texts), n),
            DRIVER: (through_driver(Path(folder) / "driver.db", texts), n),
        }
        samples = in_turns(systems)
    found = [Row("one add: 4 statements, 1 commit", name, n, s) for name, s in samples.items()]
    ratio = found[0].median / found[1].median
    goals = [Goal("Core's execution beside ours", ratio, 2.0, most=False, unit="x")]
    publish("ledger", facts, found, goals, destination(options.out, options.quick))


if __name__ == "__main__":
    main()
