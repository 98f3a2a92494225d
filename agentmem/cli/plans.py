"""Plans and records as plain data: what `agentmem plan` writes and `agentmem apply` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from agentmem.clock import moment
from agentmem.core import Change, Hit, Plan, Record, Task, content_id
from agentmem.errors import InputError, PlanError

FORMAT = 1
_RECORDS = ("add", "update", "touch", "restore")
_NAMES = ("archive", "erase", "derive")


def iso(at: float) -> str:
    """Seconds since the epoch as ISO 8601, UTC."""
    return moment(at).isoformat().replace("+00:00", "Z")


def record_data(record: Record) -> dict[str, Any]:
    """A record for a reader: times in ISO 8601."""
    plain = asdict(record)
    return plain | {name: iso(plain[name]) for name in ("created", "ingested", "used")}


def hit_data(hit: Hit) -> dict[str, Any]:
    """A hit for a reader: score, record and why."""
    why = asdict(hit.why) | {"retention": hit.why.retention}
    return {"score": hit.score, "record": record_data(hit.record), "why": why}


def plan_data(plan: Plan) -> dict[str, Any]:
    """A plan as plain data that `plan_of` understands, with a checksum."""
    body = {
        "id": plan.id,
        "now": plan.now,
        "changes": [asdict(change) for change in plan.changes],
        "versions": dict(plan.versions),
    }
    body = json.loads(json.dumps(body))
    return {"agentmem_plan": FORMAT, "removes": plan.removes, **body, "checksum": _checksum(body)}


def plan_of(text: str, source: str) -> Plan:
    """The plan in a text; InputError if it is none, PlanError if it was edited."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"{source}: not a plan, as it is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("agentmem_plan") != FORMAT:
        raise InputError(f"{source}: not a plan of `agentmem plan`, format {FORMAT}")
    body: dict[str, Any] = {name: data.get(name) for name in ("id", "now", "changes", "versions")}
    if data.get("checksum") != _checksum(body):
        raise PlanError(f"{source}: the plan was edited; only an unchanged plan is applied")
    try:
        return Plan(**body | {"changes": tuple(_change(one) for one in data["changes"])})
    except (KeyError, TypeError) as error:
        raise InputError(f"{source}: not a plan of this version: {error}") from error


def read_plan(path: Path) -> Plan:
    """The plan in a file."""
    return plan_of(path.read_text(encoding="utf-8"), str(path))


def _checksum(body: Mapping[str, Any]) -> str:
    return content_id(json.dumps(body, sort_keys=True))


def _change(plain: dict[str, Any]) -> Change:
    values = dict(plain)
    for name in _RECORDS:
        values[name] = tuple(_record(one) for one in plain[name])
    for name in _NAMES:
        values[name] = tuple(plain[name])
    values["tasks"] = tuple(Task(*one) for one in plain["tasks"])
    values["supersede"] = tuple((old, new) for old, new in plain["supersede"])
    values["bury"] = tuple((name, text, tuple(path)) for name, text, path in plain["bury"])
    if plain["namespace"] is not None:
        values["namespace"] = tuple(plain["namespace"])
    return Change(**values)


def _record(plain: dict[str, Any]) -> Record:
    known = {field.name for field in fields(Record)}
    lists = {name: tuple(plain[name]) for name in ("namespace", "sources", "links")}
    return Record(**{key: value for key, value in plain.items() if key in known} | lists)
