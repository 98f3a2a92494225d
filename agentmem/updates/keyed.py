"""Key-value streams: of several values of one key only the newest is current."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from agentmem.core import Change, Record
from agentmem.steps import Steps
from agentmem.structure import Around, Updater
from agentmem.updates.pairs import head, pairs

__all__ = ["Keyed"]

Topic = tuple[str, str, str]  # source, speaker, key
STREAM = 8  # newest records that are a stream of pairs, if all of them state pairs ...
KEYS = 6  # ... of so many keys at least, half of them without a capital, which names have


@dataclass(frozen=True, kw_only=True)
class Keyed(Updater):
    """Of texts "key: value" or "key = value" with the same key and speaker, the older go.

    Only of keys of which there is one value at a time ("status: open", "timeout = 30"): those that
    `updates.pairs` takes for lasting, and any while the namespace is a stream of pairs (its STREAM
    newest texts are nothing else); `every`: any at all.

    A text of several pairs goes once all of them have newer values.  "Name: ..." is no key where
    anything else was said under that name.  What was said earlier (`created`) does not replace what
    was said later, whenever it is stored.  So old values never reach the prompt, where they would
    interfere with the newest (PI-LLM, arXiv 2506.08184).
    """

    name: ClassVar[str] = "keyed"

    kinds: tuple[str, ...] = ("chunk",)
    every: bool = False  # has every key one value at a time?

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        told = [pair for one in new for pair in pairs(one.text)]
        asked = dict.fromkeys(pair.key for pair in told if pair.lasting or self.every)
        loose = dict.fromkeys(pair.key for pair in told if pair.key not in asked)
        streaming = False
        if loose:
            unsettled = yield from _streamed(new[0].kind, around)
            streaming = bool(unsettled)
            asked |= (loose | unsettled) if streaming else {}
        if not asked:
            return ()
        rivals = yield from _stating(list(asked), new[0].kind, around)
        any_key = self.every or streaming
        more = {
            pair.key for one in rivals for pair in pairs(one.text) if pair.lasting or any_key
        } - asked.keys()
        if more:  # the other pairs of a text of several
            rivals += yield from _stating(sorted(more), new[0].kind, around)
        return self._replaced(rivals, asked.keys() | more, new)

    def _replaced(
        self, rivals: Sequence[Record], keys: Set[str], new: Sequence[Record]
    ) -> list[Change]:
        """What goes of the records that state pairs of some keys."""
        order = {one.id: place for place, one in enumerate(new)}
        held = list({one.id: one for one in rivals}.values())
        held.sort(key=lambda one: (one.created, order.get(one.id, -1)))
        newest = {topic: one for one in held for topic in self._topics(one)}
        return [
            _change(one, [newest[topic] for topic in self._topics(one)])
            for one in held
            if all(topic[-1] in keys and newest[topic].id != one.id for topic in self._topics(one))
        ]

    def _topics(self, record: Record) -> list[Topic]:
        source = "" if self.across else record.source
        return [(source, speaker, key) for speaker, key in _keys(record)]


def _streamed(kind: str, around: Around) -> Steps[dict[str, None]]:
    """The keys that count because the newest records are a stream of pairs; none if they are not.

    Those of the newest record, and what was stated twice before it became clear.
    """
    recent = yield from around.recent(2 * STREAM, kind=kind)
    stated = [list(dict.fromkeys(pair.key for pair in pairs(one.text))) for one in recent]
    latest = {key for keys in stated[-STREAM:] for key in keys}
    small = sum(one.text[:1].islower() for one in recent[-STREAM:])  # else it may be a chat
    if len(recent) < STREAM or len(latest) < KEYS or 2 * small < STREAM:
        return {}
    if not all(stated[-STREAM:]):
        return {}
    times = Counter(key for keys in stated for key in keys)
    return dict.fromkeys([*stated[-1], *(key for key, n in times.items() if n > 1)])


def _stating(keys: Sequence[str], kind: str, around: Around) -> Steps[list[Record]]:
    """The active records that state pairs of some keys, except where the key is a speaker."""
    found = yield from around.holding(keys, kind=kind)
    speaking = {head(one.text) for one in found if not pairs(one.text)}
    return [
        one for one in found if any(key in keys and key not in speaking for _, key in _keys(one))
    ]


def _keys(record: Record) -> list[tuple[str, str]]:
    """The speaker and the key of each pair that a record states."""
    return list(dict.fromkeys((pair.speaker, pair.key) for pair in pairs(record.text)))


def _change(old: Record, newer: Sequence[Record]) -> Change:
    heir = max(newer, key=lambda one: one.created)
    keys = ", ".join(repr(key) for _, key in _keys(old))
    reason = f"superseded by {heir.id}: same key {keys}"
    return Change(supersede=((old.id, heir.id),), reason=reason, policy=Keyed.name)
