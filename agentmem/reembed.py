"""Another embedder for a memory that exists: every vector anew, nothing extracted again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from agentmem.core import Embedder
from agentmem.errors import InputError
from agentmem.ledger.book import Book
from agentmem.ledger.migrations import migrate
from agentmem.ledger.sqlite import Database
from agentmem.specs import Spec, build_embedder
from agentmem.steps import embed, run

__all__ = ["reembed"]

PAGE = 256  # texts of one call of the embedder
TEXTS = (
    "SELECT record.pos, coalesce(record.key, record.text) FROM record JOIN vector USING (pos) "
    "WHERE record.pos > :after ORDER BY record.pos LIMIT :most"
)
Progress = Callable[[int, int], None]
Made = dict[int, tuple[bytes, bytes]]  # position -> digest of its text, bytes of its vector


def reembed(
    path: str | Path,
    embedder: Spec,
    *,
    timeout: float = 10.0,
    key: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Embed every record of a ledger with `embedder`, and stamp it; returns how many there are.

    `embedder`: an object, a name or {name: options}, as in a configuration (ConfigError).
    The vectors are made outside of any transaction and take the place of the old ones in a single
    one: until then, and after a failure or a crash, the old ones are in force.  What others write
    meanwhile is embedded within it.  A memory that is open with the old embedder has to be opened
    anew.  `progress` is called with (records done, records in all).  `key`: of an
    encrypted file.  InputError if there is no such file; 0 if the vectors are of this embedder
    already.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    new = build_embedder(embedder)
    book = Book(Database(str(path), "normal", timeout, key))
    try:
        with book.db.write():
            migrate(book.db)
        stamp = f"{new.name}/{new.dim}"
        if book.meta("embedder") == stamp:
            return 0
        made: Made = {}
        total = book.db.value("SELECT count(*) FROM vector")
        for page in _pages(book.db):
            made.update(_made(new, page))
            if progress is not None:
                progress(len(made), max(total, len(made)))
        return _replace(book, new, made, stamp)
    finally:
        book.db.close()


def _replace(book: Book, embedder: Embedder, made: Made, stamp: str) -> int:
    """Put the new vectors in force, with those of what has changed since they were made."""
    with book.db.write():
        count = 0
        for page in _pages(book.db):
            changed = [(at, text) for at, text in page if made.get(at, (b"",))[0] != _digest(text)]
            made.update(_made(embedder, changed))
            rows = [(made[at][1], at) for at, _ in page]
            book.db.many("UPDATE vector SET data = ? WHERE pos = ?", rows)
            count += len(rows)
        book.set_meta("embedder", stamp)
    return count


def _pages(db: Database) -> Iterator[list[tuple[int, str]]]:
    """Position and text (or key) of every record that has a vector, in pages."""
    after = -1
    while page := db.rows(TEXTS, after=after, most=PAGE):
        after = page[-1][0]
        yield [(int(at), str(text)) for at, text in page]


def _made(embedder: Embedder, page: Sequence[tuple[int, str]]) -> Made:
    if not page:
        return {}
    vectors = run(embed(embedder, [text for _, text in page]))
    pairs = zip(page, vectors.astype("<f4"), strict=True)
    return {at: (_digest(text), vector.tobytes()) for (at, text), vector in pairs}


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
