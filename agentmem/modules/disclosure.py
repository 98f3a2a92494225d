"""A ledger of what was disclosed to whom: answers that are harmless one by one, and not together.

After CoDef (arXiv 2509.14284): facts that several responders release piece by piece combine into
one that none of them would.  So what a requester knows already is part of the question whether it
may learn more, and the responders pool what they have told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from agentmem.clock import Moment
from agentmem.core import Change, Hit, Record
from agentmem.errors import ConfigError, InputError, LedgerCorrupt
from agentmem.identity import record_id
from agentmem.intake import moment_or, nonempty, whole
from agentmem.memory import AgentMemory
from agentmem.modules.keeping import Keeper
from agentmem.modules.restrictions import (
    Fact,
    Rule,
    attribute_of,
    facts_of,
    known_as,
    labels,
    named,
    rules_of,
)
from agentmem.steps import Steps, asynchronous, run, sync, work

__all__ = ["Decision", "DisclosureLedger", "Fact", "Rule", "Voter"]


Voter = Callable[[str, tuple[Fact, ...], tuple[Fact, ...]], bool]  # requester, known, candidate


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether a requester may learn some facts; true in a condition if so."""

    allowed: bool
    rule: Rule | None = None  # that forbids it
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


class DisclosureLedger(Keeper):
    """What each requester was told of whom, and rules over sets of attributes.

    Responders with the same memory and namespace share one pool, in several processes too: a
    release is checked and written in one transaction.  `voters` (functions, or the `vote` of a
    ledger elsewhere) have a say in every release; `quorum` of them must agree, by default all; what
    one raises stops the release.  Forgetting an entry does not undo a disclosure: archived ones
    count.  A requester is known by the name the caller gives; colluding ones need one name.
    """

    kind: ClassVar[str] = "disclosure"

    def __init__(
        self,
        memory: AgentMemory,
        rules: Sequence[Rule | Mapping[str, Any]],
        *,
        voters: Sequence[Voter] = (),
        quorum: int | None = None,
        namespace: Sequence[str] | None = None,
    ) -> None:
        """ConfigError for a rule that cannot be read, and for none at all: nothing is released."""
        super().__init__(memory, namespace=namespace)
        self.rules = rules_of(rules, memory.config.redact)
        self.voters = tuple(voters)
        self.quorum = len(self.voters) if quorum is None else whole("quorum", quorum, 0)
        if self.quorum > len(self.voters):
            raise ConfigError(f"quorum = {quorum}: there are {len(self.voters)} voters")

    def _check(self, requester: str, facts: Iterable[tuple[str, str]]) -> Steps[Decision]:
        """Whether a requester may learn some facts on top of what it knows; nothing is written."""
        asker, new = self._asker(requester), self._facts(facts)
        return (yield from work(lambda: self._decided(asker, new)))

    def _release(
        self,
        requester: str,
        facts: Iterable[tuple[str, str]],
        *,
        records: Sequence[str] = (),
        now: Moment | None = None,
    ) -> Steps[Decision]:
        """Check, and enter the facts as known to the requester, all of them or none.

        Tell them only if the decision is true.  `records`: ids of those that are told, for the
        record.
        """
        asker, new = self._asker(requester), self._facts(facts)
        at = moment_or(now, self.memory.clock.now())
        decision = yield from work(lambda: self._decided(asker, new))
        if not decision:
            return decision

        def body() -> Decision:
            known = self._known(asker)
            again = self._judged(asker, {*known, *new})  # others may have told more meanwhile
            made = [self._entry(asker, one, records, at) for one in new if one not in known]
            if again and made:
                nothing = np.zeros(self.memory._engine.embedder.dim, dtype=np.float32)
                self.memory._engine.commit(
                    Change(add=tuple(made), reason="release"),
                    at=at,
                    vectors={one.id: nothing for one in made},
                    revive=True,
                )
            return again

        return (yield from self.memory._change(body))

    def _admit(
        self, requester: str, hits: Sequence[Hit], *, now: Moment | None = None
    ) -> Steps[list[Hit]]:
        """Those of some hits, in order, that a requester may be told, now entered as told.

        A hit carries its own labels and those of everything that it was derived from.
        """
        admitted = []
        for hit in hits:
            facts = yield from self._carried(hit.id)
            if (yield from self._release(requester, facts, records=[hit.id], now=now)):
                admitted.append(hit)
        return admitted

    def _carried(self, *names: str) -> Steps[tuple[Fact, ...]]:
        """What records disclose: their labels, and those of all their sources (`labels`).

        NotFound for an id of no record here; InputError where a source was erased, so that nobody
        knows its labels, and the record has none of its own.
        """
        ledger = self.memory._engine.ledger

        def body() -> tuple[Fact, ...]:
            found: set[Fact] = set()
            queue, seen = list(names), set(names)
            places = ledger.places(names)
            while queue:
                places = dict(ledger.present(queue))
                there = ledger.records([place.pos for place in places.values()])
                queue = []
                for one in there.values():
                    found |= (own := labels(one))
                    lost = {name for name, _ in ledger.present(one.sources)} ^ set(one.sources)
                    if lost and not own:
                        raise InputError(
                            f"record {one.id!r} rests on {min(lost)!r}, which was erased: label it "
                            "itself, in data['attributes']"
                        )
                    queue += [name for name in one.sources if name not in seen | lost]
                    seen.update(queue)
            return tuple(sorted(found))

        return (yield from self.memory._work(body))

    def _told(self, requester: str) -> Steps[tuple[Fact, ...]]:
        """Everything that a requester was told, sorted."""
        asker = self._asker(requester)
        return (yield from work(lambda: tuple(sorted(self._known(asker)))))

    def vote(self, requester: str, known: Iterable[Fact], facts: Iterable[Fact]) -> bool:
        """A voter for another ledger: whether, with what was told here too, no rule here bites."""
        asker = self._asker(requester)
        told = {*self._known(asker), *self._facts(known), *self._facts(facts)}
        return bool(self._judged(asker, told))

    check, acheck = sync(_check), asynchronous(_check)
    release, arelease = sync(_release), asynchronous(_release)
    admit, aadmit = sync(_admit), asynchronous(_admit)
    carried, acarried = sync(_carried), asynchronous(_carried)
    told, atold = sync(_told), asynchronous(_told)

    def _decided(self, asker: str, new: tuple[Fact, ...]) -> Decision:
        """By the rules, then by the voters, who are asked with no lock held."""
        known = self._known(asker)
        decision = self._judged(asker, {*known, *new})
        if not decision or not self.voters:
            return decision
        told = tuple(sorted(known))
        votes = sum(voter(asker, told, new) is True for voter in self.voters)
        if votes < self.quorum:
            reason = f"{votes} of {len(self.voters)} voters agree, {self.quorum} must"
            return Decision(allowed=False, reason=reason)
        return decision

    def _judged(self, asker: str, facts: set[Fact]) -> Decision:
        for rule in self.rules:
            if rule.bites(asker, facts):
                together = ", ".join(rule.attributes)
                reason = f"rule {rule.name!r}: not {together} of one subject together"
                return Decision(allowed=False, rule=rule, reason=reason)
        return Decision(allowed=True)

    def _known(self, asker: str) -> set[Fact]:
        records = run(self._kept({"data.requester": asker}, gone=True))
        found = set()
        for one in records:
            parts = (one.data.get("subject"), one.data.get("attribute"))
            if not all(map(named, parts)):
                raise LedgerCorrupt(f"record {one.id!r} is no entry of a disclosure ledger")
            found.add(Fact(str(parts[0]), attribute_of(str(parts[1]))))
        return found

    def _entry(self, asker: str, fact: Fact, records: Sequence[str], at: float) -> Record:
        text = f"{asker} was told: {fact.attribute} of {fact.subject}"
        return Record(
            id=record_id(self.kind, self.namespace, "disclosure", text),
            kind=self.kind,
            text=text,
            namespace=self.namespace,
            created=at,
            ingested=at,
            used=at,
            source="disclosure",
            data={"requester": asker, **fact._asdict(), "records": list(records)},
        )

    def _asker(self, name: str) -> str:
        return known_as(nonempty(name, "requester"), self.memory.config.redact)

    def _facts(self, facts: Iterable[tuple[str, str]]) -> tuple[Fact, ...]:
        return facts_of(facts, self.memory.config.redact)
