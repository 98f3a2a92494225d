"""What theory says about the games: equilibria, thresholds and closed forms to test against.

`matrix` one-shot games, `bargaining` a pie between two, `division` several kinds of items between
two, `grudge` and `retaliation` two minds whose play can be solved; `games` puts them to our games.
"""

from __future__ import annotations

from agentmem.bench.oracles.games import (
    best_offer,
    equilibria,
    generous,
    grim_threshold,
    payoff_array,
)
from agentmem.bench.oracles.matrix import reactive_cooperation

__all__ = [
    "best_offer",
    "equilibria",
    "generous",
    "grim_threshold",
    "payoff_array",
    "reactive_cooperation",
]
