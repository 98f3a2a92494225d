"""What the stores share whose texts rest on several sources: making one text of them, anew."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from agentmem.core import Change, Record
from agentmem.errors import BadReply
from agentmem.extract.gist import STOP_WORDS, summary
from agentmem.steps import Steps
from agentmem.stores.segment import sentences
from agentmem.structure import Around
from agentmem.text import count_tokens, words

__all__ = [
    "clip",
    "condensed",
    "gone",
    "grown",
    "joined",
    "opening",
    "prose",
    "renewed",
    "standing",
    "statements",
    "untagged",
]

LETTERS = 12  # characters that a token may have on average before a text counts as too long
TELLING = 8  # words from which a sentence counts in full
_TAG = re.compile(r"^[^\s:][^:\n]{0,60}: ", re.MULTILINE)  # "ann: "
_TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


def opening(text: str) -> str:
    """What the first speaker of a turn says, without the name."""
    tags = list(_TAG.finditer(text))
    return text[tags[0].end() : tags[1].start() if tags[1:] else None] if tags else text


def untagged(text: str) -> str:
    """A text without the names of its speakers."""
    return _TAG.sub("", text)


def statements(text: str) -> list[str]:
    """The sentences of a turn, each with the name of its speaker and a full stop if it has none.

    So they can be told apart again once they have been joined.
    """
    found = []
    for line in text.splitlines():
        tag = _TAG.match(line)
        name, said = (tag[0], line[tag.end() :]) if tag else ("", line)
        parts = [part.strip() for part in sentences(said) if part.strip()]
        found += [f"{name}{part}{'.' if part[-1].isalnum() else ''}" for part in parts]
    return found


def condensed(candidates: Sequence[str], max_tokens: int) -> str:
    """The most central of some sentences within `max_tokens`; of one too long, its beginning.

    A sentence of fewer than `TELLING` telling words, names of speakers aside, counts for less, and
    a question for half: what is left of a talk are the answers.
    """
    weights = []
    for sentence in candidates:
        telling = set(words(untagged(sentence))) - STOP_WORDS
        half = 0.5 if sentence.endswith("?") else 1.0
        weights.append(half * min(1.0, len(telling) / TELLING))
    return summary(candidates, max_tokens, weights) or clip(" ".join(candidates), max_tokens)


def joined(sources: Sequence[Record]) -> str:
    """The texts of some records as they are, byte for byte, joined by newlines."""
    return "\n".join(source.text for source in sources)


def standing(record: Record, around: Around) -> Steps[list[Record]]:
    """Those sources of a record that are still active, in its order."""
    found = yield from around.get(record.sources)
    return [source for source in found if source.status == "active"]


def gone(target: Record, store: str) -> Change:
    """What becomes of a record of whose sources none is left."""
    return Change(archive=(target.id,), reason="no source is left", policy=store)


def renewed(
    record: Record,
    text: str,
    sources: Sequence[Record],
    *,
    key: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Record:
    """A record made anew, with all that follows from its sources: nothing is left of others."""
    return replace(
        record,
        text=text,
        key=key,
        sources=tuple(dict.fromkeys(source.id for source in sources)),
        created=max(source.created for source in sources),
        importance=max(source.importance for source in sources),
        valence=fmean(source.valence for source in sources),
        data=record.data if data is None else dict(data),
    )


def grown(record: Record, text: str, source: Record, *, key: str | None = None) -> Record:
    """A record that one more source has come into, the others unread."""
    n = len(record.sources)
    return replace(
        record,
        text=text,
        key=key,
        sources=(*record.sources, source.id),
        created=max(record.created, source.created),
        importance=max(record.importance, source.importance),
        valence=(record.valence * n + source.valence) / (n + 1),
    )


def prose(around: Around, prompt: str, max_tokens: int, **values: str) -> Steps[str]:
    """One paragraph by the model, cut to `max_tokens` if it is longer; BadReply if it is empty."""
    reply = yield from around.ask(prompt, _TEXT, tokens=str(max_tokens), **values)
    text = clip(" ".join(str(reply["text"]).split()), max_tokens)
    if not text:
        raise BadReply(f"prompt {prompt!r}: the model gave an empty text")
    return text


def clip(text: str, max_tokens: int) -> str:
    """The longest beginning of at most `max_tokens` tokens that ends with a word.

    A word too long for that is cut.  Tokens are counted by `text.count_tokens`; one may have
    `LETTERS` characters on average, because a tokenizer may take any run of letters for one.
    """
    room = max_tokens * LETTERS
    if len(text) <= room and count_tokens(text) <= max_tokens:
        return text

    def size(end: int) -> int:
        return count_tokens(text[:end])

    ends = [word.end() for word in re.finditer(r"\S+", text[: room + 1]) if word.end() <= room]
    fits = bisect_right(ends, max_tokens, key=size)
    return text[
        : ends[fits - 1] if fits else bisect_right(range(1, room + 1), max_tokens, key=size)
    ]
