"""What a change will do, with every number settled: the payload of its journal line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan
from typing import Any

from sqlalchemy import bindparam, func, select

from agentmem.core import Change, Namespace, Record
from agentmem.ledger.book import Book, Place
from agentmem.ledger.rows import dumps, to_entry, word_hash
from agentmem.ledger.sqlite import HOLDERS, compiled
from agentmem.ledger.tables import (
    FAILED,
    PENDING,
    journal,
    mention,
    namespace,
    record,
    tombstone,
)
from agentmem.salience import WITHIN, asks, importance, shares
from agentmem.values import changed

Expire = Callable[[Sequence[Record]], Sequence[float | None]]
Said = tuple[float, str]  # when it happened, the text

_NEXT_POS = compiled(
    select(
        func.coalesce(select(func.max(record.c.pos)).scalar_subquery(), 0),
        func.coalesce(select(func.max(tombstone.c.pos)).scalar_subquery(), 0),
    )
)
_SPACE = compiled(
    select(namespace.c.turn, namespace.c.records).where(namespace.c.id == bindparam("space"))
)
_BEFORE = compiled(
    select(record.c.created, record.c.text)
    .where(record.c.namespace == bindparam("space"), record.c.kind == bindparam("kind"))
    .order_by(record.c.pos.desc())
    .limit(1)
)
_SPOKEN = compiled(
    select(journal.c.payload)
    .join(mention, mention.c.seq == journal.c.seq)
    .where(mention.c.pos == bindparam("pos"))
)


def draft(
    book: Book,
    change: Change,
    expire: Expire,
    places: Mapping[str, Place],
    new: Mapping[str, Record],
) -> dict[str, Any]:
    """Everything the change will do, with every number settled; `places` of all that it names,
    `new`: what it adds, by the identity of the content.
    """
    payload: dict[str, Any] = {}
    if new:
        payload["add"] = _entries(book, new, expire)
    if change.update:
        due = expire(change.update)
        payload["update"] = [
            to_entry(r, places[r.id].pos, places[r.id].space, e)
            for r, e in zip(change.update, due, strict=True)
        ]
    if change.touch:
        payload["touch"] = [[places[name].pos, *life] for name, *life in change.touch]
    if change.restore:
        payload["restore"] = [
            [places[r.id].pos, r.used, r.used_turn, r.uses, r.stability, e]
            for r, e in zip(change.restore, expire(change.restore), strict=True)
        ]
    if change.archive:
        payload["archive"] = [places[name].pos for name in change.archive]
    if change.supersede:
        added = {e["id"]: e["pos"] for e in payload.get("add", ())}
        payload["supersede"] = [
            [places[old].pos, added.get(new) or book.locate(new).pos]
            for old, new in change.supersede
        ]
    if change.erase:
        payload["erase"] = [
            [places[n].pos, n, places[n].space, _contents(book, places[n].pos)]
            for n in change.erase
        ]
    if change.bury:
        payload["bury"] = _stones(book, change.bury, len(payload.get("add", ())))
    if change.derive or change.tasks:
        payload["tasks"] = _tasks(book, change, payload.get("add", ()))
    if change.scores:
        payload["scores"] = {str(places[n].pos): s for n, s in change.scores.items()}
    return payload


def _entries(book: Book, new: Mapping[str, Record], expire: Expire) -> list[dict[str, Any]]:
    [(top, erased)] = book.db.rows(_NEXT_POS)
    pos = max(top, erased)
    turns: dict[int, tuple[int, int]] = {}
    settled: list[Record] = []
    spaces: list[int] = []
    held: dict[int, dict[int, int]] = {}
    before: dict[tuple[int, str], Said] = {}
    for one in new.values():
        space = book.space(one.namespace)
        if space not in turns:
            [(turn, count)] = book.db.rows(_SPACE, space=space)
            turns[space] = (turn + 1, count)
        value = one.importance
        if isnan(value):
            answers = _answers(book, one, space, before)
            value = _surprise(book, one.text, space, turns[space][1], held, answers)
        before[space, one.kind] = one.created, one.text
        settled.append(changed(one, turn=one.turn or turns[space][0], importance=value))
        spaces.append(space)
    return [
        to_entry(r, pos + i, space, due, content)
        for i, (content, r, space, due) in enumerate(
            zip(new, settled, spaces, expire(settled), strict=True), start=1
        )
    ]


def _tasks(book: Book, change: Change, adds: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """[position, store, further ids, target, state, error]; state 0 is done."""
    state = {"done": 0, "pending": PENDING, "failed": FAILED}
    added = {entry["id"]: entry["pos"] for entry in adds}
    new = [[entry["pos"], store, [], "", PENDING, ""] for store in change.derive for entry in adds]
    known = [
        [
            added.get(one.record) or book.locate(one.record).pos,
            one.store,
            list(one.rest),
            one.target,
            state[one.state],
            one.error,
        ]
        for one in change.tasks
    ]
    return new + known


def _contents(book: Book, pos: int) -> list[str]:
    """Every content identity that a record has had."""
    found: dict[str, None] = {}
    for (text,) in book.db.rows(_SPOKEN, pos=pos):
        payload = json.loads(text)
        for entry in (*payload.get("add", ()), *payload.get("update", ())):
            if entry["pos"] == pos:
                found[entry["content"] or entry["id"]] = None
    return list(found)


def _stones(
    book: Book, stones: Sequence[tuple[str, str, Namespace]], ahead: int
) -> list[list[Any]]:
    """Tombstones for erasures made elsewhere; what is alive or buried here is left alone."""
    contents = [content for _, content, _ in stones]
    skip = book.buried(contents) | book.held(contents).keys()
    [(top, erased)] = book.db.rows(_NEXT_POS)
    new = [stone for stone in stones if stone[1] not in skip]
    return [
        [max(top, erased) + ahead + i, name, book.space(path), [content]]
        for i, (name, content, path) in enumerate(new, start=1)
    ]


def _answers(book: Book, one: Record, space: int, before: Mapping[tuple[int, str], Said]) -> bool:
    """Does the record of the same kind before this one in its namespace ask, and not long ago?

    `before`: the last ones of this change.
    """
    last = before.get((space, one.kind))
    if last is None:
        rows = book.db.rows(_BEFORE, space=space, kind=one.kind)
        last = rows[0] if rows else (inf, "")
    return abs(one.created - last[0]) <= WITHIN and asks(last[1])


def _surprise(
    book: Book,
    text: str,
    space: int,
    records: int,
    held: dict[int, dict[int, int]],
    answers: bool,
) -> float:
    """Importance against what the namespace held before this change; `held`: a cache of how many
    records hold a word, by namespace.
    """
    shared = shares(text)
    codes = [word_hash(word) for word in shared]
    here = held.setdefault(space, {})
    missing = [code for code in codes if code not in here]
    if missing:
        here.update(dict.fromkeys(missing, 0))
        rows = book.db.rows(HOLDERS, words=dumps(missing))
        here.update({code: count for code, where, count in rows if where == space})
    return importance(shared, [here[code] for code in codes], records, answers=answers)
