"""After an erasure: every path asked again for what is gone.

What to ask is noted before (`evidence`): positions, ids, texts of every version, vectors.  Then
each check puts its questions and counts the answers that still have something; nothing of the
content stays in what it returns.  Cost: one look at each erased record, at most SEARCHED of their
texts searched in every mode, and a pass over the file's bytes for each of at most PROBES words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agentmem.asof import fold
from agentmem.core import Namespace, Vectors
from agentmem.engine import Engine
from agentmem.errors import IndexUnavailable
from agentmem.extract.mentions import mentions
from agentmem.index.columns import ABSENT
from agentmem.ledger.ledger import REASONS
from agentmem.ledger.rows import dumps, found_by, word_hash
from agentmem.recall import EXACT_AT, Query, rank
from agentmem.receipt import Check
from agentmem.ripple import mixing
from agentmem.selection import identified, reasons_naming
from agentmem.text import words

__all__ = ["Evidence", "evidence", "verify"]

SEARCHED = 8  # texts that are searched for
PROBES = 64  # words that are looked for in the files' bytes
WORDS = 500  # words that are looked up in the lexical index
LEAST = 5  # letters of a word that tells enough to look for it among bytes
MODES = ("lexical", "dense", "hybrid")
_VECTORS = (
    "SELECT vector.pos, coalesce(record.key, record.text), vector.data FROM json_each(:these) "
    "AS one JOIN vector ON vector.pos = one.value JOIN record ON record.pos = vector.pos"
)
_ALIVE = (
    "SELECT coalesce(key, text) FROM record "
    "WHERE coalesce(key, text) IN (SELECT value FROM json_each(:these))"
)
_TERMS = (
    "SELECT term.hash, term.namespace, term.records FROM json_each(:these) AS one "
    "JOIN term ON term.hash = one.value"
)
_ROWS = {  # rows that still stand under the positions of what is gone
    "records": "SELECT count(*) FROM record WHERE pos IN (SELECT value FROM json_each(:these))",
    "vectors": "SELECT count(*) FROM vector WHERE pos IN (SELECT value FROM json_each(:these))",
    "recalls": "SELECT count(*) FROM recall WHERE pos IN (SELECT value FROM json_each(:these))",
    "leases": "SELECT count(*) FROM lease WHERE pos IN (SELECT value FROM json_each(:these))",
    "citations": "SELECT count(*) FROM derivation "
    "WHERE pos IN (SELECT value FROM json_each(:these))",
    "tasks": "SELECT count(*) FROM task WHERE pos IN (SELECT value FROM json_each(:these))",
}
_WORD = re.compile(rf"\w{{{LEAST},64}}")
_HOLDERS = (  # what the file says, as texts in the order of its columns: they adjoin in a page
    "SELECT 1 FROM record WHERE instr(lower(id || coalesce(content, '') || kind || text || source "
    "|| sources || links || data || coalesce(key, '')), :word) LIMIT 1",
    "SELECT 1 FROM journal WHERE instr(lower(policy || reason || coalesce(run, '') || payload), "
    ":word) LIMIT 1",
    "SELECT 1 FROM namespace WHERE instr(lower(path), :word) LIMIT 1",
    "SELECT 1 FROM task WHERE instr(lower(store || rest || target || error), :word) LIMIT 1",
    "SELECT 1 FROM tombstone WHERE instr(content || id, :word) LIMIT 1",
    "SELECT 1 FROM derivation WHERE instr(source, :word) LIMIT 1",
    "SELECT 1 FROM meta WHERE instr(lower(key || value), :word) LIMIT 1",
    "SELECT 1 FROM sqlite_master "
    "WHERE instr(lower(type || name || tbl_name || coalesce(sql, '')), :word) LIMIT 1",
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is about to be erased, in memory only, until it has been asked for."""

    names: tuple[str, ...]
    positions: tuple[int, ...]
    spaces: frozenset[int]
    texts: tuple[str, ...]  # of every version, each once
    vectors: tuple[tuple[int, str, Vectors], ...]  # position, text found by, vector


def evidence(engine: Engine, names: Sequence[str]) -> Evidence:
    """Note what has to be asked for once some records are gone.  Inside the transaction."""
    places = engine.ledger.places(names)
    texts: dict[str, None] = {}
    for place in places.values():
        for line in engine.reads.lines_of(place.pos):
            for entry in (*line.payload.get("add", ()), *line.payload.get("update", ())):
                if entry["pos"] == place.pos and not entry.get("erased"):
                    texts |= dict.fromkeys((entry["text"], found_by(entry)))
    positions = tuple(place.pos for place in places.values())
    rows = engine.ledger.db.rows(_VECTORS, these=dumps(positions))
    return Evidence(
        names=tuple(places),
        positions=positions,
        spaces=frozenset(place.space for place in places.values()),
        texts=tuple(texts),
        vectors=tuple((pos, said, np.frombuffer(data, dtype="<f4")) for pos, said, data in rows),
    )


def verify(engine: Engine, gone: Evidence, query: Query, asked: str | None) -> tuple[Check, ...]:
    """Every path asked again.  `query`: as the memory asks, over all namespaces; `asked`: the
    identifier, if the erasure was for one: it must be named nowhere under `query.prefix` any more.
    """
    engine.refresh()
    checks = [
        *_tables(engine, gone),
        _lexicon(engine, gone),
        _terms(engine, gone),
        _journal(engine, gone),
        _past(engine, gone),
        _arrays(engine, gone),
        _index(engine, gone),
        *_searches(engine, gone, query),
        _shelf(engine, gone),
        _cache(engine, gone),
        _bytes(engine, gone),
        _folder(engine, gone),
    ]
    if asked is not None:
        checks += _identifier(engine, asked, query.prefix)
    return tuple(checks)


def _tables(engine: Engine, gone: Evidence) -> Iterator[Check]:
    """Rows under the positions or ids of what is gone."""
    for path, sql in _ROWS.items():
        found = engine.ledger.db.value(sql, these=dumps(gone.positions))
        yield Check(path=path, asked=len(gone.positions), found=int(found))
    resting = {pos for name in gone.names for pos in engine.reads.derived(name)}
    mixed = [one for one in engine.records(sorted(resting)) if mixing(engine, one.kind)]
    yield Check(path="derived texts", asked=len(gone.names), found=len(mixed))


def _said(gone: Evidence, most: int) -> list[str]:
    """The words of what is gone, each once, at most so many."""
    return list(dict.fromkeys(word for text in gone.texts for word in words(text)))[:most]


def _lexicon(engine: Engine, gone: Evidence) -> Check:
    said = _said(gone, WORDS)
    hits = [np.isin(engine.reads.postings(word, ()), gone.positions).any() for word in said]
    return Check(path="lexical index", asked=len(said), found=int(sum(hits)))


def _terms(engine: Engine, gone: Evidence) -> Check:
    """No namespace counts more records for a word than there are."""
    by_hash = {word_hash(word): word for word in _said(gone, WORDS)}
    found = 0
    with engine.ledger.db.read():  # counts, postings and arrays as of one moment: others may write
        engine.refresh()
        spaces = engine.columns.space
        for code, space, records in engine.ledger.db.rows(_TERMS, these=dumps([*by_hash])):
            if space in gone.spaces:
                held = engine.reads.postings(by_hash[code], ())
                found += int(records > np.count_nonzero(spaces[held] == space))
    return Check(path="terms", asked=len(by_hash), found=found)


def _journal(engine: Engine, gone: Evidence) -> Check:
    """Lines that speak of what is gone keep positions and times, and no content."""
    asked = found = 0
    for pos in gone.positions:
        for line in engine.reads.lines_of(pos):
            entries = (*line.payload.get("add", ()), *line.payload.get("update", ()))
            said = any(_content(entry) for entry in entries if entry["pos"] == pos)
            named = line.reason and not line.policy and line.reason not in REASONS
            asked += 1
            found += bool(said or (named and "erase" not in line.payload))
    return Check(path="journal", asked=asked, found=found)


def _content(entry: dict[str, object]) -> bool:
    return any(entry.get(name) for name in ("text", "key", "source", "data", "sources", "links"))


def _past(engine: Engine, gone: Evidence) -> Check:
    """What a search `as_of` any moment folds the journal into: nothing but a shell."""
    found = 0
    for pos in gone.positions:
        past = fold(engine.reads.lines_of(pos), np.inf)
        found += any(_content(entry) for at, entry in past.items() if at == pos)
    return Check(path="as_of", asked=len(gone.positions), found=found)


def _arrays(engine: Engine, gone: Evidence) -> Check:
    columns = engine.columns
    rows = np.array([pos for pos in gone.positions if pos < columns.size], dtype=np.int64)
    here = (columns.status[rows] != ABSENT) | (columns.ids[rows] != b"")
    return Check(path="arrays", asked=len(rows), found=int(np.count_nonzero(here)))


def _index(engine: Engine, gone: Evidence) -> Check:
    """The dense index, whichever it is; one that does not answer has not been verified."""
    found = 0
    for pos, _, vector in gone.vectors:
        if vector.any() and pos < engine.columns.size:
            try:
                at = engine.columns.dense.scores(vector, np.array([pos], dtype=np.int64))
                found += int(at[0] >= EXACT_AT)
            except IndexUnavailable:
                found += 1
    return Check(path="dense index", asked=len(gone.vectors), found=found)


def _searches(engine: Engine, gone: Evidence, query: Query) -> Iterator[Check]:
    """The erased texts searched for in every mode, over every namespace, kind and status."""
    rows = engine.rows((), status=None)
    texts = [(text, vector) for _, text, vector in gone.vectors[:SEARCHED]]
    for mode in MODES:
        found = 0
        for text, vector in texts:
            asked = replace(query, text=text, vector=vector, mode=mode, prefix=(), kinds=None)
            try:
                ranking = rank(engine, asked, rows, lambda at: {})
                found += bool(np.isin(ranking.rows, gone.positions).any())
            except IndexUnavailable:  # not verified
                found += 1
        yield Check(path=f"search, {mode}", asked=len(texts), found=found)


def _shelf(engine: Engine, gone: Evidence) -> Check:
    """Records kept decoded."""
    found = engine.ledger.shelf.holds(gone.positions)
    return Check(path="records kept in memory", asked=len(gone.positions), found=found)


def _cache(engine: Engine, gone: Evidence) -> Check:
    holds: Callable[[Sequence[str]], int] | None = getattr(engine.embedder, "holds", None)
    if holds is None:
        return Check(path="embedder's cache", asked=0, found=0)
    alive = engine.ledger.db.rows(_ALIVE, these=dumps(gone.texts))  # made anew, or said again
    erased = sorted(set(gone.texts) - {said for (said,) in alive})
    return Check(path="embedder's cache", asked=len(erased), found=holds(erased))


def _bytes(engine: Engine, gone: Evidence) -> Check:
    """Words of what is gone among the bytes of the file and its log.

    A word that something else in the file says as well tells nothing, and does not count.
    """
    parts = engine.ledger.db.parts()
    probes = _probes(gone.texts) if parts else []
    there = [word for word in probes if any(word.encode() in part for part in parts)]
    found = [word for word in there if not _held(engine, word)]
    return Check(path="bytes", asked=len(probes), found=len(found))


def _folder(engine: Engine, gone: Evidence) -> Check:
    """Vectors of what is gone among the files of an index that keeps a folder of its own.

    Not in a database of its own there: to open and close it would undo its locks (POSIX).
    """
    folder = getattr(engine.columns.dense, "path", None)
    alive = "SELECT 1 FROM vector WHERE data = :data LIMIT 1"
    sought = [one.tobytes() for _, _, one in gone.vectors if folder is not None and one.any()]
    sought = [data for data in sought if not engine.ledger.db.rows(alive, data=data)]
    files = list(Path(folder or ".").rglob("*.bin")) if sought else []
    found = [data for data in sought if any(data in file.read_bytes() for file in files)]
    return Check(path="index files", asked=len(sought), found=len(found))


def _probes(texts: Iterable[str]) -> list[str]:
    """The longest words of each text, as written and in lower case, in turn, at most PROBES."""
    ranked = [sorted(set(_WORD.findall(text)), key=lambda w: (-len(w), w)) for text in texts]
    turns = (own[at] for at in range(4) for own in ranked if at < len(own))
    forms = (form for word in turns for form in (word, word.lower()))
    return list(dict.fromkeys(forms))[:PROBES]


def _held(engine: Engine, word: str) -> bool:
    """Does anything that is alive say this word?"""
    lower = word.lower()
    return any(engine.ledger.db.rows(sql, word=lower) for sql in _HOLDERS)


def _identifier(engine: Engine, asked: str, prefix: Namespace) -> Iterator[Check]:
    """The identifier, looked for everywhere under the prefix, and in what is said of changes.

    By itself: which shorter names are its own depends on who else is named, and so may change.
    """
    left = identified(engine, asked, prefix)
    yield Check(path="identifier", asked=len(engine.rows(prefix, status=None)), found=len(left))
    quoting = reasons_naming(engine, asked, prefix)
    yield Check(path="reasons", asked=engine.ledger.seq(), found=len(quoting))
    paths = [part for code in engine.spaces(prefix) for part in engine.ledger.path(code)]
    yield Check(path="namespaces", asked=len(paths), found=sum(mentions(asked, paths)))
