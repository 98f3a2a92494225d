"""Which code and data a result comes from: hashes over this package, and over what others add."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agentmem.core import content_id

TEXTS = {".py", ".txt", ".jinja", ".json"}  # code, prompts, templates, tables and fits
PACKAGE = "agentmem"


@cache
def source_hash() -> str:
    """A hash over the package's code, prompts, templates and data in JSON."""
    root = Path(__file__).parent.parent
    files = sorted(p for p in root.rglob("*") if p.suffix in TEXTS)
    parts = [part for p in files for part in (p.relative_to(root).as_posix(), p.read_text("utf-8"))]
    return content_id(*parts)


def foreign(parts: Iterable[object], modules: Iterable[str] = ()) -> dict[str, str]:
    """By module, a hash over the code of the parts that are not this package's, and of `modules`.

    Only of the modules in which their classes stand, not of what those import; "" where there is
    no source, as in a console.
    """
    found = {cls.__module__ for part in parts for cls in type(part).__mro__}.union(modules)
    ours = (PACKAGE, *sys.stdlib_module_names)
    return {name: _code(name) for name in sorted(found) if name.partition(".")[0] not in ours}


def _code(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    path = Path(file) if file else None
    return content_id(path.read_text("utf-8")) if path and path.suffix == ".py" else ""


def package_version() -> str:
    """The installed version, or `unknown` in a bare checkout."""
    try:
        return version("agentmem-forgetting")
    except PackageNotFoundError:
        return "unknown"
