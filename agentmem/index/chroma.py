"""A derived index in Chroma: embedded in a folder, or a server over HTTP.

The ledger stays the source of truth.  What it holds waits in memory and is sent before the next
search.  Each row carries a checksum, and the collection the checksum of them all, so that whatever
was missed (a server that was away, a process that was killed) is noticed on the next contact and
made good.  Vectors only: no text reaches Chroma, whose own embedder and telemetry stay off.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from hashlib import blake2b
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from agentmem.core import Floats, Ints, Vectors
from agentmem.errors import (
    ConfigError,
    IndexStale,
    IndexUnavailable,
    IndexWarning,
    MissingExtra,
)
from agentmem.index.chroma_line import Line
from agentmem.index.exact import cosines
from agentmem.index.fusion import best

__all__ = ["ChromaIndex"]

PAGE = 1000  # rows of one request; also, up to so many rows are fetched and scored exactly
RENEWALS = 5  # attempts to write an embedded Chroma without what was erased
WIDEN = 2.0  # candidates fetched for each one wanted


@dataclass(eq=False)
class ChromaIndex:
    """Rows as ids in one collection, which belongs to one memory alone; so does the folder.

    Give `path`, a folder, or `host`.  IndexUnavailable while Chroma does not answer.  IndexStale
    once it has lost rows: this object is spent, and a new one is to be filled from the ledger.
    """

    dim: int
    _: KW_ONLY
    path: str | Path | None = None  # folder of an embedded Chroma
    host: str | None = None  # of a server
    port: int = 8000
    ssl: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a token
    collection: str = "agentmem"
    timeout: float = 5.0  # seconds to wait for the server
    pause: float = 1.0  # seconds to leave it alone after a failure

    def __post_init__(self) -> None:
        if (self.path is None) == (self.host is None):
            raise ConfigError("the index 'chroma' needs either path (a folder) or host (a server)")
        if find_spec("chromadb") is None:
            raise MissingExtra("the index 'chroma'", "chroma")
        options = {one.name: getattr(self, one.name) for one in fields(self)}
        self._line = Line(**options)
        self._stale = ""  # what has drifted
        self._sums: dict[int, str] = {}  # checksum of every row that the ledger holds
        self._queue: dict[int, Vectors | None] = {}  # rows to send; None: to delete

    def put(self, rows: Ints, vectors: Vectors) -> None:
        """Note the vectors, shape (len(rows), dim), of some rows; the next search sends them."""
        for row, vector in zip(rows.tolist(), vectors.astype("<f4"), strict=True):
            checksum = _checksum(row, vector)
            if self._sums.get(row) != checksum:
                self._sums[row], self._queue[row] = checksum, vector

    def drop(self, rows: Ints) -> None:
        """Delete some rows, at once; IndexWarning if Chroma is away: it is made good later.

        Chroma keeps the bytes of what it deletes.  An embedded one is therefore written anew, which
        costs as much as filling it; in a server they are overwritten where it lets us.
        """
        known = [row for row in rows.tolist() if self._sums.pop(row, None) is not None]
        self._queue.update(dict.fromkeys(known))
        if known:
            try:
                self._flush()
            except IndexUnavailable as error:
                text = f"{error}; {len(known)} erased vectors stay there until it answers"
                warnings.warn(text, IndexWarning, stacklevel=2)

    def scores(self, query: Vectors, rows: Ints) -> Floats:
        """Cosine of `query`, shape (dim,), with each row; shape (len(rows),); 0 if it is unknown.

        Fetches the vectors: meant for few rows.
        """
        self._flush()
        scores = np.zeros(len(rows))
        known = [i for i, row in enumerate(rows.tolist()) if row in self._sums]
        for start in range(0, len(known), PAGE):
            at = known[start : start + PAGE]
            scores[at] = cosines(self._vectors(rows[at].tolist()), query)
        return scores

    def nearest(self, query: Vectors, rows: Ints, depth: int) -> tuple[Ints, Floats]:
        """At most `depth` of `rows` (ascending), best first, with their exact cosines."""
        if not query.any():
            return rows[:depth], np.zeros(min(depth, len(rows)))
        self._flush()
        candidates = rows if len(rows) <= PAGE else self._candidates(query, rows, depth)
        scores = self.scores(query, candidates)
        chosen = best(scores, depth)
        return candidates[chosen], scores[chosen]

    def clear(self) -> None:
        """Delete everything.  This object is spent: a new one is filled from the ledger."""
        self._connect()
        self._line.wipe()
        self._stale = "it was cleared"

    def close(self) -> None:
        """Let go of the folder or of the server."""
        self._line.close()

    def _candidates(self, query: Vectors, rows: Ints, depth: int) -> Ints:
        """Rows worth scoring, ascending, by Chroma's graph; more are asked for until they do."""
        held = len(self._sums)
        want = ceil(WIDEN * depth * held / len(rows))
        while True:
            with self._line.border():
                answer = self._line.rows.query(
                    query_embeddings=[query], n_results=min(want, held), include=["metadatas"]
                )
            found = self._checked(answer["ids"][0], answer["metadatas"][0])
            inside = np.array(found, dtype=np.int64)
            inside = inside[np.isin(inside, rows)][: ceil(WIDEN * depth)]
            if len(inside) >= depth or want >= held:
                return np.sort(inside)
            want *= 4  # the rows asked for lie far from the query

    def _vectors(self, rows: Sequence[int]) -> Vectors:
        """The vectors of some rows, shape (len(rows), dim), float32."""
        with self._line.border():
            answer = self._line.rows.get(
                ids=[str(row) for row in rows], include=["embeddings", "metadatas"]
            )
        found = self._checked(answer["ids"], answer["metadatas"])
        order = {row: i for i, row in enumerate(found)}
        if len(order) < len(rows):
            self._lost(f"{len(rows) - len(order)} of {len(rows)} rows are missing")
        vectors: Vectors = np.asarray(answer["embeddings"], dtype=np.float32)
        return vectors[[order[row] for row in rows]]

    def _checked(self, ids: Sequence[str], notes: Sequence[Mapping[str, Any]]) -> list[int]:
        """The rows of an answer, without those the ledger does not hold; IndexStale if changed."""
        found = [int(name) for name in ids]
        pairs = zip(found, notes, strict=True)
        changed = [row for row, note in pairs if self._sums.get(row, note["sum"]) != note["sum"]]
        if changed:
            self._lost(f"row {changed[0]} holds another vector")
        return found

    def _lost(self, what: str) -> None:
        self._stale = what
        self.close()
        self._connect()

    def _flush(self) -> None:
        """Send what waits."""
        self._connect()
        gone = [row for row, vector in self._queue.items() if vector is None]
        if self.path is not None and gone:
            self._renew(gone)
        elif self._queue:
            self._write()
        self._queue.clear()

    def _write(self) -> None:
        with self._line.border():
            for start in range(0, len(self._queue), PAGE):
                self._send(dict(list(self._queue.items())[start : start + PAGE]))
            self._line.rows.modify(metadata={"agentmem": self.dim, "sum": self._sum()})

    def _renew(self, gone: Sequence[int]) -> None:
        """Begin an embedded Chroma anew, of what stays and what waits.

        Its new files have room to spare, which it fills with whatever lay in memory, so also with
        vectors that it held before: hence they are overwritten first, and the files looked at.
        """
        stay = sorted(self._sums.keys() - self._queue.keys())
        for start in range(0, len(stay), PAGE):
            part = stay[start : start + PAGE]
            self._queue.update(zip(part, self._vectors(part), strict=True))
        erased: list[bytes] = []
        with self._line.border():
            for start in range(0, len(gone), PAGE):
                some = [str(row) for row in gone[start : start + PAGE]]
                known = self._line.rows.get(ids=some, include=["embeddings"])
                erased += [np.asarray(one, np.float32).tobytes() for one in known["embeddings"]]
                if known["ids"]:
                    self._send({int(name): None for name in known["ids"]})
            if self._line.rows.count():  # a question makes Chroma do what waits to be done
                self._line.rows.query(query_embeddings=[np.ones(self.dim)], n_results=1)
        self._queue = {row: vector for row, vector in self._queue.items() if vector is not None}
        for _ in range(RENEWALS):
            self._line.wipe()
            self._line.open()
            self._write()
            if not self._line.holds(erased):
                return
        warnings.warn(
            f"Chroma at {self._line.where} keeps writing vectors that were erased: erase its "
            "folder, and open the memory again",
            IndexWarning,
            stacklevel=2,
        )

    def _send(self, part: Mapping[int, Vectors | None]) -> None:
        new = {str(row): vector for row, vector in part.items() if vector is not None}
        gone = [str(row) for row, vector in part.items() if vector is None]
        if new:
            sums = [{"sum": self._sums[int(name)]} for name in new]
            self._line.rows.upsert(ids=list(new), embeddings=list(new.values()), metadatas=sums)
        if gone:
            noughts = [np.zeros(self.dim, np.float32)] * len(gone)
            self._line.rows.update(ids=gone, embeddings=noughts)
            self._line.rows.delete(ids=gone)

    def _connect(self) -> None:
        """Make contact, and find out what Chroma lacks and what it holds too much."""
        if self._stale:
            where = f"Chroma at {self._line.where}"
            raise IndexStale(f"{where} is not as the ledger has it: {self._stale}")
        if self._line.rows is not None:
            return
        rows = self._line.open()
        with self._line.border():
            if rows.count() == len(self._sums) and rows.metadata["sum"] == self._sum():
                self._queue.clear()
                return
            there = self._listed()
        same = {row for row, checksum in there.items() if self._sums.get(row) == checksum}
        missing = self._sums.keys() - same - self._queue.keys()
        if missing:
            self._lost(f"{len(missing)} of {len(self._sums)} rows are missing")
        self._queue = {row: vector for row, vector in self._queue.items() if row not in same}
        self._queue.update(dict.fromkeys(there.keys() - self._sums.keys()))

    def _listed(self) -> dict[int, str]:
        """The checksum of every row that Chroma holds."""
        there: dict[int, str] = {}
        while True:
            page = self._line.rows.get(include=["metadatas"], limit=PAGE, offset=len(there))
            notes = zip(page["ids"], page["metadatas"], strict=True)
            there.update({int(name): str(note["sum"]) for name, note in notes})
            if len(page["ids"]) < PAGE:
                return there

    def _sum(self) -> str:
        """The checksum of all rows, whatever their order."""
        total = 0
        for checksum in self._sums.values():
            total ^= int(checksum, 16)
        return f"{total:016x}"


def _checksum(row: int, vector: Vectors) -> str:
    """Of one row: 64 bits of BLAKE2b as 16 hex digits."""
    digest = blake2b(row.to_bytes(8, "little") + vector.tobytes(), digest_size=8)
    return digest.hexdigest()
