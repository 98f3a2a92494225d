"""The file underneath: what goes wrong with files ends in a clear error, with nothing lost."""

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agentmem import AgentMemory
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import (
    EmbedderMismatch,
    InputError,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerReadOnly,
    SchemaTooNew,
)
from agentmem.ledger import migrations
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.replay import replay
from tests.conftest import Make


def test_a_file_of_a_newer_schema_is_refused(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    make(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    db.close()
    with pytest.raises(SchemaTooNew, match="schema 99"):
        make(path)


def test_an_older_schema_is_migrated_step_by_step(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    make(path).close()
    newest = migrations.SCHEMA
    steps = {newest: lambda db: db.run("INSERT INTO meta VALUES ('step', 'one')")}
    monkeypatch.setattr(migrations, "SCHEMA", newest + 1)
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    assert make(path)._engine.ledger.meta("step") == "one"
    assert make(path)._engine.ledger.meta("schema") == str(newest + 1)


def test_a_ledger_of_the_first_schema_opens_and_keeps_what_it_held(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    with make(path) as memory:
        memory.add("Rex is a dog.")
    with sqlite3.connect(path) as db:  # as the first release wrote it
        db.execute("DROP INDEX record_kind")
        db.execute("DROP TABLE task")
        db.execute("DROP TABLE lease")
        db.execute("DROP TABLE recall")
        for column in ("key", "expires", "verify_by"):
            db.execute(f"ALTER TABLE record DROP COLUMN {column}")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    db.close()
    memory = make(path, stores=["chunk"])
    memory.add("Rex barks.")
    assert {hit.text for hit in memory.search("Rex")} == {"Rex is a dog.", "Rex barks."}


def test_a_failed_migration_leaves_the_file_as_it_was(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    make(path).add("Rex")

    def broken(db) -> None:
        db.run("INSERT INTO meta VALUES ('step', 'one')")
        raise RuntimeError("half way")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "SCHEMA", migrations.SCHEMA + 1)
        patch.setattr(migrations, "MIGRATIONS", {migrations.SCHEMA - 1: broken})
        with pytest.raises(RuntimeError, match="half way"):
            make(path)
    memory = make(path)
    assert memory._engine.ledger.meta("step") is None
    assert [hit.text for hit in memory.search("Rex")] == ["Rex"]


@pytest.mark.parametrize("other", [HashEmbedder(dim=32), None])
def test_another_embedder_is_refused_before_anything_is_written(
    make: Make, tmp_path: Path, other: HashEmbedder | None
) -> None:
    path = tmp_path / "m.db"
    make(path).add("Rex")
    before = path.read_bytes()
    with pytest.raises(EmbedderMismatch, match="hash-64-v1/64"):
        AgentMemory.open(path, embedder=other)
    assert path.read_bytes() == before


def test_something_else_in_the_place_of_a_ledger_is_refused(make: Make, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("These are my notes, not a database. " * 50)
    with pytest.raises(LedgerCorrupt, match="not an agentmem ledger"):
        make(text)
    assert text.read_text().startswith("These are my notes")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE mine(a)")
    db.close()
    with pytest.raises(LedgerCorrupt, match="not an agentmem ledger"):
        make(other)


def test_a_damaged_file_is_reported_as_damaged(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    memory = make(path)
    memory.add([f"note number {i} about something long enough to fill pages" for i in range(400)])
    memory.close()
    data = bytearray(path.read_bytes())
    for start in range(4096 * 2, len(data), 4096):
        data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    with pytest.raises(LedgerCorrupt):
        make(path).search("note")


def test_a_place_that_cannot_be_written_is_reported(make: Make, tmp_path: Path) -> None:
    with pytest.raises(LedgerReadOnly, match="cannot be opened"):
        make(tmp_path / "missing" / "m.db")


OPEN_READ_ONLY = """
import os, sys
from agentmem import AgentMemory
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import LedgerReadOnly

options = {"embedder": HashEmbedder(dim=64), "policies": []}
AgentMemory.open(**options).close()  # loads everything while it may
if os.geteuid() == 0:
    os.setuid(65534)  # permissions do not bind root
try:
    AgentMemory.open(sys.argv[1], **options).add("x")
except LedgerReadOnly as error:
    print("refused:", error)
"""


def test_a_read_only_folder_is_reported_and_its_file_unharmed(make: Make) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.db"
        memory = make(path)
        memory.add("Rex is my dog")
        memory.close()
        before = path.read_bytes()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", OPEN_READ_ONLY, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        Path(folder).chmod(0o755)
        assert done.stdout.startswith("refused:")
        assert path.read_bytes() == before


def test_a_full_disk_keeps_what_was_there_and_nothing_of_the_change(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    memory = make(path)
    kept = memory.add("Rex is my dog")
    db = memory._engine.ledger.db
    pages = db.value("PRAGMA page_count")
    db.run(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerFull, match="nothing of the change was kept"):
        memory.add([f"a long note {i} " * 50 for i in range(500)])
    db.run("PRAGMA max_page_count = 1000000")
    assert memory.stats()["records"] == 1
    assert [hit.id for hit in memory.search("Rex")] == kept
    memory.add("And Tom is my cat")
    assert memory.stats()["records"] == 2


def test_durability_sets_the_synchronous_level(make: Make, tmp_path: Path) -> None:
    for level, code in (("normal", 1), ("full", 2)):
        memory = make(tmp_path / f"{level}.db", durability=level)
        assert memory._engine.ledger.db.value("PRAGMA synchronous") == code
        assert memory._engine.ledger.db.value("PRAGMA journal_mode") == "wal"


def test_a_journal_is_replayed_into_an_empty_ledger_only(make: Make) -> None:
    memory = make()
    memory.add("Rex")
    ledger = memory._engine.ledger
    with pytest.raises(InputError, match="not empty"):
        replay(ledger, ledger, memory.config.embedder.embed)


def test_unknown_sqlite_errors_still_are_errors_of_agentmem(make: Make) -> None:
    with pytest.raises(LedgerError, match="syntax error"):
        make()._engine.ledger.db.rows("SELEC")


def test_a_reopened_ledger_knows_every_namespace_after_an_add_to_the_newest(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    first = make(path)
    for name in ("a", "b", "c"):
        first.add(f"Rex of {name}", namespace=(name,))
    again = make(path)
    again.add("Tom of c", namespace=("c",))
    assert len(again.search(None, namespace=())) == 4
    assert [hit.text for hit in again.search(None, namespace=("a",))] == ["Rex of a"]


def test_reopening_finds_everything_again(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    names = make(path).add(["Rex is my dog", "Tea, not coffee"])
    again = make(path)
    assert [hit.id for hit in again.search("dog", k=1)] == names[:1]
    assert again.add("Rex is my dog") == names[:1]


def test_importance_defaults_to_how_surprising_the_text_is_in_its_namespace(make: Make) -> None:
    memory = make()
    memory.add([f"we talked about the weather again {i}" for i in range(30)])
    common, rare = memory.add(
        ["we talked about weather again", "grandmother inherited a lighthouse"]
    )
    assert memory.get(rare).importance > memory.get(common).importance
    [elsewhere] = memory.add("we talked about weather again", namespace=("new",))
    record = memory.get(elsewhere, namespace=("new",))
    assert record.importance > memory.get(common).importance


@pytest.mark.parametrize(
    "text", ["東京に行きました", "Ünïcode naïve café", "it's o'clock", "C++ & C#"]
)
def test_words_of_every_script_are_found_lexically(make: Make, text: str) -> None:
    memory = make()
    memory.add(["something else", text])
    assert memory.search(text, mode="lexical")[0].text == text


def test_ledgers_are_the_same_for_the_same_history(tmp_path: Path, make: Make) -> None:
    dumps = []
    for name in ("a", "b"):
        memory = make(tmp_path / name)
        memory.add(["Rex is my dog", "Tea, not coffee"])
        memory.search("dog")
        db = memory._engine.ledger.db
        dumps.append([db.rows(f"SELECT * FROM {t}") for t in ("record", "vector", "journal")])
    assert dumps[0] == dumps[1]
    assert isinstance(memory._engine.ledger, Ledger)
