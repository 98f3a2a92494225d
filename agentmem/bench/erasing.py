"""Erasure put to the test: a random memory, a random erasure, and a hunt for what is left of it.

A scenario draws a conversation in which every statement has made-up words of its own, the parts of
the memory, and what is done with it before; then it erases by ids, by an identifier or about an
entity, and looks for the erased words in every byte of every file of the memory's folder and on
every path that answers: in the handle that erased, in another one and in another process, both
open since before.  Deterministic by seed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentmem.bench.hunt import Found, Other, hunt, says
from agentmem.bench.keys import generator
from agentmem.clock import SimulatedClock
from agentmem.core import Record
from agentmem.errors import AgentMemError
from agentmem.memory import AgentMemory

__all__ = ["Outcome", "scenario"]

START = 1_700_000_000.0
DAY = 86_400.0
STORES = (
    *("block", "diary", "entity", "fact", "note", "profile", "segment", "session", "subgoal"),
    *("summary", "thought", "timeline", "triple", "windowed"),
)
CONSOLIDATION = ("adjacent", "brief", "ladder", "merge", "summaries")
INDEXES: tuple[Any, ...] = ("exact", "exact", "auto", "lsh", {"ann": {"beyond": 8}})
POLICIES: tuple[Any, ...] = (
    [],
    ["ebbinghaus"],
    [{"ebbinghaus": {"half_life": "1d", "remove": True, "forget_below": 0.5}}],
    [{"budget": {"max_records": 5}}],
    [{"window": {"n": 4, "remove": True}}],
)
SAID = (
    "user: {name} lives in {a} now.",
    "{name}: I love {a}, and I work at {b}.",
    "user: My friend {name} moved to {a} in 2019 and met {b}.",
    "user: {name}'s dog is called {a}.",
    "user: write to {email}, {a} asked for it.",
    "user: call {phone} about {a}.",
    "user: {a} belongs to {handle}.",
    "assistant: I have noted {a} for {b}.",
    "user: The meeting with {a} is on Monday; {b} brings the papers.",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a scenario came to."""

    seed: int
    how: str  # ids, identifier or about
    parts: Mapping[str, Any]  # stores, index, policies, who else was there
    records: int  # before the erasure
    asked: int  # records that had to go, as they were said
    words: int  # words hunted for
    leaks: tuple[Found, ...]
    missed: int  # records that had to go and stayed
    wronged: int  # records that had to stay and went
    told: bool  # does the receipt have content?
    verified: bool


@dataclass
class _Said:
    """A statement as the scenario knows it."""

    name: str  # record id
    words: set[str] = field(default_factory=set)  # its own, in any version
    named: set[str] = field(default_factory=set)  # identifiers, in any version


@dataclass(frozen=True)
class _Person:
    name: str
    email: str
    phone: tuple[str, ...]  # the same number, differently written
    handle: str


def scenario(seed: int, folder: Path, other: Other | None = None) -> Outcome:
    """One random erasure; `folder` is new and empty, `other` a process that joins in some."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Scenario(seed, folder, other).run()


class _Scenario:
    def __init__(self, seed: int, folder: Path, other: Other | None) -> None:
        self.rng = rng = generator("erasing", seed)
        self.seed, self.folder = seed, folder
        self.path = folder / "memory.db"
        self.clock = SimulatedClock(START)
        self.people = [self._person(i) for i in range(rng.randint(2, 4))]
        self.options = self._options()
        self.joined = other if rng.random() < 0.3 else None
        self.memory = self._open()
        self.twin = self._open() if rng.random() < 0.5 else None
        self.said: dict[str, _Said] = {}

    def _options(self) -> dict[str, Any]:
        rng, hashing = self.rng, {"hash": {"dim": 32}}
        consolidation = rng.sample(CONSOLIDATION, rng.choice((0, 0, 1, 2)))
        return {
            "embedder": rng.choice([hashing, {"cached": {"embedder": hashing}}]),
            "stores": ["chunk", *rng.sample(STORES, rng.choice((0, 1, 1, 2, 3)))],
            "index": rng.choice(INDEXES),
            "policies": rng.choice(POLICIES[-3:] if consolidation else POLICIES),
            "updates": rng.choice(([], [], ["statements"], ["keyed"], ["carecall"])),
            "consolidation": consolidation,
        }

    def _open(self) -> AgentMemory:
        return AgentMemory.open(self.path, clock=self.clock, **self.options)

    def _word(self, size: int = 4) -> str:
        pairs = (self.rng.choice("bdfgklmnprstvz") + self.rng.choice("aeiou") for _ in range(size))
        return "".join(pairs).capitalize()

    def _person(self, number: int) -> _Person:
        first, last = ("Anva", "Berg") if number == 0 else (self._word(3), self._word(3))
        if number == 1:  # somebody with nearly the same name
            first, last = "Anva", "Bergson"
        number_ = "".join(self.rng.choice("123456789") for _ in range(8))
        return _Person(
            f"{first} {last}",
            f"{first}.{self._word(2)}@{self._word(3)}.example".lower(),
            (f"+49 151 {number_[:4]} {number_[4:]}", f"0049 (0)151/{number_}"),
            f"@{first}_{self._word(3)}".lower(),
        )

    # --- what happens before

    def _statement(self, noted: float = 0.2) -> tuple[str, dict[str, Any], set[str], set[str]]:
        """(text, data, its words, what it names); data with probability `noted`."""
        rng, person = self.rng, self.rng.choice(self.people)
        a, b = self._word(5), self._word(5)
        phone = rng.choice(person.phone)
        given = {"name": person.name, "email": person.email, "handle": person.handle}
        template = rng.choice(SAID)
        if rng.random() < 0.2:
            given["email"] = given["email"].upper()
        text = template.format(a=a, b=b, phone=phone, **given)
        named = {key for key in ("name", "email", "phone", "handle") if f"{{{key}}}" in template}
        data: dict[str, Any] = {}
        if rng.random() < noted:
            secret = self._word(5)
            data = {"from": {"mail": person.email}, "tags": [secret]}
            named.add("email")
            a = f"{a} {secret}"
        words = {word.lower() for word in f"{a} {b}".split() if word in text or data}
        known = {"name": person.name, "email": person.email, "handle": person.handle}
        known["phone"] = person.phone[0]
        return text, data, words, {known[key] for key in named}

    def _note(self, name: str, words: Iterable[str], named: Iterable[str]) -> None:
        one = self.said.setdefault(name, _Said(name))
        one.words |= set(words)
        one.named |= set(named)

    def add(self) -> None:
        text, data, words, named = self._statement()
        source = self.rng.choice(("", "", "tool:web"))
        for name in self.memory.add(text, data=data, source=source):
            self._note(name, words, named)

    def update(self) -> None:
        text, data, words, named = self._statement()
        name = self._any()
        self.memory.update(name, text=text, data=data)
        self._note(name, words, named)

    def supersede(self) -> None:
        text, _, words, named = self._statement(noted=0.0)
        old = self._any()
        new = self.memory.supersede(old, text)
        was, kept = self.said[old], _plain(self.memory.get(old))  # the new one has its metadata
        words |= {word for word in was.words if word in kept}
        self._note(new, words, named | {one for one in was.named if one in kept})

    def forget(self) -> None:
        self.memory.forget(self._any(), reason=f"about {self._any()}")

    def restore(self) -> None:
        self.memory.restore(self._any())

    def recall(self) -> None:
        self.memory.search(self._statement()[0], k=4)

    def maintain(self) -> None:
        run = self.memory.apply(self.memory.plan(), allow_mass=True)
        if self.rng.random() < 0.5:
            self.memory.undo(run)

    def wait(self) -> None:
        self.clock.advance(self.rng.choice((60.0, DAY, 9 * DAY)))
        self.maintain()

    def reopen(self) -> None:
        self.memory.close()
        self.memory = self._open()

    def _any(self) -> str:
        return self.rng.choice(sorted(self.said))

    def _live(self) -> None:
        for _ in range(3):
            self.add()
        verbs = [self.add] * 6 + [self.update, self.supersede, self.forget, self.restore]
        verbs += [self.recall, self.recall, self.maintain, self.maintain, self.wait, self.reopen]
        for _ in range(self.rng.randint(4, 24)):
            try:
                self.rng.choice(verbs)()
            except AgentMemError:
                continue  # such as to undo what has changed since: part of life

    # --- the erasure, and what is left

    def run(self) -> Outcome:
        try:
            self._live()
            for one in filter(None, (self.twin, self.memory)):
                one.search("what is known", k=50, reinforce=False)
            if self.joined is not None:
                self.joined.ask(self.path, self.options, [])
            return self._erase()
        finally:
            for one in filter(None, (self.memory, self.twin)):
                one.close()
            if self.joined is not None:
                self.joined.close(self.path)

    def _erase(self) -> Outcome:
        rng = self.rng
        how = rng.choice(("ids", "identifier", "about"))
        person = rng.choice(self.people)
        records = self.memory.stats()["records"]
        if how == "ids":
            there = sorted(self.said)
            going = set(rng.sample(there, min(len(there), rng.randint(1, 4))))
            receipt = self.memory.erase(*sorted(going))
            hunted = set[str]()
        else:
            sought = person.name
            if how == "identifier":
                options = (person.name, person.email, person.phone[0], person.handle)
                sought = rng.choice(options)
            going = {one.name for one in self.said.values() if sought in one.named}
            chosen = (sought, None) if how == "identifier" else (None, sought)
            receipt = self.memory.erase(identifier=chosen[0], about=chosen[1], allow_mass=True)
            hunted = {sought.lower()} | set(person.phone if sought in person.phone else ())
        staying = [one for name, one in self.said.items() if name not in going]
        own = {word for name in going for word in self.said[name].words}
        own -= {word for one in staying for word in one.words}
        words = sorted(own | hunted)
        leaks = self._hunt(words)
        present = {name for name, _ in self.memory._engine.ledger.present(self.said)}
        return Outcome(
            seed=self.seed,
            how=how,
            parts={
                **{key: str(value) for key, value in self.options.items()},
                "twin": self.twin is not None,
                "process": self.joined is not None,
            },
            records=records,
            asked=len(going),
            words=len(words),
            leaks=tuple(leaks),
            missed=len(going & present),
            wronged=len({one.name for one in staying} - present),
            told=any(word in repr(receipt).lower() for word in words),
            verified=receipt.verified,
        )

    def _hunt(self, words: Sequence[str]) -> list[Found]:
        found = list(hunt(self.memory, words, "own", self.folder.parent))
        if self.twin is not None:
            found += hunt(self.twin, words, "another handle", self.folder.parent)
        if self.joined is not None:
            found += self.joined.ask(self.path, self.options, words)
        for file in sorted(self.folder.rglob("*")):
            if file.is_file():
                held = file.read_bytes().decode("latin-1").lower()
                kept = [word for word in words if says(held, word)]
                found += [Found("bytes", file.suffix or file.name, word) for word in kept]
        return found


def _plain(record: Record) -> str:
    return json.dumps(dict(record.data)).lower()
