"""The parts of a configuration that are no components: how a search ranks, how models are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from agentmem.fields import Bounds, Seconds, check

__all__ = ["ExtractionConfig", "RecallConfig"]


@dataclass(frozen=True, kw_only=True)
class RecallConfig:
    """How a search ranks; each search may say otherwise."""

    k: Annotated[int, Bounds(least=1)] = 8  # hits
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid"
    fusion: Literal["sum", "rrf"] = "sum"  # of the legs: their scores, or reciprocal ranks
    rrf_k: Annotated[int, Bounds(least=1)] = 20  # reciprocal rank fusion: 1 / (rrf_k + rank)
    dense: Annotated[float, Bounds(least=0)] = 0.5  # weight of the cosine beside the words' 1
    context: Annotated[float, Bounds(least=0, most=1)] = 0.7  # a word a turn away counts this much
    reach: Annotated[int, Bounds(least=0)] = 4  # turns that context reaches, both ways
    session_gap: Annotated[Seconds, Bounds(least=0)] = 3600.0  # a longer silence ends a session
    speaker: Annotated[float, Bounds(least=0, most=1)] = 0.6  # factor: somebody else is named
    when: Annotated[float, Bounds(least=0, most=1)] = 0.5  # factor: another time is meant
    # A newer record goes before an older one that scores higher by at most this share; 0: never ...
    interference: Annotated[float, Bounds(least=0, most=1)] = 0.4
    shared: Annotated[float, Bounds(above=0, most=1)] = 0.66  # ... if both say so much of the query
    alike: Annotated[float, Bounds(least=-1, most=1)] = 0.45  # ... and their cosine is as high
    depth: Annotated[int, Bounds(least=1)] = 50  # candidates of each leg, 5 k at least

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class ExtractionConfig:
    """How the stores that ask a chat model do their work, after the add has been acknowledged."""

    model: Any = None  # a chat model, or its name, as in "openai:gpt-4o-mini"
    background: bool = True  # in a thread of its own; False: when `extract()` is called
    max_pending: Annotated[int, Bounds(least=1)] = 100_000  # tasks owed; an add beyond is refused
    max_calls: Annotated[int, Bounds(least=0)] | None = None  # to the model, in this process
    max_tokens: Annotated[int, Bounds(least=0)] | None = None
    lease: Annotated[Seconds, Bounds(above=0)] = 120.0  # until another process may take a task

    def __post_init__(self) -> None:
        check(self)
