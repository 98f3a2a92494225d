"""What it costs to consolidate a namespace of 10,000 records.

    python bench/consolidation.py [--quick] [--seed 0] [--out FOLDER]

A memory in RAM; one record in eleven says what another said, with other punctuation.  Each
consolidator alone, by rule.  `merge`, `adjacent` and `ladder` see records that all stay, of which
the ladder has to demote every one; `summaries` and `brief` all but a tenth leaving at once.
Timed: the plan, the apply (durable and journalled), a second plan, which finds nothing to do, and
the undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus import Corpus
from measure import Goal, Row, arguments, circumstances, destination, once, publish

from agentmem import AgentMemory
from agentmem.core import Plan, Run
from agentmem.embed.hashing import HashEmbedder

START = 1_700_000_000.0
CHUNK = 500
BOUND = 10_000.0  # ms of a plan


def build(size: int, seed: int, store: Mapping[str, Any], leaving: bool) -> AgentMemory:
    """A memory of about `size` records."""
    window = {"window": {"n": size // 10, "remove": True, "kinds": ["chunk"]}}
    memory = AgentMemory.open(
        embedder=HashEmbedder(dim=256),
        policies=[window] if leaving else [],
        consolidation=[dict(store)],
        updates=[],
        removal_cap=1.0,
    )
    said = Corpus(seed).texts(size * 10 // 11)
    texts = [f"Ann: I will keep {text}" for text in said]
    texts += [f"{text[:-1]}!" for text in texts[::10]]
    for start in range(0, len(texts), CHUNK):
        memory.add(texts[start : start + CHUNK], now=START + 3.0 * start)
    return memory


def measure(
    size: int, seed: int, name: str, options: Mapping[str, Any], leaving: bool
) -> list[Row]:
    times: dict[str, list[float]] = {}
    memory = build(size, seed, {name: dict(options)}, leaving)
    now = START + 4.0 * size
    plans: list[Plan] = []
    runs: list[Run] = []
    times["plan"] = [once(lambda: plans.append(memory.plan(now=now)))]
    times["apply"] = [once(lambda: runs.append(memory.apply(plans[0])))]
    times["plan again"] = [once(lambda: plans.append(memory.plan(now=now)))]
    assert plans[0], name
    assert not plans[1], name
    times["undo"] = [once(lambda: memory.undo(runs[0]))]
    memory.close()
    return [Row(step, name, size, tuple(spent)) for step, spent in times.items()]


def main() -> None:
    parser = arguments(__doc__)
    args = parser.parse_args()
    size = 500 if args.quick else 10_000
    facts = circumstances(args.seed, args.quick)
    stores: list[tuple[str, dict[str, Any], bool]] = [
        ("merge", {}, False),
        ("adjacent", {"most": 64}, False),
        ("summaries", {}, True),
        ("brief", {}, True),
        ("ladder", {"max_tokens": 5 * size}, False),
    ]
    rows = [row for store in stores for row in measure(size, args.seed, *store)]
    goals = [
        Goal(f"plan of {row.system}, {size:,} records", row.median, BOUND)
        for row in rows
        if row.operation == "plan"
    ]
    publish("consolidation", facts, rows, goals, destination(args.out, args.quick))


if __name__ == "__main__":
    main()
