"""No forgetting: the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentmem.core import Policy


@dataclass(frozen=True, kw_only=True)
class NoForgetting(Policy):
    """Every record keeps weight 1 for ever; nothing goes."""

    name: ClassVar[str] = "none"

    rank: bool = False
