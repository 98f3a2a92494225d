"""What an erasure did, and what was found of it afterwards: ids, counts, hashes, no content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from agentmem.core import content_id

__all__ = ["Check", "Receipt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One path that was asked again for what has been erased."""

    path: str
    asked: int  # questions put; 0: there was nothing to ask
    found: int  # answers that still had something of it

    @property
    def verified(self) -> bool:
        return self.found == 0


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What an erasure did, and what the pass after it found, without content: ids, counts, hashes.

    An id is a hash of what the record said: it names nothing, but can confirm a guess of it.
    `scrubbed` is False where another process, or a full disk, kept the files from being rewritten:
    the records are gone, but their bytes may stay in the files until `scrub()` succeeds.

    `checks` covers what this memory keeps: its file and log, its arrays and indexes, its cache.  It
    cannot cover what has left it: exports, backups and snapshots of the file, the logs of the
    program and of a model's provider, another process's memory until its next call (which follows
    the journal).  Those are the caller's to delete.
    """

    erased: tuple[str, ...]  # ids asked for, or found by an identifier
    derived: tuple[str, ...] = ()  # ids that were derived from those alone, erased too
    flagged: tuple[str, ...] = ()  # ids derived from those among others: kept, marked in `data`
    lines: tuple[int, ...] = ()  # journal lines; none of a dry run, or if there was nothing
    scrubbed: bool = False
    at: float = 0.0  # second of the erasure
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # id -> where it was named
    checks: tuple[Check, ...] = ()  # none if they were not asked for

    @property
    def verified(self) -> bool:
        """Was every path asked, and did none still have anything?"""
        return self.scrubbed and bool(self.checks) and all(one.verified for one in self.checks)

    @property
    def digest(self) -> str:
        """128-bit hash of everything above, as 32 hex digits: to be kept beside the receipt."""
        return content_id(json.dumps(asdict(self), sort_keys=True))
