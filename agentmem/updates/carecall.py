"""CareCall's memory update: a verdict on each pair of a remembered and a new statement.

Bae et al. 2022, "Keep Me Updated!" (arXiv 2210.08750): PASS keeps the old one, REPLACE the new one,
APPEND both, DELETE neither.  What follows from several pairs the paper leaves open; `outcome` is
the rule here, and does not depend on the order of the statements.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple, get_args

from agentmem.core import Change, Record
from agentmem.errors import BadReply
from agentmem.extract import english as en
from agentmem.fields import Bounds
from agentmem.replies import object_of
from agentmem.steps import Steps
from agentmem.structure import Around, Updater
from agentmem.text import words
from agentmem.updates.claims import stated

__all__ = ["CareCall", "Outcome", "Verdict", "outcome", "verdict"]

_log = logging.getLogger(__name__)
Verdict = Literal["PASS", "REPLACE", "APPEND", "DELETE"]
Verdicts = Mapping[tuple[str, str], Verdict]  # (remembered, new) -> verdict
SCHEMA = object_of(
    verdicts={
        "type": "array",
        "items": object_of(
            number={"type": "integer"}, verdict={"type": "string", "enum": list(get_args(Verdict))}
        ),
    }
)
_OVER = re.compile(
    r"\b(?:recovered|healed|cured|(?:is|are|was|were|has|have) (?:gone|over|finished|solved|fixed"
    r"|resolved)|went away|got over|no longer (?:has|have|hurts?|sick|ill))\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z]\w+")
_NEGATED = frozenset({"not", "never", "no", "t", "nothing"})


class Outcome(NamedTuple):
    """What follows from the verdicts on all pairs."""

    gone: frozenset[str]  # remembered statements that go
    dropped: frozenset[str]  # new statements that are not kept


def outcome(verdicts: Verdicts) -> Outcome:
    """A remembered one goes if any pair is REPLACE or DELETE; a new one is dropped if any is PASS
    or DELETE and none is REPLACE.
    """
    gone = frozenset(old for (old, _), one in verdicts.items() if one in ("REPLACE", "DELETE"))
    needed = {new for (_, new), one in verdicts.items() if one == "REPLACE"}
    spare = {new for (_, new), one in verdicts.items() if one in ("PASS", "DELETE")}
    return Outcome(gone, frozenset(spare - needed))


def verdict(known: str, new: str) -> Verdict:
    """The verdict on one pair, by rule: what is over, contradicted, or contained in the other."""
    one, other = _content(known), _content(new)
    shared = one & other - {name.lower() for name in _NAME.findall(known)}
    if _OVER.search(new) and shared:
        return "DELETE"
    claims = [claim for fact in stated(new).facts for claim in fact]
    before = [claim for fact in stated(known).facts for claim in fact]
    if any(claim.excludes(old) for claim in claims for old in before):
        return "REPLACE"
    denied, denies = _denied(known), _denied(new)
    if denied != denies:
        pending = denied and "yet" in words(known) and bool(shared)
        return "REPLACE" if pending or one == other else "APPEND"
    if other <= one:
        return "PASS"
    return "REPLACE" if one < other else "APPEND"


def _content(text: str) -> frozenset[str]:
    return frozenset(words(text)) - en.CLOSED - {"yet", "more", "longer", "s", "t", "user"}


def _denied(text: str) -> bool:
    return not _NEGATED.isdisjoint(words(text))


@dataclass(frozen=True, kw_only=True)
class CareCall(Updater):
    """Compares each new statement with the `k` most similar ones that are known.

    REPLACE supersedes the known one by the newest new one that replaces it; DELETE archives both;
    of a PASS the new one is superseded by the known one.  By rule (`verdict`), or by model, where a
    reply that cannot be read counts as APPEND.
    """

    name: ClassVar[str] = "carecall"

    kinds: tuple[str, ...] = ("fact",)
    by: Literal["rule", "model"] = "rule"
    k: Annotated[int, Bounds(least=1)] = 5  # known statements that each new one is compared with

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        fresh = {one.id for one in new}
        known: dict[str, Record] = {}
        verdicts: dict[tuple[str, str], Verdict] = {}
        for one in new:
            hits = yield from around.similar(one.found_by, self.k + len(new), kind=one.kind)
            earlier = [hit.record for hit in hits if _when(hit.record) < _when(one)]
            near = [
                old
                for old in earlier
                if old.id not in fresh and (self.across or old.source == one.source)
            ][: self.k]
            known |= {old.id: old for old in near}
            found = yield from self._verdicts(near, one, around)
            verdicts |= {(old.id, one.id): label for old, label in zip(near, found, strict=True)}
        order = {one.id: place for place, one in enumerate(new)}
        return _changes(verdicts, sorted(fresh, key=lambda name: order[name]))

    def _verdicts(
        self, near: Sequence[Record], new: Record, around: Around
    ) -> Steps[Sequence[Verdict]]:
        if not (self.asks_model and near):
            return [verdict(old.text, new.text) for old in near]
        known = "\n".join(f"{i}. {old.text}" for i, old in enumerate(near, start=1))
        try:
            reply = yield from around.ask("update_verdicts", SCHEMA, known=known, new=new.text)
        except BadReply as error:
            _log.warning("carecall: APPEND for a reply that cannot be read: %s", error)
            return ["APPEND"] * len(near)
        said = {item["number"]: item["verdict"] for item in reply["verdicts"]}
        return [said.get(i, "APPEND") for i in range(1, len(near) + 1)]


def _when(record: Record) -> tuple[float, int]:
    return record.created, record.turn


def _changes(verdicts: Verdicts, new: Sequence[str]) -> list[Change]:
    """One change for each statement that goes; `new`: oldest first."""
    gone, dropped = outcome(verdicts)
    place = {name: at for at, name in enumerate(new)}
    heirs: dict[str, str] = {}  # of a known one that goes: the newest that replaces it
    for (old, one), label in verdicts.items():
        if label == "REPLACE" and place[one] >= place.get(heirs.get(old, ""), -1):
            heirs[old] = one
    found = [_change(old, heirs.get(old), verdicts) for old in sorted(gone)]
    for one in sorted(dropped, key=lambda name: place[name]):
        passed = sorted(
            old for (old, by), label in verdicts.items() if (by, label) == (one, "PASS")
        )
        heir = next((old for old in passed if old not in gone), None)
        heir = heir or next((heirs[old] for old in passed if old in heirs), None)
        found.append(_change(one, heir, verdicts))
    return found


def _change(name: str, heir: str | None, verdicts: Verdicts) -> Change:
    said = [f"{old} {new} {label}" for (old, new), label in verdicts.items() if name in (old, new)]
    reason = f"superseded by {heir}" if heir else "over"
    return Change(
        supersede=((name, heir),) if heir else (),
        archive=() if heir else (name,),
        reason=f"{reason}; verdicts (known, new): {', '.join(sorted(said))}",
        policy=CareCall.name,
    )
