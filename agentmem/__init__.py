"""Memory for LLM agents in which forgetting is a first-class, pluggable, inspectable policy.

Everything here is loaded when first used, so that `import agentmem` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentmem.agent import Agent as Agent
    from agentmem.clock import SimulatedClock as SimulatedClock
    from agentmem.clock import SystemClock as SystemClock
    from agentmem.core import Change as Change
    from agentmem.core import Hit as Hit
    from agentmem.core import Plan as Plan
    from agentmem.core import Policy as Policy
    from agentmem.core import Record as Record
    from agentmem.core import Run as Run
    from agentmem.core import Turn as Turn
    from agentmem.core import Update as Update
    from agentmem.core import View as View
    from agentmem.errors import AgentMemError as AgentMemError
    from agentmem.memory import AgentMemory as AgentMemory

__version__ = "0.1.0"

_HOME = {
    "Agent": "agent",
    "AgentMemError": "errors",
    "AgentMemory": "memory",
    "Change": "core",
    "Hit": "core",
    "Plan": "core",
    "Policy": "core",
    "Record": "core",
    "Run": "core",
    "SimulatedClock": "clock",
    "SystemClock": "clock",
    "Turn": "core",
    "Update": "core",
    "View": "core",
}
__all__ = [
    "Agent",
    "AgentMemError",
    "AgentMemory",
    "Change",
    "Hit",
    "Plan",
    "Policy",
    "Record",
    "Run",
    "SimulatedClock",
    "SystemClock",
    "Turn",
    "Update",
    "View",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"agentmem.{_HOME[name]}"), name)
    raise AttributeError(f"module 'agentmem' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
