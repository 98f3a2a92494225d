"""Symbolic memory over SQL: chains, a sandbox, one transaction a turn, tables that follow."""

import asyncio
from pathlib import Path

import pytest

from agentmem import AgentMemory
from agentmem.errors import BadReply, ConfigError, InputError
from agentmem.modules.sandbox import Tables
from agentmem.modules.table import Ref, Step, TableMemory
from agentmem.stores.kept import StatementStore
from tests.conftest import Make
from tests.scripted import Scripted, asking

STORES = ["chunk", StatementStore()]
PRICES = [
    Step("CREATE TABLE fruit(name TEXT PRIMARY KEY, price REAL)"),
    Step("INSERT INTO fruit VALUES (:name, :price)", {"name": "apple", "price": 0.5}),
    Step("INSERT INTO fruit VALUES (:name, :price)", {"name": "pear", "price": 0.75}),
    Step("CREATE TABLE sale(fruit TEXT, n INTEGER)"),
]


def sell(fruit: str, n: int) -> Step:
    return Step("INSERT INTO sale VALUES (:fruit, :n)", {"fruit": fruit, "n": n})


@pytest.fixture
def table(make: Make) -> TableMemory:
    table = TableMemory(make(stores=STORES))
    table.run(PRICES)
    return table


def sold(table: TableMemory) -> list[object]:
    return [row["n"] for row in table.run([Step("SELECT n FROM sale ORDER BY rowid")])[0]]


def test_row_15_a_three_step_chain_gives_the_right_total(table: TableMemory) -> None:
    table.run([sell("apple", 3), sell("apple", 5), sell("pear", 9)])
    chain = [
        Step("SELECT sum(n) AS n FROM sale WHERE fruit = :fruit", {"fruit": "apple"}),
        Step("SELECT price FROM fruit WHERE name = :fruit", {"fruit": "apple"}),
        Step("SELECT :n * :price AS total", {"n": Ref(1, "n"), "price": Ref(2, "price")}),
    ]
    assert table.run(chain)[2] == [{"total": 4.0}]


def test_row_15_a_raw_drop_is_rejected(table: TableMemory) -> None:
    with pytest.raises(InputError, match="'DROP TABLE' is not allowed"):
        table.run([Step("DROP TABLE fruit")])
    with pytest.raises(InputError, match="one statement at a time"):
        table.run([Step("SELECT 1; DROP TABLE fruit")])
    assert len(table.run([Step("SELECT * FROM fruit")])[0]) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO '/tmp/x.db'",
        "BEGIN",
        "COMMIT",
        "EXPLAIN SELECT 1",
        "ALTER TABLE fruit ADD COLUMN x",
        "CREATE INDEX i ON fruit(price)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON sale BEGIN DELETE FROM fruit; END",
        "CREATE TEMP TABLE t(a)",
        "CREATE TABLE temp.t(a)",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE TABLE t AS SELECT * FROM fruit",
        "CREATE TABLE sqlite_mine(a)",
        "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE t(a DEFAULT CURRENT_TIMESTAMP)",
        "CREATE TABLE t(a DEFAULT (random()))",
        "CREATE TABLE t(a CHECK (a > random()))",
        "SELECT load_extension('x')",
        "SELECT random()",
        "SELECT randomblob(10)",
        "SELECT date('now')",
        "SELECT current_date",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM sqlite_schema",
        "SELECT count(*) FROM sqlite_master",
        "SELECT count(*) FROM pragma_database_list",
        "SELECT count(*) FROM pragma_table_list",
        "SELECT count(*) FROM json_tree('[1]')",
        "SELECT * FROM pragma_table_info('fruit')",
        "SELECT * FROM json_each('[1]')",
        "UPDATE sqlite_master SET sql = ''",
        "INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)",
        "DELETE FROM sqlite_schema",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t",
        "WITH x AS (SELECT 1) DELETE FROM sqlite_master",
        "/* */ DROP TABLE fruit",
        "",
        "SELECT * FROM nothing",
        "SELECT :missing",
        "INSERT INTO fruit VALUES ('apple', 1)",
        "SELECT length(printf('%*s', 1000000000, 'x'))",
    ],
)
def test_row_15_hostile_sql_changes_nothing(table: TableMemory, sql: str) -> None:
    before = table.memory.stats()["journal_lines"]
    with pytest.raises(InputError, match="SQL"):
        table.run([sell("apple", 1), Step(sql)])
    assert sold(table) == []
    assert table.memory.stats()["journal_lines"] == before
    assert table.schema().count("CREATE TABLE") == 2


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("WITH q AS (SELECT n FROM sale) SELECT count(*) AS c FROM q", [{"c": 2}]),
        ("WITH q AS MATERIALIZED (SELECT n FROM sale) SELECT count(*) AS c FROM q", [{"c": 2}]),
        ("SELECT count(*) AS c FROM (SELECT n FROM sale LIMIT 1)", [{"c": 1}]),
        ("SELECT 1 AS c FROM (SELECT 1 UNION ALL SELECT 2), sale", [{"c": 1}] * 4),
        (
            "SELECT s.n * f.price AS c FROM sale s JOIN fruit f ON f.name = s.fruit ORDER BY 1",
            [{"c": 0.5}, {"c": 1.5}],
        ),
        ("SELECT fruit FROM sale WHERE fruit LIKE 'p%' COLLATE NOCASE", [{"fruit": "pear"}]),
        ("UPDATE sale SET n = n + 1 WHERE fruit = 'pear' RETURNING n", [{"n": 3}]),
        ("DELETE FROM sale WHERE n = (SELECT max(n) FROM sale) RETURNING n", [{"n": 2}]),
        ("INSERT OR REPLACE INTO fruit VALUES ('apple', 2) RETURNING price", [{"price": 2.0}]),
        (
            "INSERT INTO fruit VALUES ('apple', 2) ON CONFLICT DO UPDATE SET price = 3 RETURNING 1",
            [{"1": 1}],
        ),
        ("CREATE TABLE t(a PRIMARY KEY, b UNIQUE REFERENCES sale(n)) WITHOUT ROWID", []),
        ("create table if not exists sale(n)", []),
    ],
)
def test_ordinary_sql_is_allowed(table: TableMemory, sql: str, rows: list[object]) -> None:
    table.run([sell("apple", 1), sell("pear", 2)])
    assert table.run([Step(sql)]) == [rows]


def test_a_value_is_bound_and_never_read_as_sql(table: TableMemory) -> None:
    name = "x'); DELETE FROM fruit; --"
    table.run([sell(name, 1)])
    assert table.run([Step("SELECT fruit FROM sale")])[0] == [{"fruit": name}]


def test_row_15_a_failing_step_rolls_the_whole_turn_back(table: TableMemory) -> None:
    with pytest.raises(InputError, match="UNIQUE"):
        table.run([sell("apple", 7), Step("CREATE TABLE t(a)"), PRICES[1]])
    assert sold(table) == []
    assert "CREATE TABLE t" not in table.schema()


def test_row_15_tables_are_rebuilt_from_the_statements(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=STORES)
    TableMemory(memory).run([*PRICES, sell("apple", 3), sell("apple", 3), sell("pear", 1)])
    memory.close()
    assert sold(TableMemory(make(path, stores=STORES))) == [3, 3, 1]


def test_another_process_sees_what_was_written(make: Make, tmp_path: Path) -> None:
    one, other = (TableMemory(make(tmp_path / "m.db", stores=STORES)) for _ in range(2))
    one.run([*PRICES, sell("apple", 3)])
    assert sold(other) == [3]
    other.run([sell("pear", 4)])
    assert sold(one) == [3, 4]


def test_forgetting_a_turn_takes_its_effect_away_and_restoring_brings_it_back(
    table: TableMemory,
) -> None:
    memory = table.memory
    turn = memory.add("user: I sold three apples")
    table.run([sell("apple", 3)], sources=turn)
    table.run([sell("pear", 4)])
    memory.forget(*turn)
    assert sold(table) == [4]
    memory.restore(*turn)
    assert sold(table) == [3, 4]
    memory.erase(*turn)
    assert sold(table) == [4]


def test_a_statement_that_no_longer_fits_is_passed_over_and_named(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    memory = make(stores=STORES)
    table = TableMemory(memory)
    table.run([PRICES[0]])
    table.run([PRICES[1], PRICES[3]])
    (create,) = [
        hit.id for hit in memory.search(k=9, where={"kind": "statement"}) if "fruit(" in hit.text
    ]
    memory.forget(create)
    assert table.schema() == PRICES[3].sql
    assert len(table.skipped) == 1
    assert "no such table: fruit" in caplog.text


def test_reads_are_not_logged(table: TableMemory) -> None:
    before = table.memory.stats()["journal_lines"]
    table.run([Step("SELECT count(*) AS n FROM fruit")])
    assert table.memory.stats()["journal_lines"] == before


def test_results_and_work_are_bounded(make: Make) -> None:
    table = TableMemory(make(stores=STORES), max_rows=3, max_steps=20)
    table.run([PRICES[3], *(sell("apple", n) for n in range(4))])
    with pytest.raises(InputError, match="more than 3 rows"):
        table.run([Step("SELECT n FROM sale")])
    assert len(table.run([Step("SELECT n FROM sale LIMIT 3")])[0]) == 3
    many = ", ".join(f"sale AS s{i}" for i in range(9))
    with pytest.raises(InputError, match="takes too long"):
        table.run([sell("apple", 9), Step(f"SELECT count(*) FROM {many}")])
    assert table.run([Step("SELECT count(*) AS n FROM sale")])[0] == [{"n": 4}]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Step("SELECT :a", {"a": Ref(2, "n")}), "none before"),
        (Step("SELECT :a", {"a": Ref(1, "m")}), "which gave: n"),
        (Step("SELECT :a", {"a": b"x"}), "cannot be b'x'"),  # type: ignore[dict-item]
        (Step("SELECT :a", {"a": 2**70}), "too large"),
    ],
)
def test_a_placeholder_that_nothing_fills_is_named(
    table: TableMemory, step: Step, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        table.run([Step("SELECT 1 AS n"), step])


def test_a_reference_to_no_row_is_named(table: TableMemory) -> None:
    with pytest.raises(InputError, match="no row"):
        table.run([Step("SELECT n FROM sale"), Step("SELECT :n", {"n": Ref(1, "n")})])


PLAN = {
    "steps": [
        {
            "sql": "SELECT price FROM fruit WHERE name = :f",
            "params": [{"name": "f", "value": "pear"}],
        },
        {
            "sql": "SELECT :p * :n AS total",
            "params": [{"name": "p", "step": 1, "column": "price"}, {"name": "n", "value": 4}],
        },
    ]
}


def asked(make: Make, *replies: object) -> tuple[TableMemory, Scripted]:
    model = Scripted(*replies)
    table = TableMemory(make(stores=STORES, **asking(model)))
    table.run(PRICES)
    return table, model


def test_a_model_writes_the_steps_and_answers_from_the_rows(make: Make) -> None:
    table, model = asked(make, PLAN, "Four pears cost 3.00.")
    assert table.ask("What do four pears cost?") == "Four pears cost 3.00."
    assert "CREATE TABLE fruit" in model.asked[0]
    assert '[{"total": 3.0}]' in model.asked[1]


def test_a_model_without_steps_answers_directly(make: Make) -> None:
    table, _ = asked(make, {"steps": []}, "Hello!")
    assert asyncio.run(table.aask("Hi")) == "Hello!"


def test_steps_that_cannot_be_read_are_no_steps(make: Make) -> None:
    table, _ = asked(make, "DROP TABLE fruit", {"steps": [{"sql": "DROP TABLE fruit"}]})
    with pytest.raises(BadReply):
        table.ask("What do four pears cost?")
    assert "fruit" in table.schema()


def test_the_async_twins_do_the_same(make: Make) -> None:
    async def body(memory: AgentMemory) -> None:
        table = TableMemory(memory, namespace=("default", "shop"))
        await asyncio.gather(table.arun(PRICES), table.arun([Step("SELECT 1 AS n")]))
        assert "fruit" in await table.aschema()
        assert TableMemory(memory).schema() == ""

    asyncio.run(body(make(stores=STORES)))


def test_a_memory_without_the_kind_is_refused(memory: AgentMemory) -> None:
    with pytest.raises(ConfigError, match="'statement'"):
        TableMemory(memory)


def test_everything_of_everybody_is_no_place_for_tables(make: Make) -> None:
    with pytest.raises(InputError, match="place of their own"):
        TableMemory(make(stores=STORES), namespace=())


def test_tables_can_be_let_go(make: Make) -> None:
    table = TableMemory(make(stores=STORES))
    table.close()
    with pytest.raises(Exception, match="closed"):
        table.schema()


def test_a_value_may_not_be_huge() -> None:
    tables = Tables(10, 1000)
    tables.begin()
    with pytest.raises(InputError, match="too big"):
        tables.run("SELECT :a", {"a": "x" * 2_000_000})
    tables.rollback()
    tables.close()
