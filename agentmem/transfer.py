"""Export and import: one JSON object a line, a header first.

Vectors are not carried: they are made again from the text.  Tombstones are: what was erased or
forgotten stays so where it arrives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from agentmem.core import Change, Namespace, Record, Vectors
from agentmem.engine import Engine
from agentmem.errors import InputError
from agentmem.ledger.rows import dumps

FORMAT = 1
BATCH = 1000
_FIELDS = {field.name for field in fields(Record)}


def export(engine: Engine, path: Path, prefix: Namespace) -> int:
    """Write all records under a namespace to a new file; returns how many.  Atomic."""
    if path.exists():
        raise InputError(f"{path} exists already; choose another name or remove it first")
    draft = path.with_name(path.name + ".part")
    spaces = engine.spaces(prefix)
    engine.refresh()
    count = 0
    with draft.open("w", encoding="utf-8") as file:
        header = {"agentmem": FORMAT, "embedder": engine.ledger.meta("embedder")}
        file.write(dumps(header) + "\n")
        for record in engine.records(engine.columns.rows(spaces, status=None)):
            file.write(dumps({"record": asdict(record)}) + "\n")
            count += 1
        for name, space in engine.reads.stones(spaces):
            file.write(dumps({"erased": name, "namespace": list(engine.ledger.path(space))}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return count


def load(path: Path) -> tuple[list[Record], set[str]]:
    """(records, ids of erased ones) of an export; InputError names the line that is wrong."""
    records, erased = [], set()
    for number, item in _items(path):
        try:
            if "erased" in item:
                erased.add(str(item["erased"]))
            else:
                records.append(_record(item["record"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}, line {number}: not a record of an export: {error!r}"
            ) from error
    return records, erased


def _items(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                item = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not JSON: {error}") from error
            if number == 1:
                if not isinstance(item, dict) or item.get("agentmem") != FORMAT:
                    raise InputError(f"{path}: not an agentmem export of format {FORMAT}")
                continue
            if not isinstance(item, dict):
                raise InputError(f"{path}, line {number}: not an object")
            yield number, item


def _record(plain: dict[str, Any]) -> Record:
    strange = plain.keys() - _FIELDS
    if strange:
        raise ValueError(f"unknown field {sorted(strange)[0]!r}")
    lists = {name: tuple(plain[name]) for name in ("namespace", "sources", "links")}
    return Record(**{**plain, **lists})


def store(
    engine: Engine, records: Sequence[Record], vectors: Vectors, erased: set[str], now: float
) -> int:
    """Take over an export's records, all or none; returns how many were new."""
    new = 0
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        made = vectors[start : start + BATCH]
        change = Change(add=tuple(r for r in batch if r.id not in erased), reason="import")
        by_id = {record.id: vector for record, vector in zip(batch, made, strict=True)}
        new += len(engine.commit(change, at=now, vectors=by_id).added)
    return new
