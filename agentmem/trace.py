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
from agentmem.index.life import Codes
from agentmem.ledger.reads import Line
from agentmem.ledger.tables import ACTIVE
from agentmem.ripple import EXPIRES
from agentmem.text import count_tokens

__all__ = ["Event", "Items", "Trace", "trace_of"]

Happening = Literal["add", "need", "stale", "gone", "back"]


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
    used: Floats
    uses: Floats  # 0 unless imported
    stability: Floats  # NaN unless imported
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
    lasting: tuple[str, ...] = ()  # kinds that go only under policies that name them

    @property
    def needs(self) -> int:
        """How often a record was needed."""
        return sum(len(event.items) for event in self.events if event.what == "need")


def trace_of(engine: Engine, prefix: Namespace, *, until: float = np.inf) -> Trace:
    """The trace of a namespace's journal, up to `until`; what was erased since is not in it.

    A recall tells that a record was needed; a supersession, that it had become stale.  What the
    caller forgot, or what was past its own date of expiry, is gone under every policy, and what
    the caller restored is back; what policies removed is left to the policies.
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
        self.lasting = tuple(engine.panel.kept)
        self.entries: list[Mapping[str, Any]] = []
        self.place: dict[int, int] = {}  # ledger position -> index of the item
        self.events: list[Event] = []
        self.away: set[int] = set()  # items that are gone or stale whatever the policies say
        self.expires: dict[int, float] = {}  # item -> its own date of expiry

    def take(self, line: Line) -> None:
        """One line's events, in the order in which the ledger applies its verbs."""
        said = line.payload
        new = [i for i in map(self._add, said.get("add", ())) if i is not None]
        self._say(line, "add", new)
        self._say(line, "gone", [i for i in new if self.entries[i]["status"] != ACTIVE])
        for entry in (*said.get("add", ()), *said.get("update", ())):
            for item in self._known([entry["pos"]]):
                date = entry.get("expires")
                self.expires[item] = np.inf if date is None else date
        again = [entry["pos"] for entry in said.get("update", ()) if entry["status"] == ACTIVE]
        self._say(line, "back", [i for i in self._known(again) if i in self.away])
        if line.reason == "recall":
            self._say(line, "need", self._known(row[0] for row in said.get("touch", ())))
        if line.run is None or line.policy in ("", EXPIRES):  # else it is maintenance
            self._say(line, "gone", self._known(said.get("archive", ())))
        self._say(line, "stale", self._known(old for old, _ in said.get("supersede", ())))
        back = self._known(row[0] for row in said.get("restore", ()))
        undone = line.run is not None  # of what maintenance did, nothing has happened here
        self._say(line, "back", [i for i in back if i in self.away or not undone])

    def _add(self, entry: Mapping[str, Any]) -> int | None:
        if entry.get("erased") or entry["namespace"] not in self.spaces:
            return None
        self.place[entry["pos"]] = len(self.entries)
        self.entries.append(entry)
        return len(self.entries) - 1

    def _known(self, positions: Iterable[int]) -> list[int]:
        return [self.place[pos] for pos in positions if pos in self.place]

    def _say(self, line: Line, what: Happening, items: Sequence[int]) -> None:
        if what in ("gone", "stale"):
            self.away.update(items)
        elif what == "back":
            self.away.difference_update(items)
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
            used=floats("used"),
            uses=floats("uses"),
            stability=floats("stability"),
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
        return Trace(items=items, events=self._sorted(), paths=self.paths, lasting=self.lasting)

    def _sorted(self) -> list[Event]:
        """The events by time, with the dates of expiry; nothing happens to what is not there yet.

        Lines can be dated back.
        """
        end = max((event.at for event in self.events), default=0.0)
        dates = [Event(at, "gone", (i,)) for i, at in self.expires.items() if at <= end]
        there: set[int] = set()
        events = []
        for event in sorted([*dates, *self.events], key=lambda event: event.at):
            if event.what == "add":
                there.update(event.items)
            items = tuple(item for item in event.items if item in there)
            if items:
                events.append(event._replace(items=items))
        return events
