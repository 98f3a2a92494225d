"""Clarifications of questions that were misunderstood, given again when a like one is asked.

After MemPrompt (Madaan et al., arXiv 2201.06009; madaan/memprompt).  There the variant by cosine
appends an embedding even where the key is overwritten, so that rows and answers no longer match;
here key, clarification and vector are one record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from agentmem.clock import Moment
from agentmem.core import Record
from agentmem.errors import ConfigError, InputError, MissingExtra, nearest
from agentmem.index.stopwords import STOPWORDS
from agentmem.intake import nonempty, number
from agentmem.memory import AgentMemory
from agentmem.modules.keeping import Keeper
from agentmem.steps import Steps, asynchronous, sync
from agentmem.text import words

__all__ = ["Feedback", "FeedbackMemory", "normalised"]

By = Literal["edits", "cosine"]
EDITS = 6  # a hit has fewer edits than this
COSINE = 0.9  # a hit has more than this
_CANDIDATES = 32  # of the cosine, by relevance x retention
_TAG = re.compile(
    r"</?[A-Za-z][\w-]*(?:\s[^<>\n]*=[^<>\n]*)?\s*/?>|\{\{[^{}\n]*\}\}|\{[A-Za-z_]\w*\}"
    r"|\[/?[A-Z][A-Z_]*\]|^\s*(?:#+\s*)?(?i:q|question|input|user)\s*:",
    re.MULTILINE,
)
_TOLD = STOPWORDS - {"no", "not"}  # a negation is no stop word: it turns the question round


class Feedback(NamedTuple):
    """What somebody said a question means, and how near that question is to the one asked."""

    id: str
    question: str
    clarification: str
    distance: float  # edits, 0..5; or 1 - cosine, below 0.1


def normalised(question: str) -> str:
    """A question without template tags, case, punctuation and stop words: its key.

    Tags are <tag>, {{slot}}, {slot}, [TAG] and a leading "Question:".  A question of nothing but
    stop words keeps them.
    """
    found = words(_TAG.sub(" ", question))
    return " ".join([word for word in found if word not in _TOLD] or found)


class FeedbackMemory(Keeper):
    """Clarifications by normalised question; the same key is overwritten.

    `by` "edits": the nearest key at fewer than 6 edits (Levenshtein), all that are active.  With
    `share` the edits must also be below that share of the longer key, without which any two keys of
    five letters match: 1 is the published rule.  `by` "cosine": the nearest key by the memory's
    embedder, above 0.9; what has faded is not given then.
    """

    kind: ClassVar[str] = "feedback"

    def __init__(
        self,
        memory: AgentMemory,
        *,
        by: By = "edits",
        share: float = 0.5,
        namespace: Sequence[str] | None = None,
    ) -> None:
        super().__init__(memory, namespace=namespace)
        if by not in get_args(By):
            raise ConfigError(f"by = {by!r}{nearest(by, get_args(By))}")
        self.by = by
        self.share = number("share", share, 0.0, 1.0) or 0.0
        if by == "edits":
            _distances()  # say at once what is not installed

    def _correct(
        self,
        question: str,
        clarification: str,
        *,
        sources: Sequence[str] = (),
        now: Moment | None = None,
    ) -> Steps[str]:
        """Keep what a question means, where the answer to it was wrong; returns the record's id.

        The clarification that the same key had before is archived once the new one is kept.
        """
        key = _key(question)
        told = nonempty(clarification, "clarification").strip()
        old = yield from self._kept({"data.key": key})
        data = {"key": key, "question": question, "clarification": told}
        added = yield from self.memory._add(
            f"{question} | clarification: {told}",
            kind=self.kind,
            key=key,
            data=data,
            namespace=self.namespace,
            now=now,
            sources=sources,
            links=[one.id for one in old],
            revive=True,
        )
        gone = [one.id for one in old if one.id not in added]
        if gone:
            reason = f"overwritten by {added[0]}"
            yield from self.memory._forget(*gone, namespace=self.namespace, now=now, reason=reason)
        return added[0]

    def _lookup(self, question: str, *, now: Moment | None = None) -> Steps[Feedback | None]:
        """The clarification of the nearest question, if one is near enough."""
        key = _key(question)
        if self.by == "cosine":
            return (yield from self._by_cosine(key, now))
        distance = _distances()
        best: tuple[int, Record] | None = None
        for one in reversed((yield from self._kept())):  # of equals the newest
            edits = distance(key, one.data["key"], score_cutoff=EDITS)
            longer = max(len(key), len(one.data["key"]))
            near = edits < EDITS and (edits == 0 or self.share == 1 or edits < self.share * longer)
            if near and (best is None or edits < best[0]):
                best = (edits, one)
        return _feedback(best[1], best[0]) if best else None

    def _by_cosine(self, key: str, now: Moment | None) -> Steps[Feedback | None]:
        hits = yield from self.memory._search(
            key,
            namespace=self.namespace,
            k=_CANDIDATES,
            now=now,
            where={"kind": self.kind},
            reinforce=False,
            mode="dense",
        )
        own = [hit for hit in hits if hit.record.namespace == self.namespace]
        best = max(own, key=lambda hit: hit.why.dense or 0.0, default=None)
        if best is None or (best.why.dense or 0.0) <= COSINE:
            return None
        return _feedback(best.record, 1.0 - (best.why.dense or 0.0))

    def _prompt(self, question: str, *, now: Moment | None = None) -> Steps[str]:
        """The question as it goes to the model: after the clarification of a like one, if any."""
        found = yield from self._lookup(question, now=now)
        return question if found is None else f"Clarification: {found.clarification}\n{question}"

    correct, acorrect = sync(_correct), asynchronous(_correct)
    lookup, alookup = sync(_lookup), asynchronous(_lookup)
    prompt, aprompt = sync(_prompt), asynchronous(_prompt)


def _key(question: str) -> str:
    key = normalised(nonempty(question, "question"))
    if not key:
        raise InputError(f"question {question!r} has no word in it")
    return key


def _feedback(record: Record, distance: float) -> Feedback:
    return Feedback(record.id, record.data["question"], record.data["clarification"], distance)


def _distances() -> Any:
    """Levenshtein's distance, up to a cutoff; MissingExtra without rapidfuzz."""
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError as error:
        raise MissingExtra("feedback by edit distance", "feedback") from error
    return Levenshtein.distance
