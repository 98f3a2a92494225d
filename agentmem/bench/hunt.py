"""Looking for words in everything that a memory answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agentmem.errors import MissingExtra
from agentmem.ledger.rows import word_hash
from agentmem.memory import AgentMemory
from agentmem.text import words as split

__all__ = ["Found", "Other", "hunt", "says"]

SEARCHED = 6  # words that are searched for, in every mode


class Found(NamedTuple):
    """A word that should be nowhere, and where it was."""

    who: str
    path: str
    word: str


class Other:
    """Somebody else with the same file open: `ask` opens it if need be, and hunts there."""

    def ask(self, path: Path, options: Mapping[str, Any], words: Sequence[str]) -> list[Found]:
        raise LookupError("nobody else is here")

    def close(self, path: Path) -> None:
        """Let go of a file."""


def hunt(memory: AgentMemory, words: Sequence[str], who: str, scratch: Path) -> Iterator[Found]:
    """Every place where an open memory still says, counts or finds one of some words.

    `scratch`: a folder outside the memory's own, for an export that is read and removed.
    """
    for path, text in _answers(memory, words, scratch):
        seen = text.lower()
        yield from (Found(who, path, word) for word in words if says(seen, word))
    yield from (Found(who, path, word) for path, word in _indexes(memory, words))


def _answers(memory: AgentMemory, words: Sequence[str], scratch: Path) -> Iterator[tuple[str, str]]:
    """(path, what it says)."""
    now = memory.clock.now()
    engine = memory._engine
    for query in [None, *words[:SEARCHED]]:
        for mode in ("hybrid", "lexical", "dense"):
            hits = memory.search(query, k=1000, mode=mode, reinforce=False)
            yield f"search, {mode}", _joined(repr(hit.record) for hit in hits)
    for query in words[:2]:
        told = memory.explain(query, k=5)
        said = [*(repr(hit.record) for hit in told.hits), *(repr(one) for one in told.missed)]
        yield "explain", _joined(said)
    for at in (now, now - 86_400.0, now - 10 * 86_400.0):
        for query in words[:2]:
            hits = memory.search(query, k=1000, as_of=at)
            yield "as_of", _joined(repr(hit.record) for hit in hits)
    yield "plan", repr(memory.plan())
    yield (
        "journal",
        _joined(f"{line.reason} {_plain(line.payload)}" for line in engine.reads.lines()),
    )
    engine.refresh()
    for record in engine.records(engine.rows((), status=None)):
        yield "get", repr(memory.get(record.id))
        yield "history", repr(memory.history(record.id))
    file = scratch / f"export-{id(memory)}.jsonl"
    memory.export(file)
    yield "export", file.read_text(encoding="utf-8")
    file.unlink()
    try:
        yield "graph", _plain([list(memory.graph().nodes(data=True))])
    except MissingExtra:
        return


def says(text: str, word: str) -> bool:
    """Does a text in lower case have a word, or a name that no letter continues?"""
    at = text.find(word)
    while at >= 0 and " " in word and text[at + len(word) : at + len(word) + 1].isalpha():
        at = text.find(word, at + 1)  # "anva berg" is not in "anva bergson"
    return at >= 0


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _indexes(memory: AgentMemory, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(path, word) of indexes that count or hold a word; (path, id) of arrays with too much."""
    engine = memory._engine
    for word in words:
        parts = split(word)
        if len(parts) == 1:
            if len(engine.reads.postings(parts[0], ())):
                yield "lexical index", word
            counted = engine.ledger.db.rows(
                "SELECT records FROM term WHERE hash = :hash", hash=word_hash(parts[0])
            )
            if counted:
                yield "terms", word
    alive = set(engine.rows((), status=None).tolist())
    held = set(np.flatnonzero(engine.columns.ids[: engine.columns.size] != b"").tolist())
    yield from (("arrays", str(pos)) for pos in held - alive)
