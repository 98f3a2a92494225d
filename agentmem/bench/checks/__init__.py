"""The oracles of the benchmark put to the library: payoffs, equilibria, solved minds, closed forms.

    from agentmem.bench.checks import checked

    failed = [one for one in checked() if not one.passed]

Every expected figure is one that theory, or the published source, gives; every found one comes from
the games, minds and matches that a suite plays.  Takes less than a minute and needs nothing.
"""

from __future__ import annotations

from agentmem.bench.checks.bargains import checks as bargaining
from agentmem.bench.checks.check import Check
from agentmem.bench.checks.classics import checks as solved
from agentmem.bench.checks.curse import checks as fitted
from agentmem.bench.checks.matrices import checks as dilemmas

__all__ = ["Check", "checked"]

PARTS = (dilemmas, bargaining, solved, fitted)


def checked() -> list[Check]:
    """Every check, in a fixed order; those that fail are among them."""
    return [one for part in PARTS for one in part()]
