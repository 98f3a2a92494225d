"""Thoughts: what was said of one thing, in sentences that carry their triples.

After Think-in-Memory (Liu et al., arXiv 2311.08719): thoughts are inserted, those on the same
entity merged, contradicted ones forgotten.  There a bucket is what hashes alike, so that what
belongs together may lie in two; here an entity is a bucket.  Their hash is the index "lsh".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from agentmem.core import Change, Record
from agentmem.errors import BadReply
from agentmem.extract.clauses import facts
from agentmem.extract.triples import triples
from agentmem.fields import Bounds
from agentmem.graph import entity_of
from agentmem.steps import Steps
from agentmem.stores.mixing import grown, prose, renewed
from agentmem.structure import Around, Store

__all__ = ["Thought", "ThoughtStore"]


class Thought(NamedTuple):
    """A sentence and the triple it carries."""

    sentence: str
    head: str
    relation: str
    tail: str


@dataclass(kw_only=True)
class _Entry:
    """What is known of one entity: as it was, and what is new."""

    old: Record | None = None
    new: list[Thought] = field(default_factory=list)
    sources: dict[str, Record] = field(default_factory=dict)  # of what is new

    @property
    def held(self) -> list[Thought]:
        kept = self.old.data.get("thoughts", ()) if self.old else ()
        return [Thought(*one) for one in kept]

    def take(self, source: Record, thoughts: Sequence[Thought]) -> list[Thought]:
        """Let a source in; returns what it says that was not known."""
        known = {one.sentence for one in (*self.held, *self.new)}
        more = [one for one in thoughts if one.sentence not in known]
        self.new += more
        self.sources[source.id] = source
        return more


@dataclass(frozen=True, kw_only=True)
class ThoughtStore(Store):
    """One entry for each head entity, merged from all that was said of it.

    An entry that holds `size` thoughts takes no more, and another is begun.  `data`: "head" as
    said, "head_id", its normalised identity, and "thoughts", each [sentence, head, relation, tail].
    By rule: atomic facts that have a triple, sentence after sentence, English; nothing is
    contradicted.  By model: one call thinks, one merges each entry that grows, and one finds, among
    the `near` most similar other entries, those that are contradicted, which are archived.  If one
    of the last two is of no use, texts are joined or nothing is forgotten; the journal says so.
    """

    name: ClassVar[str] = "thought"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    size: Annotated[int, Bounds(least=1)] = 8  # thoughts from which an entry is full
    tokens: Annotated[int, Bounds(least=1)] = 200  # of a text merged by the model, at most
    near: Annotated[int, Bounds(least=0)] = 5  # entries looked at for contradictions, by model

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The entries of the entities that some chunks speak of, new, grown or made anew."""
        target = around.target
        anew: list[tuple[Record, list[Thought]]] = []
        entries: dict[str, _Entry] = {}
        for source in new:
            for head, thoughts in _by_head((yield from self._think(source, around))).items():
                if target is not None and head == target.data["head_id"]:
                    anew.append((source, thoughts))
                    continue
                known = yield from around.matching({"data.head_id": head})
                if not any(source.id in one.sources for one in known):
                    entry = entries.setdefault(head, self._room(known, thoughts))
                    entry.take(source, thoughts)
        failed: list[str] = []
        add: list[Record] = []
        update: list[Record] = []
        for head, entry in entries.items():
            made = yield from self._merged(head, entry, failed, around)
            (update if entry.old else add).append(made)
        archive = yield from self._contradicted(entries, failed, around)
        if target is not None and anew:
            update.append((yield from self._remade(target, anew, failed, around)))
        elif target is not None:
            archive = (*archive, target.id)
        reason = "; ".join(["derive", *dict.fromkeys(failed)])
        return Change(add=tuple(add), update=tuple(update), archive=archive, reason=reason)

    def _remade(
        self,
        target: Record,
        said: Sequence[tuple[Record, list[Thought]]],
        failed: list[str],
        around: Around,
    ) -> Steps[Record]:
        """An entry out of what is left of its sources."""
        entry, text = _Entry(), ""
        for source, thoughts in said:
            more = _joined(entry.take(source, thoughts))
            if text and more:
                text = yield from self._fused(text, more, failed, around)
            text = text or more
        data = _data(target.data["head_id"], entry.new)
        return renewed(target, text, list(entry.sources.values()), data=data)

    def _think(self, source: Record, around: Around) -> Steps[list[Thought]]:
        """The thoughts of a chunk."""
        said = around.said(source).strip()
        if not said:
            return []
        if not self.asks_model:
            return [
                Thought(fact.text, *triple)
                for fact in facts(said, None)
                for triple in triples(fact.text)[:1]
            ]
        reply = yield from around.ask("thought_think", _THOUGHTS, text=said)
        made = [
            Thought(*(" ".join(item[part].split()) for part in _PARTS))
            for item in reply["thoughts"]
        ]
        return [thought for thought in made if all(thought)]

    def _room(self, known: Sequence[Record], thoughts: Sequence[Thought]) -> _Entry:
        """The entry that says it already, the newest with room for it, or a new one."""
        said = {thought.sentence for thought in thoughts}
        for one in known:
            if said <= {sentence for sentence, *_ in one.data["thoughts"]}:
                return _Entry(old=one)
        roomy = [one for one in known if len(one.data["thoughts"]) < self.size]
        return _Entry(old=roomy[-1] if roomy else None)

    def _merged(self, head: str, entry: _Entry, failed: list[str], around: Around) -> Steps[Record]:
        """An entry with what is new in it."""
        data = _data(head, [*entry.held, *entry.new])
        sources = list(entry.sources.values())
        new = _joined(entry.new)
        if entry.old is None:
            return around.record(new, sources, data=data)
        record, text = entry.old, entry.old.text
        if new:
            text = yield from self._fused(text, new, failed, around)
        for source in sources:
            record = grown(record, text, source)
        return replace(record, data=data)

    def _fused(self, old: str, new: str, failed: list[str], around: Around) -> Steps[str]:
        """Two texts as one: by rule the one after the other."""
        if self.asks_model:
            try:
                return (yield from prose(around, "thought_merge", self.tokens, old=old, new=new))
            except BadReply:
                failed.append("joined, not merged: the model's reply was of no use")
        return f"{old} {new}"

    def _contradicted(
        self, entries: Mapping[str, _Entry], failed: list[str], around: Around
    ) -> Steps[tuple[str, ...]]:
        """Ids of entries on other entities that what is new contradicts; none by rule."""
        new = " ".join(_joined(entry.new) for entry in entries.values() if entry.new)
        if not (self.asks_model and self.near and new):
            return ()
        own = {entry.old.id for entry in entries.values() if entry.old}
        own |= {around.target.id} if around.target else set()
        hits = yield from around.similar(new, self.near + len(own))
        others = [hit.record for hit in hits if hit.id not in own][: self.near]
        if not others:
            return ()
        listed = "\n".join(f"[{one.id}] {one.text}" for one in others)
        schema = _contradictions([one.id for one in others])
        try:
            reply = yield from around.ask("thought_forget", schema, new=new, old=listed)
        except BadReply:
            failed.append("nothing forgotten: the model's reply was of no use")
            return ()
        return tuple(dict.fromkeys(reply["contradicted"]))


def _by_head(thoughts: Sequence[Thought]) -> dict[str, list[Thought]]:
    """The thoughts by the identity of their heads, in order."""
    groups: dict[str, list[Thought]] = {}
    for thought in thoughts:
        groups.setdefault(entity_of(thought.head), []).append(thought)
    return groups


def _joined(thoughts: Sequence[Thought]) -> str:
    return " ".join(thought.sentence for thought in thoughts)


def _data(head: str, thoughts: Sequence[Thought]) -> dict[str, Any]:
    kept = [list(one) for one in thoughts]
    return {"head": thoughts[0].head, "head_id": head, "thoughts": kept}


_PARTS = ("sentence", "head", "relation", "tail")


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


_THOUGHT = _object({part: {"type": "string"} for part in _PARTS})
_THOUGHTS = _object({"thoughts": {"type": "array", "items": _THOUGHT}})


def _contradictions(ids: list[str]) -> dict[str, Any]:
    """The entries shown and no other."""
    return _object({"contradicted": {"type": "array", "items": {"type": "string", "enum": ids}}})
