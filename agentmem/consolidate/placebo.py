"""The control of `brief`: a text of the same length and form that says nothing of any future."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from agentmem.consolidate.brief import Brief
from agentmem.consolidate.outlook import Line
from agentmem.consolidate.rolling import Counts, Text, anew, rolled
from agentmem.core import Change, Record
from agentmem.fields import Bounds, Unit
from agentmem.steps import Steps
from agentmem.structure import Around, Consolidator, Overview
from agentmem.text import count_tokens

__all__ = ["Placebo", "filler"]

# Words of one token each; none is about people, dealings, time, good or bad.
NEUTRAL = (
    "the paper is white and the table is made of wood a line has two ends and a square has four "
    "the page is flat the wall is high a circle is round the stone is grey and the lake is wide"
)


@dataclass(frozen=True, kw_only=True)
class Placebo(Consolidator):
    """What `brief` would have written by rule, line by line, as neutral words of as many tokens.

    For experiments: whether a brief acts by what it says, or by standing there.  It cites the same
    records and is renewed with them, and has no word of theirs.
    """

    name: ClassVar[str] = "placebo"
    mixes: ClassVar[bool] = True

    max_tokens: Annotated[int, Unit("tokens"), Bounds(least=40)] = 240
    span: Annotated[int, Unit("records"), Bounds(least=1)] = 200
    kinds: tuple[str, ...] = ("chunk",)

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        return (yield from rolled(self, leaving, around))

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The placebo made anew of those of its sources that are left."""
        return (yield from anew(self, new, around))

    @property
    def _brief(self) -> Brief:
        return Brief(max_tokens=self.max_tokens, span=self.span, kinds=self.kinds)

    def find(
        self, records: Sequence[Record], former: Record | None, now: float, around: Around
    ) -> Steps[list[Line]]:
        """What the brief would find."""
        return (yield from self._brief.find(records, former, now, around))

    def write(
        self, records: Sequence[Record], found: Sequence[Line], counts: Counts, around: Around
    ) -> Text:
        """As many lines as the brief, each of as many tokens."""
        real = self._brief.write(records, found, counts, around)
        lines: list[str] = []
        start = 0
        for line in real.text.splitlines():
            mark = "- " if line.startswith("- ") else ""
            text = filler(count_tokens(line.removeprefix(mark)), start)
            start += len(text.split())
            lines.append(mark + text)
        told: list[dict[str, Any]] = [
            {"about": "nothing", "text": "", "sources": one["sources"]}
            for one in real.data["lines"]
        ]
        return Text(text="\n".join(lines), data={"lines": told, "counts": real.data["counts"]})


def filler(tokens: int, start: int = 0) -> str:
    """Neutral words of exactly so many tokens, one a word, from the word numbered `start` on."""
    stock = NEUTRAL.split()
    return " ".join(stock[(start + i) % len(stock)] for i in range(tokens))
