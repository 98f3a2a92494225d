"""Evidence recall on long chats, without any LLM: what each part of a search is worth, and what
each policy costs.

    python bench/locomo.py PATH/locomo.json [--out FOLDER]

LoCoMo (Maharana et al. 2024, arXiv 2402.17753; CC BY-NC 4.0, not shipped here): turns are the
units, their text is "speaker: text" (image captions only where a row says so); questions of
categories 1-4 are asked one day after the last session; recall@k is the share of a question's
evidence turns among the first k.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from measure import circumstances, destination

from agentmem import AgentMemory

KS = (5, 10, 20)
DAY = 86400.0
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
CAPTIONS = "captions"  # an option of an arm, not of the memory
WHEN = {"policies": [], "retrieval": ["when"]}


def recalling(**options: Any) -> dict[str, Any]:
    """No forgetting, no stages, and these options of `recall`."""
    return {"policies": [], "retrieval": [], "recall": options}


SEARCHES: dict[str, dict[str, Any]] = {
    "all parts": recalling(),
    "all parts, and the time a question names (stage `when`)": WHEN,
    "all parts, image captions in the texts": {**recalling(), CAPTIONS: True},
    "no context from neighbouring turns": recalling(context=0.0),
    "context from one turn away only": recalling(reach=1),
    "no speakers": recalling(speaker=1.0),
    "words only": recalling(mode="lexical"),
    "words only, no context, no speakers": recalling(mode="lexical", context=0.0, speaker=1.0),
    "vectors only": recalling(mode="dense"),
    "vectors only, no speakers": recalling(mode="dense", speaker=1.0),
    "reciprocal rank fusion": recalling(fusion="rrf"),
    "reciprocal rank fusion, no context, no speakers": recalling(
        fusion="rrf", context=0.0, speaker=1.0
    ),
}
POLICIES: dict[str, dict[str, Any]] = {
    "no forgetting": {"policies": []},
    "default (ebbinghaus, 30 d, floor 0.9)": {},
    "ebbinghaus, 30 d, floor 0.5": {"policies": [{"ebbinghaus": {"floor": 0.5}}]},
    "ebbinghaus, 30 d, floor 0.2": {"policies": [{"ebbinghaus": {"floor": 0.2}}]},
    "age_weighted (HEMA)": {"policies": ["age_weighted"]},
    "window, 200 turns": {"policies": [{"window": {"n": 200}}]},
    "budget, 50 % of the turns": {"policies": [{"budget": {"max_records": 0.5}}]},
}
GRID = [
    recalling(context=context, dense=dense, speaker=speaker)
    for context, dense, speaker in product((0.6, 0.7, 0.8), (0.25, 0.5), (0.5, 0.6, 0.7))
]


class Asked(NamedTuple):
    """One question: its conversation, its category, its recall at each k."""

    sample: int
    category: int
    recall: Mapping[int, float]


def moment(text: str) -> float:
    parsed = datetime.strptime(text, "%I:%M %p on %d %B, %Y")
    return parsed.replace(tzinfo=UTC).timestamp()


def evidence(question: dict[str, Any]) -> set[str]:
    """Normalised turn ids: "D8:6; D9:17" holds two, "D:11:26" is D11:26, "D30:05" is D30:5."""
    found = re.findall(r"D:?(\d+):(\d+)", " ".join(question["evidence"]))
    return {f"D{int(session)}:{int(turn)}" for session, turn in found}


def ask(samples: Sequence[dict[str, Any]], options: Mapping[str, Any]) -> list[Asked]:
    """Every question of some conversations, each with a memory of its own."""
    return [one for i, sample in enumerate(samples) for one in ask_one(i, sample, options)]


def ask_one(number: int, sample: dict[str, Any], options: Mapping[str, Any]) -> list[Asked]:
    """The questions of one conversation."""
    chat = sample["conversation"]
    numbers = sorted(int(key.split("_")[1]) for key in chat if re.fullmatch(r"session_\d+", key))
    turns = sum(len(chat[f"session_{n}"]) for n in numbers)
    own: dict[str, Any] = json.loads(json.dumps(options))
    captions = own.pop(CAPTIONS, False)
    for policy in own.get("policies", []):
        if isinstance(policy, dict) and "budget" in policy:
            policy["budget"]["max_records"] = int(policy["budget"]["max_records"] * turns)
    place: dict[str, str] = {}
    with AgentMemory.open(**own) as memory:
        for n in numbers:
            start = moment(chat[f"session_{n}_date_time"])
            for i, turn in enumerate(chat[f"session_{n}"]):
                text = f"{turn['speaker']}: {turn['text']}"
                if captions and "blip_caption" in turn:
                    text += f" [{turn['blip_caption']}]"
                for name in memory.add(text, now=start + i, source=turn["dia_id"]):
                    place[name] = turn["dia_id"]
        later = start + DAY
        memory.apply(memory.plan(now=later), allow_mass=True)
        asked = []
        for question in sample["qa"]:
            wanted = evidence(question)
            if question["category"] in CATEGORIES and wanted:
                hits = memory.search(question["question"], k=max(KS), now=later, reinforce=False)
                found = [place[hit.id] for hit in hits]
                recall = {k: len(wanted & set(found[:k])) / len(wanted) for k in KS}
                asked.append(Asked(number, question["category"], recall))
    return asked


def row(arm: str, asked: Sequence[Asked]) -> dict[str, Any]:
    """One line of a table."""
    recall = {f"recall@{k}": round(mean(one.recall[k] for one in asked), 4) for k in KS}
    return {"arm": arm, "questions": len(asked), **recall}


def parts(samples: Sequence[dict[str, Any]], asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """The same questions by category and by conversation."""
    rows = [
        row(f"category {c}, {name}", [one for one in asked if one.category == c])
        for c, name in CATEGORIES.items()
    ]
    return rows + [
        row(f"conversation {sample['sample_id']}", [one for one in asked if one.sample == i])
        for i, sample in enumerate(samples)
    ]


def left_out(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Does choosing the settings on these data flatter them?

    For each conversation, the setting of GRID that is best on the others is asked about this one.
    """
    tried = [ask(samples, setting) for setting in GRID]
    overall = [mean(mean(one.recall.values()) for one in asked) for asked in tried]
    chosen = []
    for i in range(len(samples)):
        others = [
            mean(mean(one.recall.values()) for one in asked if one.sample != i) for asked in tried
        ]
        best = tried[others.index(max(others))]
        chosen += [one for one in best if one.sample == i]
    return [
        row("chosen without the conversation asked about", chosen),
        row("best on all conversations", tried[overall.index(max(overall))]),
        row("worst on all conversations", tried[overall.index(min(overall))]),
    ]


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = " | ".join(f"recall@{k}" for k in KS)
    lines = ["", f"| {title} | questions | {head} |", f"|---|---{'|---' * len(KS)}|"]
    for one in rows:
        shown = " | ".join(f"{one[f'recall@{k}']:.3f}" for k in KS)
        lines.append(f"| {one['arm']} | {one['questions']} | {shown} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    samples = json.loads(options.data.read_text(encoding="utf-8"))
    default = ask(samples, {})
    tables = {
        "default configuration": [row("all questions", default), *parts(samples, default)],
        "search, without forgetting": [row(a, ask(samples, o)) for a, o in SEARCHES.items()],
        "policy": [row(a, ask(samples, o)) for a, o in POLICIES.items()],
        f"choice among {len(GRID)} settings": left_out(samples),
    }
    out = destination(options.out, False)
    facts = circumstances(0, False)
    result = {"benchmark": "locomo", "conversations": len(samples), **facts, "tables": tables}
    (out / "locomo.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# locomo",
        "",
        f"Made by `python bench/locomo.py {options.data.name}` on {facts['date']}: "
        f"{len(samples)} conversations, {len(default)} questions of categories 1-4; "
        "no LLM, nothing random.",
    ]
    lines += [line for title, rows in tables.items() for line in table(title, rows)]
    (out / "locomo.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
