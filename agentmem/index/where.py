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
from agentmem.ledger.rows import CODE
from agentmem.ledger.tables import record

Where = Mapping[str, Any]
FIELDS = (
    "id",
    "kind",
    "source",
    "status",
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


def condition(where: Where) -> ColumnElement[bool]:
    """The filter as a condition on `record`; InputError names what is wrong and what is allowed."""
    if not isinstance(where, Mapping) or not where:
        raise InputError(f"where must be a non-empty mapping, not {where!r}")
    return and_(*(_clause(name, wanted) for name, wanted in where.items()))


def _clause(name: str, wanted: Any) -> ColumnElement[bool]:
    if name in ("$and", "$or"):
        if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
            raise InputError(f"where: {name} takes a non-empty list of filters, not {wanted!r}")
        parts = [condition(part) for part in wanted]
        return and_(*parts) if name == "$and" else or_(*parts)
    if name == "$not":
        return not_(func.coalesce(condition(wanted), false()))  # a missing field meets no test
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
    if name == "status":
        if value not in CODE:
            raise InputError(f"where: unknown status {value!r}{nearest(value, CODE)}")
        return CODE[value]
    if not isinstance(value, str | int | float | bool):
        raise InputError(f"where: {name!r} cannot be compared with {value!r}")
    return value


def _column(name: str) -> Any:
    if name in FIELDS:
        return record.c[name]
    head, _, path = name.partition(".")
    if head != "data" or not path:
        hint = nearest(name, (*FIELDS, f"data.{name}"))
        raise InputError(f"where: unknown field {name!r}{hint}")
    if '"' in path:
        raise InputError(f"where: a key of data cannot hold a quotation mark: {name!r}")
    steps = "".join(f'."{step}"' for step in path.split("."))
    return func.json_extract(record.c.data, f"${steps}")
