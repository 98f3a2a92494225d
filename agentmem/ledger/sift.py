"""Which adds are new, which are there already, and which a tombstone stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agentmem.core import Record, content_id
from agentmem.identity import identity_of
from agentmem.ledger.book import Book
from agentmem.ledger.tables import ACTIVE, SUPERSEDED


@dataclass
class Sifted:
    """The adds of a change, by the identity of their content."""

    new: dict[str, Record] = field(default_factory=dict)  # to be stored, under their final ids
    known: dict[str, str] = field(default_factory=dict)  # content -> id of the active record
    refused: dict[str, str] = field(default_factory=dict)  # content -> why it is not stored
    standing: dict[str, str] = field(default_factory=dict)  # content -> id of an inactive record

    @property
    def ids(self) -> dict[str, str]:
        """Content -> id of what is remembered once the change is written."""
        return self.known | {content: record.id for content, record in self.new.items()}


def sift(book: Book, adds: Sequence[Record], revive: bool) -> Sifted:
    """Sort the adds of a change."""
    found = Sifted()
    if not adds:
        return found
    contents = [identity_of(record) for record in adds]
    held, taken, buried = book.known([*contents, *(record.id for record in adds)])
    for content, record in zip(contents, adds, strict=True):
        name, status = held.get(content, ("", 0))
        if status == ACTIVE:
            found.known[content] = name
        elif status:
            found.refused[content] = "superseded" if status == SUPERSEDED else "forgotten"
            found.standing[content] = name
        elif content in buried and not revive:
            found.refused[content] = "erased"
        elif content not in found.new:
            free = record.id not in taken  # else a record keeps that id for a text it had once
            found.new[content] = record if free else replace(record, id=_free(book, content))
    return found


def _free(book: Book, content: str) -> str:
    number = 2
    while book.present([content_id(content, str(number))]):
        number += 1
    return content_id(content, str(number))
