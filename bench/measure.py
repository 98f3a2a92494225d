"""Timing, the circumstances of a run, and the result files."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("agentmem-forgetting", "numpy", "sqlalchemy", "chromadb", "tokenizers")
BLOCKS = 10  # how often the systems of a comparison take turns


@dataclass(frozen=True)
class Row:
    """One measured operation of one system; milliseconds."""

    operation: str
    system: str
    records: int
    samples: tuple[float, ...] = field(repr=False)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def summary(self) -> dict[str, Any]:
        ranked = sorted(self.samples)
        return {
            "operation": self.operation,
            "system": self.system,
            "records": self.records,
            "median_ms": round(self.median, 5),
            "p95_ms": round(ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))], 5),
            "min_ms": round(ranked[0], 5),
            "max_ms": round(ranked[-1], 5),
            "n": len(ranked),
        }


@dataclass(frozen=True)
class Goal:
    """A bound on a measured figure."""

    what: str
    value: float
    bound: float
    most: bool = True  # else: at least
    unit: str = "ms"

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.most else self.value >= self.bound


def once(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1e3


def in_turns(
    systems: Mapping[str, tuple[Callable[[int], object], int]], warm: int = 10
) -> dict[str, tuple[float, ...]]:
    """Time each system's `call(i)` its number of times, the systems taking turns in blocks.

    The first `warm` calls of each are not counted.  The cyclic garbage collector runs between the
    blocks, not in them, so that one system does not pay for another's garbage.
    """
    samples: dict[str, list[float]] = {name: [] for name in systems}
    done = dict.fromkeys(systems, 0)
    for name, (call, n) in systems.items():
        for _ in range(min(warm, n)):
            call(done[name])
            done[name] += 1
    for block in range(BLOCKS):
        for name, (call, n) in systems.items():
            gc.collect()
            gc.disable()
            for _ in range(n * (block + 1) // BLOCKS - n * block // BLOCKS):
                at = done[name]
                done[name] += 1
                samples[name].append(once(partial(call, at)))
            gc.enable()
    return {name: tuple(times) for name, times in samples.items()}


def circumstances(seed: int, quick: bool) -> dict[str, Any]:
    """What a reader needs to judge a run; nothing that names the machine."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": seed,
        "quick": quick,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def publish(
    name: str, facts: Mapping[str, Any], rows: Sequence[Row], goals: Sequence[Goal], out: Path
) -> None:
    """Write `name`.json and `name`.md, and show the table."""
    out.mkdir(parents=True, exist_ok=True)
    result = {
        "benchmark": name,
        **facts,
        "rows": [row.summary() for row in rows],
        "goals": [{**asdict(goal), "met": goal.met} for goal in goals],
    }
    text = json.dumps(result, indent=1) + "\n"
    (out / f"{name}.json").write_text(text, encoding="utf-8")
    page = markdown(result)
    (out / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)


def markdown(result: Mapping[str, Any]) -> str:
    """The result as a page: circumstances, measured rows, goals."""
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    lines = [
        f"# {result['benchmark']}",
        "",
        f"Made by `python bench/{result['benchmark']}.py{' --quick' if result['quick'] else ''}` "
        f"on {result['date']}; seed {result['seed']}; {result['cores']} cores, "
        f"{result['platform']}, load {result['load_before']} before the run; "
        f"Python {result['python']}, SQLite {result['sqlite']}, {versions}.",
        "",
        "| operation | records | system | median ms | p95 ms | min-max ms | n |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['operation']} | {r['records']:,} | {r['system']} | {r['median_ms']:.3g} | "
        f"{r['p95_ms']:.3g} | {r['min_ms']:.3g}-{r['max_ms']:.3g} | {r['n']} |"
        for r in result["rows"]
    ]
    if result["goals"]:
        lines += ["", "| goal | measured | bound | met |", "|---|---|---|---|"]
    lines += [
        f"| {g['what']} | {g['value']:.3g} {g['unit']} | {'<=' if g['most'] else '>='} "
        f"{g['bound']:g} {g['unit']} | {'yes' if g['met'] else '**no**'} |"
        for g in result["goals"]
    ]
    return "\n".join(lines) + "\n"


def arguments(about: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark here has."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="folder for the result files")
    return parser


def destination(out: Path | None, quick: bool) -> Path:
    """Where results go: a quick run is no result, so it stays out of the committed folder."""
    return out or (RESULTS.parent.parent / "runs" / "bench-quick" if quick else RESULTS)
