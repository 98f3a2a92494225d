"""What each policy does to recall on long chats: evidence recall on LoCoMo, without any LLM.

    python bench/locomo.py PATH/locomo.json [--out FOLDER]

LoCoMo (Maharana et al. 2024, arXiv 2402.17753; CC BY-NC 4.0, not shipped here): turns are the
units, with their speakers; questions of categories 1-4 are asked one day after the last session;
recall@k is the share of a question's evidence turns among the first k.
"""

from __future__ import annotations

import argparse
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from measure import circumstances, destination

from agentmem import AgentMemory

KS = (5, 10, 20)
DAY = 86400.0
ARMS: dict[str, dict[str, Any]] = {
    "no forgetting": {"policies": []},
    "no forgetting, lexical only": {"policies": [], "recall": {"mode": "lexical"}},
    "no forgetting, dense only": {"policies": [], "recall": {"mode": "dense"}},
    "default (ebbinghaus, 30 d, floor 0.9)": {},
    "ebbinghaus, 30 d, floor 0.5": {"policies": [{"ebbinghaus": {"floor": 0.5}}]},
    "ebbinghaus, 30 d, floor 0.2": {"policies": [{"ebbinghaus": {"floor": 0.2}}]},
    "age_weighted (HEMA)": {"policies": ["age_weighted"]},
    "window, 200 turns": {"policies": [{"window": {"n": 200}}]},
    "budget, 50 % of the turns": {"policies": [{"budget": {"max_records": 0.5}}]},
}


def moment(text: str) -> float:
    parsed = datetime.strptime(text, "%I:%M %p on %d %B, %Y")
    return parsed.replace(tzinfo=UTC).timestamp()


def evidence(question: dict[str, Any]) -> set[str]:
    """Normalised turn ids: "D8:6; D9:17" holds two, "D:11:26" is D11:26, "D30:05" is D30:5."""
    found = re.findall(r"D:?(\d+):(\d+)", " ".join(question["evidence"]))
    return {f"D{int(session)}:{int(turn)}" for session, turn in found}


def ask(sample: dict[str, Any], options: dict[str, Any]) -> list[dict[int, float]]:
    """Recall of each question of one conversation."""
    chat = sample["conversation"]
    numbers = sorted(int(key.split("_")[1]) for key in chat if re.fullmatch(r"session_\d+", key))
    turns = sum(len(chat[f"session_{n}"]) for n in numbers)
    options = json.loads(json.dumps(options))
    for policy in options.get("policies", []):
        if isinstance(policy, dict) and "budget" in policy:
            policy["budget"]["max_records"] = int(policy["budget"]["max_records"] * turns)
    place: dict[str, str] = {}
    with AgentMemory.open(**options) as memory:
        for n in numbers:
            start = moment(chat[f"session_{n}_date_time"])
            for i, turn in enumerate(chat[f"session_{n}"]):
                text, at = f"{turn['speaker']}: {turn['text']}", start + i
                for name in memory.add(text, now=at, source=turn["dia_id"]):
                    place[name] = turn["dia_id"]
        later = start + DAY
        memory.apply(memory.plan(now=later), allow_mass=True)
        scores = []
        for question in sample["qa"]:
            wanted = evidence(question)
            if question["category"] != 5 and wanted:
                hits = memory.search(question["question"], k=max(KS), now=later, reinforce=False)
                found = [place[hit.id] for hit in hits]
                scores.append({k: len(wanted & set(found[:k])) / len(wanted) for k in KS})
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    samples = json.loads(options.data.read_text(encoding="utf-8"))
    rows = []
    for arm, setting in ARMS.items():
        scores = [score for sample in samples for score in ask(sample, setting)]
        recall = {f"recall@{k}": round(mean(score[k] for score in scores), 4) for k in KS}
        rows.append({"arm": arm, "questions": len(scores), **recall})
        print(rows[-1])
    out = destination(options.out, False)
    facts = circumstances(0, False)
    result = {"benchmark": "locomo", "conversations": len(samples), **facts, "rows": rows}
    (out / "locomo.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# locomo",
        "",
        f"Made by `python bench/locomo.py {options.data.name}` on {facts['date']}: "
        f"{len(samples)} conversations, {rows[0]['questions']} questions of categories 1-4; "
        "no LLM, nothing random.",
        "",
        "| policy | recall@5 | recall@10 | recall@20 |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {r['arm']} | {r['recall@5']:.3f} | {r['recall@10']:.3f} | {r['recall@20']:.3f} |"
        for r in rows
    ]
    (out / "locomo.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
