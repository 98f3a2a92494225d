"""Long chats as records: what each turn is needed for, and what its importance is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from keepers import records
from locomo import CATEGORIES, DAY, evidence, moment

from agentmem import AgentMemory, salience
from agentmem.core import Floats, Record, View
from agentmem.text import words

DEFAULT = (salience.PRIOR, salience.ASKED, salience.ANSWER, salience.DATED)
Setting = tuple[float, float, float, float]  # prior, share of asked words, answer, date


@dataclass(frozen=True)
class Said:
    """What importance is made of, of one turn."""

    share: tuple[bool, ...]  # of each distinct word: does it stand in questions only?
    held: tuple[int, ...]  # how many earlier turns hold it
    before: int  # earlier turns
    answers: bool
    dated: bool

    def told(self, setting: Setting) -> float:
        prior, asked, answer, date = setting
        bits = sum(
            (asked if only else 1.0) * log2((self.before + 1.0) / (held + prior))
            for only, held in zip(self.share, self.held, strict=True)
        )
        return bits * (answer if self.answers else 1.0) * (date if self.dated else 1.0)

    def plain(self) -> float:
        """Surprisal as in SirLLM, from the namespace's own words alone."""
        return sum(log2((self.before + 2) / (held + 1)) for held in self.held)


@dataclass(frozen=True)
class Chat:
    """One conversation: its turns as records, what each is needed for, and what it says."""

    name: str
    kept: tuple[Record, ...]
    said: tuple[Said, ...]
    need: Floats  # of each turn: its part of the mean over the questions
    questions: int
    view: View

    def stored(self, value: Floats, room: int) -> float:
        """Evidence still there when the `room` turns of greatest value are kept."""
        order = np.lexsort((np.arange(len(value)), value))[::-1]
        return float(self.need[order[:room]].sum())

    def stored_words(self, value: Floats, share: float) -> float:
        """The same for a share of the words."""
        order = np.lexsort((np.arange(len(value)), value))[::-1]
        fits = np.cumsum(self.view.words[order]) <= share * self.view.words.sum()
        return float(self.need[order[fits]].sum())


def chat(sample: Mapping[str, Any]) -> Chat:
    """A conversation, added turn by turn to a memory of its own."""
    talk = sample["conversation"]
    numbers = sorted(int(key.split("_")[1]) for key in talk if re.fullmatch(r"session_\d+", key))
    place: dict[str, int] = {}
    kept: list[Record] = []
    with AgentMemory.open(embedder="hash", policies=[], retrieval=[]) as memory:
        for n in numbers:
            start = moment(talk[f"session_{n}_date_time"])
            for i, turn in enumerate(talk[f"session_{n}"]):
                text = f"{turn['speaker']}: {turn['text']}"
                for name in memory.add(text, now=start + i, source=turn["dia_id"]):
                    place[turn["dia_id"]] = len(kept)
                    kept.append(memory.get(name))
    asked = [evidence(q) & place.keys() for q in sample["qa"] if q["category"] in CATEGORIES]
    asked = [wanted for wanted in asked if wanted]
    need = np.zeros(len(kept))
    for wanted in asked:
        for turn in wanted:
            need[place[turn]] += 1.0 / len(wanted) / len(asked)
    view = records(
        start + DAY,
        len(kept),
        created=np.array([record.created for record in kept]),
        used=np.array([record.used for record in kept]),
        importance=np.array([record.importance for record in kept]),
        turns=np.arange(len(kept) - 1.0, -1.0, -1.0),
        words=np.array([float(len(words(record.text))) for record in kept]),
    )
    return Chat(sample["sample_id"], tuple(kept), tuple(said(kept)), need, len(asked), view)


def said(kept: Sequence[Record]) -> list[Said]:
    """What importance is made of, counted anew; it has to come to what the memory settled."""
    held: dict[str, int] = {}
    found = []
    for i, record in enumerate(kept):
        share = salience.shares(record.text)
        last = kept[i - 1] if i else None
        near = last is not None and abs(record.created - last.created) <= salience.WITHIN
        one = Said(
            tuple(part < 1.0 for part in share.values()),
            tuple(held.get(word, 0) for word in share),
            i,
            near and last is not None and salience.asks(last.text),
            salience.dated(share),
        )
        told = one.told(DEFAULT)
        if abs(told / (told + salience.HALF) - record.importance) > 1e-9:
            raise SystemExit(f"importance of {record.text!r} is not what its parts make it")
        found.append(one)
        for word in share:
            held[word] = held.get(word, 0) + 1
    return found
