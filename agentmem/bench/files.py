"""Around a run: files written whole, versions and worker processes."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from agentmem.bench.provenance import package_version
from agentmem.errors import InputError, MissingExtra


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there in full or as it was before, whatever happens."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """The JSON object in a file that a run wrote; InputError unless it holds these keys."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: damaged, it is not JSON ({error})") from error
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if not isinstance(found, dict) or missing:
        lacks = f": it holds no {missing[0]!r}" if missing else ""
        raise InputError(f"{path}: damaged, or of another version of agentmem{lacks}")
    return found


def versions() -> dict[str, str]:
    """What the figures were made with."""
    found = {"agentmem": package_version(), "python": platform.python_version()}
    for name in ("numpy", "sqlalchemy", "langchain-core", "langchain-openai"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def require(*modules: str) -> None:
    """MissingExtra unless these are installed: better before the work than after it."""
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtra(f"the report of a benchmark ({module})", "bench")


def spare_workers(tasks: int) -> int:
    """How many processes are worth their start: one per CPU, each with 32 tasks or more.

    A new process imports the calling script again, so a script that would run on import gets one.
    """
    main = getattr(sys.modules["__main__"], "__file__", None)
    source = Path(main) if main else None
    guarded = source is None or (source.is_file() and "__name__" in source.read_text("utf-8"))
    if parent_process() is not None or not guarded:
        return 1
    return max(1, min(os.cpu_count() or 1, tasks // 32))


def _end_with_parent() -> None:
    """See to it that a worker does not outlive a killed parent, waiting for work."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


Spread = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]


@contextmanager
def pool(workers: int, tasks: int) -> Iterator[Spread]:
    """A `map` that keeps the order, in this process or over several."""
    if workers < 1:
        raise InputError(f"workers must be at least 1, not {workers!r}")
    if min(workers, tasks) <= 1:
        yield map
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent) as executor:
        try:
            yield partial(executor.map, chunksize=max(1, min(16, tasks // (8 * workers))))
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
