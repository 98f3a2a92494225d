"""No retrieval at all: the whole history, the baseline for everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from agentmem.core import Hit
from agentmem.fields import Bounds
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, found
from agentmem.steps import Steps, work
from agentmem.text import count_tokens

__all__ = ["FullHistory"]


@dataclass(frozen=True, kw_only=True)
class FullHistory(Stage):
    """Every active record, newest first, whatever is asked, until the budget of tokens is full.

    The "full content" row of Structural Memory (arXiv 2412.15266, table 1) and the long-context
    baseline of ConvoMem (arXiv 2511.10523).  The oldest are cut off; there is no gap.  It takes
    no notice of k.  Scores only tell the order: 1 for the newest, falling evenly.
    """

    name: ClassVar[str] = "full_history"

    budget: Annotated[int, Bounds(least=0)] | None = None  # tokens of all texts; None: no limit

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        records = yield from search.all(query)
        kept = yield from work(lambda: self._fitting([record.text for record in records[::-1]]))
        newest = records[::-1][:kept]
        return [found(record, 1.0 - i / len(newest)) for i, record in enumerate(newest)]

    def _fitting(self, texts: list[str]) -> int:
        """How many of the first texts fit together."""
        left = self.budget
        for i, text in enumerate(texts):
            if left is not None:
                left -= count_tokens(text)
                if left < 0:
                    return i
        return len(texts)
