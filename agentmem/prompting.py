"""Hits and turns to messages.

What was recalled stands between tags, so that it can be told from what is said now and is never
written back; a record cannot open or close these tags, nor look like another record's line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from agentmem import prompts
from agentmem.clock import moment
from agentmem.core import Hit, Shown, Turn
from agentmem.text import count_tokens

__all__ = ["fit", "fitted", "prompt", "short_ids", "unmarked"]

_BLOCK = re.compile(r"<recalled_memory\b[^>]*>.*?</recalled_memory>\n?", re.DOTALL)
_TAG = re.compile(r"[<\ufe64\uff1c](?=[^\w<>]*recalled)", re.IGNORECASE)  # in any likeness of it
ID_LENGTH = 8  # characters of an id that are shown: 32 hex digits would cost 20 tokens a record


def prompt(
    system: str,
    hits: Sequence[Hit],
    tail: Sequence[Turn],
    turn: Turn,
    *,
    heading: str = "",
    notes: Sequence[str] = (),
) -> list[dict[str, str]]:
    """The messages of a turn, from what changes least to what changes most.

    `heading` and `notes` are the texts before and after the records.

    One system message, then user and assistant in turn: chat templates of many open models refuse
    a second system message, or two user messages in a row (left by a turn without an answer).
    """
    records = _records(hits, heading, notes)
    block = prompts.load("memory").render(now=_date(turn.now or 0.0), records=records)
    messages = [{"role": "system", "content": f"{system}\n\n{block}"}]
    said = [("user", past.observation, "assistant", past.reply) for past in tail]
    for role, text in [*(p for s in said for p in (s[:2], s[2:])), ("user", turn.observation)]:
        if text and messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n\n{text}"
        elif text:
            messages.append({"role": role, "content": text})
    return messages


def fit(
    hits: Sequence[Hit], budget: int | None, *, heading: str = "", notes: Sequence[str] = ()
) -> tuple[Hit, ...]:
    """The hits, in their order, less those of lowest score that do not fit the budget of tokens.

    Ids and dates count here, which the memory could not know when it packed the texts; so do the
    heading and the notes, which go before.
    """
    kept = list(hits)
    while budget is not None and kept and count_tokens(_records(kept, heading, notes)) > budget:
        kept.remove(min(kept, key=lambda hit: hit.score))
    return tuple(kept)


def fitted(shown: Shown, budget: int | None) -> Shown:
    """What fits the budget of tokens: heading, notes in their order, then the hits by their score.

    A heading of hits that do not fit goes with them, as one that does not fit itself.
    """
    if budget is None:
        return shown
    if count_tokens(_records((), shown.heading)) > budget:
        shown = replace(shown, heading="")
    notes: tuple[str, ...] = ()
    for note in shown.notes:
        if count_tokens(_records((), shown.heading, (*notes, note))) <= budget:
            notes = (*notes, note)
    hits = fit(shown.hits, budget, heading=shown.heading, notes=notes)
    heading = shown.heading if hits or not shown.hits else ""
    return replace(shown, hits=hits, notes=notes, heading=heading)


def unmarked(text: str) -> str:
    """The text without blocks of recalled records, for instance those that a model repeats."""
    return _BLOCK.sub("", text).strip() if "<recalled_memory" in text else text


def short_ids(ids: Sequence[str]) -> list[str]:
    """The first characters of some ids, at least 8 and as many as it takes to tell them apart."""
    length = ID_LENGTH
    while len({name[:length] for name in ids}) < len(set(ids)):
        length += 1
    return [name[:length] for name in ids]


def _records(hits: Sequence[Hit], heading: str = "", notes: Sequence[str] = ()) -> str:
    if not hits and not notes and not heading:
        return prompts.load("memory_none").render()
    line = prompts.load("memory_record")
    lines = [
        line.render(id=name, date=_date(hit.record.created), text=_safe(hit.text))
        for name, hit in zip(short_ids([hit.id for hit in hits]), hits, strict=True)
    ]
    return "\n".join([*([_safe(heading)] if heading else []), *lines, *map(_safe, notes)])


def _safe(text: str) -> str:
    """Without the tags, and with every line but the first indented, whatever breaks the lines."""
    return "\n  ".join(_TAG.sub("&lt;", text).splitlines())


def _date(at: float) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"
