"""`where` filters: {"field": value} or {"field": {"$gte": value}}, `$and`, `$or`, `$not`.

Fields are the columns of a record; the caller's own metadata is `data.key` (`data.key.inner`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_

from agentmem.clock import seconds
from agentmem.errors import InputError, nearest
from agentmem.intake import valid
from agentmem.ledger.tables import record

Where = Mapping[str, Any]
DEEPEST = 32  # nested $and, $or, $not
FIELDS = (
    "id",
    "kind",
    "source",
    "created",
    "ingested",
    "used",
    "uses",
    "importance",
    "valence",
    "turn",
    "version",
)
OPERATORS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "$eq": lambda column, value: column == value,
    "$ne": lambda column, value: or_(column != value, column.is_(None)),
    "$gt": lambda column, value: column > value,
    "$gte": lambda column, value: column >= value,
    "$lt": lambda column, value: column < value,
    "$lte": lambda column, value: column <= value,
    "$in": lambda column, values: column.in_(values),
    "$nin": lambda column, values: or_(column.not_in(values), column.is_(None)),
}


def condition(where: Where, depth: int = 0) -> ColumnElement[bool]:
    """The filter as a condition on `record`; InputError names what is wrong and what is allowed."""
    if depth > DEEPEST:
        raise InputError(f"where: nested deeper than {DEEPEST}")
    if not isinstance(where, Mapping) or not where:
        raise InputError(f"where must be a non-empty mapping, not {where!r}")
    return and_(*(_clause(name, wanted, depth) for name, wanted in where.items()))


def _clause(name: str, wanted: Any, depth: int) -> ColumnElement[bool]:
    if name in ("$and", "$or"):
        if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
            raise InputError(f"where: {name} takes a non-empty list of filters, not {wanted!r}")
        parts = [condition(part, depth + 1) for part in wanted]
        return and_(*parts) if name == "$and" else or_(*parts)
    if name == "$not":
        return not_(
            func.coalesce(condition(wanted, depth + 1), false())
        )  # a missing field meets no test
    tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    if not tests:
        raise InputError(f"where: {name!r} has no test")
    return and_(*(_test(name, operator, value) for operator, value in tests.items()))


def _test(name: str, operator: str, value: Any) -> ColumnElement[bool]:
    if operator not in OPERATORS:
        hint = nearest(operator, OPERATORS)
        raise InputError(f"where: {name!r} has an unknown operator {operator!r}{hint}")
    if operator in ("$in", "$nin"):
        if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset) or not value:
            raise InputError(f"where: {name!r}: {operator} takes a non-empty list, not {value!r}")
        values = [_plain(name, one) for one in value]
        return OPERATORS[operator](_column(name), values)
    plain = _plain(name, value)
    return OPERATORS[operator](_column(name), plain)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return seconds(value)
    if not isinstance(value, str | int | float | bool):
        raise InputError(f"where: {name!r} cannot be compared with {value!r}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InputError(f"where: {name!r}: {value} is beyond 64 bits")
    return valid(value, f"where: {name!r}") if isinstance(value, str) else value


def _column(name: str) -> Any:
    if name in FIELDS:
        return record.c[name]
    if name == "status":
        raise InputError("where: only active records are searched; history() and stats() tell more")
    head, _, path = valid(name, "where").partition(".")
    if head != "data" or not path:
        hint = nearest(name, (*FIELDS, f"data.{name}"))
        raise InputError(f"where: unknown field {name!r}{hint}")
    if '"' in path:
        raise InputError(f"where: a key of data cannot hold a quotation mark: {name!r}")
    steps = "".join(f'."{step}"' for step in path.split("."))
    return func.json_extract(record.c.data, f"${steps}")
