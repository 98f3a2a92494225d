"""Rows to records and back, and the words a ledger indexes a text under."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import func, select

from agentmem.core import Namespace, Record, content_id
from agentmem.identity import identity_of
from agentmem.ledger.tables import STATUS, record
from agentmem.text import words

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
WHOLE = select(*(column for column in record.c))
_AT = {column.name: i for i, column in enumerate(record.c)}


def to_record(row: Sequence[Any], path: Callable[[int], Namespace]) -> Record:
    """The record of a row of WHOLE."""
    return Record(
        id=row[_AT["id"]],
        text=row[_AT["text"]],
        namespace=path(row[_AT["namespace"]]),
        kind=row[_AT["kind"]],
        created=row[_AT["created"]],
        ingested=row[_AT["ingested"]],
        used=row[_AT["used"]],
        uses=row[_AT["uses"]],
        stability=row[_AT["stability"]],
        importance=row[_AT["importance"]],
        valence=row[_AT["valence"]],
        status=STATUS[row[_AT["status"]]],
        source=row[_AT["source"]],
        sources=tuple(_loaded(row[_AT["sources"]])),
        links=tuple(_loaded(row[_AT["links"]])),
        data=_loaded(row[_AT["data"]]),
        turn=row[_AT["turn"]],
        used_turn=row[_AT["used_turn"]],
        version=row[_AT["version"]],
        key=row[_AT["key"]],
        expires=row[_AT["expires"]],
        verify_by=row[_AT["verify_by"]],
    )


def _loaded(text: str) -> Any:
    return {"[]": [], "{}": {}}[text] if len(text) == 2 else json.loads(text)


def to_entry(record: Record, pos: int, space: int, expiry: float | None) -> dict[str, Any]:
    """A whole record as it stands in a journal line."""
    content = identity_of(record)
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


def to_values(entry: Mapping[str, Any], seq: int) -> dict[str, Any]:
    """The column values of a journal entry."""
    lists = {name: dumps(entry[name]) for name in ("sources", "links", "data")}
    count = len(words(found_by(entry)))
    values = {**ABSENT, **entry, **lists, "words": count, "seq": seq}
    return {name: value for name, value in values.items() if name != "recalls"}


def dumps(value: Any) -> str:
    """Compact JSON; the same text for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=65536)
def word_hash(word: str) -> int:
    """Signed 64-bit BLAKE2b of a word: what the term table holds instead of the word."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big", signed=True)


def hashes(text: str) -> list[int]:
    """The distinct words of a text, hashed, in order of first appearance."""
    return [word_hash(word) for word in dict.fromkeys(words(text))]


def spelled(text: str) -> str:
    """The text as the lexical index gets it: our words, so that queries split the same way."""
    return " ".join(words(text))


def scope_token(prefix: Namespace) -> str:
    """The full-text token that stands for a namespace prefix."""
    return "s" + content_id(*prefix)


@lru_cache(maxsize=4096)
def scope(path: Namespace) -> str:
    """The tokens of every prefix of a namespace, so that one token finds a whole branch."""
    return " ".join(scope_token(path[:n]) for n in range(1, len(path) + 1))
