"""Streams of key-value updates that interfere with each other, and who still knows the last ones.

After PI-LLM ("Unable to Forget", Wang and Sun 2025, arXiv 2506.08184): values of some keys come in
random order, never the same key twice running, each key equally often, no value of a key twice;
then the current value of every key is asked.  Earlier values of a key are what a model says
instead of its last: proactive interference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agentmem.errors import InputError

__all__ = ["Update", "last_values", "read_words", "score", "stream"]

Words = Mapping[str, Sequence[str]]  # key -> its values


class Update(NamedTuple):
    """One item of a stream."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"


def read_words(path: str | Path) -> dict[str, list[str]]:
    """The values of each key, from a JSON object of lists.  InputError for anything else."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no JSON of words: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(values, list) and all(isinstance(value, str) for value in values)
        for values in found.values()
    ):
        raise InputError(f"{path}: an object of lists of strings is needed: {{key: [value, ...]}}")
    return found


def stream(words: Words, updates: int, *, seed: int) -> list[Update]:
    """`updates` values of each key, len(words) * updates items in all, never a key twice running.

    Each item takes a key with a probability in proportion to the updates that it still has.
    InputError for fewer than two keys, or than `updates` different values of a key (case aside).
    """
    values = {key: list({one.lower(): one for one in own}.values()) for key, own in words.items()}
    short = [key for key, own in values.items() if len(own) < updates]
    if updates < 1 or len(values) < 2 or short:
        raise InputError(
            f"{updates} updates of {len(values)} keys: 1 update and 2 keys at least, and as many "
            f"values of each{f' (not of {short[0]!r})' if short else ''}"
        )
    draw = np.random.default_rng(seed)
    keys = sorted(values)
    drawn = [draw.permutation(len(values[key]))[:updates] for key in keys]
    seen = [0] * len(keys)
    found = []
    for place in _order(len(keys), updates, draw):
        key = keys[place]
        found.append(Update(key, values[key][int(drawn[place][seen[place]])]))
        seen[place] += 1
    return found


def _order(keys: int, n: int, draw: np.random.Generator) -> Iterator[int]:
    """Each of some keys n times, in random order, no two equal ones next to each other."""
    rest = np.full(keys, n)
    last = -1
    for left in range(keys * n, 0, -1):
        full = np.flatnonzero(2 * rest > left)  # it has to alternate from here on
        odds = np.where(np.arange(keys) == last, 0, rest)
        if len(full) and full[0] != last:
            last = int(full[0])
        else:
            last = int(draw.choice(keys, p=odds / odds.sum()))
        rest[last] -= 1
        yield last


def last_values(items: Sequence[Update]) -> dict[str, str]:
    """The current value of each key."""
    return dict(items)


def score(answers: Mapping[str, str], items: Sequence[Update]) -> float:
    """Share of the keys whose answer is the last value, case and blanks around it aside, 0..1.

    A key without an answer counts as wrong.
    """
    wanted = last_values(items)
    right = [
        answers.get(key, "").strip().lower() == value.strip().lower()
        for key, value in wanted.items()
    ]
    return sum(right) / len(right) if right else 0.0
