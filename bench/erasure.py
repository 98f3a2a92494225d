"""Random erasures, and a hunt for what is left of them in every file, path and process.

    python bench/erasure.py [--scenarios N] [--seed S] [--quick] [--out FOLDER]

Each scenario (`agentmem.bench.erasing`) draws the parts of a memory, a conversation in made-up
words and what happens to it, then erases by ids, by an identifier or about an entity.  In a third
of them another process has the file open since before.  A leak is an erased word, or the
identifier, in any byte of any file of the memory's folder, or on any path that answers.  Also
measured: what an erasure costs, and what asking every path again adds to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from measure import arguments, circumstances, destination

from agentmem import AgentMemory, SimulatedClock
from agentmem.bench.erasing import START, Outcome, scenario
from agentmem.bench.hunt import Found, Other, hunt
from agentmem.embed.hashing import HashEmbedder


class Process(Other):
    """Another Python process that opens files, searches them and hunts in them."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "--serve"]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def _say(self, **asked: Any) -> list[list[str]]:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps(asked) + "\n")
        self.child.stdin.flush()
        return list(json.loads(self.child.stdout.readline())["found"])

    def ask(self, path: Path, options: Mapping[str, Any], words: Sequence[str]) -> list[Found]:
        found = self._say(path=str(path), options=dict(options), words=list(words))
        return [Found(*one) for one in found]

    def close(self, path: Path) -> None:
        self._say(path=str(path), close=True)

    def stop(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait(10)


def serve() -> None:
    """The other process: one line of JSON in, one out, until the input ends."""
    warnings.simplefilter("ignore")
    held: dict[str, AgentMemory] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        path = asked["path"]
        found: list[Found] = []
        if asked.get("close"):
            if path in held:
                held.pop(path).close()
        else:
            if path not in held:
                clock = SimulatedClock(START)
                held[path] = AgentMemory.open(path, clock=clock, **asked["options"])
                held[path].search("what is known", k=50, reinforce=False)
            scratch = Path(path).parent.parent
            found = list(hunt(held[path], asked["words"], "another process", scratch))
        print(json.dumps({"found": found}), flush=True)


def cost(records: int, verify: bool, seed: int) -> tuple[float, float]:
    """(milliseconds of erasing one record, bytes of the file) in a memory of so many, added by the
    hundred.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.db"
        with AgentMemory.open(path, embedder=HashEmbedder(dim=256), policies=[]) as memory:
            texts = [f"note {seed} {i} says word{i} and word{i % 97}" for i in range(records)]
            names = [n for at in range(0, records, 100) for n in memory.add(texts[at : at + 100])]
            memory.search("word1")
            times = []
            for name in names[:5]:
                begin = time.perf_counter()
                memory.erase(name, verify=verify)
                times.append((time.perf_counter() - begin) * 1e3)
            return median(times), float(path.stat().st_size)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--serve", action="store_true", help="be the other process")
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    count = min(given.scenarios, 30) if given.quick else given.scenarios
    facts = circumstances(given.seed, given.quick)
    other, outcomes, begin = Process(), list[Outcome](), time.perf_counter()
    try:
        for seed in range(given.seed, given.seed + count):
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "memory"
                place.mkdir()
                outcomes.append(scenario(seed, place, other))
            if len(outcomes) % 100 == 0:
                print(f"{len(outcomes)} scenarios", file=sys.stderr, flush=True)
    finally:
        other.stop()
    took = time.perf_counter() - begin
    sizes = (1_000,) if given.quick else (1_000, 10_000, 100_000)
    costs = [
        {"records": n, "verify": verify, "ms": round(ms, 2), "megabytes": round(size / 1e6, 1)}
        for n in sizes
        for verify in (False, True)
        for ms, size in [cost(n, verify, given.seed)]
    ]
    result = {"benchmark": "erasure", **facts, **summary(outcomes, took), "cost": costs}
    out = destination(given.out, given.quick)
    out.mkdir(parents=True, exist_ok=True)
    (out / "erasure.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "erasure.md").write_text(page(result), encoding="utf-8")
    print(page(result))


def summary(outcomes: Sequence[Outcome], took: float) -> dict[str, Any]:
    """What the scenarios came to, together."""
    stores = Counter(
        kind for one in outcomes for kind in json.loads(one.parts["stores"].replace("'", '"'))
    )
    return {
        "scenarios": len(outcomes),
        "seconds": round(took, 1),
        "by": dict(Counter(one.how for one in outcomes)),
        "stores": dict(sorted(stores.items())),
        "consolidated": sum(one.parts["consolidation"] != "[]" for one in outcomes),
        "updated": sum(one.parts["updates"] != "[]" for one in outcomes),
        "indexes": dict(sorted(Counter(one.parts["index"] for one in outcomes).items())),
        "another_handle": sum(one.parts["twin"] for one in outcomes),
        "another_process": sum(one.parts["process"] for one in outcomes),
        "records": sum(one.records for one in outcomes),
        "statements_erased": sum(one.asked for one in outcomes),
        "words_hunted": sum(one.words for one in outcomes),
        "leaks": [[one.seed, *found] for one in outcomes for found in one.leaks],
        "not_erased": [one.seed for one in outcomes if one.missed],
        "wrongly_erased": [one.seed for one in outcomes if one.wronged],
        "receipts_with_content": [one.seed for one in outcomes if one.told],
        "receipts_not_verified": [one.seed for one in outcomes if not one.verified],
    }


def page(result: Mapping[str, Any]) -> str:
    """The result as a page."""
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    options = " --quick" if result["quick"] else f" --scenarios {result['scenarios']}"
    counts = {
        "erased words or identifiers found anywhere (leaks)": len(result["leaks"]),
        "scenarios in which something stayed that had to go": len(result["not_erased"]),
        "scenarios in which something went that had to stay": len(result["wrongly_erased"]),
        "receipts that hold content": len(result["receipts_with_content"]),
        "receipts that are not verified": len(result["receipts_not_verified"]),
    }
    lines = [
        "# erasure",
        "",
        f"Made by `python bench/erasure.py{options} --seed {result['seed']}` on {result['date']}; "
        f"{result['cores']} cores, {result['platform']}, load {result['load_before']} before the "
        f"run; Python {result['python']}, SQLite {result['sqlite']}, {versions}.",
        "",
        f"{result['scenarios']:,} random scenarios ({_counted(result['by'])}) over "
        f"{result['records']:,} records, {result['statements_erased']:,} statements erased, "
        f"{result['words_hunted']:,} words hunted for; another handle open in "
        f"{result['another_handle']:,}, another process in {result['another_process']:,}; "
        f"consolidation in {result['consolidated']:,}, updates resolved in {result['updated']:,}. "
        f"Stores: "
        f"{_counted(result['stores'])}. Indexes: {_counted(result['indexes'])}. "
        f"{result['seconds']:,} s.",
        "",
        "| what | count |",
        "|---|---|",
        *(f"| {what} | {count} |" for what, count in counts.items()),
        "",
        "| erase one of n records | verified | ms (median of 5) | file, MB |",
        "|---|---|---|---|",
        *(
            f"| {one['records']:,} | {'yes' if one['verify'] else 'no'} | {one['ms']:.3g} | "
            f"{one['megabytes']:g} |"
            for one in result["cost"]
        ),
    ]
    return "\n".join(lines) + "\n"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


if __name__ == "__main__":
    main()
