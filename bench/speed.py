"""How long one add and one search with reinforcement take, beside Chroma and plain FTS5.

    python bench/speed.py [--quick] [--sizes 10000 100000] [--seed 0] [--out FOLDER]

Every figure includes embedding the text or the query, with the same bundled embedder everywhere;
agentmem runs with its default configuration (an Ebbinghaus policy that ranks) and the exact index,
its file on disk, one commit per call.  Chroma: PersistentClient, cosine space, embeddings handed
over, telemetry off; its search is `query` for 5 hits, then one `update` of their metadata, as a
memory that reinforces what it recalls must do.  FTS5: a plain OR query over all words, 5 best by
bm25.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import STOP_RANKS, Corpus, vocabulary
from measure import Goal, Row, arguments, circumstances, destination, in_turns, publish

from agentmem import AgentMemory
from agentmem.embed.static import StaticEmbedder
from agentmem.text import words

K = 5
CHUNK = 1000
START = 1_700_000_000.0  # seconds; records are a minute apart
EMBEDDER = StaticEmbedder()
STOPS = frozenset(vocabulary()[:STOP_RANKS])


class Chroma:
    """A Chroma collection used as an agent memory would use it."""

    def __init__(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(path=str(folder), settings=settings)
        self.rows: Any = client.create_collection(
            "memory", embedding_function=None, metadata={"hnsw:space": "cosine"}
        )
        self.size = 0

    def fill(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), CHUNK):
            self.add(texts[start : start + CHUNK])

    def add(self, texts: Sequence[str]) -> None:
        names = [str(self.size + i) for i in range(len(texts))]
        self.size += len(texts)
        self.rows.add(
            ids=names,
            embeddings=EMBEDDER.embed(texts),
            documents=list(texts),
            metadatas=[{"used": START, "uses": 0, "stability": 1.0} for _ in texts],
        )

    def search(self, query: str, now: float) -> None:
        vectors = EMBEDDER.embed([query])
        found = self.rows.query(
            query_embeddings=vectors, n_results=K, include=["documents", "metadatas"]
        )
        facts = [
            {"used": now, "uses": old["uses"] + 1, "stability": old["stability"] + 1.0}
            for old in found["metadatas"][0]
        ]
        self.rows.update(ids=found["ids"][0], metadatas=facts)


class Fts:
    """SQLite's full-text index with Porter stemming, and nothing else."""

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        self.base = sqlite3.connect(path)
        self.base.execute("PRAGMA journal_mode=WAL")
        self.base.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61')")
        self.base.executemany("INSERT INTO t(text) VALUES (?)", [(text,) for text in texts])
        self.base.commit()

    def search(self, query: str, *, stops: bool) -> None:
        chosen = [word for word in words(query) if stops or word not in STOPS]
        match = " OR ".join(f'"{word}"' for word in chosen)
        sql = f"SELECT text FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT {K}"
        self.base.execute(sql, [match]).fetchall()


def fill(memory: AgentMemory, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), CHUNK):
        memory.add(list(texts[start : start + CHUNK]), now=START + 60.0 * start)


def measure(size: int, seed: int, samples: int, folder: Path) -> list[Row]:
    """All operations at one size."""
    corpus = Corpus(seed)
    texts = corpus.texts(size)
    now = START + 60.0 * size
    chroma, fts = Chroma(folder / "chroma"), Fts(folder / "fts.db", texts)
    chroma.fill(texts)
    rows: list[Row] = []
    with AgentMemory.open(folder / "normal.db", index="exact") as memory:
        fill(memory, texts)
        rows += searches(memory, chroma, fts, corpus.queries(texts, 4 * samples), now, samples)
        rows += adds(memory, chroma, corpus.texts(8 * samples), now, samples, folder)
    return [Row(row.operation, row.system, size, row.samples) for row in rows]


def searches(
    memory: AgentMemory, chroma: Chroma, fts: Fts, asked: list[str], now: float, samples: int
) -> list[Row]:
    """Search for 5 and reinforce them; the plain full-text query for reference."""

    def mine(mode: Any, i: int) -> object:
        return memory.search(asked[i % len(asked)], k=K, mode=mode, now=now + 60.0 * i)

    few = max(samples // 4, 10)
    times = in_turns(
        {
            "agentmem dense": (lambda i: mine("dense", i), samples),
            "agentmem hybrid": (lambda i: mine("hybrid", i), samples),
            "Chroma query + update": (
                lambda i: chroma.search(asked[i % len(asked)], now + 60.0 * i),
                samples,
            ),
            "FTS5 OR, no stop words": (
                lambda i: fts.search(asked[i % len(asked)], stops=False),
                samples,
            ),
            "FTS5 OR, all words": (lambda i: fts.search(asked[i % len(asked)], stops=True), few),
        }
    )
    names = dict.fromkeys(times, "search k=5 + reinforce")
    names |= {name: "lexical query only" for name in times if name.startswith("FTS5")}
    return [Row(names[name], name, 0, found) for name, found in times.items()]


def adds(
    memory: AgentMemory, chroma: Chroma, fresh: list[str], now: float, samples: int, folder: Path
) -> list[Row]:
    """One durable add of one text never seen before."""
    with AgentMemory.open(folder / "full.db", durability="full") as full:
        times = in_turns(
            {
                "agentmem": (lambda i: memory.add(fresh[i], now=now + i), samples),
                "agentmem, durability full": (lambda i: full.add(fresh[i], now=now + i), samples),
                "Chroma": (lambda i: chroma.add([fresh[i]]), samples),
                "embedding alone": (lambda i: EMBEDDER.embed([fresh[-1 - i]]), samples),
            }
        )
    return [Row("add one text", name, 0, found) for name, found in times.items()]


def judge(rows: Sequence[Row]) -> list[Goal]:
    """The bounds, at the sizes that were run."""
    at = {(row.operation, row.system, row.records): row.median for row in rows}
    search, add = "search k=5 + reinforce", "add one text"
    goals: list[Goal] = []
    bounds = {10_000: (1.0, 2.5), 100_000: (10.0, 15.0)}
    for size in sorted({row.records for row in rows}):
        one, peer = at[add, "agentmem", size], at[add, "Chroma", size]
        dense, hybrid = (at[search, f"agentmem {mode}", size] for mode in ("dense", "hybrid"))
        other = at[search, "Chroma query + update", size]
        label = f"at {size:,} records"
        goals += [
            Goal(f"add one text {label}", one, 0.5),
            Goal(f"add, Chroma / agentmem, {label}", peer / one, 15, most=False, unit="x"),
        ]
        if size in bounds:
            goals += [
                Goal(f"dense search + reinforce {label}", dense, bounds[size][0]),
                Goal(f"hybrid search + reinforce {label}", hybrid, bounds[size][1]),
            ]
        if size == 10_000:
            what = f"dense search, Chroma / agentmem, {label}"
            goals.append(Goal(what, other / dense, 8, most=False, unit="x"))
    return goals


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=None, help="numbers of records")
    options = parser.parse_args()
    sizes = options.sizes or ([1000] if options.quick else [10_000, 100_000])
    samples = 30 if options.quick else 300
    facts = circumstances(options.seed, options.quick)
    rows: list[Row] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            rows += measure(size, options.seed, samples, Path(folder))
    publish("speed", facts, rows, judge(rows), destination(options.out, options.quick))


if __name__ == "__main__":
    main()
