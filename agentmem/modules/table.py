"""A symbolic memory: tables written and read by SQL, in chains of steps.

After ChatDB (Hu et al., arXiv 2306.03901): a model turns what was said into numbered SQL steps, of
which a later one may use what an earlier one found.  There the model's SQL runs unguarded; here it
runs in a sandbox, with bound parameters, one transaction a turn.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, ClassVar

from agentmem.asking import Asking
from agentmem.clock import Moment
from agentmem.core import Record
from agentmem.errors import InputError
from agentmem.intake import whole
from agentmem.memory import AgentMemory
from agentmem.modules.keeping import Keeper
from agentmem.modules.sandbox import Cell, Rows, Tables
from agentmem.replies import object_of
from agentmem.steps import Steps, asynchronous, run, sync, work

__all__ = ["Ref", "Step", "TableMemory"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ref:
    """A placeholder: the value in a column of the first row that step number `step` (1..) gave."""

    step: int
    column: str


@dataclass(frozen=True, slots=True)
class Step:
    """One SQL statement; its parameters (`:name`) are values, or what earlier steps found."""

    sql: str
    params: Mapping[str, Cell | Ref] = field(default_factory=dict)


class TableMemory(Keeper):
    """Tables that follow from the statements that wrote them.

    The ledger keeps each writing statement as a record of kind "statement" (SQL and bound
    parameters, sources = the turn); the tables are those statements replayed in RAM.  So forgetting
    a statement, or the turn it came from, takes its effect away, and restoring it brings it back:
    a policy that archives records of this kind changes the tables.  A statement that no longer
    fits (its table's CREATE was forgotten) is passed over: see `skipped`.

    Allowed are SELECT, INSERT, UPDATE, DELETE and CREATE TABLE on these tables alone, one statement
    a step, without functions that depend on the moment or on chance.  One process writes at a time.
    """

    kind: ClassVar[str] = "statement"

    def __init__(
        self,
        memory: AgentMemory,
        *,
        namespace: Sequence[str] | None = None,
        max_rows: int = 1000,
        max_steps: int = 5000,
    ) -> None:
        """`max_rows` of one result; `max_steps`: thousands of instructions of one statement."""
        super().__init__(memory, namespace=namespace)
        self.skipped: tuple[str, ...] = ()  # ids of statements that could not be replayed
        self._limits = (whole("max_rows", max_rows, 1), whole("max_steps", max_steps, 1))
        self._tables = Tables(*self._limits)
        self._applied: tuple[str, ...] = ()  # ids of the statements in the tables, in order
        self._one = Lock()
        self._asking = Asking(memory.extraction.caller, type(self).__name__)

    def _run(
        self, steps: Sequence[Step], *, sources: Sequence[str] = (), now: Moment | None = None
    ) -> Steps[list[Rows]]:
        """Do a chain of steps as one transaction; returns the rows of each, in order.

        `sources`: the records that the turn was said in.  If a step fails, nothing of the turn is
        kept: InputError says which step and why.
        """
        return (yield from work(lambda: self._turn(steps, sources, now)))

    def _ask(
        self, question: str, *, sources: Sequence[str] = (), now: Moment | None = None
    ) -> Steps[str]:
        """Answer, or do, what is said, by steps that the model writes; its answer in words.

        A model that writes no step answers directly.  BadReply if its steps are not readable,
        InputError if they fail; either way nothing is kept.
        """
        schema = yield from work(self._current)
        steps = yield from self._asking.ask(
            "table_plan", _PLAN, question=question, tables=schema or "(none yet)"
        )
        chain = [Step(one["sql"], _params(one["params"])) for one in steps["steps"]]
        results = yield from self._run(chain, sources=sources, now=now)
        told = "\n".join(
            f"{number}. {step.sql}\n{json.dumps(rows, ensure_ascii=False)}"
            for number, (step, rows) in enumerate(zip(chain, results, strict=True), 1)
        )
        return (
            yield from self._asking.say("table_answer", question=question, results=told or "(none)")
        )

    def _schema(self) -> Steps[str]:
        """The CREATE TABLE statements of the tables; "" without tables."""
        return (yield from work(self._current))

    run, arun = sync(_run), asynchronous(_run)
    ask, aask = sync(_ask), asynchronous(_ask)
    schema, aschema = sync(_schema), asynchronous(_schema)

    def close(self) -> None:
        """Let the tables go; the memory stays open."""
        self._tables.close()

    def _current(self) -> str:
        with self._one:
            self._follow()
            return self._tables.schema()

    def _turn(
        self, steps: Sequence[Step], sources: Sequence[str], now: Moment | None
    ) -> list[Rows]:
        with self._one:
            self._follow()
            results: list[Rows] = []
            written: list[tuple[str, Mapping[str, Cell]]] = []
            self._tables.begin()
            try:
                for number, step in enumerate(steps, 1):
                    params = _filled(step, number, results)
                    results.append(self._tables.run(step.sql, params))
                    if self._tables.wrote:
                        written.append((step.sql, params))
                ids = self._log(written, sources, now)
            except BaseException:
                self._tables.rollback()  # should the log hold the turn, the next one replays it
                raise
            self._tables.commit()
            self._applied = (*self._applied, *ids)
            return results

    def _log(
        self,
        written: Sequence[tuple[str, Mapping[str, Cell]]],
        sources: Sequence[str],
        now: Moment | None,
    ) -> list[str]:
        """Keep the statements of a turn: all in one transaction.  Returns their ids.

        The number of the journal's newest line makes each text one of its kind: the same purchase
        twice is two purchases.
        """
        if not written:
            return []
        line = self.memory._engine.ledger.seq()
        texts = [
            f"-- {line}.{number}\n{sql.strip()}\n-- {json.dumps(dict(params), ensure_ascii=False)}"
            for number, (sql, params) in enumerate(written, 1)
        ]
        return self.memory.add(
            list(texts), kind=self.kind, namespace=self.namespace, sources=sources, now=now
        )

    def _follow(self) -> None:
        """Replay the statements from the first if they are not those that the tables show."""
        records = run(self._kept())
        ids = tuple(record.id for record in records)
        if ids == self._applied:
            return
        self._tables.close()
        self._tables = Tables(*self._limits)
        skipped = []
        for record in sorted(records, key=_order):
            sql, params = _read(record)
            self._tables.begin()
            try:
                self._tables.run(sql, params)
            except InputError as error:
                _log.warning("statement %s passed over: %s", record.id, error)
                self._tables.rollback()
                skipped.append(record.id)
            else:
                self._tables.commit()
        self.skipped = tuple(skipped)
        self._applied = ids


def _filled(step: Step, number: int, results: Sequence[Rows]) -> dict[str, Cell]:
    """The values of a step's parameters, with what earlier steps found in place of references."""
    values: dict[str, Cell] = {}
    for name, value in step.params.items():
        if isinstance(value, Ref):
            if not 1 <= value.step < number:
                raise InputError(f"step {number}: :{name} refers to step {value.step}, none before")
            rows = results[value.step - 1]
            if not rows or value.column not in rows[0]:
                known = ", ".join(rows[0]) if rows else "no row"
                raise InputError(
                    f"step {number}: :{name} is {value.column!r} of step {value.step}, "
                    f"which gave: {known}"
                )
            value = rows[0][value.column]
        if not isinstance(value, str | int | float | None):
            raise InputError(f"step {number}: :{name} cannot be {value!r}")
        values[name] = value
    return values


def _order(record: Record) -> tuple[int, int]:
    """When a statement was written: journal line, and number within its turn."""
    line, _, number = record.text.partition("\n")[0].removeprefix("-- ").partition(".")
    return int(line), int(number)


def _read(record: Record) -> tuple[str, dict[str, Cell]]:
    """The SQL and the parameters in a record's text."""
    _, _, rest = record.text.partition("\n")
    sql, _, params = rest.rpartition("\n-- ")
    values: dict[str, Cell] = json.loads(params)
    return sql, values


def _params(items: Sequence[Mapping[str, Any]]) -> dict[str, Cell | Ref]:
    """The parameters of a step as a model writes them."""
    return {
        item["name"]: Ref(item["step"], item["column"]) if "step" in item else item["value"]
        for item in items
    }


_NAME = {"type": "string"}
_PARAM = {
    "anyOf": [
        object_of(name=_NAME, value={"type": ["string", "number", "null"]}),
        object_of(name=_NAME, step={"type": "integer", "minimum": 1}, column=_NAME),
    ]
}
_STEP = object_of(sql=_NAME, params={"type": "array", "items": _PARAM})
_PLAN = object_of(steps={"type": "array", "items": _STEP})
