"""How a chat model is asked, and how things stand."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Annotated

from agentmem import fields

__all__ = ["Figures", "Service"]


@dataclass(frozen=True, kw_only=True)
class Service:
    """How a chat model is asked: how many times at once, and with how much patience.

    A refusal for being busy (429, 503, 529) is waited out, unless the server has done nothing but
    refuse for `patience` seconds, or asks for a longer pause.  After any other failure that may
    pass, an ask is tried `retries` times more.  The wait after failure n is a random part of
    `backoff` x 2^(n-1) ("full jitter"), at most `max_backoff`, or what Retry-After asks for.
    """

    concurrency: Annotated[int, fields.Bounds(least=1, most=1000)] = 64
    timeout: Annotated[fields.Seconds, fields.Bounds(above=0)] = 60.0  # of a call
    retries: Annotated[int, fields.Bounds(least=0)] = 8
    backoff: Annotated[fields.Seconds, fields.Bounds(least=0)] = 0.5
    max_backoff: Annotated[fields.Seconds, fields.Bounds(least=0)] = 30.0
    patience: Annotated[fields.Seconds, fields.Bounds(least=0)] = 600.0  # with refusals only

    def __post_init__(self) -> None:
        fields.check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How things stand, for a progress bar.  Those of several clients add up."""

    answers: int  # given, reused ones included
    reused: int
    calls: int  # made, failed ones included
    tokens_in: int
    cached: int  # of tokens_in
    tokens_out: int
    cost: float
    limit: int  # calls that may be under way at once
    active: int  # calls under way
    waiting: int  # asks in the queue
    refusals: int  # 429 and the like
    failures: int  # timeouts, broken connections, replies that are none

    def __add__(self, other: Figures) -> Figures:
        pairs = zip(astuple(self), astuple(other), strict=True)
        names = Figures.__dataclass_fields__
        return Figures(**{name: a + b for name, (a, b) in zip(names, pairs, strict=True)})
