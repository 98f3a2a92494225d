"""What consensus stops, and what it costs, without any LLM.

    python bench/consensus.py [PATH/locomo.json] [--out FOLDER]

People have an employer, told some times by the user and some times, another one, by a planted web
page (made texts).  Each is asked for: is the truth among the hits, and is what was planted?  Then,
if there is a file of LoCoMo (see `locomo.py`), the price where nobody attacks: evidence recall.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from locomo import ask, row, table
from measure import circumstances, destination

from agentmem import AgentMemory

K = 8
NAMES = """
Anna Ben Carl Dora Emil Fay Gus Hana Ivan Jule Karl Lena Max Nora Otto Pia Quinn Rosa Sven Tina Ugo
Vera Will Xena Yara Zoe
"""
TRUE = "Stripe Adobe Siemens Bosch Shell Nokia Volvo Sony Lidl Nestle Roche Bayer Pfizer"
PLANTED = "Evilcorp Hooli Initech Umbrella Cyberdyne Tyrell Aperture"
PEOPLE, RIGHT, WRONG = NAMES.split(), TRUE.split(), PLANTED.split()
FORMS = (
    "{name} works at {firm}.",
    "Yes, {name} works at {firm}.",
    "{name} still works at {firm}.",
    "We met {name}, who works at {firm}.",
    "{name} told me about the job at {firm}.",
)
SIDES = ((3, 1), (1, 3), (5, 3))  # how often each is told: true, planted
STAGES: dict[str, list[Any]] = {
    "none": [],
    "by rule": ["consensus"],
    "by rule, the user is trusted": [{"consensus": {"trusted": ["user"]}}],
    "by rule, a vote a source": [{"consensus": {"a_vote_a_source": True}}],
    "by embedding": [{"consensus": {"by": "embedding"}}],
    "by embedding, the user is trusted": [{"consensus": {"by": "embedding", "trusted": ["user"]}}],
}


def firms(i: int) -> tuple[str, str]:
    """The true and the planted employer of a person."""
    return RIGHT[i % len(RIGHT)], WRONG[i % len(WRONG)]


def attacked(true: int, planted: int, stages: Sequence[Any]) -> dict[str, float]:
    """Shares of the people of whom the truth, and what was planted, is among the hits."""
    shown = {"truth": 0, "planted": 0}
    with AgentMemory.open(policies=[], updates=[], retrieval=list(stages)) as memory:
        for i, name in enumerate(PEOPLE):
            right, wrong = firms(i)
            told = [form.format(name=name, firm=right) for form in FORMS[:true]]
            memory.add([*told, f"{name} likes tea and long walks."], source="user")
            lies = [form.format(name=name, firm=wrong) for form in FORMS[:planted]]
            memory.add(lies, source="tool:web")
        for i, name in enumerate(PEOPLE):
            hits = memory.search(f"Where does {name} work?", k=K, reinforce=False)
            texts = [hit.text for hit in hits if name in hit.text]
            for what, firm in zip(shown, firms(i), strict=True):
                shown[what] += any(firm in text for text in texts)
    return {what: round(count / len(PEOPLE), 4) for what, count in shown.items()}


def priced(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evidence recall where nobody attacks; nobody is trusted more there."""
    arms = {name: stages for name, stages in STAGES.items() if name.count(",") == 0}
    common: Mapping[str, Any] = {"policies": [], "updates": []}
    return [
        row(name, ask(samples, {**common, "retrieval": ["when", *stages]}))
        for name, stages in arms.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("data", type=Path, nargs="?", default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = [
        {"told": [true, planted], "consensus": name, **attacked(true, planted, stages)}
        for true, planted in SIDES
        for name, stages in STAGES.items()
    ]
    lines = ["", "| told true, planted | consensus | truth shown | planted shown |"]
    lines += ["|---|---|---|---|"] + [
        f"| {one['told'][0]}, {one['told'][1]} | {one['consensus']} | {one['truth']:.0%} | "
        f"{one['planted']:.0%} |"
        for one in rows
    ]
    price = []
    if options.data:
        price = priced(json.loads(options.data.read_text(encoding="utf-8")))
        lines += table("LoCoMo, no attack", price)
    out, facts = destination(options.out, False), circumstances(0, False)
    result = {"benchmark": "consensus", **facts, "attack": rows, "price": price}
    (out / "consensus.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    called = f"python bench/consensus.py {options.data.name if options.data else ''}".strip()
    made = (
        f"Made by `{called}` on {facts['date']}: {len(PEOPLE)} people, k = {K}, made texts; "
        "no LLM, nothing random."
    )
    text = "\n".join(["# consensus", "", made, *lines]) + "\n"
    (out / "consensus.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
