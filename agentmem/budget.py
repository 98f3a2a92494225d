"""What calls to a model may cost: calls, tokens and money, refused before they are overdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from threading import Lock
from typing import Annotated

from agentmem import fields
from agentmem.errors import BudgetExceeded, ConfigError

__all__ = ["Budget", "Price", "Usage", "estimate"]

PerMillion = Annotated[float, fields.Unit("money per million tokens"), fields.Bounds(least=0.0)]

CHARACTERS_PER_TOKEN = 4  # OpenAI's rule of thumb for English text
MESSAGE_TOKENS = 4  # role and separators of one chat message


def estimate(*texts: str) -> int:
    """Tokens of some texts, guessed: a quarter of their characters, each text rounded up."""
    return sum(-(-len(text) // CHARACTERS_PER_TOKEN) for text in texts)


def estimate_messages(messages: Sequence[Mapping[str, str]]) -> int:
    """Tokens of a prompt, guessed."""
    return sum(MESSAGE_TOKENS + estimate(message["content"]) for message in messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, or of several."""

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0  # of tokens_in: read from the server's prompt cache
    estimated: bool = False  # at least a part was guessed, because the model reported nothing

    @property
    def total(self) -> int:
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cached=self.cached + other.cached,
            estimated=self.estimated or other.estimated,
        )


def reported(metadata: object) -> Usage | None:
    """The usage that a langchain-core message carries as `usage_metadata`; None if it has none."""
    if not isinstance(metadata, Mapping):
        return None
    details = metadata.get("input_token_details") or {}
    return Usage(
        tokens_in=int(metadata.get("input_tokens") or 0),
        tokens_out=int(metadata.get("output_tokens") or 0),
        cached=int(details.get("cache_read") or 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model takes for a million tokens, in the currency of the budget."""

    input: PerMillion
    output: PerMillion
    cached: PerMillion | None = None  # prompt tokens from the server's cache; None: as the others

    def __post_init__(self) -> None:
        fields.check(self)

    def of(self, usage: Usage) -> float:
        """Money for some tokens."""
        cached = self.input if self.cached is None else self.cached
        fresh = (usage.tokens_in - usage.cached) * self.input
        return (fresh + usage.cached * cached + usage.tokens_out * self.output) / 1e6


@dataclass(kw_only=True)
class Budget:
    """At most so many calls, tokens and so much money; None for no limit.  Thread-safe.

    A call is held before it is made and settled after it.  It is refused if the calls are spent
    or if its prompt (estimated) does not fit into the tokens or the money left, calls in flight
    included.  So the overdraft is at most the replies in flight plus the error of the estimate.
    A failed call counts as a call; its tokens are unknown and count as none.

    What is charged to a budget is charged to the one it is `within` as well, so that several
    models, each at its price, share one.  ConfigError for a limit in money without a price.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    price: Price | None = None  # of the model that is called
    within: Budget | None = None
    calls: int = field(default=0, init=False)
    spent: Usage = field(default_factory=Usage, init=False)
    cost: float = field(default=0.0, init=False)
    _held: int = field(default=0, init=False, repr=False)
    _held_cost: float = field(default=0.0, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_calls", "max_tokens"):
            limit = getattr(self, name)
            if limit is not None and (isinstance(limit, bool) or limit < 0):
                raise ConfigError(f"{name} = {limit!r}: give a whole number >= 0, or None")
        money = self.max_cost
        if money is not None and (isinstance(money, bool) or not isfinite(money) or money < 0):
            raise ConfigError(f"max_cost = {money!r}: give a number >= 0, or None")

    @property
    def counts_money(self) -> bool:
        """Whether a limit in money holds, here or in the budget around this one."""
        return self.max_cost is not None or (self.within is not None and self.within.counts_money)

    def hold(self, tokens: int) -> None:
        """Count a call and set `tokens` aside for its prompt; BudgetExceeded if it may not be."""
        if self.price is None and self.counts_money:
            raise ConfigError("a budget with max_cost needs the price of the model")
        self._hold(tokens, self._money(Usage(tokens_in=tokens)))

    def settle(self, tokens: int, usage: Usage | None) -> None:
        """Release what `hold` set aside and count what the call really used (None: it failed)."""
        used = usage or Usage()
        self._settle(tokens, self._money(Usage(tokens_in=tokens)), used, self._money(used))

    def charge(self, calls: int, usage: Usage) -> None:
        """Count what was spent before, whether or not it would be allowed now."""
        self._charge(calls, usage, self._money(usage))

    def _charge(self, calls: int, usage: Usage, cost: float) -> None:
        with self._lock:
            self.calls += calls
            self.spent += usage
            self.cost += cost
        if self.within is not None:
            self.within._charge(calls, usage, cost)

    def _money(self, usage: Usage) -> float:
        return 0.0 if self.price is None else self.price.of(usage)

    def _hold(self, tokens: int, cost: float) -> None:
        with self._lock:
            self._check(tokens, cost)
            if self.within is not None:
                self.within._hold(tokens, cost)
            self.calls += 1
            self._held += tokens
            self._held_cost += cost

    def _settle(self, tokens: int, held: float, used: Usage, cost: float) -> None:
        with self._lock:
            self._held -= tokens
            self._held_cost -= held
            self.spent += used
            self.cost += cost
        if self.within is not None:
            self.within._settle(tokens, held, used, cost)

    def _check(self, tokens: int, cost: float) -> None:
        """BudgetExceeded, saying what is spent and what to raise, if a call may not be made."""
        so_far = f"{self.calls} calls, {self.spent.total} tokens"
        so_far += f", {self.cost:.6g} in money" if self.price or self.counts_money else ""
        if self.max_calls is not None and self.calls >= self.max_calls:
            raise BudgetExceeded(
                f"the budget of {self.max_calls} calls is spent ({so_far}): raise max_calls"
            )
        taken = self.spent.total + self._held
        if self.max_tokens is not None and taken + tokens > self.max_tokens:
            raise BudgetExceeded(
                f"the next prompt (about {tokens} tokens) does not fit into the budget: "
                f"{taken} of {self.max_tokens} tokens are spent or in flight ({so_far}): "
                "raise max_tokens"
            )
        money = self.cost + self._held_cost
        if self.max_cost is not None and money + cost > self.max_cost:
            raise BudgetExceeded(
                f"the next prompt (about {cost:.6g} in money) does not fit into the budget: "
                f"{money:.6g} of {self.max_cost:g} are spent or in flight ({so_far}): "
                "raise max_cost"
            )
