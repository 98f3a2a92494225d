"""A served model as the seats of one run reach it: through the log, and never twice at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from agentmem.bench.keys import key as hashed
from agentmem.bench.log import Tape
from agentmem.bench.voices import Answer, Key, Messages, Voice, digest
from agentmem.budget import Budget
from agentmem.steps import Steps, Wait


@dataclass(frozen=True, kw_only=True)
class Till:
    """What all runs that ask one model share.  Questions are known by a hash of what is asked."""

    account: Budget  # of the model
    asking: dict[int, asyncio.Event] = field(default_factory=dict)  # calls under way
    paid: set[int] = field(default_factory=set)  # questions that count already


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the log of the run holds is answered from there; all else goes to `voice`.

    Runs under different arms often begin with the same question under the same key: while one of
    them waits for the answer, the others wait with it, and find it among the kept ones.  What was
    paid for in an earlier session counts towards the budget of this one, once.
    """

    voice: Voice
    tape: Tape
    till: Till
    asked: Counter[str] = field(default_factory=Counter)  # calls and tokens that this run cost

    def _ask(
        self, messages: Messages, *, seed: int | None, key: Key, **options: Any
    ) -> Steps[Answer]:
        what = hashed(digest(messages), seed, *key, sorted(options))
        answer = self.tape.answer(messages, key)
        if answer is None:
            while (twin := self.till.asking.get(what)) is not None:
                yield Wait(_blocked, twin.wait)
            self.till.asking[what] = asyncio.Event()
            try:
                answer = yield from self.voice._ask(messages, seed=seed, key=key, **options)
            finally:
                self.till.asking.pop(what).set()
        if what not in self.till.paid:
            self._count(what, answer)
        return answer

    def _count(self, what: int, answer: Answer) -> None:
        self.till.paid.add(what)
        if answer.reused:
            self.till.account.charge(1, answer.usage)
        self.asked["calls"] += 1
        for name in ("tokens_in", "tokens_out", "cached"):
            self.asked[name] += getattr(answer.usage, name)


def _blocked() -> None:
    """Blocking code asks one question at a time, so it never waits for its twin."""
    raise AssertionError("a question was asked within itself")
