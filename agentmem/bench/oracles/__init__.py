"""What theory says: equilibria, thresholds and closed forms, in numbers and arrays.

`matrix` one-shot games, `bargaining` a pie between two, `division` several kinds of items between
two, `grudge` and `retaliation` two minds whose play can be solved.  They know no game of this
package, whose figures rest on them; `agentmem.bench.theory` puts them to the games.
"""

from agentmem.bench.oracles.matrix import reactive_cooperation

__all__ = ["reactive_cooperation"]
