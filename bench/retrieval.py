"""How long a search takes by index and by retrieval stage, and what the approximate index loses.

    python bench/retrieval.py [--quick] [--sizes 1000 10000 100000] [--seed 0] [--out FOLDER]

The texts are real sentences: those of the docstrings of the Python packages installed here (their
licences stay theirs; nothing is stored but times).  Queries are sentences that were held out.
Every figure includes embedding the query with the bundled embedder, BM25, context and fusion; the
memories are files on disk with the default configuration but for the index or the stage named;
searches with "+ reinforce" also write what was recalled.  Recall is the share of the exact search's
first 10 hits that the approximate one gives.
"""

from __future__ import annotations

import ast
import random
import re
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from measure import Goal, Row, arguments, circumstances, destination, in_turns, publish

from agentmem import AgentMemory

K = 10
CHUNK = 1000
START = 1_700_000_000.0  # seconds; records are a minute apart
LARGEST = 400_000  # bytes of a module that is read
STAGES: dict[str, list[Any]] = {
    "single search": [],
    "when": ["when"],
    "rerank by rule": ["rerank"],
    "iterative by rule": ["iterative"],
    "when, rerank by rule": ["when", "rerank"],
    "sources": ["sources"],
}


def sentences() -> Iterator[str]:
    """Sentences and paragraphs of the docstrings of installed packages."""
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py")):
        if path.stat().st_size > LARGEST:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module | ast.AsyncFunctionDef):
                for part in re.split(
                    r"\n\s*\n|(?<=[.!?])\s+(?=[A-Z])", ast.get_docstring(node) or ""
                ):
                    text = " ".join(part.split())
                    if 30 <= len(text) <= 400 and text.count(" ") >= 4 and text[:3] != ">>>":
                        yield text


def open_memory(path: Path, texts: list[str], **options: Any) -> AgentMemory:
    memory = AgentMemory.open(path, **options)
    for start in range(0, len(texts), CHUNK):
        memory.add(texts[start : start + CHUNK], now=START + 60.0 * start)
    return memory


def indexes(
    folder: Path, texts: list[str], asked: list[str], samples: int
) -> tuple[list[Row], float]:
    """Exact and approximate search beside each other, and the recall of the latter."""
    now = START + 60.0 * len(texts)
    beyond = min(20_000, len(texts) // 2)
    exact = open_memory(folder / "exact.db", texts, index="exact")
    ann = open_memory(folder / "ann.db", texts, index={"ann": {"beyond": beyond}})
    ann.search(asked[0], now=now, reinforce=False)
    build: Any = ann._engine.columns.dense
    build.build()

    def of(memory: AgentMemory, mode: Any, **more: Any) -> tuple[Any, int]:
        def call(i: int) -> object:
            query = asked[i % len(asked)]
            return memory.search(query, k=K, mode=mode, now=now + i, **more)

        return call, samples

    times = in_turns(
        {
            "exact, hybrid": of(exact, "hybrid", reinforce=False),
            "ann, hybrid": of(ann, "hybrid", reinforce=False),
            "exact, hybrid + reinforce": of(exact, "hybrid"),
            "ann, hybrid + reinforce": of(ann, "hybrid"),
            "exact, dense": of(exact, "dense", reinforce=False),
            "ann, dense": of(ann, "dense", reinforce=False),
        },
        warm=60,
    )
    shares = []
    for query in asked:
        found = [
            {h.id for h in memory.search(query, k=K, now=now, reinforce=False)}
            for memory in (exact, ann)
        ]
        shares.append(len(found[0] & found[1]) / max(len(found[0]), 1))
    exact.close()
    ann.close()
    return [Row("search k=10", name, 0, found) for name, found in times.items()], mean(shares)


def stages(folder: Path, texts: list[str], asked: list[str], samples: int) -> list[Row]:
    """One memory, opened once for each stage."""
    path, now = folder / "stages.db", START + 60.0 * len(texts)
    open_memory(path, texts, index="exact").close()
    opened = {
        name: AgentMemory.open(path, index="exact", retrieval=spec) for name, spec in STAGES.items()
    }

    def of(memory: AgentMemory) -> tuple[Any, int]:
        return (
            lambda i: memory.search(asked[i % len(asked)], k=K, now=now, reinforce=False),
            samples,
        )

    times = in_turns({name: of(memory) for name, memory in opened.items()})
    for memory in opened.values():
        memory.close()
    return [Row("retrieval k=10, exact", name, 0, found) for name, found in times.items()]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=None, help="numbers of records")
    options = parser.parse_args()
    sizes = options.sizes or ([1000] if options.quick else [1_000, 10_000, 100_000])
    samples = 20 if options.quick else 200
    facts = circumstances(options.seed, options.quick)
    every = sorted(set(sentences()))
    random.Random(options.seed).shuffle(every)
    asked, texts = every[:samples], every[samples:]
    rows: list[Row] = []
    goals: list[Goal] = []
    for size in (size for size in sizes if size <= len(texts)):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            found, recall = indexes(Path(folder), texts[:size], asked, samples)
            found += stages(Path(folder), texts[:size], asked, samples)
        rows += [Row(row.operation, row.system, size, row.samples) for row in found]
        at = {row.system: row.median for row in found}
        if size == 100_000:
            goals += [
                Goal("exact hybrid search at 100,000", at["exact, hybrid"], 15.0),
                Goal("approximate hybrid search at 100,000", at["ann, hybrid"], 4.0),
                Goal("share of the exact hits at 100,000", recall, 0.95, False, ""),
            ]
    publish("retrieval", facts, rows, goals, destination(options.out, options.quick))


if __name__ == "__main__":
    main()
