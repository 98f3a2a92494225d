"""Export and import: one JSON object a line, a header first.

Vectors are not carried: they are made again from the text.  Tombstones are: what was erased or
forgotten stays so where it arrives, unless it is alive there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from agentmem.clock import seconds
from agentmem.core import Change, Namespace, Record, Redactor, Vectors
from agentmem.engine import Engine
from agentmem.errors import InputError
from agentmem.identity import identity_of
from agentmem.intake import (
    ids,
    metadata,
    namespace_of,
    nonempty,
    number,
    redacted,
    valid,
    whole,
)
from agentmem.ledger.rows import ABSENT, CODE, dumps
from agentmem.views import STABLE

FORMAT = 1
BATCH = 1000
_FIELDS = {field.name for field in fields(Record)}


def export(engine: Engine, path: Path, prefix: Namespace) -> int:
    """Write all records under a namespace to a new file; returns how many.  Atomic."""
    if path.exists():
        raise InputError(f"{path} exists already; choose another name or remove it first")
    draft = path.with_name(path.name + ".part")
    engine.refresh()
    count = 0
    with draft.open("w", encoding="utf-8") as file:
        header = {"agentmem": FORMAT, "embedder": engine.ledger.meta("embedder")}
        file.write(dumps(header) + "\n")
        for record in engine.records(engine.rows(prefix, status=None)):
            file.write(dumps({"record": asdict(record)}) + "\n")
            count += 1
        for name, content, space in engine.reads.stones(engine.spaces(prefix)):
            stone = {"erased": name, "content": content}
            file.write(dumps({**stone, "namespace": engine.ledger.path(space)}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return count


Stone = tuple[str, str, Namespace]  # id, content identity, namespace of an erased record


def load(path: Path, redact: Sequence[Redactor] = ()) -> tuple[list[Record], list[Stone]]:
    """(records, tombstones) of an export, redacted; InputError names the line that is wrong."""
    records: list[Record] = []
    stones: list[Stone] = []
    for line, item in _items(path):
        try:
            if "erased" in item:
                where = namespace_of(item["namespace"], ())
                stones.append((str(item["erased"]), str(item["content"]), where))
            else:
                records.append(redacted(_record(item["record"]), redact))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}, line {line}: not a record of an export: {error!r}"
            ) from error
    return records, stones


def _items(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for line, text in enumerate(file, start=1):
            try:
                item = json.loads(text)
            except ValueError as error:
                raise InputError(f"{path}, line {line}: not JSON: {error}") from error
            if line == 1:
                if not isinstance(item, dict) or item.get("agentmem") != FORMAT:
                    raise InputError(f"{path}: not an agentmem export of format {FORMAT}")
                continue
            if not isinstance(item, dict):
                raise InputError(f"{path}, line {line}: not an object")
            yield line, item


def _record(plain: dict[str, Any]) -> Record:
    strange = plain.keys() - _FIELDS
    if strange:
        raise ValueError(f"unknown field {sorted(strange)[0]!r}")
    plain = {**ABSENT, **plain}
    plain |= _times(plain)
    for name in ("uses", "turn", "version", "used_turn"):
        if plain[name] is not None or name != "used_turn":
            number(name, whole(name, plain[name], 0), 0, 2**31)
    for name in ("kind", "source"):
        valid(plain[name], name)
    if not re.fullmatch("[0-9a-f]{32}", valid(plain["id"], "id")):
        raise ValueError(f"{plain['id']!r} is no record id")
    nonempty(plain["text"])
    if plain["key"] is not None:
        nonempty(plain["key"], "key")
    for name, least in (("importance", 0.0), ("valence", -1.0)):
        if number(name, plain[name], least, 1.0) is None:
            raise ValueError(f"{name} is missing")
    number("stability", plain["stability"], *STABLE)
    if plain["status"] not in CODE:
        raise ValueError(f"unknown status {plain['status']!r}")
    lists = {name: ids(plain[name], name) for name in ("sources", "links")}
    where = namespace_of(plain["namespace"], ())
    if not where:
        raise ValueError("the namespace is empty")
    return Record(**{**plain, **lists, "namespace": where, "data": metadata(plain["data"])})


def _times(plain: Mapping[str, Any]) -> dict[str, float]:
    """The times of a record, checked; those that may be absent, where they are given."""
    names = ("created", "ingested", "used", "expires", "verify_by")
    return {n: seconds(plain[n]) for n in names if plain[n] is not None or n not in ABSENT}


def store(
    engine: Engine, records: Sequence[Record], vectors: Vectors, stones: Sequence[Stone], now: float
) -> int:
    """Take over an export's records and tombstones, all or none; returns how many were new.

    An import removes nothing: what is alive here and erased there stays.
    """
    new = 0
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        made = vectors[start : start + BATCH]
        change = Change(add=tuple(batch), reason="import")
        contents = [identity_of(record) for record in batch]
        by_content = dict(zip(contents, made, strict=True))
        new += len(engine.commit(change, at=now, vectors=by_content).added)
    if stones:
        engine.commit(Change(bury=tuple(stones), reason="import"), at=now)
    return new
