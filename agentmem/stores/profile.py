"""Notes on who speaks: one value for each key, the later one holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

from agentmem.core import Change, Record
from agentmem.extract import english as en
from agentmem.extract.clauses import facts, turns
from agentmem.extract.pronouns import display
from agentmem.extract.triples import Triple, triples
from agentmem.graph import entity_of
from agentmem.steps import Steps
from agentmem.stores.cited import list_of
from agentmem.stores.mixing import renewed
from agentmem.structure import Around, Store
from agentmem.text import fold

__all__ = ["Entry", "ProfileStore", "merged", "notes"]

_MACHINES = en.word_set("assistant system ai bot agent")
_MOST_KEYS = 50  # known keys that the model is shown, the newest
_ONE = en.word_set("""
    live lives lived work works worked study studies studied name age birthday job email hometown
    nickname occupation profession employer title address number
""")  # what somebody has one of at a time; "favourite ..." too
_SCHEMA = list_of("note", {"key": {"type": "string"}, "value": {"type": "string"}})

Note = Mapping[str, str]


class Entry(NamedTuple):
    """One line of a note; `slot` is what a later value takes the place of."""

    slot: str
    key: str
    value: str


def merged(*of: Note) -> dict[str, str]:
    """Notes as one, oldest first: of the same key (case and spacing aside) the later value wins."""
    found: dict[str, tuple[str, str]] = {}
    for note in of:
        for key, value in note.items():
            found[fold(key)] = (key, value)
    return dict(found.values())


def notes(records: Iterable[Record]) -> dict[str, dict[str, str]]:
    """The note on each speaker in some records of kind "profile", for a prompt."""
    found: dict[str, dict[str, str]] = {}
    for record in records:
        note, (key, value) = found.setdefault(record.data["of"], {}), _last(record.data)
        note[key] = f"{note[key]}; {value}" if key in note else value
    return found


@dataclass(frozen=True, kw_only=True)
class ProfileStore(Store):
    """A note {key: value} of each message, merged into what is known of its speaker.

    After NOTE-TAKING (MMRC, arXiv 2502.11903): the later value wins, in place: the record keeps its
    id, its text the value that holds, `data["values"]` all of them with their sources, oldest
    first.  When the source of the last goes, the value before it holds again.  Only the first
    speaker of a turn is taken down, and no assistant.  By rule: triples whose head is the speaker;
    relations of which there are several at a time ("likes") replace nothing.  By model: keys of its
    own.  If its reply is of no use there is no note: the source stays, the work counts as failed
    (`stats()`), and `extract(retry=True)` asks again.
    """

    name: ClassVar[str] = "profile"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    lasting: bool = True  # a policy that archives turns leaves it as it is

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The entries that some messages begin or change; or one without what it has lost."""
        held: dict[tuple[str, str], Record] = {}
        made: dict[tuple[str, str], Record] = {}
        target = around.target
        if target is not None:
            place = (target.data["who"], target.data["slot"])
            held[place], made[place] = target, _standing(target, new)
            new = [one for one in new if one.id not in _sources(made[place])]  # reworded
        for source in sorted(new, key=_said):
            speaker, said = _spoken(around.said(source))
            who = entity_of(speaker)
            for entry in (yield from self._note(speaker, said, who, around)):
                place = (who, entry.slot)
                if place not in made:
                    known = yield from around.matching({"data.who": who, "data.slot": entry.slot})
                    if known:
                        held[place] = known[-1]
                old = made.get(place, held.get(place))
                if old is None or source.id not in _sources(old):
                    made[place] = yield from _taken(old, speaker, entry, source, around)
        add = tuple(one for place, one in made.items() if place not in held)
        update = tuple(one for place, one in made.items() if place in held and _sources(one))
        gone = tuple(one.id for one in made.values() if not _sources(one))
        return Change(add=add, update=update, archive=gone, reason="noted", policy=self.name)

    def _note(self, speaker: str, said: str, who: str, around: Around) -> Steps[list[Entry]]:
        """What one message tells of its speaker, the later of two values for a slot."""
        if not said:
            return []
        if not self.asks_model:
            found = [_entry(triple) for triple in _told(speaker, said)]
            return list({entry.slot: entry for entry in found}.values())
        known = yield from around.matching({"data.who": who})
        keys = ", ".join(one.data["key"] for one in known[-_MOST_KEYS:]) or "(none)"
        reply = yield from around.ask(
            "profile_note", _SCHEMA, text=said, speaker=speaker, keys=keys
        )
        lines = [(_plain(one["key"]), _plain(one["value"])) for one in reply["note"]]
        note = merged(*({key: value} for key, value in lines if key and value))
        return [Entry(fold(key), key, value) for key, value in note.items()]


def _taken(
    old: Record | None, speaker: str, entry: Entry, source: Record, around: Around
) -> Steps[Record]:
    """The entry's record with one more value."""
    value = {"value": entry.value, "source": source.id, "version": source.version}
    if old is None:
        who = entity_of(speaker)
        data = {"of": speaker, "who": who, "slot": entry.slot, "key": entry.key, "values": [value]}
        return around.record(_text(data), [source], data=data)
    known = yield from around.get(_sources(old))
    return _valued(old, [*old.data["values"], value], [*known, source])


def _standing(target: Record, left: Sequence[Record]) -> Record:
    """An entry with those values alone that the sources left to it still give."""
    versions = {one.id: one.version for one in left}
    values = [one for one in target.data["values"] if versions.get(one["source"]) == one["version"]]
    if not values:
        return replace(target, sources=(), data={**target.data, "values": []})
    return _valued(target, values, left)


def _valued(record: Record, values: Sequence[Mapping[str, Any]], of: Sequence[Record]) -> Record:
    """A record with other values, in the order in which their sources said them."""
    sources = {one.id: one for one in of}
    kept = sorted(values, key=lambda one: _said(sources[one["source"]]))
    data = {**record.data, "values": kept}
    return renewed(record, _text(data), [sources[one["source"]] for one in kept], data=data)


def _sources(record: Record) -> list[str]:
    return [one["source"] for one in record.data["values"]]


def _said(source: Record) -> tuple[float, int]:
    return source.created, source.turn


def _text(data: Mapping[str, Any]) -> str:
    key, value = _last(data)
    return f"{data['of']}: {key}: {value}"


def _last(data: Mapping[str, Any]) -> tuple[str, str]:
    return data["key"], data["values"][-1]["value"]


def _spoken(text: str) -> tuple[str, str]:
    """Who opens a turn, and what they say; ("", "") if it is no message of a person."""
    spoken = turns(text)
    if not spoken:
        return "", ""
    speaker, said, _ = spoken[0]
    speaker = speaker or "user"
    return ("", "") if speaker.lower() in _MACHINES else (speaker, said.strip())


def _told(speaker: str, said: str) -> list[Triple]:
    """The triples of a message whose head is its speaker, or something of theirs."""
    own = entity_of(display(speaker) or speaker)
    found = [triple for fact in facts(said, speaker) for triple in triples(fact.text)[:1]]
    return [triple for triple in found if entity_of(triple.head) == own]


def _entry(triple: Triple) -> Entry:
    key, value = triple.relation, triple.tail
    one = key.split()[0].lower() in _ONE or key.lower().startswith(("favourite", "favorite"))
    slot = fold(key)
    return Entry(slot if one else f"{slot} {fold(value)}", key, value)


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").split())
