"""Rebuild a ledger from its journal alone: the proof that the journal holds everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from agentmem.core import Vectors
from agentmem.errors import InputError
from agentmem.ledger.apply import Applier
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.rows import found_by

LINES = "SELECT seq, at, policy, reason, run, namespace, turn, payload FROM journal ORDER BY seq"
COPY = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def replay(source: Ledger, target: Ledger, embed: Callable[[Sequence[str]], Vectors]) -> int:
    """Apply every journal line of `source` to the empty `target`; returns how many.

    Vectors are made again by `embed`, shape (n, dim); words that were erased are gone from the
    journal too and stay gone.  Expiries are derived: they are marked for recomputing, since other
    policies may have been at work in between.  One transaction.
    """
    if target.seq():
        raise InputError(f"{target.db.path} is not empty: a journal is replayed into a new ledger")
    lines = source.db.rows(LINES)
    with target.db.write():
        spaces = source.db.rows("SELECT id, path, 0, 0, 0 FROM namespace ORDER BY id")
        target.db.many("INSERT INTO namespace VALUES (?, ?, ?, ?, ?)", spaces)
        for seq, at, *rest, text in lines:
            payload = json.loads(text)
            entries = [
                entry
                for verb in ("add", "update")
                for entry in payload.get(verb, ())
                if not entry.get("erased")
            ]
            texts = [found_by(entry) for entry in entries]
            made = [vector.tobytes() for vector in embed(texts)] if texts else []
            vectors = dict(zip((entry["pos"] for entry in entries), made, strict=True))
            target.db.many(COPY, [(seq, at, *rest, text)])
            Applier(target.db, seq, at, target.path)(payload, vectors)
        target.set_meta("expiries", "")
    return len(lines)
