"""What a suite with served models will ask, and cost, before it starts.

A simulated player stands in for each served model, in one run of each setting (game, opponent,
arm); what it is asked is counted and scaled to all seeds.  What a model will say cannot be known:
the length of its replies is an assumption, and matches that go another way have other memories.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from agentmem.bench.once import play
from agentmem.bench.playing import direct
from agentmem.bench.suite import Job, Suite, is_simulated
from agentmem.bench.voices import Answer, Key, Messages, Voice
from agentmem.budget import Usage, estimate, estimate_messages
from agentmem.models import ChatModel, resolve
from agentmem.steps import Steps, run

STAND_IN = "surrogate:immune"
REPLY = {"cot": 200, "direct": 20}  # tokens assumed of a reply, with and without a reasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one model will be asked."""

    model: str
    runs: int = 0
    calls: int = 0
    tokens_in: int = 0  # characters / 4
    cached: int = 0  # of tokens_in: at best, as far as a seat's prompt begins like its last one
    tokens_out: int = 0  # assumed
    cost: float | None = None  # with the cache at its best; None without a price
    cost_uncached: float | None = None


@dataclass(kw_only=True)
class StandIn:
    """Answers for a served model, and counts what it was asked."""

    model: ChatModel
    reply: int  # tokens
    last: str = ""  # what was asked before
    spent: Usage = field(default_factory=Usage)
    calls: int = 0

    def _ask(
        self, messages: Messages, *, seed: int | None, key: Key, **options: Any
    ) -> Steps[Answer]:
        yield from ()
        text = "\x1f".join(message["content"] for message in messages)
        usage = Usage(
            tokens_in=estimate_messages(messages),
            tokens_out=self.reply,
            cached=estimate(text[: shared(text, self.last)]),
        )
        self.last = text
        self.calls += 1
        self.spent += usage
        if key[-2] == "memory":
            return Answer(text=answer(options.get("response_format"), self.reply), usage=usage)
        return Answer(text=self.model.invoke(messages, seed=seed).content, usage=usage)


def shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    most = min(len(one), len(other))
    return bisect_left(range(most), True, key=lambda n: one[: n + 1] != other[: n + 1])


def answer(form: Any, length: int) -> str:
    """What could be the answer to a memory's own question: `length` tokens, or the least JSON."""
    if form is None:
        return "word" * length
    return json.dumps(least(form["json_schema"]["schema"], "word" * length))


def least(schema: Mapping[str, Any], text: str) -> Any:
    """The least value of a JSON schema, with a text where it wants one."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        known = schema.get("properties", {})
        return {name: least(known[name], text) for name in schema.get("required", known)}
    plain: Mapping[Any, Any] = {"array": [], "integer": 0, "number": 0, "boolean": False}
    return plain.get(kind, text)


def estimates(suite: Suite, reply: int | None = None) -> list[Estimate]:
    """One estimate for each served model.  `reply`: tokens of a reply; None: as `REPLY` says, at
    most the option max_tokens.
    """
    found = {spec: Estimate(model=spec) for spec in suite.served}
    jobs = [job for job in suite.jobs() if not job.simulated]
    for _, same in groupby(jobs, key=lambda job: job.id.rpartition("/")[0]):
        runs = list(same)
        for spec, seats in sampled(suite, runs[0], reply).items():
            found[spec] = added(found[spec], seats, len(runs))
    return [priced(suite, one) for one in found.values()]


def sampled(suite: Suite, job: Job, reply: int | None) -> dict[str, list[StandIn]]:
    """The stand-ins of one run, by the model they stand in for."""
    seats: dict[str, list[StandIn]] = {}
    most = suite.serving.model.get("max_tokens")
    length = reply or min(REPLY[job.cell.asking.form], most or REPLY["cot"])

    def voices(spec: str) -> Voice:
        if is_simulated(spec):
            return direct(spec)
        seats.setdefault(spec, []).append(StandIn(model=resolve(STAND_IN), reply=length))
        return seats[spec][-1]

    run(play(suite, job, voices, lambda event: None))
    return seats


def added(so_far: Estimate, seats: list[StandIn], runs: int) -> Estimate:
    """The estimate with `runs` runs more, each like the one that these seats played."""
    spent = [seat.spent for seat in seats]
    return replace(
        so_far,
        runs=so_far.runs + runs,
        calls=so_far.calls + runs * sum(seat.calls for seat in seats),
        tokens_in=so_far.tokens_in + runs * sum(one.tokens_in for one in spent),
        tokens_out=so_far.tokens_out + runs * sum(one.tokens_out for one in spent),
        cached=so_far.cached + runs * sum(one.cached for one in spent),
    )


def priced(suite: Suite, one: Estimate) -> Estimate:
    """The estimate in money, where the suite gives a price."""
    price = suite.serving.prices.get(one.model)
    if price is None:
        return one
    usage = Usage(tokens_in=one.tokens_in, tokens_out=one.tokens_out, cached=one.cached)
    return replace(one, cost=price.of(usage), cost_uncached=price.of(replace(usage, cached=0)))
