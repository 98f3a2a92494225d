"""How many decisions a second the laboratory makes offline, memory included.

    python bench/throughput.py [--quick] [--seed N] [--out FOLDER]

Each arm plays the prisoner's dilemma in self-play, 500 rounds, through the runner: a process for
each core, prompts rendered and read, every round written to an `AgentMemory` and recalled from it.
The start of the processes is not counted: a first, small suite warms none of them, so the rate is
that of the runs alone, summed over the processes.  Simulated players; what language models would
do takes 100 to 10,000 times as long a decision.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from measure import arguments, circumstances, destination

from agentmem.bench.loading import load_suite
from agentmem.bench.once import play
from agentmem.bench.suite import Suite
from agentmem.bench.surrogates import LABEL
from agentmem.bench.voices import Direct, Voice
from agentmem.models import resolve
from agentmem.steps import run

SUITE = """
games: {{prisoners: {{rounds: {rounds}}}}}
players: ["surrogate:oss20b_pd"]
seeds: {seeds}
windows: [2, 5, 20, 80]
arms: [{arms}]
"""
ARMS = (
    "p00-none",
    "p05-decay",
    "p06-salience",
    "p07-bygones",
    "p08-similar",
    "p09-brief",
    "p10-counts",
    "p13-sanitized",
)
KINDS = {  # the goals: what an arm counts among
    "windows": ("window-2", "window-5", "window-20", "window-80"),
    "recall by query": ("p08-similar",),
}
GOALS = {"windows": 3000, "recall by query": 500}


def direct(spec: str) -> Voice:
    return Direct(model=resolve(spec))


def timed(suite: Suite, arm: str, seeds: tuple[int, ...]) -> tuple[int, float]:
    """Decisions and seconds of an arm's runs under some seeds, in this process."""
    jobs = [job for job in suite.jobs() if job.arm.name == arm and job.seed in seeds]
    run(play(suite, jobs[0], direct, _forget))  # imports and caches
    begun = time.perf_counter()
    rows = [run(play(suite, job, direct, _forget)) for job in jobs]
    return sum(row["decisions"] for row in rows), time.perf_counter() - begun


def _forget(event: object) -> None:
    """Nothing is logged."""


def rates(suite: Suite, cores: int) -> dict[str, float]:
    """Decisions a second of each arm, all cores at work on it at once."""
    share = [tuple(suite.seeds[core::cores]) for core in range(cores)]
    found = {}
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as executor:
        for arm in suite.arms:
            parts = list(executor.map(partial(timed, suite, arm.name), share))
            found[arm.name] = sum(made / seconds for made, seconds in parts)
            print(f"{arm.name}: {found[arm.name]:,.0f} decisions/s", flush=True)
    return found


def page(result: dict[str, Any]) -> str:
    lines = ["# throughput", "", f"> {LABEL}", ""]
    lines += [
        f"Made by `python bench/throughput.py{' --quick' if result['quick'] else ''}` on "
        f"{result['date']}; seed {result['seed']}; {result['cores']} cores, load "
        f"{result['load_before']} before the run; {result['platform']}, Python {result['python']}, "
        f"numpy {result['versions']['numpy']}. {result['rounds']} rounds, {result['seeds']} seeds.",
        "",
        f"| arm | decisions/s on {result['cores']} cores |",
        "|---|---|",
    ]
    lines += [f"| {arm} | {rate:,.0f} |" for arm, rate in result["rates"].items()]
    lines += ["", "| goal | least | bound | met |", "|---|---|---|---|"]
    lines += [
        f"| {kind} | {least:,.0f} | {GOALS[kind]:,} | "
        f"{'yes' if least >= GOALS[kind] else '**no**'} |"
        for kind, least in result["least"].items()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    asked = arguments(__doc__).parse_args()
    out = destination(asked.out, asked.quick)
    out.mkdir(parents=True, exist_ok=True)
    facts = circumstances(asked.seed, asked.quick)
    rounds, seeds = (100, 2) if asked.quick else (500, 8)
    text = SUITE.format(rounds=rounds, seeds=seeds, arms=", ".join(ARMS))
    path = out / "throughput.yaml"
    path.write_text(text, encoding="utf-8")
    suite = load_suite(path)
    Path(path).unlink()
    found = rates(suite, os.cpu_count() or 1)
    least = {kind: min(found[arm] for arm in arms) for kind, arms in KINDS.items()}
    result = {**facts, "label": LABEL, "rounds": rounds, "seeds": seeds}
    result |= {"rates": found, "least": least, "goals": GOALS}
    (out / "throughput.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "throughput.md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
