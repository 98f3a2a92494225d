"""AgentMemory: the facade, and the only writer of its ledger.

Each verb is a generator, `_verb`, from which `verb` and `averb` are made at the end of the class.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from agentmem import changes
from agentmem.clock import Moment
from agentmem.consolidation import planned
from agentmem.core import Plan, Record, Run
from agentmem.erasure import Receipt, erase
from agentmem.errors import InputError, TombstoneWarning
from agentmem.extraction import Extracted
from agentmem.index.where import Where
from agentmem.intake import (
    Content,
    Draft,
    corrections,
    ids,
    metadata,
    moment_or,
    nonempty,
    number,
    records,
    valid,
    whole,
)
from agentmem.maintenance import apply_plan, check_cap, reworded
from agentmem.searching import Searching
from agentmem.steps import Steps, asynchronous, embed, sync, work
from agentmem.undoing import undoing


class Added(list[str]):
    """The ids of what is now remembered, in order.

    `refused` holds those a tombstone stopped, `derived` what the stores made of the new ones at
    once; what takes a chat model follows.
    """

    def __init__(
        self, ids: Sequence[str], refused: Mapping[str, str], derived: Sequence[str] = ()
    ) -> None:
        super().__init__(ids)
        self.refused = dict(refused)
        self.derived = tuple(derived)


class AgentMemory(Searching):
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
        revive: bool = False,
    ) -> Steps[Added]:
        """Remember a text, a Turn, messages, or a list of these.  Returns ids, in order.

        The same content, namespace and source is the same record: adding it again changes nothing.
        What was forgotten or erased stays so (TombstoneWarning) unless `revive`.  `event_time`:
        when it happened, if not now.  `importance` 0..1, estimated from the text's surprisal if
        not given; `valence` -1..1.  `kind`: one that a store keeps, the text as it is; `key`: what
        it is found by, if not its text.  All of it is stored or, on any error, nothing.
        """
        at = self._now(now)
        draft = Draft(
            namespace=self._prefix(namespace),
            now=at,
            event_time=moment_or(event_time, at),
            importance=number("importance", importance, 0.0, 1.0),
            valence=number("valence", valence, -1.0, 1.0),
            source=valid(source, "source"),
            data=metadata(data),
            sources=ids(sources, "sources"),
            links=ids(links, "links"),
            key=None if key is None else nonempty(key, "key"),
        )
        if not draft.namespace:
            raise InputError("namespace () is everything; a record needs a place of its own")
        config = self.config
        made = yield from work(lambda: records(content, draft, config.source, config.stores, kind))
        vectors = yield from embed(self._engine.embedder, [record.found_by for record in made])
        cited = (*draft.sources, *draft.links)
        most = config.extraction.max_pending
        outcome = yield from self._change(
            lambda: changes.add(self._engine, made, vectors, at, revive, cited, most)
        )
        if outcome.refused:
            how = " and ".join(sorted(set(outcome.refused.values())))
            warnings.warn(
                f"{len(outcome.refused)} of {len(made)} records not added: {how} earlier; "
                "revive=True brings them back",
                TombstoneWarning,
                stacklevel=4,
            )
        names = [outcome.ids[record.id] for record in made if record.id in outcome.ids]
        derived = yield from self._catch_up()
        return Added(list(dict.fromkeys(names)), outcome.refused, derived)

    def _extract(
        self,
        *,
        namespace: Sequence[str] | None = None,
        limit: int | None = None,
        retry: bool = False,
    ) -> Steps[Extracted]:
        """Do now what the stores owe, or `limit` tasks of it, oldest first.

        With `retry`, what a model could not do is tried again.  Raises nothing that a model does:
        a failed task is counted, its source kept; work that the budget or the model's absence
        stops stays owed, and `halted` says why.
        """
        prefix = self._prefix(namespace)
        if limit is not None:
            whole("limit", limit, 1)
        every = (*self.extraction.quick, *self.extraction.slow)
        if retry:
            yield from work(lambda: self.extraction.retry(every, prefix))
        return (yield from self.extraction.work_off(every, prefix, limit=limit))

    def _update(
        self,
        name: str,
        *,
        text: str | None = None,
        importance: float | None = None,
        valence: float | None = None,
        data: Mapping[str, Any] | None = None,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
    ) -> Steps[Record]:
        """Correct a record in place: same id, next version; the old one stays in its history."""
        prefix, at = self._prefix(namespace), self._now(now)
        given = corrections(text, importance, valence, data)
        vector = None
        if text is not None:
            vector = (yield from embed(self._engine.embedder, [text]))[0]
        engine = self._engine
        new = yield from self._change(
            lambda: changes.update(engine, name, prefix, given, vector, at)
        )
        yield from self._catch_up()
        return new

    def _supersede(
        self,
        name: str,
        text: str,
        *,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
    ) -> Steps[str]:
        """Replace a record by a new text: returns the new id; the old one leaves recall."""
        prefix, at = self._prefix(namespace), self._now(now)
        vector = (yield from embed(self._engine.embedder, [nonempty(text)]))[0]
        engine = self._engine
        new = yield from self._change(
            lambda: changes.supersede(engine, name, prefix, text, vector, at)
        )
        yield from self._catch_up()
        return new

    def _forget(
        self,
        *names: str,
        where: Where | None = None,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        reason: str = "forget",
        dry_run: bool = False,
        allow_mass: bool = False,
    ) -> Steps[list[str]]:
        """Archive records, by id or by filter: out of recall, restorable.

        Returns the ids of those that were active until now.  With `dry_run` nothing happens.
        RemovalCap if a filter takes more than the cap, unless `allow_mass`.
        """
        if bool(ids(names, "names")) == (where is not None):
            raise InputError("forget takes ids or where={...}, one of them")
        prefix, at = self._prefix(namespace), self._now(now)

        def body() -> list[str]:
            engine = self._engine
            chosen = names if where is None else changes.select(engine, prefix, where)
            if dry_run:
                found = [changes.within(engine, name, prefix)[1] for name in dict.fromkeys(chosen)]
                return [record.id for record in found if record.status == "active"]
            if where is not None and not allow_mass:
                check_cap(engine, chosen, self.config.removal_cap)
            return list(changes.forget(engine, chosen, prefix, at, reason))

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
        back = yield from self._change(
            lambda: changes.restore(self._engine, names, prefix, at, reason)
        )
        yield from self._catch_up()
        return list(back)

    def _erase(
        self,
        *names: str,
        namespace: Sequence[str] | None = None,
        now: Moment | None = None,
        reason: str = "erase",
    ) -> Steps[Receipt]:
        """Destroy records, and what was derived from them alone.  There is no way back."""
        prefix, at = self._prefix(namespace), self._now(now)
        if not ids(names, "names"):
            raise InputError("erase takes at least one id")

        receipt = yield from work(lambda: erase(self._engine, names, prefix, at, reason))
        yield from self._catch_up()
        return receipt

    def _plan(
        self, now: Moment | None = None, *, namespace: Sequence[str] | None = None
    ) -> Steps[Plan]:
        """What the policies would put away now, and consolidation make of it.

        Nothing happens until it is applied.  Raises ModelError if a consolidator's model fails.
        """
        prefix, at = self._prefix(namespace), self._now(now)
        caller = self.extraction.caller
        return (yield from planned(self._engine, self.config, caller, at, prefix))

    def _apply(self, plan: Plan, *, allow_mass: bool = False) -> Steps[Run]:
        """Do exactly what the plan says, in one transaction.

        StalePlan if its records have changed since; RemovalCap if it removes more than the share
        `removal_cap` of all active records, unless `allow_mass`.
        """
        if not isinstance(plan, Plan):
            raise InputError(f"apply takes a Plan, not {plan!r}")
        cap = 1.0 if allow_mass else self.config.removal_cap
        engine = self._engine
        texts = yield from self._work(lambda: reworded(engine, plan))
        found = yield from embed(engine.embedder, list(texts.values()))
        vectors = dict(zip(texts, found, strict=True))
        done = yield from self._change(lambda: apply_plan(engine, plan, cap, vectors))
        yield from self._catch_up()
        return done

    def _undo(self, run: Run | str, *, now: Moment | None = None) -> Steps[Run]:
        """Take a run back; CannotUndo if any of its records has changed since."""
        if not isinstance(run, Run | str):
            raise InputError(f"undo takes a Run or its id, not {run!r}")
        name, at = run if isinstance(run, str) else run.id, self._now(now)
        empty, engine = isinstance(run, Run) and not run.lines, self._engine
        texts = yield from self._work(lambda: undoing(engine, name, empty=empty).texts(engine))
        found = yield from embed(engine.embedder, list(texts.values()))
        vectors = dict(zip(texts, found, strict=True))
        done = yield from self._change(
            lambda: undoing(engine, name, empty=empty).apply(engine, at, vectors)
        )
        yield from self._catch_up()
        return done

    add, aadd = sync(_add), asynchronous(_add)
    extract, aextract = sync(_extract), asynchronous(_extract)
    update, aupdate = sync(_update), asynchronous(_update)
    supersede, asupersede = sync(_supersede), asynchronous(_supersede)
    forget, aforget = sync(_forget), asynchronous(_forget)
    restore, arestore = sync(_restore), asynchronous(_restore)
    erase, aerase = sync(_erase), asynchronous(_erase)
    plan, aplan = sync(_plan), asynchronous(_plan)
    apply, aapply = sync(_apply), asynchronous(_apply)
    undo, aundo = sync(_undo), asynchronous(_undo)
    remember, aremember = add, aadd
