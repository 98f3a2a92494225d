"""Notes: each with keywords, tags and context; linked to its like, which it may make evolve.

After A-MEM (Xu et al., arXiv 2502.12110), without three defects of its published package: there,
ranks stood for ids, so that the oldest notes evolved instead of the neighbours and links led
nowhere, and what had evolved was still found by its old embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from agentmem.core import Change, Hit, Record
from agentmem.errors import BadReply
from agentmem.extract.gist import keywords, summary
from agentmem.fields import Bounds
from agentmem.steps import Steps
from agentmem.stores.mixing import renewed
from agentmem.stores.segment import sentences
from agentmem.structure import Around, Store
from agentmem.text import caseless

__all__ = ["NoteStore"]

ITEMS = 20  # keywords or tags of a note, at most
LETTERS = 600  # characters of a context, at most
TAGS = 3  # by rule
TOKENS = 40  # of a context by rule, at most


@dataclass(frozen=True, kw_only=True)
class NoteStore(Store):
    """One note for each chunk: its words, found by them and by keywords, tags and context.

    `data`: "keywords", "tags", "context".  `links`: the notes it is related to, which were there
    before it; links go one way, since a link back would write every neighbour anew.  By rule: key
    phrases, their last words as tags, the most central sentence as context; links to those of the
    `near` most similar notes whose cosine is at least `least`; no note evolves.  By model: one call
    describes the note, one decides on its links and on how its neighbours evolve.  A neighbour
    that evolves is embedded anew, cites the chunk that changed it, and keeps its history.  If the
    decision is of no use, after a repair, the note is kept, nothing evolves, the journal says so.
    """

    name: ClassVar[str] = "note"
    mixes: ClassVar[bool] = True  # a context may rest on later chunks too

    by: Literal["rule", "model"] = "rule"
    near: Annotated[int, Bounds(least=1)] = 5  # neighbours looked at; the paper's k
    least: Annotated[float, Bounds(least=-1, most=1)] = 0.8  # cosine, by rule: the embedder's own
    phrases: Annotated[int, Bounds(least=0, most=ITEMS)] = 5  # keywords by rule, at most

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The notes of some chunks, and their neighbours as they evolve."""
        if around.target is not None:
            return (yield from self._anew(around.target, new, around))
        add: list[Record] = []
        changed: dict[str, Record] = {}
        reason = "derive"
        for source in new:
            said = around.said(source).strip()
            if not said:
                continue
            note = around.record(said, [source])
            known = yield from around.get([note.id])
            if not any(one.status == "active" for one in known):  # else it only gains a source
                note = _described(note, (yield from self._analysed(said, around)))
                hits = yield from around.similar(note.found_by, self.near)
                try:
                    note = yield from self._related(note, hits, changed, around)
                except BadReply:
                    reason = "derive; no evolution: the model's reply was of no use"
            add.append(note)
        return Change(add=tuple(add), update=tuple(changed.values()), reason=reason)

    def _anew(self, note: Record, new: Sequence[Record], around: Around) -> Steps[Change]:
        """A note out of its own chunk alone; it goes if only those that changed it are left."""
        own = [source for source in new if source.id == note.sources[0]]
        own += [source for source in new if around.said(source).strip() == note.text]
        said = around.said(own[0]).strip() if own else ""
        if not said:
            return Change(archive=(note.id,), reason="its chunk is gone")
        note = renewed(note, said, own[:1])
        made = _described(note, (yield from self._analysed(said, around)))
        return Change(update=(made,), reason="described anew")

    def _analysed(self, said: str, around: Around) -> Steps[Mapping[str, Any]]:
        """The keywords, tags and context of a text."""
        if self.asks_model:
            analysis: Mapping[str, Any] = yield from around.ask(
                "note_analyse", _ANALYSIS, text=said
            )
            return analysis
        phrases = keywords(said, self.phrases)
        tags = [caseless(phrase.split()[-1]) for phrase in phrases[:TAGS]]
        return {"keywords": phrases, "tags": tags, "context": summary(sentences(said), TOKENS)}

    def _related(
        self, note: Record, hits: Sequence[Hit], changed: dict[str, Record], around: Around
    ) -> Steps[Record]:
        """The note with its links; `changed` gains the neighbours that evolve."""
        if not self.asks_model:
            close = [hit.id for hit in hits if (hit.why.dense or 0.0) >= self.least]
            return replace(note, links=tuple(close))
        if not hits:
            return note
        neighbours = {hit.id: changed.get(hit.id, hit.record) for hit in hits}
        shown = "\n\n".join(f"[{name}]\n{_shown(one)}" for name, one in neighbours.items())
        schema = _decision(list(neighbours))
        reply = yield from around.ask("note_evolve", schema, note=_shown(note), neighbours=shown)
        actions = reply["actions"] if reply["should_evolve"] else ()
        if "update_neighbor" in actions:
            for item in reply["neighbours"]:
                one = _described(neighbours[item["id"]], item)
                sources = dict.fromkeys((*one.sources, *note.sources))
                changed[one.id] = replace(one, sources=tuple(sources))
        if "strengthen" in actions:
            note = _described(note, {"tags": reply["tags_to_update"]})
            note = replace(note, links=tuple(dict.fromkeys(reply["suggested_connections"])))
        return note


def _described(note: Record, parts: Mapping[str, Any]) -> Record:
    """A note with other keywords, tags or context, and found by them; what is blank stays."""
    data = dict(note.data)
    for name in ("keywords", "tags"):
        data[name] = _items(parts.get(name, ())) or list(data.get(name, ()))
    context = " ".join(str(parts.get("context", "")).split())[:LETTERS]
    data["context"] = context or data.get("context", "")
    key = [note.text, ", ".join(data["keywords"]), ", ".join(data["tags"])]
    key += [data["context"]] if data["context"] not in note.text else []
    return replace(note, data=data, key="\n".join(part for part in key if part))


def _items(values: Iterable[Any]) -> list[str]:
    """Some labels without blanks around, each once."""
    return list(dict.fromkeys(filter(None, (" ".join(str(value).split()) for value in values))))


def _shown(note: Record) -> str:
    """A note as the model sees it."""
    data = note.data
    lines = [
        f"date: {note.created_at:%Y-%m-%d %H:%M}",
        f"content: {note.text}",
        f"context: {data.get('context', '')}",
        f"keywords: {', '.join(data.get('keywords', ()))}",
        f"tags: {', '.join(data.get('tags', ()))}",
    ]
    return "\n".join(lines)


def _object(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


_LABELS = {"type": "array", "items": {"type": "string"}, "maxItems": ITEMS}
_ANALYSIS = _object({"keywords": _LABELS, "context": {"type": "string"}, "tags": _LABELS})


def _decision(ids: list[str]) -> dict[str, Any]:
    """What may be decided: about the neighbours offered, by their ids, and no other note."""
    offered = {"type": "string", "enum": ids}
    neighbour = _object({"id": offered, "context": {"type": "string"}, "tags": _LABELS})
    action = {"type": "string", "enum": ["strengthen", "update_neighbor"]}
    return _object(
        {
            "should_evolve": {"type": "boolean"},
            "actions": {"type": "array", "items": action},
            "suggested_connections": {"type": "array", "items": offered},
            "tags_to_update": _LABELS,
            "neighbours": {"type": "array", "items": neighbour},
        }
    )
