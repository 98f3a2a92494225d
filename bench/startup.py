"""How long it takes to import agentmem, and until the first search is answered.

    python bench/startup.py [--quick] [--seed 0] [--out FOLDER]

Each figure is a fresh interpreter from start to end, file cache warm, the programs taking turns;
memory is the peak resident size of that process.
"""

from __future__ import annotations

import subprocess
import sys
import time

from measure import Goal, Row, arguments, circumstances, destination, publish

PEAK = """
import re
from pathlib import Path
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
FIRST = """
import tempfile
from pathlib import Path
from agentmem import AgentMemory
with tempfile.TemporaryDirectory() as folder:
    with AgentMemory.open(Path(folder) / "memory.db") as memory:
        memory.add("Ana moved to Lisbon in May.")
        assert memory.search("Where does Ana live?")
"""
PROGRAMS = {
    "bare interpreter": "",
    "import numpy": "import numpy",
    "import agentmem": "import agentmem",
    "from agentmem import AgentMemory": "from agentmem import AgentMemory",
    "... and open, first add, first search": FIRST,
}
IMPORT = "import agentmem"


def run(program: str) -> tuple[float, float]:
    """Milliseconds of the whole process, and its peak resident size in MB."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    elapsed = (time.perf_counter() - begin) * 1e3
    # a second process, so that reading the size is not timed
    peak = subprocess.run(
        [sys.executable, "-c", program + PEAK], check=True, capture_output=True, text=True
    )
    return elapsed, int(peak.stdout) / 1024


def main() -> None:
    options = arguments(__doc__).parse_args()
    rounds = 2 if options.quick else 9
    facts = circumstances(options.seed, options.quick)
    for program in PROGRAMS.values():
        run(program)  # warms the file cache
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            samples[name].append(run(program))
    rows = [Row(name, "time", 0, tuple(t for t, _ in found)) for name, found in samples.items()]
    sizes = {
        name: sorted(mb for _, mb in found)[len(found) // 2] for name, found in samples.items()
    }
    facts["peak_mb"] = {name: round(mb, 1) for name, mb in sizes.items()}
    time_of = {row.operation: row.median for row in rows}
    goals = [
        Goal("`import agentmem`", time_of[IMPORT], 200),
        Goal("`import agentmem`, peak memory", sizes[IMPORT], 45, unit="MB"),
    ]
    publish("startup", facts, rows, goals, destination(options.out, options.quick))


if __name__ == "__main__":
    main()
