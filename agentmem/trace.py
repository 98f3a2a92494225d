"""A journal as a trace: what came when, what was needed later, what had become stale.

The raw material of counterfactual replay: the same life, lived under another policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Ints, Namespace
from agentmem.engine import Engine
from agentmem.index.columns import Codes
from agentmem.ledger.reads import Line
from agentmem.text import count_tokens

__all__ = ["Event", "Items", "Trace", "trace_of"]

Happening = Literal["add", "need", "stale", "gone"]


class Event(NamedTuple):
    """Something that happened to some items (indices into `Items`) of one namespace."""

    at: float  # seconds since the epoch
    what: Happening
    items: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Items:
    """The records of a trace as they were added: aligned arrays of shape (n,)."""

    ids: NDArray[np.bytes_]
    created: Floats
    importance: Floats
    valence: Floats
    turn: Floats  # ordinal of the add within the namespace
    words: Floats
    tokens: Floats
    verify_by: Floats
    namespace: Ints
    kind: Ints
    source: Ints
    kinds: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Items and events, in the order in which they happened."""

    items: Items
    events: Sequence[Event]
    paths: Mapping[int, Namespace] = field(default_factory=dict)  # namespaces by code

    @property
    def needs(self) -> int:
        """How often a record was needed."""
        return sum(len(event.items) for event in self.events if event.what == "need")


def trace_of(engine: Engine, prefix: Namespace, *, until: float = np.inf) -> Trace:
    """The trace of a namespace's journal, up to `until`; what was erased since is not in it.

    A recall tells that a record was needed; a supersession, that it had become stale.  What the
    caller forgot is gone under every policy; what policies removed is left to the policies.
    """
    engine.refresh()
    reading = _Reading(engine, prefix)
    for line in engine.reads.lines():
        if line.at <= until:
            reading.take(line)
    return reading.trace()


class _Reading:
    """The journal's lines, one after the other."""

    def __init__(self, engine: Engine, prefix: Namespace) -> None:
        self.paths = dict(engine.ledger.spaces())
        self.spaces = set(engine.spaces(prefix))
        self.policies = set(engine.labels)
        self.entries: list[Mapping[str, Any]] = []
        self.place: dict[int, int] = {}  # ledger position -> index of the item
        self.events: list[Event] = []

    def take(self, line: Line) -> None:
        """One line's events, in the order in which the ledger applies its verbs."""
        said = line.payload
        self._say(line, "add", [i for i in map(self._add, said.get("add", ())) if i is not None])
        if line.reason == "recall":
            self._say(line, "need", self._known(row[0] for row in said.get("touch", ())))
        self._say(line, "stale", self._known(old for old, _ in said.get("supersede", ())))
        if line.run is None and line.policy not in self.policies:
            self._say(line, "gone", self._known(said.get("archive", ())))
        self._say(line, "gone", self._known(row[0] for row in said.get("erase", ())))

    def _add(self, entry: Mapping[str, Any]) -> int | None:
        if entry.get("erased") or entry["namespace"] not in self.spaces:
            return None
        self.place[entry["pos"]] = len(self.entries)
        self.entries.append(entry)
        return len(self.entries) - 1

    def _known(self, positions: Iterable[int]) -> list[int]:
        return [self.place[pos] for pos in positions if pos in self.place]

    def _say(self, line: Line, what: Happening, items: Sequence[int]) -> None:
        spaces = {item: self.entries[item]["namespace"] for item in items}
        for space in dict.fromkeys(spaces.values()):
            mine = tuple(item for item in items if spaces[item] == space)
            self.events.append(Event(line.at, what, mine))

    def trace(self) -> Trace:
        kinds, origins = Codes(), Codes()

        def floats(name: str) -> Floats:
            return np.array([entry.get(name) for entry in self.entries], dtype=np.float64)

        texts = [entry["text"] for entry in self.entries]
        items = Items(
            ids=np.array([entry["id"].encode() for entry in self.entries], dtype="S32"),
            created=floats("created"),
            importance=floats("importance"),
            valence=floats("valence"),
            turn=floats("turn"),
            words=np.array([len(text.split()) for text in texts], dtype=np.float64),
            tokens=np.array([count_tokens(text) for text in texts], dtype=np.float64),
            verify_by=floats("verify_by"),
            namespace=np.array([entry["namespace"] for entry in self.entries], dtype=np.int64),
            kind=kinds.of(entry["kind"] for entry in self.entries),
            source=origins.of(entry["source"] for entry in self.entries),
            kinds=kinds.names,
            origins=origins.names,
        )
        order = sorted(range(len(self.events)), key=lambda i: (self.events[i].at, i))
        return Trace(items=items, events=[self.events[i] for i in order], paths=self.paths)
