"""What encryption at rest costs: the same memory in the clear, and under a key.

    python bench/encryption.py [--quick] [--seed 0] [--out FOLDER]

Default configuration (static embedder, durability normal), one file each.  A raw key is 64
hexadecimal digits; anything else is a passphrase, whose derivation each opening pays for.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import Corpus
from measure import Row, arguments, circumstances, destination, in_turns, publish

from agentmem import AgentMemory

KINDS: dict[str, dict[str, Any]] = {
    "in the clear": {},
    "raw key": {"encryption": {"key_env": "BENCH_RAW"}},
    "passphrase": {"encryption": {"key_env": "BENCH_PHRASE"}},
}
FEW = 10  # of the slow operations
Calls = dict[str, tuple[Callable[[int], object], int]]


def adding(memory: AgentMemory, texts: list[str]) -> Callable[[int], object]:
    return lambda i: memory.add(texts[i])


def searching(memory: AgentMemory, asked: list[str], *, reinforce: bool) -> Callable[[int], object]:
    return lambda i: memory.search(asked[i], reinforce=reinforce)


def erasing(memory: AgentMemory) -> Callable[[int], object]:
    names = memory.add([f"This is to be erased, number {i}." for i in range(FEW + 1)])
    return lambda i: memory.erase(names[i])


def opening(path: Path, options: dict[str, Any]) -> Callable[[int], object]:
    return lambda i: AgentMemory.open(path, **options).close()


def measured(folder: Path, corpus: Corpus, size: int, n: int) -> list[Row]:
    texts, more = corpus.texts(size), corpus.texts(n + 10)
    asked = corpus.queries(texts, n + 10)
    paths = {name: folder / f"{at}.db" for at, name in enumerate(KINDS)}
    open_ = {name: AgentMemory.open(paths[name], **kind) for name, kind in KINDS.items()}
    for memory in open_.values():
        memory.add(texts)
    rows: list[Row] = []

    def take(operation: str, systems: Calls, warm: int = 10) -> None:
        times = in_turns(systems, warm)
        rows.extend(Row(operation, name, size, samples) for name, samples in times.items())

    take("add one", {name: (adding(one, more), n) for name, one in open_.items()})
    for operation, strong in (("search", False), ("search and reinforce", True)):
        take(
            operation,
            {name: (searching(one, asked, reinforce=strong), n) for name, one in open_.items()},
        )
    take("erase one", {name: (erasing(one), FEW) for name, one in open_.items()}, warm=1)
    for memory in open_.values():
        memory.close()
    take(
        "open and close",
        {name: (opening(paths[name], kind), FEW) for name, kind in KINDS.items()},
        warm=1,
    )
    return rows


def main() -> None:
    options = arguments(__doc__).parse_args()
    os.environ |= {"BENCH_RAW": "0123456789abcdef" * 4, "BENCH_PHRASE": "correct horse battery"}
    size, n = (200, 20) if options.quick else (5_000, 300)
    facts = circumstances(options.seed, options.quick)
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder), Corpus(options.seed), size, n)
    publish("encryption", facts, rows, [], destination(options.out, options.quick))


if __name__ == "__main__":
    main()
