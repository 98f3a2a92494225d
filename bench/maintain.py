"""What it costs to forget 1,000 records out of 10,000 and out of 1,000,000.

    python bench/maintain.py [--quick] [--seed 0] [--out FOLDER]

A memory on disk with an Ebbinghaus policy that removes.  1,000 records are 35 simulated days old
and due, the rest 5 days old and not.  Timed: plan and apply, the removal durable and journalled;
then undo, and again.  Beside it, over the same records and without removing anything:
Python loops over the rows of the same file (R = exp(-idle / S) each; three columns, or whole
records with their metadata decoded), and MemoryBank's way as its
code does it (forget_memory.py): parse the date of every memory, then write the whole JSON file.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from datetime import UTC, datetime
from math import exp, log
from pathlib import Path
from time import perf_counter
from typing import Any

from corpus import Corpus
from measure import Goal, Row, arguments, circumstances, destination, once, publish

from agentmem import AgentMemory
from agentmem.embed.hashing import HashEmbedder
from agentmem.policies.ebbinghaus import Ebbinghaus

DAY = 86400.0
START = 1_700_000_000.0
NOW = START + 35 * DAY
CHUNK = 5000
LEAST = 0.05
POLICY = Ebbinghaus(half_life=7 * DAY, forget_below=LEAST, remove=True)
AGENTMEM, BANK = "agentmem plan + apply", "MemoryBank's way"
LOOP, WHOLE = "Python loop over 3 columns", "Python loop over whole records"


def build(path: Path, size: int, victims: int, seed: int) -> AgentMemory:
    """A memory of `size` records, `victims` of which are due at NOW."""
    memory = AgentMemory.open(path, policies=[POLICY], embedder=HashEmbedder(dim=8))
    corpus = Corpus(seed)
    for start in range(0, size, CHUNK):
        texts = [f"{start + i}: {text}" for i, text in enumerate(corpus.texts(CHUNK))]
        texts = texts[: size - start]
        old = texts[: max(0, victims - start)]
        for part, days in ((old, 0), (texts[len(old) :], 30)):
            if part:
                memory.add(part, now=START + days * DAY, importance=0.5)
    return memory


def sweep(memory: AgentMemory, size: int, victims: int, rounds: int) -> list[Row]:
    """Plan and apply, then undo, several times over; the first round is the first ever."""
    whole: list[float] = []
    plans: list[float] = []
    for i in range(rounds):
        begin = perf_counter()
        plan = memory.plan(now=NOW + i)
        planned = perf_counter()
        run = memory.apply(plan)
        end = perf_counter()
        assert run.archived == victims, run
        memory.undo(run, now=NOW + i)
        plans.append((planned - begin) * 1e3)
        whole.append((end - begin) * 1e3)
    return [
        Row("sweep", AGENTMEM, size, tuple(whole)),
        Row("plan only", "agentmem", size, tuple(plans)),
    ]


def loop(path: Path, victims: int) -> None:
    """Every row read, its retention computed, those that have faded collected."""
    base = sqlite3.connect(path)
    initial = POLICY.half_life / log(2) if POLICY.half_life else 0.0
    faded = []
    for name, used, stability in base.execute(
        "SELECT id, used, stability FROM record WHERE status = 1"
    ):
        if exp(-(NOW - used) / (stability or initial)) <= LEAST:
            faded.append(name)
    base.close()
    assert len(faded) == victims, len(faded)


def loop_whole(path: Path, victims: int) -> None:
    """The same over whole records, metadata decoded: as a store that hands out its records does."""
    base = sqlite3.connect(path)
    base.row_factory = sqlite3.Row
    initial = POLICY.half_life / log(2) if POLICY.half_life else 0.0
    faded = []
    for row in base.execute("SELECT * FROM record WHERE status = 1"):
        item = {**row, "data": json.loads(row["data"]), "links": json.loads(row["links"])}
        if exp(-(NOW - item["used"]) / (item["stability"] or initial)) <= LEAST:
            faded.append(item)
    base.close()
    assert len(faded) == victims, len(faded)


def memory_bank(held: list[dict[str, Any]], path: Path, victims: int) -> None:
    """Dates parsed one by one, then the whole store written back as JSON."""
    today = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%d")
    faded = 0
    for item in held:
        last = datetime.strptime(item["last_recall_date"], "%Y-%m-%d")
        days = (datetime.strptime(today, "%Y-%m-%d") - last).days
        faded += exp(-days / (5 * item["memory_strength"])) <= LEAST
    with path.open("w", encoding="utf-8") as file:
        json.dump(held, file, ensure_ascii=False)
    assert faded == victims, faded


def bank_items(path: Path) -> list[dict[str, Any]]:
    """The records as MemoryBank keeps them: dictionaries with a date in text."""
    base = sqlite3.connect(path)
    items = [
        {
            "query": text,
            "memory_strength": 1,
            "memory_id": name,
            "last_recall_date": datetime.fromtimestamp(used, UTC).strftime("%Y-%m-%d"),
        }
        for name, text, used in base.execute("SELECT id, text, used FROM record")
    ]
    base.close()
    return items


def measure(size: int, victims: int, seed: int, rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "memory.db"
        build(path, size, victims, seed).close()
        memory = AgentMemory.open(path, policies=[POLICY], embedder=HashEmbedder(dim=8))
        rows = sweep(memory, size, victims, rounds)
        memory.close()
        loops = tuple(once(lambda: loop(path, victims)) for _ in range(min(rounds, 5)))
        wholes = tuple(once(lambda: loop_whole(path, victims)) for _ in range(3))
        items = bank_items(path)
        file = Path(folder) / "bank.json"
        banks = tuple(once(lambda: memory_bank(items, file, victims)) for _ in range(2))
    others = [(LOOP, loops), (WHOLE, wholes), (BANK, banks)]
    return [*rows, *(Row("sweep", name, size, times) for name, times in others)]


def judge(rows: list[Row], sizes: list[int]) -> list[Goal]:
    at = {(row.system, row.records): row.median for row in rows if row.operation == "sweep"}
    small, large = min(sizes), max(sizes)
    mine = at[AGENTMEM, large]
    return [
        Goal(f"sweep at {large:,} records / at {small:,}", mine / at[AGENTMEM, small], 3, unit="x"),
        Goal(
            f"{WHOLE} / agentmem at {large:,}", at[WHOLE, large] / mine, 100, most=False, unit="x"
        ),
        Goal(
            f"{LOOP} / agentmem at {large:,}",
            at[LOOP, large] / mine,
            100,
            most=False,
            unit="x",
        ),
        Goal(
            f"MemoryBank's way / agentmem at {large:,}",
            at[BANK, large] / mine,
            100,
            most=False,
            unit="x",
        ),
        Goal(f"sweep at {large:,} records", mine, 10),
    ]


def main() -> None:
    options = arguments(__doc__).parse_args()
    sizes = [2000, 20_000] if options.quick else [10_000, 1_000_000]
    victims, rounds = (100, 3) if options.quick else (1000, 9)
    facts = circumstances(options.seed, options.quick)
    rows = [row for size in sizes for row in measure(size, victims, options.seed, rounds)]
    out = destination(options.out, options.quick)
    publish("maintain", facts, rows, judge(rows, sizes), out)


if __name__ == "__main__":
    main()
