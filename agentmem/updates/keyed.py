"""Key-value streams: of several values of one key only the newest is current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from agentmem.core import Change, Record
from agentmem.steps import Steps
from agentmem.structure import Around, Updater
from agentmem.updates.pairs import head, pairs

__all__ = ["Keyed"]

Topic = tuple[str, str, str]  # source, speaker, key


@dataclass(frozen=True, kw_only=True)
class Keyed(Updater):
    """Of texts "key: value" or "key = value" with the same key and speaker, the older go.

    A text of several pairs goes once all of them have newer values.  "Name: ..." is no key where
    anything else was said under that name.  What was said earlier (`created`) does not replace what
    was said later, whenever it is stored.  So old values never reach the prompt, where they would
    interfere with the newest (PI-LLM, arXiv 2506.08184).
    """

    name: ClassVar[str] = "keyed"

    kinds: tuple[str, ...] = ("chunk",)

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        asked = dict.fromkeys(key for one in new for _, key in _keys(one))
        if not asked:
            return ()
        rivals = yield from _stating(list(asked), new[0].kind, around)
        more = {key for one in rivals for _, key in _keys(one)} - asked.keys()
        if more:  # the other pairs of a text of several
            rivals += yield from _stating(sorted(more), new[0].kind, around)
        order = {one.id: place for place, one in enumerate(new)}
        rivals.sort(key=lambda one: (one.created, order.get(one.id, -1)))
        newest = {topic: one for one in rivals for topic in self._topics(one)}
        held = {one.id: one for one in rivals}.values()
        return [
            _change(one, [newest[topic] for topic in self._topics(one)])
            for one in held
            if all(newest[topic].id != one.id for topic in self._topics(one))
        ]

    def _topics(self, record: Record) -> list[Topic]:
        source = "" if self.across else record.source
        return [(source, speaker, key) for speaker, key in _keys(record)]


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
