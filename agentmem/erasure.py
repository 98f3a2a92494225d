"""Erasing for good: the record, what was derived from it alone, and every trace in the files."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from agentmem import changes
from agentmem.core import Change, Namespace, Record, Task
from agentmem.engine import Engine
from agentmem.errors import LedgerBusy, LedgerFull
from agentmem.ripple import left, mixing

RETRY = 0.02  # seconds between attempts to empty the log
FLAG = "sources_erased"  # key in `data` of a record that partly rested on an erased one


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What an erasure did, without content.

    `scrubbed` is False where another process, or a full disk, kept the files from being rewritten:
    the records are gone, but their bytes may stay in the files until `scrub()` succeeds.
    """

    erased: tuple[str, ...]  # ids asked for
    derived: tuple[str, ...]  # ids that were derived from those alone, erased too
    flagged: tuple[str, ...]  # ids derived from those among others: kept, marked in `data`
    lines: tuple[int, ...]  # journal lines
    scrubbed: bool


def erase(
    engine: Engine, names: Iterable[str], prefix: Namespace, now: float, reason: str
) -> Receipt:
    """Destroy records and what rests on them alone."""
    asked = tuple(dict.fromkeys(names))
    gone = dict.fromkeys(asked)
    partly: dict[str, Record] = {}
    anew: dict[str, Record] = {}  # texts that mix several sources: made again of the others
    queue = list(asked)
    with engine.writing():
        for name in asked:
            changes.within(engine, name, prefix)
        once = _once_cited(engine, asked)
        while queue:
            name = queue.pop()
            for pos in dict.fromkeys((*engine.reads.derived(name), *once.get(name, ()))):
                child = engine.ledger.record(pos)
                if child is None or child.id in gone:
                    continue
                mixes = mixing(engine, child.kind)
                if mixes or not left(engine, child.sources, gone, active=False):
                    if mixes and child.status == "active":
                        anew[child.id] = child
                    gone[child.id] = None
                    partly.pop(child.id, None)
                    queue.append(child.id)
                else:
                    partly[child.id] = child
        flagged = tuple(_flag(child, gone) for child in partly.values())
        tasks = tuple(_remake(engine, anew.values(), gone))
        unsaid = [
            one.id
            for one in flagged
            if one.status == "active" and one.kind != engine.source
            if not left(engine, one.sources, gone)
        ]
        change = Change(
            erase=tuple(gone), update=flagged, archive=tuple(unsaid), tasks=tasks, reason=reason
        )
        outcome = engine.commit(change, at=now)
    clear = getattr(engine.embedder, "clear", None)  # of a cache
    if clear is not None:
        clear()
    return Receipt(
        erased=asked,
        derived=tuple(name for name in gone if name not in asked),
        flagged=tuple(partly),
        lines=(outcome.seq,),
        scrubbed=scrub(engine),
    )


def scrub(engine: Engine) -> bool:
    """Take erased bytes out of the file and its log; False if others, or a full disk, prevent it.

    Costs a rewrite of the file, however many records were erased: erase together what goes
    together.
    """
    db = engine.ledger.db
    try:
        with engine.locked():
            db.rewrite()
    except (LedgerBusy, LedgerFull):
        return False
    deadline = time.monotonic() + db.timeout
    while True:
        with engine.locked():
            done = db.truncate_log()
        if done or time.monotonic() > deadline:
            return done
        time.sleep(RETRY)


def _once_cited(engine: Engine, names: Iterable[str]) -> dict[str, set[int]]:
    """Id of a source -> positions of the mixed texts that cited it in any version.

    A summary made anew after a turn was forgotten no longer cites it, but its history has its
    words.
    """
    spaces = {engine.ledger.locate(name).space for name in names}
    kinds = [kind for kind in engine.reads.kinds(spaces) if mixing(engine, kind)]
    cited: dict[str, set[int]] = {}
    for pos, sources in engine.reads.versions(spaces, kinds):
        for name in sources:
            cited.setdefault(name, set()).add(pos)
    return cited


def _remake(engine: Engine, children: Iterable[Record], gone: Collection[str]) -> Iterator[Task]:
    """Work for the stores: each text anew from those of its sources that are left."""
    for child in children:
        if names := left(engine, child.sources, gone, kind=child.kind):
            yield Task(child.kind, names[0], tuple(names[1:]), child.id)


def _flag(child: Record, gone: Iterable[str]) -> Record:
    """The record marked with the sources it has lost."""
    lost = sorted({*child.data.get(FLAG, ()), *(set(child.sources) & set(gone))})
    return replace(child, data={**child.data, FLAG: lost}, version=child.version + 1)
