"""Simulated players: chat models that read nothing but the prompt text.

They test mechanism and harness and are no evidence about language models.  `FAMILIES` names them:
each family has a table of minds, and makes one by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agentmem.bench.surrogates import human, inertia, published, retaliation, windowed
from agentmem.bench.surrogates.balance import PROFILES, Balance
from agentmem.bench.surrogates.chat import Mind, Reply, Simulated
from agentmem.errors import ConfigError, nearest

LABEL = "simulated players: tests mechanism and harness, not evidence about LLMs"


@dataclass(frozen=True, kw_only=True)
class Family:
    """Simulated players of one kind."""

    about: str
    names: tuple[str, ...]
    make: Callable[[str], Mind]


FAMILIES: Mapping[str, Family] = {
    "balance": Family(
        about="S3, the balance of evidence, fitted to published cells of the memory curse",
        names=tuple(PROFILES),
        make=lambda name: Balance(profile=PROFILES[name]),
    ),
    "grudge": Family(
        about="S1, the windowed grudge: one visible harm decides; solved exactly in the oracles",
        names=tuple(windowed.MINDS),
        make=lambda name: windowed.MINDS[name],
    ),
    "retaliation": Family(
        about="S2, linear retaliation: every visible harm counts; solved exactly in the oracles",
        names=tuple(retaliation.MINDS),
        make=lambda name: retaliation.MINDS[name],
    ),
    "inertia": Family(
        about="S4, the balance of evidence with own-move inertia, estimated in real logs",
        names=inertia.names(),
        make=inertia.inertia,
    ),
    "published": Family(
        about="fitted to tables of what language models did in published logs",
        names=published.names(),
        make=published.published,
    ),
    "human": Family(
        about="fitted to what people chose in a laboratory (Dal Bo & Frechette 2011)",
        names=human.NAMES,
        make=human.human,
    ),
}


def names() -> dict[str, Family]:
    """Every simulated player's name, with its family."""
    return {name: family for family in FAMILIES.values() for name in family.names}


def model(name: str, seed: int = 0) -> Simulated:
    """The simulated player `NAME` or `surrogate:NAME`; ConfigError for an unknown one."""
    plain = name.removeprefix("surrogate:")
    known = names()
    if plain not in known:
        raise ConfigError(f"no simulated player {plain!r}{nearest(plain, known)}")
    return Simulated(mind=known[plain].make(plain), seed=seed)


__all__ = [
    "FAMILIES",
    "LABEL",
    "PROFILES",
    "Family",
    "Mind",
    "Reply",
    "Simulated",
    "model",
    "names",
]
