"""Who still knows the last value of a key after many updates: PI-LLM's streams, without any LLM.

    python bench/interference.py PATH/words.json [--quick] [--seed N] [--out FOLDER]

The words are those of Unable-to-Forget (arXiv 2506.08184; MIT), 23 keys of 400 values, not shipped
here.  Each update is one add, "key: value", a minute after the one before; once every key has had
2, 4, 8, ... 400 of them, each key is asked for: "What is the current value of KEY?".
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import arguments, circumstances, destination

from agentmem import AgentMemory
from agentmem.bench.interference import Update, last_values, read_words, score, stream

UPDATES = (2, 4, 8, 16, 32, 64, 128, 256, 400)  # per key
K = 8
STEP = 60.0  # seconds between two updates
START = 1_700_000_000.0
PLAIN: dict[str, Any] = {"updates": []}
ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    "default, without updates": PLAIN,
    "no forgetting, no updates": {**PLAIN, "policies": []},
    "ebbinghaus, 1 h, no floor": {
        **PLAIN,
        "policies": [{"ebbinghaus": {"half_life": "1h", "floor": 0.0}}],
    },
    "window, 23 records": {**PLAIN, "policies": [{"window": {"n": 23}}]},
    "lru, 23 records": {**PLAIN, "policies": [{"lru": {"max_records": 23}}]},
    "keyed, no forgetting": {"updates": ["keyed"], "policies": []},
}


def ask(memory: AgentMemory, items: Sequence[Update], now: float) -> dict[str, float]:
    """Shares of the keys: last value on top; any stale value among K; and of hits: stale."""
    said = {str(item): item for item in items}
    wanted = last_values(items)
    top: dict[str, str] = {}
    polluted = stale = shown = 0
    for key, value in wanted.items():
        question = f"What is the current value of {key}?"
        hits = memory.search(question, k=K, now=now, reinforce=False)
        found = [said[hit.text] for hit in hits]
        if found and found[0].key == key:
            top[key] = found[0].value
        old = [one for one in found if one.key == key and one.value != value]
        polluted += bool(old)
        stale += len(old)
        shown += len(found)
    return {
        "last_on_top": score(top, items),
        "stale_recalled": polluted / len(wanted),
        "stale_share": stale / max(shown, 1),
    }


def run(streams: Mapping[int, Sequence[Update]], options: Mapping[str, Any]) -> dict[str, Any]:
    """One arm: each stream added one by one to a memory of its own, then every key asked for."""
    rows = []
    for updates, items in streams.items():
        with AgentMemory.open(**options) as memory:
            begin = time.process_time()
            for number, item in enumerate(items):
                memory.add(str(item), now=START + number * STEP)
            spent = time.process_time() - begin
            later = START + len(items) * STEP
            memory.apply(memory.plan(now=later), allow_mass=True)
            found = ask(memory, items, later)
        rows.append({"updates": updates, **found, "add_cpu_ms": 1e3 * spent / len(items)})
    return {"rows": rows}


def table(result: Mapping[str, Any], figure: str, title: str) -> list[str]:
    at = [row["updates"] for row in result["arms"]["default"]["rows"]]
    head = " | ".join(map(str, at))
    lines = ["", f"| {title} | {head} |", f"|---|{'---|' * len(at)}"]
    for arm, found in result["arms"].items():
        figures = [row[figure] for row in found["rows"]]
        shown = " | ".join(
            f"{one:.2f}" if figure == "add_cpu_ms" else f"{100 * one:.0f} %" for one in figures
        )
        lines.append(f"| {arm} | {shown} |")
    return lines


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("words", type=Path, help="words.json of Unable-to-Forget")
    options = parser.parse_args()
    words = read_words(options.words)
    numbers = UPDATES[:4] if options.quick else UPDATES
    streams = {n: stream(words, n, seed=options.seed) for n in numbers}
    facts = circumstances(options.seed, options.quick)
    arms = {name: run(streams, arm) for name, arm in ARMS.items()}
    result = {"benchmark": "interference", "keys": len(words), **facts, "arms": arms}
    out = destination(options.out, options.quick)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (out / "interference.json").write_text(text, encoding="utf-8")
    versions = ", ".join(f"{k} {v}" for k, v in facts["versions"].items())
    lines = [
        "# interference",
        "",
        f"Made by `python bench/interference.py {options.words.name}"
        f"{' --quick' if options.quick else ''}` on {facts['date']}; seed {options.seed}; "
        f"{len(words)} keys, up to {numbers[-1] * len(words):,} updates, k = {K}; no LLM; "
        f"{versions}.",
        *table(result, "last_on_top", "last value on top, after so many updates of each key"),
        *table(result, "stale_recalled", f"keys with an earlier value among the {K} hits"),
        *table(result, "stale_share", "hits that are an earlier value of the key asked for"),
        *table(result, "add_cpu_ms", "processor time of an add, ms, on average"),
    ]
    (out / "interference.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
