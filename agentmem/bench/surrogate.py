"""S3, a simulated player: weighs the evidence it can read in the prompt, and nothing else.

It is a chat model: messages in, reply out.  It never learns a policy's name, a window or a store;
what differs between policies is what they let stand in the prompt.  Its coefficients are fitted to
published cells of the memory curse (arXiv 2605.08060).  It tests mechanism and harness and is no
evidence about language models.

C, D: visible cooperations and defections of the partner; m: its last moves; see `Profile`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.bench import lexicon
from agentmem.bench.keys import generator
from agentmem.errors import ConfigError, InputError, nearest

LABEL = "simulated players: tests mechanism and harness, not evidence about LLMs"
BASE = 0.984  # history weight without evidence: FLR = 1 / (1 + BASE) = .504
NOTE = 0.1  # weight of one lexicon word in a free note
COUNTED = 0.5  # a total of n rounds weighs n ** COUNTED
LAST, BEFORE = 0.7, 0.3  # the partner's last and second-last visible move
DIRECT = 0.25  # negativity left when no reasoning is asked for
TRACE = 8  # lexicon words in a reasoning trace

Number = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """P(cooperate) = e + (1 - 2e) sigmoid(b + k ln(F / H) + r m),
    F = 1 + u ln(1 + C), H = .984 + g ln(1 + D), FLR = F / (F + H).

    g > u is negativity bias; u > 0 makes a long friendly memory help.
    """

    b: float
    k: float
    r: float
    g: float
    u: float
    e: float

    def forward(self, good: Number) -> Number:
        return 1.0 + self.u * np.log1p(good)

    def history(self, bad: Number) -> Number:
        return BASE + self.g * np.log1p(bad)

    def cooperate(self, good: Number, bad: Number, momentum: Number) -> Number:
        """Chance of cooperating, from bare counts (floats or arrays)."""
        return self.decide(self.forward(good), self.history(bad), momentum)

    def decide(self, forward: Number, history: Number, momentum: Number) -> Number:
        pull = self.b + self.k * np.log(forward / history) + self.r * momentum
        return self.e + (1 - 2 * self.e) / (1.0 + np.exp(-pull))

    def goodwill(self, forward: float, history: float) -> float:
        """0..1, for bargaining."""
        return float(1.0 / (1.0 + np.exp(-(self.b + self.k * np.log(forward / history)))))


PROFILES: Mapping[str, Profile] = {
    "gemma_tg": Profile(b=0.561, k=3.971, r=0.291, g=0.367, u=0.092, e=0.02),
    "oss20b_pd": Profile(b=2.580, k=4.241, r=0.631, g=0.681, u=0.086, e=0.005),
    "oss120b_tg": Profile(b=2.066, k=8.068, r=1.757, g=0.267, u=0.023, e=0.01),
    "scout_pg": Profile(b=0.856, k=2.248, r=1.808, g=0.886, u=0.442, e=0.01),
    "llama33_tg": Profile(b=2.043, k=6.333, r=1.503, g=0.314, u=0.012, e=0.005),
    "immune": Profile(b=2.166, k=0.971, r=2.591, g=0.900, u=0.122, e=0.005),
}

_PAYOFF = re.compile(r"You choose (\w+), Player 2 chooses (\w+): you get ([\d.]+\d|\d)")
_ROUND = re.compile(r"^\[Round \d+\] You: \w+ .*$", re.MULTILINE)
_OTHER = re.compile(r"Player \d+: (\w+)")
_TOTAL = re.compile(r"Player \d+ chose (\w+) in (\d+) of (\d+) earlier rounds")
_DEAL = re.compile(
    r"^\[Round \d+\] (?:Player 2 offered you (\d+) of (\d+); you \w+"
    r"|You offered Player 2 \d+ of \d+; Player 2 (accepted|rejected))",
    re.MULTILINE,
)
_OFFER = re.compile(r"You are the responder\. Player 2 offers you (\d+) of (\d+)")
_PROPOSE = re.compile(r"You are the proposer\. How many of the (\d+) units")
_BLOCK = re.compile(r"^Earlier rounds:\n(.*?)\n\nRound \d+\.", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a prompt shows of the partner."""

    good: float = 0.0
    bad: float = 0.0
    momentum: float = 0.0  # -1..1
    forward: int = 0  # lexicon words in free notes
    history: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a chat model returns."""

    content: str


def momentum(signs: Sequence[float]) -> float:
    """.7 of the last sign and .3 of the one before; 0 for what is not visible."""
    padded = [0.0, 0.0, *signs]
    return LAST * padded[-1] + BEFORE * padded[-2]


def notes(text: str) -> tuple[int, int]:
    """Lexicon words in the memory block, outside the lines of play."""
    block = _BLOCK.search(text)
    if block is None:
        return 0, 0
    lines = block[1].split("\n")
    free = [x for x in lines if not (_ROUND.match(x) or _DEAL.match(x) or _TOTAL.search(x))]
    return lexicon.count("\n".join(free))


def read_dilemma(text: str, good: str) -> Evidence:
    """Evidence in a prompt of the dilemma, where `good` is the cooperative token."""
    shares = []
    for line in _ROUND.findall(text):
        others = _OTHER.findall(line)
        shares.append(sum(token == good for token in others) / len(others) if others else 0.0)
    kind = sum(shares)
    unkind = len(shares) - kind
    for token, some, whole in _TOTAL.findall(text):
        hits, rest = float(some) ** COUNTED, float(int(whole) - int(some)) ** COUNTED
        kind, unkind = (
            (kind + hits, unkind + rest) if token == good else (kind + rest, unkind + hits)
        )
    forward, history = notes(text)
    signs = [2 * part - 1 for part in shares]
    return Evidence(
        good=kind, bad=unkind, momentum=momentum(signs), forward=forward, history=history
    )


def read_deals(text: str) -> Evidence:
    """Evidence in an ultimatum prompt: fair offers and acceptances against insults, rejections."""
    fair = [
        answer == "accepted" if answer else int(offer) >= 0.4 * int(pie)
        for offer, pie, answer in _DEAL.findall(text)
    ]
    forward, history = notes(text)
    return Evidence(good=sum(fair), bad=len(fair) - sum(fair), forward=forward, history=history)


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """The simulated player as a chat model: `invoke(messages, seed=...)`.

    The reply is a function of the prompt text and `seed` alone.  Without a seed, one is made from
    the model's own and the text.
    """

    profile: Profile
    seed: int = 0

    def invoke(self, messages: Sequence[Any], *, seed: int | None = None, **_: Any) -> Reply:
        text = "\n".join(content(message) for message in messages)
        # Simulation, not cryptography.
        rng = generator("surrogate", self.seed, text) if seed is None else Random(seed)  # noqa: S311
        return Reply(self.answer(text, rng))

    async def ainvoke(self, messages: Sequence[Any], *, seed: int | None = None, **_: Any) -> Reply:
        return self.invoke(messages, seed=seed)

    def answer(self, text: str, rng: Random) -> str:
        """The reply to a prompt.  InputError where there is no game in it."""
        deliberate = "step by step" in text
        seen = self.profile if deliberate else replace(self.profile, g=self.profile.g * DIRECT)
        payoffs = {(a, b): float(points) for a, b, points in _PAYOFF.findall(text)}
        if payoffs:
            said, forward, history = dilemma(seen, text, payoffs, rng)
        else:
            said, forward, history = bargain(seen, text, rng)
        if not deliberate:
            return said
        ratio = forward / (forward + history)
        sides = [lexicon.FORWARD if rng.random() < ratio else lexicon.HISTORY for _ in range(TRACE)]
        return f"Considering {', '.join(rng.choice(side) for side in sides)}.\n{said}"


def dilemma(
    profile: Profile, text: str, payoffs: Mapping[tuple[str, str], float], rng: Random
) -> tuple[str, float, float]:
    """The answer in a dilemma, with the forward and history weights behind it."""
    tokens = sorted({token for token, _ in payoffs})
    good = max(tokens, key=lambda token: payoffs.get((token, token), -np.inf))
    seen = read_dilemma(text, good)
    forward, history = weights(profile, seen)
    chance = profile.decide(forward, history, seen.momentum)
    token = good if rng.random() < chance else next(t for t in tokens if t != good)
    return f'{{"action":"{token}"}}', forward, history


def bargain(profile: Profile, text: str, rng: Random) -> tuple[str, float, float]:
    """The answer of a proposer or a responder, on a scale where the pie is 10."""
    forward, history = weights(profile, read_deals(text))
    will = profile.goodwill(forward, history)
    if asked := _OFFER.search(text):
        offer = 10 * int(asked[1]) / int(asked[2])
        chance = 1.0 / (1.0 + np.exp(-(offer - (1 + 3.5 * (1 - will))) / 0.4))
        word = "accept" if rng.random() < chance else "reject"
        return f'{{"answer":"{word}"}}', forward, history
    if asked := _PROPOSE.search(text):
        pie = int(asked[1])
        share = (1.5 + 3.5 * will + rng.gauss(0.0, 0.7)) / 10
        return f'{{"offer":{min(max(round(share * pie), 0), pie)}}}', forward, history
    raise InputError("the surrogate only plays games: no payoffs and no offer in the prompt")


def weights(profile: Profile, seen: Evidence) -> tuple[float, float]:
    """F and H, with the words of free notes added."""
    forward = float(profile.forward(seen.good)) + NOTE * seen.forward
    return forward, float(profile.history(seen.bad)) + NOTE * seen.history


def content(message: Any) -> str:
    """The text of a chat message: a mapping, a langchain message or a plain string."""
    if isinstance(message, str):
        return message
    found = message["content"] if isinstance(message, Mapping) else message.content
    return str(found)


def mean_field(profile: Profile, window: int, p: float) -> float:
    """f(p): the chance of cooperating when a partner cooperating with chance p fills the window."""
    return float(profile.cooperate(window * p, window * (1 - p), 2 * p - 1 if window else 0.0))


def model(name: str, seed: int = 0) -> Surrogate:
    """The simulated player `NAME` or `surrogate:NAME`."""
    plain = name.removeprefix("surrogate:")
    if plain not in PROFILES:
        raise ConfigError(f"no surrogate profile {plain!r}{nearest(plain, PROFILES)}")
    return Surrogate(profile=PROFILES[plain], seed=seed)
