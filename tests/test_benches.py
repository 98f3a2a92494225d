"""The parts of bench/ that follow the registry and the tables still do."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from agentmem.ledger.sqlite import Database, compiled
from agentmem.ledger.tables import record

BENCH = Path(__file__).resolve().parent.parent / "bench"


@pytest.fixture
def bench(monkeypatch):
    """Imports a module of bench/."""
    monkeypatch.syspath_prepend(str(BENCH))

    def load(name: str) -> ModuleType:
        return import_module(name)

    return load


def test_every_policy_that_can_keep_keeps_no_more_than_there_is_room_for(bench):
    keepers = bench("keepers")
    now, n, room = 1_800_000_000.0, 40, 8
    view = keepers.records(now, n, created=now - 86400.0, importance=0.5)
    found = keepers.keepers(room)
    assert {"random", "ebbinghaus", "budget", "lru", "window"} <= set(found)
    assert "salient" not in found
    for name, keeper in found.items():
        assert n - int(keeper.going(view, turn=n).sum()) <= room, name


def test_the_statements_of_an_add_fit_the_tables(bench, tmp_path):
    db = Database(str(tmp_path / "a.db"), "normal", 10.0)
    db.create()
    with db.write():
        for statement, values in bench("ledger").rows(1, "The kettle is on."):
            extra = {"data": "{}"} if statement.table is record else {}
            db.run(compiled(statement), **values, **extra)
    assert db.value("SELECT text FROM record") == "The kettle is on."
    db.close()
