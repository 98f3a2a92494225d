"""How the served models of a suite are asked, and what that may cost.

model: {temperature: 0.7, max_tokens: 400}          options of every served model
concurrency: 64                                     calls at once
timeout: 60s                                        of a call
budget: {cost: 20, tokens: 50000000, calls: 500000} of the whole suite
prices: {"openai:gpt-4o-mini": {input: 0.15, cached: 0.075, output: 0.6}}   for a million tokens
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from agentmem.bench.asking import Service
from agentmem.budget import Budget, Price
from agentmem.errors import ConfigError, nearest
from agentmem.fields import Bounds, check
from agentmem.foreign import redact
from agentmem.reading import Reader

KEYS = ("model", "prices", "budget", "concurrency", "timeout")
SECRET = frozenset(
    {"api_key", "openai_api_key", "default_headers", "extra_headers", "default_query"}
)  # options that are, or may hold, a key
_PASSWORD, _QUERY = re.compile(r"@https?://[^/?#]*@"), re.compile(r"@https?://.*[?#]")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a suite may take in all, earlier sessions included; None: no limit."""

    cost: Annotated[float, Bounds(least=0)] | None = None  # in the currency of the prices
    tokens: Annotated[int, Bounds(least=0)] | None = None
    calls: Annotated[int, Bounds(least=0)] | None = None

    def __post_init__(self) -> None:
        check(self)

    def budget(self) -> Budget:
        """A budget with nothing spent."""
        return Budget(max_cost=self.cost, max_tokens=self.tokens, max_calls=self.calls)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How served models are asked."""

    model: Mapping[str, Any] = field(default_factory=dict)  # options: temperature, ...
    prices: Mapping[str, Price] = field(default_factory=dict)  # by model spec
    limits: Limits = field(default_factory=Limits)
    service: Service = field(default_factory=Service)

    def spec(self) -> dict[str, Any]:
        """What of it determines results: no key, and not how fast they come."""
        return {
            "model": without_secrets(self.model),
            "prices": {name: asdict(price) for name, price in self.prices.items()},
        }


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model, without those that may hold a key, however deep they stand."""
    return {
        key: without_secrets(value) if isinstance(value, Mapping) else value
        for key, value in options.items()
        if key not in SECRET
    }


def check_spec(spec: str) -> None:
    """ConfigError for a model spec that holds a key: it stands in all that a run writes."""
    if redact(spec) != spec or _PASSWORD.search(spec) or _QUERY.search(spec):
        raise ConfigError(
            "a model's name and address are written into results: leave keys, passwords and "
            "queries out of them, and set OPENAI_API_KEY or VLLM_API_KEY instead"
        )


def read_serving(reader: Reader, content: dict[str, Any]) -> Serving:
    """Take the keys of serving out of a suite's plain data."""
    given = {key: content.pop(key) for key in ("concurrency", "timeout") if key in content}
    prices = {
        name: reader.construct(Price, body, f"prices.{name}")
        for name, body in reader.mapping(content.pop("prices", None), "prices").items()
    }
    return Serving(
        model=dict(reader.mapping(content.pop("model", None), "model")),
        prices={name: price for name, price in prices.items() if price is not None},
        limits=reader.construct(Limits, content.pop("budget", None), "budget") or Limits(),
        service=reader.construct(Service, given, "") or Service(),
    )


def check_prices(reader: Reader, serving: Serving, served: Collection[str]) -> None:
    """Note prices of models that do not play, and models without the price that a limit needs."""
    for name in serving.prices:
        if name not in served:
            reader.problem(f"prices.{name}", f"no served model of the suite{nearest(name, served)}")
    if serving.limits.cost is not None:
        for name in sorted(set(served) - set(serving.prices)):
            reader.problem("budget.cost", f"a limit in money needs prices.{name}")
