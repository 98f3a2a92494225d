"""Timelines: events joined to the earlier ones that they follow from; nothing is deleted.

After THEANINE (Ong et al., arXiv 2406.10996): a directed acyclic graph whose edges go from the
older event to the newer one, each with a relation.  `agentmem.retrieve.timelines` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from agentmem.core import Change, Hit, Record
from agentmem.errors import BadReply
from agentmem.fields import Bounds
from agentmem.steps import Steps
from agentmem.structure import Around, Store

__all__ = ["RELATIONS", "TimelineStore", "relation"]

RELATIONS = ("Changed", "Cause", "Reason", "HinderedBy", "React", "Want", "SameTopic")
NONE = "None"  # what the model says of events that have nothing to do with each other
LATER = 16  # newer nodes that a node remembers, at most: the newest

# What the words of the newer event say of how it follows from the older one; the first that fits.
_CUES = (
    ("Changed", r"no longer|anymore|used to|now|instead|switched|changed"),
    ("Reason", r"because|since then|due to|thanks to"),
    ("Cause", r"(?<!\w )so|therefore|that's why|as a result|which is why"),
    ("HinderedBy", r"but|however|unfortunately|couldn't|can't(?! wait)|cannot|unable"),
    ("React", r"feel|feeling|felt|happy|glad|sad|excited|upset|proud|relieved|worried"),
    ("Want", r"want|wants|wanted|hope|hopes|hoping|wish|would like|\w+'d like|plan to|planning"),
)
_PATTERNS = tuple((name, re.compile(rf"\b(?:{cues})\b", re.IGNORECASE)) for name, cues in _CUES)


def relation(text: str) -> str:
    """How an event follows from an earlier one on its topic, by cue words; English only."""
    plain = text.replace("’", "'")
    return next((name for name, cue in _PATTERNS if cue.search(plain)), "SameTopic")


@dataclass(frozen=True, kw_only=True)
class TimelineStore(Store):
    """One node for each chunk, linked to the most recent related node of each component.

    Of the `near` most similar earlier events, those are related that the model gives a relation
    (arXiv 2406.10996, section 3.1), or, by rule, whose cosine with it is at least `least`; cue
    words then name the relation.  Time alone decides the direction, whatever sessions are called.

    `links`: the older nodes; `data["relations"]`: their relations, by id; `data["later"]`: the
    newer nodes that link here, newest last; `data["since"]`: when its oldest ancestor happened,
    seconds; `data["component"]`: a node of its component nearer to the one that stands for it.
    If the model's reply is of no use the node is kept without a link, and the journal says so.
    """

    name: ClassVar[str] = "timeline"

    by: Literal["rule", "model"] = "rule"
    near: Annotated[int, Bounds(least=1)] = 3  # earlier events looked at; the paper's j
    least: Annotated[float, Bounds(least=-1, most=1)] = 0.8  # cosine, by rule: the embedder's own

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The nodes of some chunks, and their older neighbours with the way back."""
        add: list[Record] = []
        changed: dict[str, Record] = {}
        reason = "derive"
        for source in new:
            text = around.said(source).strip()
            if not text:
                continue
            node = around.record(text, [source])
            if not (yield from around.get([node.id])):
                hits = yield from self._earlier(node, around)
                try:
                    related = yield from self._related(node, hits, around)
                except BadReply:
                    related, reason = {}, "derive; no links: the model's reply was of no use"
                node = yield from _linked(node, hits, related, changed, around)
            add.append(node)
        return Change(add=tuple(add), update=tuple(changed.values()), reason=reason)

    def _earlier(self, node: Record, around: Around) -> Steps[list[Hit]]:
        """The most similar events that are not later than the new one."""
        hits = yield from around.similar(node.text, self.near)
        if any(hit.record.created > node.created for hit in hits):  # seldom: a filter costs time
            past = {"created": {"$lte": node.created}}
            hits = yield from around.similar(node.text, self.near, where=past)
        return hits

    def _related(
        self, node: Record, hits: Sequence[Hit], around: Around
    ) -> Steps[Mapping[str, str]]:
        """The relation to each earlier event that the new one is related to, by id."""
        if not self.asks_model:
            label = relation(node.text)
            return {hit.id: label for hit in hits if (hit.why.dense or 0.0) >= self.least}
        if not hits:
            return {}
        reply = yield from around.ask(
            "timeline_relation",
            _schema([hit.id for hit in hits]),
            event=_dated(node),
            earlier="\n".join(f"[{hit.id}] {_dated(hit.record)}" for hit in hits),
        )
        labels = {item["id"]: item["relation"] for item in reply["relations"]}
        return {name: label for name, label in labels.items() if label != NONE}


def _linked(
    node: Record,
    hits: Sequence[Hit],
    related: Mapping[str, str],
    changed: dict[str, Record],
    around: Around,
) -> Steps[Record]:
    """The node with its links; `changed` gains the older nodes that it changes.

    Components are kept as a union-find forest (Galler and Fischer 1964), so that none is walked.
    """
    latest: dict[str, Record] = {}
    roots: dict[str, Record] = {}
    for hit in hits:
        if hit.id in related:
            root = yield from _root(changed.get(hit.id, hit.record), changed, around)
            roots[root.id] = root
            latest[root.id] = max(latest.get(root.id, hit.record), hit.record, key=_age)
    older = sorted(latest.values(), key=_age)
    stands = min(roots.values(), key=_standing).id if roots else node.id
    for root in roots.values():
        if root.status == "active":
            _amend(changed, root, component=stands)
    for one in older:
        later = [*changed.get(one.id, one).data.get("later", ()), node.id]
        _amend(changed, one, later=later[-LATER:])
    data = {
        "relations": {one.id: related[one.id] for one in older},
        "component": stands,
        "since": min([node.created, *(one.data.get("since", one.created) for one in older)]),
        "later": [],
    }
    return replace(node, links=tuple(one.id for one in older), data=data)


def _root(node: Record, changed: Mapping[str, Record], around: Around) -> Steps[Record]:
    """The node that stands for a component; where the way to it was erased, the last before."""
    while (parent := node.data.get("component", node.id)) != node.id:
        found = [changed[parent]] if parent in changed else (yield from around.get([parent]))
        if not found:
            break
        node = found[0]
    return node


def _amend(changed: dict[str, Record], node: Record, **data: Any) -> None:
    """Note a node that differs in its data, on top of what has been noted of it."""
    now = changed.get(node.id, node)
    if {**now.data, **data} != now.data:
        changed[node.id] = replace(now, data={**now.data, **data})


def _age(node: Record) -> tuple[float, int, str]:
    return node.created, node.turn, node.id


def _standing(node: Record) -> tuple[bool, tuple[float, int, str]]:
    """Archived nodes first, since they cannot be written, then by age."""
    return node.status == "active", _age(node)


def _dated(node: Record) -> str:
    return f"{node.created_at:%Y-%m-%d %H:%M}: {node.text}"


def _schema(ids: Sequence[str]) -> dict[str, Any]:
    """{relations: [{id, relation}, ...]}, of the events offered and no other."""
    fields = {
        "id": {"type": "string", "enum": list(ids)},
        "relation": {"type": "string", "enum": [*RELATIONS, NONE]},
    }
    item = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"relations": {"type": "array", "items": item, "maxItems": len(ids)}},
        "required": ["relations"],
        "additionalProperties": False,
    }
