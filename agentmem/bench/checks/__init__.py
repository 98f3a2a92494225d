"""The oracles of the benchmark put to the library: payoffs, equilibria, solved minds, closed forms.

    from agentmem.bench.checks import checked

    failed = [one for one in checked() if not one.passed]

Every expected figure is one that theory, or the published source, gives; every found one comes from
the games, minds and matches that a suite plays.  Takes less than a minute and needs nothing.
"""

from __future__ import annotations

from agentmem.bench.checks import bargains, classics, curse, matrices
from agentmem.bench.checks.check import Check

__all__ = ["Check", "checked"]

PARTS = (matrices, bargains, classics, curse)


def checked() -> list[Check]:
    """Every check, in a fixed order; those that fail are among them."""
    return [one for part in PARTS for one in part.checks()]
