"""AgentMemory: the facade, and the only writer of its ledger.

Each verb is a generator, `_verb`, from which `verb` and `averb` are made at the end of the class.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentmem import changes
from agentmem.clock import Moment
from agentmem.core import Record
from agentmem.erasure import Wanted, erase, preview
from agentmem.errors import InputError, TombstoneWarning
from agentmem.index.where import Where
from agentmem.intake import (
    Content,
    Draft,
    cleaned,
    cleaned_data,
    corrections,
    ids,
    is_id,
    maybe,
    metadata,
    moment_or,
    nonempty,
    number,
    records,
    valid,
)
from agentmem.maintaining import Maintaining
from agentmem.maintenance import check_cap
from agentmem.receipt import Receipt
from agentmem.results import Added, Forgotten, Superseded
from agentmem.searching import Searching
from agentmem.selection import CLOSE, Width, close_to, the_one, width_of
from agentmem.selection import about as concerning
from agentmem.steps import Steps, asynchronous, embed, sync, work
from agentmem.verification import verify as check_all


def _warn_of(refused: Mapping[str, str], made: int) -> None:
    """TombstoneWarning, at the caller's line, if some of the records made were not added."""
    if refused:
        how = " and ".join(sorted(set(refused.values())))
        warnings.warn(
            f"{len(refused)} of {made} records not added: {how} earlier; "
            "revive=True brings them back",
            TombstoneWarning,
            stacklevel=5,
        )


class AgentMemory(Searching, Maintaining):
    """A memory in one file.  Times: aware datetimes or seconds since the epoch.

    Every method exists twice, from the same code: `add` blocks, `await aadd` does not.  A call
    stays within a namespace: the one given, else the memory's own.  `namespace=()` is everything.
    """

    def _add(
        self,
        content: Content,
        *,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        event_time: Moment | None = None,
        importance: float | None = None,
        valence: float | None = None,
        source: str = "",
        data: Mapping[str, Any] | None = None,
        kind: str | None = None,
        key: str | None = None,
        sources: Sequence[str] = (),
        links: Sequence[str] = (),
        expires: Moment | None = None,
        verify_by: Moment | None = None,
        revive: bool = False,
    ) -> Steps[Added]:
        """Remember a text, a Turn, messages, or a list of these.  Returns ids, in order.

        The same content, namespace and source is the same record: adding it again changes nothing.
        What was forgotten or erased stays so (TombstoneWarning) unless `revive`.  `event_time`:
        when it happened, if not now.  `importance` 0..1, estimated from the text's surprisal if
        not given; `valence` -1..1.  `kind`: one that a store keeps, the text as it is; `key`: what
        it is found by, if not its text.  `expires`: from then on it is out of recall; `verify_by`:
        when to ask whether it is still true.  All of it is stored or, on any error, nothing.
        """
        at, redact = self._now(now), self.config.redact
        draft = Draft(
            namespace=self._prefix(namespace),
            now=at,
            event_time=moment_or(event_time, at),
            importance=number("importance", importance, 0.0, 1.0),
            valence=number("valence", valence, -1.0, 1.0),
            source=cleaned(valid(source, "source"), redact),
            data=cleaned_data(metadata(data), redact),
            sources=ids(sources, "sources"),
            links=ids(links, "links"),
            key=None if key is None else cleaned(nonempty(key, "key"), redact),
            expires=maybe(expires),
            verify_by=maybe(verify_by),
        )
        if not draft.namespace:
            raise InputError("namespace () is everything; a record needs a place of its own")
        config = self.config
        made = yield from work(
            lambda: records(content, draft, config.source, config.stores, kind, redact)
        )
        vectors = yield from embed(self._engine.embedder, [record.found_by for record in made])
        cited = (*draft.sources, *draft.links)
        most = config.extraction.max_pending
        outcome = yield from self._change(
            lambda: changes.add(self._engine, made, vectors, at, revive, cited, most)
        )
        _warn_of(outcome.refused, len(made))
        names = [outcome.ids[record.id] for record in made if record.id in outcome.ids]
        derived = yield from self._catch_up()
        return Added(list(dict.fromkeys(names)), outcome.refused, derived)

    def _update(
        self,
        name: str,
        *,
        text: str | None = None,
        importance: float | None = None,
        valence: float | None = None,
        data: Mapping[str, Any] | None = None,
        expires: Moment | None = None,
        verify_by: Moment | None = None,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
    ) -> Steps[Record]:
        """Correct a record in place: same id, next version; the old one stays in its history."""
        prefix, at, redact = self._prefix(namespace), self._now(now), self.config.redact
        given = corrections(text, importance, valence, data, expires, verify_by, redact)
        vector = None
        if text is not None:
            vector = (yield from embed(self._engine.embedder, [given["text"]]))[0]
        engine = self._engine
        new = yield from self._change(
            lambda: changes.update(engine, name, prefix, given, vector, at)
        )
        yield from self._catch_up()
        return new

    def _supersede(
        self,
        old: str,
        text: str,
        *,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        dry_run: bool = False,
    ) -> Steps[Superseded]:
        """Replace a record by a new text: returns the new id; the old one leaves recall.

        `old` is an id, or a query that must mean one active record (`selection.the_one`): NotFound
        or AmbiguousMatch list the candidates.  With `dry_run` nothing happens.
        """
        prefix, at, engine = self._prefix(namespace), self._now(now), self._engine
        text = nonempty(cleaned(nonempty(text), self.config.redact))
        vector = (yield from embed(engine.embedder, [text]))[0]
        asked = None if is_id(old) else (yield from self._asked(old, prefix, at))

        def body() -> Superseded:
            meant = the_one(engine, asked) if asked else changes.by_ids(engine, [old], prefix)[0]
            new = changes.supersede(engine, meant.record, text, vector, at, dry_run=dry_run)
            return Superseded(new, old=meant.record.id, score=meant.score)

        if dry_run:
            return (yield from self._work(body))
        new = yield from self._change(body)
        yield from self._catch_up()
        return new

    def _forget(
        self,
        *names: str,
        where: Where | None = None,
        query: str | None = None,
        about: str | None = None,
        width: Width = "mention",
        threshold: float = CLOSE,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        reason: str = "forget",
        dry_run: bool = False,
        allow_mass: bool = False,
    ) -> Steps[Forgotten]:
        """Archive records: out of recall, restorable.  Returns what was active until now.

        By id; by filter; by `query`, whatever is of relevance `threshold` (0..1) or more; or
        `about` an entity, by its identity: each record that mentions it, or, of `width` "subject",
        those in which it speaks or is the subject.  With `dry_run` nothing happens.  RemovalCap if
        more would go than the cap allows, ids apart, unless `allow_mass`.  `undo(gone.run)` takes
        it back.
        """
        given = (bool(ids(names, "names")), where is not None, query is not None, about is not None)
        if sum(given) != 1:
            raise InputError("forget takes ids, where={...}, query=... or about=..., one of them")
        prefix, at, engine = self._prefix(namespace), self._now(now), self._engine
        least, wide = number("threshold", threshold, 0.0, 1.0) or 0.0, width_of(width)
        reason = cleaned(valid(reason, "reason"), self.config.redact)
        asked = None if query is None else (yield from self._asked(query, prefix, at))

        def body() -> Forgotten:
            chosen = [
                *changes.by_ids(engine, names, prefix),
                *(changes.select(engine, prefix, where) if where is not None else ()),
                *(close_to(engine, asked, least) if asked is not None else ()),
                *(concerning(engine, about, prefix, wide) if about is not None else ()),
            ]
            if not (names or allow_mass or dry_run):
                check_cap(engine, [one.record.id for one in chosen], self.config.removal_cap)
            return changes.forget(engine, chosen, at, reason, dry_run=dry_run)

        if dry_run:
            return (yield from self._work(body))
        gone = yield from self._change(body)
        yield from self._catch_up()
        return gone

    def _restore(
        self,
        *names: str,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        reason: str = "restore",
    ) -> Steps[list[str]]:
        """Bring archived or superseded records back, as if just used.  Returns which came back."""
        prefix, at = self._prefix(namespace), self._now(now)
        ids(names, "names")
        reason = cleaned(valid(reason, "reason"), self.config.redact)
        back = yield from self._change(
            lambda: changes.restore(self._engine, names, prefix, at, reason)
        )
        yield from self._catch_up()
        return list(back)

    def _erase(
        self,
        *names: str,
        identifier: str | None = None,
        about: str | None = None,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        reason: str = "erase",
        dry_run: bool = False,
        allow_mass: bool = False,
        verify: bool = True,
    ) -> Steps[Receipt]:
        """Destroy records, and what was derived from them alone.  There is no way back.

        By id; by `identifier` (an e-mail address, phone number, URL, @handle, IBAN, UUID, name):
        each record that has it in any version, status or field, in any spelling of it; or `about`
        an entity: also under the shorter and longer names that nobody else has.  RemovalCap as for
        `forget`.  With `dry_run` nothing happens.  `verify`: ask every path again (`Receipt`).
        """
        given = (bool(ids(names, "names")), identifier is not None, about is not None)
        if sum(given) != 1:
            raise InputError("erase takes at least one id, identifier=... or about=..., one kind")
        prefix, at, engine = self._prefix(namespace), self._now(now), self._engine
        named = identifier if about is None else about
        reason = cleaned(valid(reason, "reason"), self.config.redact)
        wanted = Wanted(prefix=prefix, names=names, identifier=named, aliases=about is not None)
        if dry_run:
            return (yield from self._work(lambda: preview(engine, wanted)))
        cap = 1.0 if allow_mass else self.config.removal_cap
        receipt, gone = yield from work(lambda: erase(engine, wanted, at, reason, cap=cap))
        yield from self._catch_up()
        if not verify:
            return receipt
        asked = yield from self._query(None, prefix, None, at, None, None)
        checks = yield from self._work(lambda: check_all(engine, gone, asked, named))
        return replace(receipt, checks=checks)

    add, aadd = sync(_add), asynchronous(_add)
    update, aupdate = sync(_update), asynchronous(_update)
    supersede, asupersede = sync(_supersede), asynchronous(_supersede)
    forget, aforget = sync(_forget), asynchronous(_forget)
    restore, arestore = sync(_restore), asynchronous(_restore)
    erase, aerase = sync(_erase), asynchronous(_erase)
    remember, aremember = add, aadd
