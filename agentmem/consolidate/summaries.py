"""Summaries of what fades, on two levels: of batches of records, and of those summaries (HEMA)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from agentmem.consolidate.combining import remade
from agentmem.core import Change, Record
from agentmem.fields import Bounds, Unit
from agentmem.steps import Steps
from agentmem.stores.mixing import condensed, gone, prose, statements
from agentmem.stores.segment import sentences
from agentmem.structure import Around, Consolidator, Overview

__all__ = ["Summaries"]

ABOVE = "Earlier: "  # before a summary of summaries, which may else have the words of one below


@dataclass(frozen=True, kw_only=True)
class Summaries(Consolidator):
    """What a plan puts away leaves a summary behind, and many summaries become one.

    HEMA (Ahn 2025, arXiv 2504.16754) on what leaves: a summary of each `batch` of records, oldest
    first (`data["level"]` 1); once there are `span` of them, the oldest `span` are superseded by
    one summary of summaries (level 2).  Both cite the records themselves, so either is made anew
    without one that is erased or forgotten.  By rule it is made of the most central sentences as
    they were said; by model a longer reply is cut at `max_tokens`.
    """

    name: ClassVar[str] = "summaries"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    batch: Annotated[int, Unit("records"), Bounds(least=2)] = 20
    span: Annotated[int, Unit("summaries"), Bounds(least=2)] = 20
    max_tokens: Annotated[int, Unit("tokens"), Bounds(least=8)] = 120

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        told = [one for one in leaving if one.kind != self.kind and around.said(one).strip()]
        add: list[Record] = []
        for start in range(0, len(told), self.batch):
            part = told[start : start + self.batch]
            if text := (yield from self._text(part, around)):
                add.append(self._record(text, part, 1, around))
        known = [one for one in (yield from around.staying()) if one.kind == self.kind]
        below = [one for one in known if one.data["level"] == 1] + add
        supersede: list[tuple[str, str]] = []
        while len(below) >= self.span:
            part, below = below[: self.span], below[self.span :]
            text = yield from self._above([one.text for one in part], around)
            names = dict.fromkeys(name for one in part for name in one.sources)
            above = self._record(text, (yield from around.standing(list(names))), 2, around)
            supersede += [(one.id, above.id) for one in part if one not in add]
            add = [*(one for one in add if one not in part), above]
        return Change(
            add=tuple(add),
            supersede=tuple(supersede),
            reason="a summary of what leaves",
            policy=self.name,
        )

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """A summary made anew of those of its sources that are left."""
        target = around.target
        level = int(target.data["level"]) if target else 2 if len(new) > self.batch else 1
        parts = [new[i : i + self.batch] for i in range(0, len(new), self.batch)]
        texts = []
        for part in parts:
            texts += [(yield from self._text(part, around))]
        text = texts[0] if level == 1 else (yield from self._above(texts, around))
        made = self._record(text, new, level, around) if text else None
        if target is not None and made is None:
            return gone(target, self.name)
        if target is not None and made is not None:
            again = remade(target, made.text, new, key=made.key, data=made.data)
            return Change(update=(again,), reason="derive", policy=self.name)
        return Change(add=(made,) if made else (), reason="derive", policy=self.name)

    def _record(self, text: str, sources: Sequence[Record], level: int, around: Around) -> Record:
        """A summary as a record, made now; `data` has when its sources happened, seconds."""
        times = [one.created for one in sources]
        return around.record(
            text if level == 1 else ABOVE + text,
            sources,
            key=None if level == 1 else text,
            data={"level": level, "from": min(times), "to": max(times)},
            created=around.now,
            importance=max(one.importance for one in sources),
        )

    def _text(self, records: Sequence[Record], around: Around) -> Steps[str]:
        """A summary of what some records say; "" if they say nothing."""
        said = [text for one in records if (text := around.said(one)).strip()]
        if self.by == "model" and said:
            joined = "\n".join(said)
            return (yield from self._asked("summary_turn", joined, around))
        return condensed([one for text in said for one in statements(text)], self.max_tokens)

    def _above(self, texts: Sequence[str], around: Around) -> Steps[str]:
        """A summary of summaries."""
        if self.by == "model":
            return (yield from self._asked("summary_above", "\n".join(texts), around))
        return condensed([one for text in texts for one in sentences(text)], self.max_tokens)

    def _asked(self, prompt: str, said: str, around: Around) -> Steps[str]:
        return (
            yield from prose(around, prompt, self.max_tokens, summary="(nothing yet)", said=said)
        )
