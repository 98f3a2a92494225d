"""Rolling summaries on two levels: of the turns, and of those summaries (HEMA)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from agentmem.core import Change, Record
from agentmem.fields import Bounds, Unit
from agentmem.steps import Steps
from agentmem.stores.mixing import condensed, gone, grown, prose, renewed, standing, statements
from agentmem.stores.segment import sentences
from agentmem.structure import Around, Store

__all__ = ["SummaryStore"]

ABOVE = "Earlier: "  # before a summary of summaries, which may else have the words of one below


@dataclass(frozen=True, kw_only=True)
class SummaryStore(Store):
    """A short rolling summary, S_t = summary(S_{t-1}, u_t), and one of those that are complete.

    The compact memory of HEMA (Ahn 2025, arXiv 2504.16754): one sentence of at most 60 tokens,
    brought up to date with each turn.  After `span` turns it is complete: another begins, and a
    summary of summaries takes it in, which is complete after `span` of them.  `data["level"]` is 1
    or 2, `data["open"]` whether more comes in.  By rule it is made of the most central sentences as
    they were said, so several short ones, and nothing is inferred or resolved; by model a longer
    reply is cut at `max_tokens`.  A source that goes takes its part with it: the summary is made
    anew from the others, and so is the one above.
    """

    name: ClassVar[str] = "summary"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    span: Annotated[int, Unit("turns"), Bounds(least=2)] = 100
    max_tokens: Annotated[int, Unit("tokens"), Bounds(least=8)] = 60
    lasting: bool = True  # a policy that archives turns leaves it as it is

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The open summary with the turn in it; or one made anew of what is left."""
        if around.target is not None:
            return (yield from self._again(around.target, around))
        level = 2 if new[0].kind == self.kind else 1  # 2: what is left of an erased one
        opened = yield from self._open(level, around)
        near = [*opened, *(yield from around.recent(2))]
        sources = [one for one in new if not any(one.id in held.sources for held in near)]
        add: list[Record] = []
        update: list[Record] = []
        while sources and any(self._texts(sources, level, around)):
            record, known = yield from self._put(sources, level, opened, around)
            (update if known else add).append(record)
            sources = [record] if level == 1 and not record.data["open"] else []
            level, opened = 2, (yield from self._open(2, around)) if sources else []
        return Change(add=tuple(add), update=tuple(update), reason="derive", policy=self.name)

    def _open(self, level: int, around: Around) -> Steps[list[Record]]:
        return (yield from around.matching({"data.level": level, "data.open": True}))

    def _put(
        self, sources: Sequence[Record], level: int, opened: Sequence[Record], around: Around
    ) -> Steps[tuple[Record, bool]]:
        """The summary of a level with the sources in it, and whether it was there before.

        One source goes into the open one.  Several are what is left of one that was erased: they
        make one again, which is complete if another has been begun since.
        """
        texts = self._texts(sources, level, around)
        if opened and len(sources) == 1:
            last = opened[-1]
            text, key = yield from self._rolled(last.found_by, texts, level, around)
            more = grown(last, text, sources[0], key=key)
            complete = len(more.sources) >= self.span
            return replace(more, data={**more.data, "open": not complete}), True
        text, key = yield from self._rolled("", texts, level, around)
        data = {"level": level, "open": not opened}
        importance = max(source.importance for source in sources)
        return around.record(text, sources, key=key, data=data, importance=importance), False

    def _again(self, target: Record, around: Around) -> Steps[Change]:
        left = yield from standing(target, around)
        level = int(target.data["level"])
        texts = self._texts(left, level, around)
        if not any(texts):
            return gone(target, self.name)
        text, key = yield from self._rolled("", texts, level, around)
        again = renewed(target, text, left, key=key)
        return Change(update=(again,), reason="derive", policy=self.name)

    def _texts(self, sources: Sequence[Record], level: int, around: Around) -> list[str]:
        """What the sources say: turns without repetitions, summaries without what marks them."""
        said = [around.said(one) if level == 1 else one.found_by for one in sources]
        return [text for text in said if text.strip()]

    def _rolled(
        self, before: str, texts: Sequence[str], level: int, around: Around
    ) -> Steps[tuple[str, str | None]]:
        """The text and the key of a summary of what was said before and some texts."""
        if self.by == "model":
            prompt = "summary_turn" if level == 1 else "summary_above"
            before = yield from prose(
                around,
                prompt,
                self.max_tokens,
                summary=before or "(nothing yet)",
                said="\n".join(texts),
            )
        else:
            for text in texts:
                more = statements(text) if level == 1 else sentences(text)
                before = condensed([*sentences(before), *more], self.max_tokens)
        return (before, None) if level == 1 else (ABOVE + before, before)
