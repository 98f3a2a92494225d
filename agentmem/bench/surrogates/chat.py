"""A simulated player as a chat model: messages in, reply out, by what it can read there.

What a player is like is its `Mind`: how readily it cooperates, given what the prompt shows.  How
that becomes a move, in each game, is the same for all and stands here and in `bargaining`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from agentmem.bench import lexicon
from agentmem.bench.keys import generator, seeded
from agentmem.bench.surrogates.bargaining import bargain
from agentmem.bench.surrogates.reading import Dilemma, Evidence, read_dilemma
from agentmem.errors import InputError

TRACE = 8  # lexicon words in a reasoning trace
SPREAD = 0.1  # standard deviation of a contribution, as a share of what there is


class Mind(Protocol):
    """What a simulated player makes of what it reads."""

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        """0..1: chance of the cooperative move.  `deliberate`: a reasoning is asked for."""
        ...

    def ratio(self, seen: Evidence, *, deliberate: bool) -> float:
        """0..1: share of forward-looking words in its reasoning."""
        ...

    def goodwill(self, seen: Evidence, *, deliberate: bool) -> float:
        """0..1: how kindly it bargains."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a chat model returns."""

    content: str


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A mind as a chat model: `invoke(messages, seed=...)`.

    The reply is a function of the prompt text and `seed` alone.  Without a seed, one is made from
    the model's own and the text.  InputError where there is no game in the prompt.
    """

    mind: Mind
    seed: int = 0

    def invoke(self, messages: Sequence[Any], /, *, seed: int | None = None, **_: Any) -> Reply:
        texts = [content(message) for message in messages]
        text = "\n".join(texts)
        rng = generator("surrogate", self.seed, text) if seed is None else seeded(seed)
        return Reply(self.answer(texts[0], text, rng))

    async def ainvoke(
        self, messages: Sequence[Any], /, *, seed: int | None = None, **_: Any
    ) -> Reply:
        return self.invoke(messages, seed=seed)

    def answer(self, rules: str, text: str, rng: Random) -> str:
        """The reply to a prompt whose first message is `rules`."""
        deliberate = "step by step" in text
        seen = read_dilemma(rules, text)
        if seen is not None:
            evidence = seen.evidence
            said = act(seen, self.mind.chance(seen, deliberate=deliberate), rng)
        else:
            found = bargain(
                text, lambda shown: self.mind.goodwill(shown, deliberate=deliberate), rng
            )
            if found is None:
                raise InputError("a simulated player only plays games: there is none in the prompt")
            said, evidence = found
        if not deliberate:
            return said
        ratio = self.mind.ratio(evidence, deliberate=deliberate)
        sides = [lexicon.FORWARD if rng.random() < ratio else lexicon.HISTORY for _ in range(TRACE)]
        return f"Considering {', '.join(rng.choice(side) for side in sides)}.\n{said}"


def act(seen: Dilemma, chance: float, rng: Random) -> str:
    """The move of a player that cooperates with a chance, as JSON.

    Claims: the highest, else one below the partner's last visible claim.  Contributions, and what
    is sent: that share of what there is, give or take; sent back: that share of half of it.
    """
    if seen.kind == "tokens":
        return f'{{"action":"{seen.good if rng.random() < chance else seen.bad}"}}'
    if seen.kind != "claim":
        whole = seen.high / 2 if seen.kind == "return" else seen.high
        given = round(whole * chance + rng.gauss(0.0, SPREAD * whole))
        return f'{{"{seen.kind}":{min(max(given, seen.low), seen.high)}}}'
    if rng.random() < chance:
        return f'{{"claim":{seen.high}}}'
    claims = [min(map(int, line.others)) for line in seen.lines]
    last = claims[-1] if claims else seen.high
    return f'{{"claim":{max(seen.low, last - 1)}}}'


def content(message: Any) -> str:
    """The text of a chat message: a mapping, a langchain message or a plain string."""
    if isinstance(message, str):
        return message
    found = message["content"] if isinstance(message, Mapping) else message.content
    return str(found)
