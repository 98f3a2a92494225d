"""MemoryCode and LoCoMo, fed once and then asked under any configuration: each opens a copy."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from locomo import CATEGORIES, DAY, KS, evidence, moment

from agentmem import AgentMemory

WEEK = 7 * DAY
START = 1_700_000_000.0  # of the first MemoryCode session
K = max(KS)
BOUNDS = ("max_records", "max_words")  # options given as a share of what has been fed


class Asked(NamedTuple):
    """One question: of which history or conversation, of which kind, and its figures."""

    source: int
    kind: str
    figures: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A history that has been fed: its file, and what is asked of it."""

    path: Path
    number: int
    records: int
    words: int
    now: float
    questions: Sequence[tuple[str, str, Any]]  # kind, text, what decides


def cases(history: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[int, frozenset[int]]]]:
    """("pivot", query, (fresh session, stale sessions)) of each instruction that was updated."""
    said: dict[int, list[tuple[int, int, str]]] = {}
    for number, (given, session) in enumerate(
        zip(history["instructions"], history["sessions"], strict=True)
    ):
        if given != [-1]:
            pairs = zip(session["type"], session["topic"], strict=True)
            topics = [topic for kind, topic in pairs if kind.startswith("instruction")]
            for (pivot, version), topic in zip(given, topics, strict=True):
                said.setdefault(pivot, []).append((number, version, topic))
    for pivot, versions in said.items():
        if len({version for _, version, _ in versions}) > 1:
            common = set.intersection(*(set(topic.split()) for _, _, topic in versions))
            query = " ".join(word for word in versions[0][2].split() if word in common)
            fresh = max(number for number, _, _ in versions)
            stale = frozenset(number for number, _, _ in versions) - {fresh}
            yield f"pivot {pivot}", query, (fresh, stale)


def messages(session: str) -> list[str]:
    """The messages "name: text" of a session."""
    return [one for one in re.split(r"\n+(?=[^:\n]{1,40}: )", session) if one.strip()]


def feed_code(data: Path, folder: Path, whole: bool) -> Iterator[Told]:
    """MemoryCode, a file for each history with a case."""
    for number, line in enumerate(data.read_text(encoding="utf-8").splitlines()):
        history = json.loads(line)
        asked = list(cases(history))
        if asked:
            turns = [
                (text, START + at * WEEK + i, str(at))
                for at, session in enumerate(history["sessions"])
                for i, text in enumerate([session["text"]] if whole else messages(session["text"]))
            ]
            yield feed(folder / f"{'whole' if whole else 'code'}{number}.db", number, turns, asked)


def feed_chats(data: Path, folder: Path) -> Iterator[Told]:
    """LoCoMo, a file for each conversation."""
    for number, sample in enumerate(json.loads(data.read_text(encoding="utf-8"))):
        chat = sample["conversation"]
        sessions = sorted(int(k.split("_")[1]) for k in chat if re.fullmatch(r"session_\d+", k))
        turns = [
            (f"{turn['speaker']}: {turn['text']}", at + i, turn["dia_id"])
            for n in sessions
            for at in [moment(chat[f"session_{n}_date_time"])]
            for i, turn in enumerate(chat[f"session_{n}"])
        ]
        asked = [
            (CATEGORIES[one["category"]], one["question"], frozenset(evidence(one)))
            for one in sample["qa"]
            if one["category"] in CATEGORIES and evidence(one)
        ]
        yield feed(folder / f"chat{number}.db", number, turns, asked)


def feed(
    path: Path, number: int, turns: Sequence[tuple[str, float, str]], questions: Sequence[Any]
) -> Told:
    with AgentMemory.open(path=str(path), policies=[]) as memory:
        names = [
            name for text, now, source in turns for name in memory.add(text, now=now, source=source)
        ]
        words = sum(len(text.split()) for text, _, _ in turns)
    return Told(
        path=path,
        number=number,
        records=len(names),
        words=words,
        now=turns[-1][1] + DAY,
        questions=questions,
    )


def ask(told: Sequence[Told], options: Mapping[str, Any]) -> list[Asked]:
    """Every question, under some configuration; nothing is reinforced."""
    asked = []
    for one in told:
        own: dict[str, Any] = json.loads(json.dumps(options))
        for policy in own.get("policies", []):
            for settings in policy.values() if isinstance(policy, dict) else ():
                room = {"max_records": one.records, "max_words": one.words}
                settings |= {k: int(settings[k] * room[k]) for k in BOUNDS if k in settings}
        copy = one.path.with_suffix(".copy")
        shutil.copyfile(one.path, copy)
        with AgentMemory.open(path=str(copy), **own) as memory:
            memory.apply(memory.plan(now=one.now), allow_mass=True)
            for kind, text, gold in one.questions:
                hits = memory.search(text, k=K, now=one.now, reinforce=False)
                found = [hit.record.source for hit in hits]
                asked.append(Asked(one.number, kind, figures(found, gold)))
    return asked


def figures(found: Sequence[str], gold: Any) -> tuple[float, ...]:
    """(recall at each of KS,) of evidence; (fresh before stale,) of a case."""
    if isinstance(gold, frozenset):
        return tuple(len(gold & set(found[:k])) / len(gold) for k in KS)
    fresh, stale = gold
    first = next((int(one) for one in found if int(one) in stale | {fresh}), None)
    return (float(first == fresh),)
