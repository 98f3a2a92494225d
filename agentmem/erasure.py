"""Erasing for good: the record, what was derived from it alone, and every trace in the files."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agentmem import changes
from agentmem.core import Change, Namespace, Record, Task
from agentmem.engine import Engine
from agentmem.errors import LedgerBusy, LedgerFull
from agentmem.extract.gist import forget_words
from agentmem.ledger.rows import word_hash
from agentmem.ledger.tables import ACTIVE
from agentmem.maintenance import cap_on
from agentmem.receipt import Receipt
from agentmem.ripple import left, mixing
from agentmem.selection import identified, reasons_naming
from agentmem.verification import Evidence, evidence

RETRY = 0.02  # seconds between attempts to empty the log
FLAG = "sources_erased"  # key in `data` of a record that partly rested on an erased one


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What an erasure touches."""

    asked: tuple[str, ...]
    gone: tuple[str, ...]  # those asked for first
    partly: Mapping[str, Record]  # rest on others too: they stay, marked
    anew: Mapping[str, Record]  # mix several sources: made again of the others

    @property
    def receipt(self) -> Receipt:
        along = tuple(name for name in self.gone if name not in self.asked)
        return Receipt(erased=self.asked, derived=along, flagged=tuple(self.partly))


def reach(engine: Engine, names: Iterable[str], prefix: Namespace, *, found: bool = False) -> Reach:
    """The records, and what rests on them; NotFound if one lies outside the namespace.

    `found`: nobody asked for these ids, they name an identifier; so a text that mixes several
    sources is made anew of those left, though it is one of them.
    """
    asked = tuple(dict.fromkeys(names))
    gone = dict.fromkeys(asked)
    partly: dict[str, Record] = {}
    anew: dict[str, Record] = {}
    queue = list(asked)
    for name in asked:
        record = changes.within(engine, name, prefix)[1]
        if found and record.status == "active" and mixing(engine, record.kind):
            anew[name] = record
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
    return Reach(asked=asked, gone=tuple(gone), partly=partly, anew=anew)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be erased: some ids, or whatever names what an identifier stands for."""

    prefix: Namespace
    names: tuple[str, ...] = ()
    identifier: str | None = None
    aliases: bool = False  # also in the shorter and longer forms that nobody else has

    def found(self, engine: Engine) -> dict[str, tuple[str, ...]]:
        """The ids, and where in each the identifier stands."""
        if self.identifier is None:
            return dict.fromkeys(self.names, ())
        places = identified(engine, self.identifier, self.prefix, aliases=self.aliases)
        records = engine.ledger.records(list(places))
        return {records[pos].id: where for pos, where in places.items()}

    def reach(self, engine: Engine, found: Iterable[str]) -> Reach:
        """What the erasure of what was `found` touches."""
        return reach(engine, found, self.prefix, found=self.identifier is not None)


def preview(engine: Engine, wanted: Wanted) -> Receipt:
    """The receipt of an erasure that has not been made."""
    found = wanted.found(engine)
    return replace(wanted.reach(engine, found).receipt, places=_named(found))


def erase(
    engine: Engine, wanted: Wanted, now: float, reason: str, *, cap: float
) -> tuple[Receipt, Evidence]:
    """Destroy records and what rests on them alone; what there was goes to `verify`.

    RemovalCap if an identifier takes more than the share `cap` < 1 of a namespace's active records.
    """
    with engine.writing():
        found = wanted.found(engine)
        if wanted.identifier is not None and cap < 1.0:
            places = engine.ledger.present(found)
            cap_on(engine, [place for _, place in places if place.status == ACTIVE], cap)
        touched = wanted.reach(engine, found)
        proof = evidence(engine, touched.gone)
        receipt = replace(touched.receipt, at=now, places=_named(found))
        if touched.gone:
            seq = engine.commit(_change(engine, touched, reason), at=now).seq
            receipt = replace(receipt, lines=(seq,))
        if wanted.identifier is not None:
            quoting = reasons_naming(engine, wanted.identifier, wanted.prefix)
            engine.ledger.blank_reasons(quoting)
    engine.clear_cache()
    word_hash.cache_clear()
    forget_words()
    return replace(receipt, scrubbed=scrub(engine)), proof


def _named(found: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: where for name, where in found.items() if where}


def _change(engine: Engine, found: Reach, reason: str) -> Change:
    gone = set(found.gone)
    flagged = tuple(_flag(child, gone) for child in found.partly.values())
    unsaid = [
        one.id
        for one in flagged
        if one.status == "active" and one.kind != engine.source
        if not left(engine, one.sources, gone)
    ]
    return Change(
        erase=found.gone,
        update=flagged,
        archive=tuple(unsaid),
        tasks=tuple(_remake(engine, found.anew.values(), gone)),
        reason=reason,
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
