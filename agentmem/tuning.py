"""Fitting a policy's options to a journal, judged on its end, which the fit has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isnan
from typing import Any, Literal

import numpy as np
import yaml

from agentmem.clock import duration
from agentmem.core import Policy
from agentmem.counterfactual import Outcome, lived
from agentmem.errors import InputError
from agentmem.specs import build_policies
from agentmem.trace import Trace

__all__ = ["Objective", "Tuned", "choices", "plain", "tune"]

Objective = Literal["auc", "recall"]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The best of some options of a policy."""

    options: Mapping[str, Any]
    fitted: float  # the objective on the part that was fitted
    held_out: float  # on the rest
    default: float  # of the policy's own defaults, on the rest
    outcome: Outcome  # on the rest
    tried: int

    @property
    def gain(self) -> float:
        """What the options win over the defaults where they were not fitted."""
        return self.held_out - self.default


def tune(
    trace: Trace,
    name: str,
    grid: Mapping[str, Sequence[Any]],
    *,
    objective: Objective = "auc",
    budget: int | None = None,
    tail: float = 0.3,
) -> Tuned:
    """The options of a policy, out of all combinations of a grid, that serve a trace best.

    `objective`: "auc", whether what is needed outweighs the rest (of ranking), or "recall", whether
    it is still there (of removal, or under a `budget` of records).  The last share `tail` of the
    needs (0..1) is held out.  Of equal ones the first wins.  InputError if the trace has too few
    needs, or nothing to compare them with; ConfigError for options that the policy does not take.
    """
    if not 0.0 < tail < 1.0:
        raise InputError(f"tail = {tail!r}: it must lie between 0 and 1")
    combined = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    if not combined:
        raise InputError(f"no value to try for {next(name for name in grid if not grid[name])!r}")
    made = [build_policies([{name: options} if options else name]) for options in combined]
    cut = _cut(trace, tail)
    head = replace(trace, events=[event for event in trace.events if event.at < cut])
    scores = [_score(lived(head, policies, budget=budget), objective) for policies in made]
    if all(isnan(score) for score in scores):
        raise InputError("no other record stood beside those recalled: nothing to compare")
    best = int(np.nanargmax(scores))
    outcome = lived(trace, made[best], budget=budget, since=cut)
    plain: Sequence[Policy] = build_policies([name])
    default = lived(trace, plain, budget=budget, since=cut)
    return Tuned(
        options=combined[best],
        fitted=scores[best],
        held_out=_score(outcome, objective),
        default=_score(default, objective),
        outcome=outcome,
        tried=len(made),
    )


def _score(outcome: Outcome, objective: Objective) -> float:
    value: float = getattr(outcome, objective)
    return value


def _cut(trace: Trace, tail: float) -> float:
    """The time from which needs are held out."""
    times = [event.at for event in trace.events if event.what == "need" for _ in event.items]
    place = min(int(len(times) * (1.0 - tail)), len(times) - 1)
    if len(times) < 10 or times[place] == times[0]:
        raise InputError(
            f"{len(times)} recalls are too few to fit anything: at least 10 at different times"
        )
    return times[place]


def choices(text: str) -> list[Any]:
    """The values of `1d..180d:6` (so many, evenly spaced on a log scale) or of `7d,30d,1y`.

    Ends are durations or numbers; between whole numbers, as in `10..1000:3`, all are whole.
    InputError for what is neither.
    """
    if ".." not in text:
        return [plain(part) for part in text.split(",") if part.strip()]
    ends, _, count = text.partition(":")
    low, _, high = ends.partition("..")
    try:
        n, first, last = int(count or 5), _end(low), _end(high)
    except ValueError as error:
        raise InputError(f"{text!r}: write LOW..HIGH:COUNT, as in 1d..180d:6") from error
    if n < 2 or not 0.0 < first < last < np.inf:
        raise InputError(f"{text!r}: LOW above 0, HIGH above LOW, COUNT at least 2")
    values = [float(f"{value:.6g}") for value in np.geomspace(first, last, n)]
    if low.strip().isdigit() and high.strip().isdigit():
        return list(dict.fromkeys(round(value) for value in values))
    return values


def plain(text: str) -> Any:
    """The value that a piece of YAML stands for; InputError if it is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{text!r} is not YAML: {' '.join(str(error).split())}") from error


def _end(text: str) -> float:
    """A number, or the seconds of a duration."""
    try:
        return float(text)
    except ValueError:
        return duration(text.strip())
