"""Every structure and every retrieval mode on LoCoMo, without an LLM: what it finds, at what price.

    python bench/structures.py locomo10.json [--out FOLDER]

The file is LoCoMo's (Maharana et al., arXiv 2402.17753; CC BY-NC 4.0, so not shipped here).  Each
turn is one add, under its date; structures derive their records by rule.  A hit of any kind counts
as the turns it rests on, so recall@10 is the share of a question's evidence turns that the sources
of the first 10 hits cover; `tokens` is what the 10 hits would put into a prompt, and `turns` how
many turns they cover.  A long unit covers more and costs more: read the columns together.
Categories 1-4; questions are asked a day after the last session, and recall does not reinforce.
`ms` is the median search, on whole conversations (400-700 turns).
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any

from locomo import DAY, evidence, moment
from measure import circumstances, destination

from agentmem import AgentMemory
from agentmem.core import Record
from agentmem.text import count_tokens

K = 10
DERIVED = ("segment", "session", "windowed", "fact", "triple", "entity", "summary", "diary")
GRAPHS = ("note", "timeline", "thought")
BLOCKS = ("block", "profile")
ARMS: dict[str, dict[str, Any]] = {
    "turns, time-aware (the default)": {},
    "turns, single search": {"retrieval": []},
    **{f"{name} alone, time-aware": {"stores": [name]} for name in (*DERIVED, *GRAPHS, *BLOCKS)},
    "turns + facts, time-aware": {"stores": ["chunk", "fact"]},
    "mixed: turns, facts, triples, summaries, notes, time-aware": {
        "stores": ["chunk", "fact", "triple", "summary", "note"]
    },
    "turns, rerank by rule": {"retrieval": ["rerank"]},
    "turns, iterative (pseudo-relevance feedback)": {"retrieval": ["iterative"]},
    "turns, time-aware and reranked by rule": {"retrieval": ["when", "rerank"]},
    "turns, coarse to fine over segments": {
        "stores": ["chunk", "segment"],
        "retrieval": [{"coarse_to_fine": {"coarse": "segment"}}],
    },
    "facts, answered from their turns": {"stores": ["fact"], "retrieval": ["sources"]},
    "notes, links followed": {"stores": ["note"], "retrieval": ["linked"]},
    "triples, multi-hop (personalised PageRank)": {
        "stores": ["triple"],
        "retrieval": ["multi_hop"],
    },
    "full history": {"retrieval": ["full_history"]},
}


class Conversation:
    """One LoCoMo conversation in a memory of some structures."""

    def __init__(self, sample: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        self.memory = AgentMemory.open(**{"policies": [], **options})
        self.turn: dict[str, str] = {}  # record id -> turn id
        chat = sample["conversation"]
        numbers = sorted(int(k.split("_")[1]) for k in chat if re.fullmatch(r"session_\d+", k))
        for n in numbers:
            start = moment(chat[f"session_{n}_date_time"])
            for i, said in enumerate(chat[f"session_{n}"]):
                text = f"{said['speaker']}: {said['text']}"
                for name in self.memory.add(text, now=start + i, data={"turn": said["dia_id"]}):
                    self.turn.setdefault(name, said["dia_id"])
        self.later = start + DAY

    def rests_on(self, record: Record) -> set[str]:
        """The turns that a record rests on, however many steps away."""
        if record.id in self.turn:
            return {self.turn[record.id]}
        return set().union(*(self.rests_on(self.memory.get(name)) for name in record.sources))

    def ask(self, question: Mapping[str, Any]) -> tuple[float, int, int, float]:
        """(share of the evidence found, tokens of the hits, turns they cover, milliseconds)."""
        begin = time.perf_counter()
        hits = self.memory.search(question["question"], k=K, now=self.later, reinforce=False)
        took = (time.perf_counter() - begin) * 1e3
        found = set().union(*(self.rests_on(hit.record) for hit in hits))
        wanted = evidence(dict(question))
        tokens = sum(count_tokens(hit.text) for hit in hits)
        return len(wanted & found) / len(wanted), tokens, len(found), took


def measure(samples: list[dict[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    """One arm over all conversations."""
    answers = []
    records = 0
    begin = time.perf_counter()
    for sample in samples:
        chat = Conversation(sample, options)
        records += len(chat.memory.search(k=10**6, reinforce=False, now=chat.later))
        wanted = [q for q in sample["qa"] if q["category"] != 5 and evidence(q)]
        answers += [chat.ask(question) for question in wanted]
        chat.memory.close()
    recall, tokens, turns, took = zip(*answers, strict=True)
    return {
        "questions": len(answers),
        "records": records,
        "recall@10": round(mean(recall), 4),
        "tokens": round(mean(tokens), 1),
        "turns": round(mean(turns), 1),
        "ms": round(median(took), 3),
        "seconds": round(time.perf_counter() - begin, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--only", default="", help="arms whose name holds this text")
    options = parser.parse_args()
    samples = json.loads(options.data.read_text(encoding="utf-8"))
    facts = circumstances(0, False)
    rows = []
    for arm, setting in ARMS.items():
        if options.only in arm:
            rows.append({"arm": arm, **measure(samples, setting)})
            print(rows[-1], flush=True)
    if options.only:
        return
    out = destination(options.out, False)
    result = {"benchmark": "structures", "conversations": len(samples), **facts, "rows": rows}
    (out / "structures.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# structures",
        "",
        f"Made by `python bench/structures.py {options.data.name}` on {facts['date']}: "
        f"{len(samples)} conversations, {rows[0]['questions']} questions of categories 1-4; "
        "no LLM, nothing random.",
        "",
        "| structure, retrieval | hits without a limit | recall@10 | tokens of 10 hits | "
        "turns covered | ms |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['arm']} | {r['records']} | {r['recall@10']:.3f} | {r['tokens']:.0f} | "
        f"{r['turns']:.1f} | {r['ms']:.1f} |"
        for r in rows
    ]
    (out / "structures.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
