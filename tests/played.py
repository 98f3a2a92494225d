"""What the tests of the runner run in processes of their own: a suite, until it is done or killed.

python -m tests.played SUITE FOLDER WORKERS
"""

import sys
from pathlib import Path

from agentmem.bench.executors import Local
from agentmem.bench.loading import load_suite
from agentmem.bench.run import play_suite


def play(suite: str, folder: str, workers: str) -> None:
    """Say `ready` once everything is imported, and `done` at the end."""
    read = load_suite(suite)
    print("ready", flush=True)
    play_suite(read, Path(folder), executor=Local(workers=int(workers)))
    print("done", flush=True)


if __name__ == "__main__":
    play(*sys.argv[1:])
