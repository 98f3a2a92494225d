"""A benchmark suite: games x players x opponents x arms x seeds.  In YAML:

    games:
      prisoners: {rounds: 60, opponents: [self, alld]}
    players: ["surrogate:oss20b_pd"]
    windows: [1, 2, 5]                      each an arm `window-N`
    arms:
      none: {k: 0}
      fading: {policies: [{ebbinghaus: {half_life: 10h}}]}
      forgiving: p07-bygones              an arm of the catalogue, or ./mine.yaml
    seeds: 5                                seeds 0..4, or a list

What served models may cost, and how they are asked, is said as in `serving`.
An arm is how a memory forgets and what of it is shown; it never reaches a player otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from agentmem.bench import lexicon
from agentmem.bench.events import Level
from agentmem.bench.games import Game
from agentmem.bench.players import OWN, PREFIXES, scripted
from agentmem.bench.prompting import Form
from agentmem.bench.provenance import foreign, package_version, source_hash
from agentmem.bench.seats import Recall
from agentmem.bench.serving import Serving
from agentmem.bench.variant import AS_IT_IS, Variant
from agentmem.config import dump
from agentmem.core import content_id
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, Seconds, check
from agentmem.models import resolve

Place = Literal["system", "after"]
SELF = "self"  # the opponent that is the player itself, with a memory of the same arm


def is_model(opponent: str) -> bool:
    """Whether an opponent is a chat model: it remembers as the player does."""
    return ":" in opponent and not opponent.startswith(PREFIXES)


def is_remote(spec: str) -> bool:
    """Whether a model spec names a server; others name code, by a dotted path."""
    return spec.startswith(("openai:", "vllm:"))


def is_simulated(player: str) -> bool:
    """Whether a model spec names a simulated player."""
    return player.startswith("surrogate:")


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What all arms share unless an arm says otherwise."""

    k: Annotated[int, Bounds(least=0)] = 80  # most records shown; 0 shows none
    reinforce: bool = False  # whether being shown strengthens a record
    query: Literal["none", "observation"] = "none"  # none: the most retained, then the most recent
    round: Annotated[Seconds, Bounds(above=0)] = 3600.0  # simulated time of a round

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to remember, or one for each seat."""

    name: str
    recalls: tuple[Recall, ...]  # one for all seats, or one for each
    window: int | None = None  # rounds shown, where the arm is a plain window; 0 for none at all

    def recall(self, seat: int) -> Recall:
        """How a seat remembers."""
        return self.recalls[0] if len(self.recalls) == 1 else self.recalls[seat]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How players are asked; a suite says it for all its games, or a game for itself."""

    form: Form = "cot"  # whether a reasoning is asked for
    rules: Place = "system"  # where the rules stand: before the memory, or after it

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One game with who plays it, and how they are asked."""

    label: str
    game: Game
    players: tuple[str, ...]  # model specs
    opponents: tuple[str, ...]  # `self`, names of scripted players, or model specs
    asking: Asking


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: a match of a player against an opponent, under an arm and a seed."""

    cell: Cell
    player: str
    opponent: str
    arm: Arm
    seed: int

    @property
    def players(self) -> tuple[str, ...]:
        """Who sits where: `self` is the player.

        Where seats differ, the player moves on by one seat every other seed, so that each side is
        played under each order of the action tokens.
        """
        seats = self.cell.game.seats
        if self.opponent == SELF:
            return (SELF,) * seats
        own = self.seed // 2 % seats if self.cell.game.uneven else 0
        return tuple(SELF if place == own else self.opponent for place in range(seats))

    @property
    def simulated(self) -> bool:
        """Whether nobody plays whose answers another program gives."""
        return all(is_simulated(p) for p in (self.player, self.opponent) if is_model(p))

    @property
    def id(self) -> str:
        return "/".join(
            (self.cell.label, self.player, self.opponent, self.arm.name, str(self.seed))
        )


@dataclass(frozen=True, kw_only=True)
class Options:
    """The plain keys of a suite."""

    name: str = ""
    description: str = ""
    seeds: int | list[int] = 5  # how many, from 0, or which
    windows: list[int] = field(default_factory=list)
    family: list[str] = field(default_factory=list)  # arms declared for comparison; []: all
    sampler_seed: bool = True  # hand the model a seed with each call
    log: Level = "full"  # full, moves (without texts and ids), results (finished runs only)

    def __post_init__(self) -> None:
        seeds = range(self.seeds) if isinstance(self.seeds, int) else self.seeds
        if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ConfigError(
                f"seeds = {self.seeds!r}: give a number >= 1, or a list of different numbers >= 0"
            )


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A checked suite."""

    options: Options
    memory: Memory
    cells: tuple[Cell, ...]
    arms: tuple[Arm, ...]
    serving: Serving = field(default_factory=Serving)
    source: str = ""  # the file or the name that it was read from
    variant: Variant = AS_IT_IS  # what is played otherwise than that says
    max_cost: float | None = None  # the limit in money that goes before what that says

    @property
    def name(self) -> str:
        return self.options.name

    @property
    def seeds(self) -> tuple[int, ...]:
        seeds = self.options.seeds
        return tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)

    @property
    def simulated(self) -> bool:
        """Whether any player is a simulated one."""
        return any(is_simulated(p) for cell in self.cells for p in (*cell.players, *cell.opponents))

    @property
    def served(self) -> tuple[str, ...]:
        """Specs of the chat models that are not simulated, each once."""
        specs = [p for cell in self.cells for p in (*cell.players, *cell.opponents) if is_model(p)]
        return tuple(dict.fromkeys(p for p in specs if not is_simulated(p)))

    def jobs(self) -> Iterator[Job]:
        """Every run, in a fixed order."""
        for cell in self.cells:
            for player in cell.players:
                for opponent in cell.opponents:
                    for arm in self.arms:
                        for seed in self.seeds:
                            yield Job(
                                cell=cell, player=player, opponent=opponent, arm=arm, seed=seed
                            )

    def spec(self) -> dict[str, Any]:
        """All that determines the results, as plain data."""
        return {
            "name": self.name,
            "seeds": list(self.seeds),
            "family": self.options.family,
            "sampler_seed": self.options.sampler_seed,
            "serving": self.serving.spec(),
            "round_seconds": self.memory.round,
            "cells": [_cell_spec(cell) for cell in self.cells],
            "arms": [_arm_spec(arm) for arm in self.arms],
            "lexicon": lexicon.VERSION,
            "code": source_hash(),
            "foreign": foreign(
                [*_sides(self.cells), *_components(self.arms)],
                [spec.partition(":")[0] for spec in self.served if not is_remote(spec)],
            ),
            "version": package_version(),
        }

    def spec_hash(self) -> str:
        """16 hex digits over the specification, the code and the prompts included."""
        return content_id(json.dumps(self.spec(), sort_keys=True))[:16]


def _cell_spec(cell: Cell) -> dict[str, Any]:
    return {
        "label": cell.label,
        "game": cell.game.name,
        "class": f"{type(cell.game).__module__}:{type(cell.game).__qualname__}",
        "settings": asdict(cell.game),
        "material": cell.game.material,
        "players": list(cell.players),
        "opponents": list(cell.opponents),
        **asdict(cell.asking),
    }


def _sides(cells: Sequence[Cell]) -> list[object]:
    """The games, the scripted players of somebody else, and the simulated ones."""
    found: list[object] = []
    for cell in cells:
        who = (*cell.players, *cell.opponents)
        found.append(cell.game)
        found += [scripted(type(cell.game), name) for name in who if name.startswith(OWN)]
        found += [resolve(spec) for spec in who if is_simulated(spec)]
    return found


def _components(arms: Sequence[Arm]) -> list[object]:
    """What the memories of some arms are made of."""
    recalls = [recall for arm in arms for recall in arm.recalls]
    return [
        part
        for one in recalls
        for part in (*one.policies, *one.stores, *one.consolidation, *one.retrieval)
    ]


def _arm_spec(arm: Arm) -> dict[str, Any]:
    return {"name": arm.name, "seats": [_recall_spec(recall) for recall in arm.recalls]}


def _recall_spec(recall: Recall) -> dict[str, Any]:
    return {
        "k": recall.k,
        "reinforce": recall.reinforce,
        "query": "observation" if recall.by_observation else "none",
        "policies": [dump(policy) for policy in recall.policies],
        "stores": dump(recall.stores),
        "consolidation": dump(recall.consolidation),
        "retrieval": dump(recall.retrieval),
    }
