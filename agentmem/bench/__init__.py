"""The benchmark: games between agents whose memory forgets by policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentmem.bench.loading import load_suite
    from agentmem.bench.run import run_suite

__all__ = ["load_suite", "run_suite"]

_HOMES = {"load_suite": "agentmem.bench.loading", "run_suite": "agentmem.bench.run"}


def __getattr__(name: str) -> Any:
    """Loads what is asked for: a simulated player alone needs none of the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
