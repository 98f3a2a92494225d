"""Common random numbers: every draw is keyed by (seed, game, round, seat), never by policy."""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def key(*parts: object) -> int:
    """A 62-bit key of some parts, the same in every process (fits a signed 64-bit integer)."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2


def seeded(seed: int) -> Random:
    """A generator for simulation: repeatable, and no source of secrets."""
    return Random(seed)  # noqa: S311


def generator(*parts: object) -> Random:
    """A generator seeded by `key`."""
    return seeded(key(*parts))
