"""Rows to records and back, and the words a ledger indexes a text under."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import func, select

from agentmem.core import Namespace, Record, content_id
from agentmem.identity import identity_of
from agentmem.ledger.tables import STATUS, record

CODE = {name: code for code, name in STATUS.items()}

# What the arrays in RAM follow, in this order; `pos` and `id` first.
LIFE = (
    record.c.pos,
    record.c.id,
    record.c.namespace,
    record.c.status,
    record.c.created,
    record.c.used,
    record.c.used_turn,
    record.c.uses,
    record.c.stability,
    record.c.importance,
    record.c.valence,
    record.c.turn,
    record.c.words,
    record.c.seq,
    func.substr(record.c.text, 1, 48),  # as far as `index.cues` looks
    func.substr(record.c.text, -4),
    record.c.kind,
    record.c.source,
    record.c.expires,
    record.c.verify_by,
)
OPTIONAL = ("key", "expires", "verify_by")  # left out of an entry where there is none
ABSENT = dict.fromkeys(OPTIONAL)
_FIELDS = tuple(Record.__dataclass_fields__)
WHOLE = select(record.c.pos, *(record.c[name] for name in _FIELDS))
BULK = tuple(1 + _FIELDS.index(name) for name in ("text", "data"))  # where in a row it stands


def to_fields(row: Sequence[Any], path: Callable[[int], Namespace]) -> dict[str, Any]:
    """The fields of the record of a row of WHOLE."""
    fields = dict(zip(_FIELDS, row[1:], strict=True))
    fields["namespace"] = path(fields["namespace"])
    fields["status"] = STATUS[fields["status"]]
    fields["sources"], fields["links"] = _ids(fields["sources"]), _ids(fields["links"])
    fields["data"] = {} if fields["data"] == "{}" else json.loads(fields["data"])
    return fields


def copied(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with metadata of their own; it has to be `flat`."""
    return {**fields, "data": fields["data"].copy()}


def flat(data: Mapping[str, Any]) -> bool:
    """Does metadata hold nothing that could be changed but itself?"""
    return not any(isinstance(value, dict | list) for value in data.values())


def _ids(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(json.loads(text))


def to_entry(
    record: Record, pos: int, space: int, expiry: float | None, content: str | None = None
) -> dict[str, Any]:
    """A whole record as it stands in a journal line; `content`: its identity, where known."""
    content = content or identity_of(record)
    return {
        "pos": pos,
        "id": record.id,
        "content": None if content == record.id else content,
        "namespace": space,
        "kind": record.kind,
        "text": record.text,
        "created": record.created,
        "ingested": record.ingested,
        "used": record.used,
        "used_turn": record.used_turn,
        "uses": record.uses,
        "stability": record.stability,
        "importance": record.importance,
        "valence": record.valence,
        "status": CODE[record.status],
        "source": record.source,
        "sources": list(record.sources),
        "links": list(record.links),
        "data": dict(record.data),
        "turn": record.turn,
        "version": record.version,
        "expiry": expiry,
        **{name: value for name in OPTIONAL if (value := getattr(record, name)) is not None},
    }


def found_by(entry: Mapping[str, Any]) -> str:
    """The text a journal entry is indexed under."""
    key: str | None = entry.get("key")
    return str(entry["text"]) if key is None else key


def to_values(entry: Mapping[str, Any], seq: int, count: int) -> dict[str, Any]:
    """The column values of a journal entry that is found by `count` words."""
    values = {**ABSENT, **entry, "words": count, "seq": seq}
    for name in ("sources", "links"):
        values[name] = dumps(entry[name]) if entry[name] else "[]"
    values["data"] = dumps(entry["data"]) if entry["data"] else "{}"
    values.pop("recalls", None)
    return values


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def dumps(value: Any) -> str:
    """Compact JSON; the same text for the same value."""
    return _ENCODER.encode(value)


@lru_cache(maxsize=65536)
def word_hash(word: str) -> int:
    """Signed 64-bit BLAKE2b of a word: what the term table holds instead of the word."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big", signed=True)


def hashes(said: Iterable[str]) -> list[int]:
    """The distinct words of a text, hashed, in order of first appearance."""
    return [word_hash(word) for word in dict.fromkeys(said)]


def spelled(said: Iterable[str]) -> str:
    """A text as the lexical index gets it: our words, so that queries split the same way."""
    return " ".join(said)


def scope_token(prefix: Namespace) -> str:
    """The full-text token that stands for a namespace prefix."""
    return "s" + content_id(*prefix)


@lru_cache(maxsize=4096)
def scope(path: Namespace) -> str:
    """The tokens of every prefix of a namespace, so that one token finds a whole branch."""
    return " ".join(scope_token(path[:n]) for n in range(1, len(path) + 1))
