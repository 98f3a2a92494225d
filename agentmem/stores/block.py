"""A core, a list of what is known and a list of what happened, changed by calls.

After Mem-alpha (Wang et al., arXiv 2509.25911), whose writer is trained; here any model writes, or
rules do.  There an id has four hex digits, so that two entries soon share one; here the id of an
entry is that of its record.  There as here entries are found by their words: search them with
mode="lexical".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from agentmem.core import Change, Record, content_id
from agentmem.errors import BadReply, InputError, nearest
from agentmem.extract import english as en
from agentmem.extract.clauses import facts, turns
from agentmem.extract.pronouns import display
from agentmem.fields import Bounds
from agentmem.replies import object_of
from agentmem.steps import Steps
from agentmem.stores.mixing import clip, condensed, grown, joined, prose, renewed, statements
from agentmem.structure import Around, Store
from agentmem.text import fold

__all__ = ["BlockStore", "Entry", "apply_calls"]

CORE, SEMANTIC, EPISODIC = "core", "semantic", "episodic"
LISTS = (SEMANTIC, EPISODIC)
OPS = ("insert", "update", "delete")
LIMIT = 512  # tokens of the core
_ABOUT = "About the user: "  # tells a core of one statement from the entry of that statement
_MACHINES = en.word_set("assistant system ai bot agent")

Call = Mapping[str, Any]


class Entry(NamedTuple):
    """One text of a block; `truncated`: it was longer than its block allows."""

    id: str
    block: str
    text: str
    truncated: bool = False


def apply_calls(
    entries: Sequence[Entry], calls: Sequence[Call], limit: int = LIMIT
) -> tuple[Entry, ...]:
    """The entries after some calls {op, block, id, text}, in order: a pure function, to replay.

    insert takes block and text, update id and text, delete id; of the core, which is one text of at
    most `limit` tokens, only the block is named.  A list entry that says what another does already
    is not inserted.  An entry keeps its id whatever its text; no two share one.  InputError for an
    unknown op, block or id.
    """
    found = {entry.id: entry for entry in entries}
    issued = set(found)
    for call in calls:
        op, block, text = call.get("op"), call.get("block"), str(call.get("text", "")).strip()
        if op not in OPS:
            raise InputError(f"op {op!r}{nearest(op, OPS)}")
        if op != "delete" and not text:
            raise InputError(f"{op} needs a text: {dict(call)!r}")
        if block == CORE:
            core = next((one.id for one in found.values() if one.block == CORE), "")
            made = (
                None if op == "delete" else _core(core or _fresh(CORE, text, issued), text, limit)
            )
            found.pop(core, None)
            found |= {} if made is None else {made.id: made}
        elif op == "insert":
            if block not in LISTS:
                raise InputError(f"block {block!r}{nearest(block, (CORE, *LISTS))}")
            if all((one.block, fold(one.text)) != (block, fold(text)) for one in found.values()):
                name = _fresh(block, text, issued)
                found[name] = Entry(name, block, text)
        else:
            name = str(call.get("id", ""))
            if name not in found or found[name].block == CORE:
                known = [one.id for one in found.values() if one.block != CORE]
                raise InputError(f"{op}: no entry {name!r}{nearest(name, known)}")
            was = found.pop(name)
            found |= {} if op == "delete" else {name: was._replace(text=text)}
    return tuple(found.values())


def _fresh(block: str, text: str, issued: set[str]) -> str:
    """An id that no entry has or had, the same at every replay."""
    number, name = 1, content_id(block, text)
    while name in issued:
        number += 1
        name = content_id(block, text, str(number))
    issued.add(name)
    return name


def _core(name: str, text: str, limit: int) -> Entry:
    text = text if text.startswith(_ABOUT) else _ABOUT + text
    cut = clip(text, limit)
    return Entry(name, CORE, cut, truncated=cut != text)


@dataclass(frozen=True, kw_only=True)
class BlockStore(Store):
    """Entries of three blocks; `data`: "block", and "truncated" where the core was cut.

    By rule: the gist of each turn goes to episodic, with its date, its facts to semantic, and those
    about who speaks first (a user, no assistant) to the core, the newest first, so that a full core
    loses the oldest.  By model: calls, as in `apply_calls`, from the core, the `recent` newest
    entries and the new text; a call that names another id is shown to the model once more, then it
    is a BadReply.  delete archives.
    """

    name: ClassVar[str] = "block"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    recent: Annotated[int, Bounds(least=1)] = 20  # entries that the model is shown
    core: Annotated[int, Bounds(least=16)] = LIMIT  # tokens of the core at most
    gist: Annotated[int, Bounds(least=8)] = 64  # tokens of what goes to episodic, by rule
    lasting: bool = True  # a policy that archives turns leaves it as it is

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """What some turns change in the blocks; or one entry from the sources left to it."""
        target = around.target
        if target is not None and (self.asks_model or target.data["block"] == CORE):
            return (yield from self._anew(target, new, around))
        held = yield from around.matching({"data.block": CORE})
        newest = yield from around.recent(self.recent + len(held))
        held += [one for one in newest if one.data["block"] != CORE][-self.recent :]
        if self.asks_model:
            before = [_entry(one) for one in held]
            calls = yield from self._asked(before, new, around)
            try:
                after = apply_calls(before, calls, self.core)
            except InputError as error:
                raise BadReply(f"block calls that cannot be done: {error}") from error
            return _change(held, after, {one.id: new for one in after}, around)
        if target is None:
            return self._ruled(held, new, around)
        change = self._ruled([one for one in held if one.id != target.id], new, around)
        own = (target.data["block"], fold(target.text))
        saying = [one for one in new if own in _texts(self._inserts(one, around.said(one)))]
        if not saying:
            return replace(change, archive=(*change.archive, target.id))
        return replace(change, update=(*change.update, renewed(target, target.text, saying)))

    def _ruled(self, held: Sequence[Record], new: Sequence[Record], around: Around) -> Change:
        """The change by rule: inserts, and the core with what is new about the user before it."""
        entries = tuple(_entry(one) for one in held)
        cited: dict[str, list[Record]] = {}
        core = {name for one in held if one.data["block"] == CORE for name in one.sources}
        about: list[Record] = []
        for source in new:
            said = around.said(source)
            for call in self._inserts(source, said):
                entries = apply_calls(entries, [call], self.core)
                known = {(one.block, fold(one.text)): one.id for one in entries}
                cited.setdefault(known[call["block"], fold(call["text"])], []).append(source)
            more = [one for one in _profile(said) if one not in _core_text(entries)]
            if more and source.id not in core:
                text = " ".join([*more, _core_text(entries)]).strip()
                entries = apply_calls(
                    entries, [{"op": "update", "block": CORE, "text": text}], self.core
                )
                about.append(source)
        cited |= {one.id: about for one in entries if one.block == CORE}
        return _change(held, entries, cited, around)

    def _inserts(self, source: Record, said: str) -> Iterator[Call]:
        gist = condensed(statements(said), self.gist) if said.strip() else ""
        if gist:
            text = f"{_date(source.created)}: {gist}"
            yield {"op": "insert", "block": EPISODIC, "text": text}
        for fact in facts(said, None):
            yield {"op": "insert", "block": SEMANTIC, "text": fact.text}

    def _asked(
        self, entries: Sequence[Entry], new: Sequence[Record], around: Around
    ) -> Steps[list[Call]]:
        said = "\n".join(around.said(one) for one in new).strip()
        if not said:
            return []
        listed = [one for one in entries if one.block != CORE]
        shown = "\n".join(f"[{one.id}] {one.block}: {one.text}" for one in listed)
        reply = yield from around.ask(
            "block_calls",
            _calls([one.id for one in listed]),
            tokens=str(self.core),
            core=_core_text(entries) or "(empty)",
            entries=shown or "(none)",
            date=_date(around.now),
            text=said,
        )
        return [call for call in reply["calls"] if call["op"] == "delete" or call["text"].strip()]

    def _anew(self, target: Record, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The core, or any entry by model, out of what is left of its sources."""
        block = target.data["block"]
        if self.asks_model:
            limit = self.core if block == CORE else self.gist
            told = {"block": block, "text": joined(new)}
            text = yield from prose(around, "block_anew", limit, **told)
        else:
            parts = [_profile(around.said(one)) for one in reversed(new)]
            text = " ".join(dict.fromkeys(sentence for part in parts for sentence in part))
        if not text:
            return Change(archive=(target.id,), reason="its sources say nothing of it")
        entry = (
            _core(target.id, text, self.core) if block == CORE else Entry(target.id, block, text)
        )
        made = renewed(target, entry.text, new, data=_data(entry))
        return Change(update=(made,), reason="a source of it has gone")


def _texts(calls: Iterable[Call]) -> set[tuple[str, str]]:
    return {(call["block"], fold(call["text"])) for call in calls}


def _change(
    held: Sequence[Record],
    after: Sequence[Entry],
    cited: Mapping[str, Sequence[Record]],
    around: Around,
) -> Change:
    """What turns the records that were there into the entries; `cited`: the sources of the new."""
    known = {one.id: one for one in held}
    left = {entry.id for entry in after}
    add, update = [], []
    for entry in after:
        old = known.get(entry.id)
        if old is None:
            add.append(around.record(entry.text, cited[entry.id], data=_data(entry)))
            continue
        fresh = [one for one in cited.get(entry.id, ()) if one.id not in old.sources]
        if entry.text != old.text or (fresh and entry.block != CORE):
            made = old
            for source in fresh:
                made = grown(made, entry.text, source)
            update.append(replace(made, text=entry.text, data=_data(entry)))
    archive = tuple(name for name in known if name not in left)
    return Change(add=tuple(add), update=tuple(update), archive=archive, reason="blocks written")


def _entry(record: Record) -> Entry:
    truncated = bool(record.data.get("truncated"))
    return Entry(record.id, record.data["block"], record.text, truncated)


def _data(entry: Entry) -> dict[str, Any]:
    return {"block": entry.block, **({"truncated": True} if entry.truncated else {})}


def _core_text(entries: Sequence[Entry]) -> str:
    core = [one.text.removeprefix(_ABOUT) for one in entries if one.block == CORE]
    return core[0] if core else ""


def _profile(said: str) -> list[str]:
    """The facts about who speaks first, if that is a person."""
    spoken = turns(said)
    speaker = spoken[0][0] if spoken else None
    if speaker is None or speaker.lower() in _MACHINES:
        return []
    subject = fold(display(speaker) or speaker)
    told = [fact.text for fact in facts(said, None)]
    return [one for one in told if fold(one).startswith((f"{subject} ", f"{subject}'s "))]


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _calls(ids: Sequence[str]) -> dict[str, Any]:
    """The schema of calls on the entries shown and no other."""
    text = {"type": "string"}
    core = {"const": CORE, "type": "string"}
    kinds = [
        object_of(op={"const": "insert"}, block={"type": "string", "enum": list(LISTS)}, text=text),
        object_of(op={"type": "string", "enum": ["insert", "update"]}, block=core, text=text),
    ]
    if ids:
        one = {"type": "string", "enum": list(ids)}
        kinds += [
            object_of(op={"const": "update"}, id=one, text=text),
            object_of(op={"const": "delete"}, id=one),
        ]
    return object_of(calls={"type": "array", "items": {"anyOf": kinds}})
