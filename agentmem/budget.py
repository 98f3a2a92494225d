"""What calls to a model may cost: a budget of calls and tokens, refused before it is overdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from agentmem.errors import BudgetExceeded, ConfigError

__all__ = ["Budget", "Usage", "estimate"]

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


@dataclass(kw_only=True)
class Budget:
    """At most `max_calls` calls and `max_tokens` tokens; None for no limit.  Thread-safe.

    A call is held before it is made and settled after it.  It is refused if the calls are spent
    or if its prompt (estimated) does not fit into the tokens left, calls in flight included.  So
    the overdraft is at most the replies in flight plus the error of the estimate.  A failed call
    counts as a call; its tokens are unknown and count as none.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    calls: int = field(default=0, init=False)
    spent: Usage = field(default_factory=Usage, init=False)
    _held: int = field(default=0, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_calls", "max_tokens"):
            limit = getattr(self, name)
            if limit is not None and (isinstance(limit, bool) or limit < 0):
                raise ConfigError(f"{name} = {limit!r}: give a whole number >= 0, or None")

    def hold(self, tokens: int) -> None:
        """Count a call and set `tokens` aside for its prompt; BudgetExceeded if it may not be."""
        with self._lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                raise BudgetExceeded(f"the budget of {self.max_calls} calls is spent")
            taken = self.spent.total + self._held
            if self.max_tokens is not None and taken + tokens > self.max_tokens:
                raise BudgetExceeded(
                    f"the next prompt (about {tokens} tokens) does not fit into the budget: "
                    f"{taken} of {self.max_tokens} tokens are spent or in flight"
                )
            self.calls += 1
            self._held += tokens

    def settle(self, tokens: int, usage: Usage | None) -> None:
        """Release what `hold` set aside and count what the call really used (None: it failed)."""
        with self._lock:
            self._held -= tokens
            self.spent += usage or Usage()
