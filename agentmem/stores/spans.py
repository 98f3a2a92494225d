"""Records of several turns: topic segments, sessions, and turns found by what led to them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Annotated, Any, ClassVar, Literal

from agentmem.core import Change, Record
from agentmem.errors import BadReply
from agentmem.extract.gist import STOP_WORDS, compress
from agentmem.fields import Bounds, Seconds
from agentmem.steps import Steps
from agentmem.stores.mixing import gone, joined, renewed, standing, untagged
from agentmem.stores.segment import cohesion
from agentmem.structure import Around, Store
from agentmem.text import words

__all__ = ["SegmentStore", "SessionStore", "SpanStore", "WindowStore"]

_log = logging.getLogger(__name__)
LOOK = 8  # newest records among which the last one said is sought: a rebuilt one is new but old
GROUP = 3  # exchanges in a segment where the model's reply cannot be used (SeCom)
SILENT = 20  # empty turns beside those of a segment, or a word in each of them would tell nothing

_INTEGER = {"type": "integer"}
_SEGMENT = {
    "segment_id": _INTEGER,
    "start": _INTEGER,
    "end": _INTEGER,
    "num_exchanges": _INTEGER,
    "summary": {"type": "string"},
}


def _strict(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


TOPICS = _strict({"segments": {"type": "array", "items": _strict(_SEGMENT)}})
SAME = _strict({"same_topic": {"type": "boolean"}})


@dataclass(frozen=True, kw_only=True)
class SpanStore(Store):
    """Consecutive turns in one record, whose text is theirs, byte for byte, joined by newlines.

    A turn joins the record of the turn before it, of the same source label, unless more than `gap`
    has passed; a turn that was said earlier than that begins a record of its own.  An override
    decides which turns belong together (`together`) and what a record is found by (`key`).
    """

    mixes: ClassVar[bool] = True

    gap: Annotated[Seconds, Bounds(least=0)] = 1800.0  # the longest pause inside a record

    def together(self, turns: list[Record], known: int, around: Around) -> Steps[list[int]]:
        """The lengths of the runs that some turns fall into; their sum is len(turns).

        The first `known` turns are in one record already; 0: all of them are new.
        """
        yield from ()
        return [len(turns)]

    def key(self, text: str) -> str | None:
        """What a record of this text is found by; None: the text itself."""
        return None

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The turn put into the last record, or into a new one; or a record made anew."""
        target = around.target
        if target is not None:
            turns = yield from standing(target, around)
            return self._change([turns], target, around) if turns else gone(target, self.name)
        last = None
        if len(new) == 1:
            near = yield from around.recent(LOOK)
            if any(new[0].id in record.sources for record in near):
                return Change(reason="derive", policy=self.name)
            last = self._last(near, new[0])
        turns = (yield from standing(last, around)) if last else []
        sizes = yield from self.together([*turns, *new], len(turns), around)
        ends = list(accumulate(sizes, initial=0))
        runs = [[*turns, *new][a:b] for a, b in pairwise(ends)]
        return self._change(runs, last, around)

    def _last(self, near: Sequence[Record], turn: Record) -> Record | None:
        """The record that the turn may go on with."""
        same = [record for record in near if record.source == turn.source]
        last = max(same, key=lambda record: record.created, default=None)
        return last if last and 0.0 <= turn.created - last.created <= self.gap else None

    def _change(
        self, runs: Sequence[Sequence[Record]], last: Record | None, around: Around
    ) -> Change:
        """The first run goes into the record that is there; the others into new ones."""
        update, add = [], []
        for run in runs:
            text = joined(run)
            key = self.key(text)
            if last is None:
                importance = max(turn.importance for turn in run)
                add.append(around.record(text, run, key=key, importance=importance))
            elif text != last.text:
                update.append(renewed(last, text, run, key=key))
            last = None
        return Change(add=tuple(add), update=tuple(update), reason="derive", policy=self.name)


@dataclass(frozen=True, kw_only=True)
class SessionStore(SpanStore):
    """Sessions: turns with no pause longer than `gap` between them.

    Half an hour is the usual bound of a session (25.5 min between events in Catledge & Pitkow,
    1995); those of long-term chat corpora lie hours or days apart.  A session of more than
    `max_words` goes on in another record.
    """

    name: ClassVar[str] = "session"

    max_words: Annotated[int, Bounds(least=1)] = 750  # about 1,000 tokens; a turn may be longer

    def together(self, turns: list[Record], known: int, around: Around) -> Steps[list[int]]:
        """Runs of at most `max_words`."""
        yield from ()
        sizes: list[int] = []
        held = 0
        for turn in turns:
            count = len(words(turn.text))
            if sizes and held + count <= self.max_words:
                sizes[-1], held = sizes[-1] + 1, held + count
            else:
                sizes.append(1)
                held = count
        return sizes


@dataclass(frozen=True, kw_only=True)
class SegmentStore(SpanStore):
    """Topic segments, found by a compressed key; the text returned is the original (SeCom).

    Pan et al. 2025, arXiv 2502.05589.  By rule: a segment is closed behind the gap of least
    lexical cohesion (TextTiling, Hearst 1997), with `min_words` on either side, once that is below
    `cohesion` or the segment longer than `max_words`.  So a boundary shows only some turns later,
    and what follows it moves into a segment of its own.  By model: one call a turn, whether it goes
    on with the topic of the last segment; several turns at once are divided in one call.  A reply
    that cannot be used makes segments of 3 exchanges.
    """

    name: ClassVar[str] = "segment"

    by: Literal["rule", "model"] = "rule"
    max_words: Annotated[int, Bounds(least=1)] = 300  # a longer one is a single turn
    min_words: Annotated[int, Bounds(least=1)] = 60  # on either side of a boundary, by rule
    cohesion: Annotated[float, Bounds(least=0, most=1)] = 0.02  # cosine; below it a topic ends
    keep: Annotated[float, Bounds(above=0, most=1)] = 0.9  # share of the words in the key

    def key(self, text: str) -> str | None:
        """The text without its least telling words."""
        return (compress(text, self.keep) or None) if self.keep < 1.0 else None

    def together(self, turns: list[Record], known: int, around: Around) -> Steps[list[int]]:
        """Runs on one topic."""
        if self.by == "rule" or len(turns) == 1:
            return self._tiles(turns, known)
        if known == 0:
            return (yield from self._divided(turns, around))
        fits = sum(len(words(turn.text)) for turn in turns) <= self.max_words
        same = fits and (yield from self._same(turns[:known], turns[known], around))
        return [len(turns)] if same else [known, len(turns) - known]

    def _tiles(self, turns: Sequence[Record], known: int) -> list[int]:
        """TextTiling over a stream: the open segment is looked at anew with every turn."""
        sizes, start = [], 0
        for end in range(known + 1, len(turns) + 1):
            if cut := self._cut([turn.text for turn in turns[start:end]]):
                sizes.append(cut)
                start += cut
        return [*sizes, len(turns) - start]

    def _cut(self, texts: Sequence[str]) -> int:
        """How many of the turns the segment is to keep; 0: it stays whole."""
        spoken = [words(text) for text in texts]
        ends = list(accumulate(len(said) for said in spoken))
        least, long = self.min_words, ends[-1] > self.max_words
        gaps = [i for i, end in enumerate(ends) if end >= least and ends[-1] - end >= least]
        if not gaps:
            return len(texts) - 1 if long else 0
        heard = [words(untagged(text)) for text in texts]
        units = [[word for word in said if word not in STOP_WORDS] for said in heard]
        scores = cohesion([*units, *([],) * SILENT])
        gap = min(gaps, key=lambda i: scores[i])
        return gap + 1 if long or scores[gap] < self.cohesion else 0

    def _same(self, turns: Sequence[Record], turn: Record, around: Around) -> Steps[bool]:
        try:
            reply = yield from around.ask(
                "segment_same", SAME, segment=joined(turns), exchange=turn.text
            )
        except BadReply as error:
            _log.warning("segments of %d exchanges: %s", GROUP, error)
            return len(turns) < GROUP
        return bool(reply["same_topic"])

    def _divided(self, turns: Sequence[Record], around: Around) -> Steps[list[int]]:
        numbered = "\n".join(f"[{i}] {turn.text}" for i, turn in enumerate(turns, start=1))
        n = len(turns)
        try:
            reply = yield from around.ask("segment_topics", TOPICS, exchanges=numbered)
        except BadReply as error:
            _log.warning("segments of %d exchanges: %s", GROUP, error)
            reply = {"segments": []}
        sizes = [int(one["num_exchanges"]) for one in reply["segments"]]
        if sum(sizes) != n or any(size < 1 for size in sizes):
            return [min(GROUP, n - start) for start in range(0, n, GROUP)]
        return sizes


@dataclass(frozen=True, kw_only=True)
class WindowStore(Store):
    """Single turns, found by the turns before them as well: an answer by its question.

    The text is the turn itself; the key is the `before` turns of the same source label that led to
    it, at most `gap` apart, and the turn, which it links to and cites first.  When one of those
    goes, the key is made anew.
    """

    name: ClassVar[str] = "windowed"
    mixes: ClassVar[bool] = True

    before: Annotated[int, Bounds(least=1, most=10)] = 1  # turns
    gap: Annotated[Seconds, Bounds(least=0)] = 1800.0  # the longest pause between two of them

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The turn with its context; or, of one made anew, the key with what is left."""
        target = around.target
        if target is not None:
            left = yield from standing(target, around)
            turn = left[0] if left else None
            if turn is None or turn.id not in target.links:
                return gone(target, self.name)
            key = joined([*left[1:], turn])
            again = renewed(target, turn.text, left, key=key)
            again = replace(again, valence=turn.valence, importance=turn.importance)
            return Change(update=(again,), reason="derive", policy=self.name)
        turn, *near = new
        near = near or (yield from self._before(turn, around))
        made = around.record(
            turn.text,
            [turn, *near],
            key=joined([*near, turn]),
            links=(turn.id,),
            data=turn.data,
            importance=turn.importance,
        )
        return Change(add=(replace(made, valence=turn.valence),), reason="derive", policy=self.name)

    def _before(self, turn: Record, around: Around) -> Steps[list[Record]]:
        """The turns that led to a turn, oldest first, by the records that were made of them."""
        recent = yield from around.recent(self.before + 1)
        names = [name for one in recent for name in one.links if name != turn.id]
        near = [turn]
        for one in reversed((yield from around.get(names[-self.before :]))):
            if one.source != turn.source or not 0.0 <= near[0].created - one.created <= self.gap:
                break
            near.insert(0, one)
        return [one for one in near[:-1] if one.status == "active"]
