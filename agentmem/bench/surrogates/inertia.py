"""S4, the balance of evidence with own-move inertia.

    logit P(cooperate) = S3's pull + o * own last visible move (+1 or -1; 0 if none is visible)

Which player carries which claim.  S3 (`balance`) reproduces published cells of the memory curse,
which know nothing of own moves.  S4 is estimated in real logs (the sources of `published`), where
most players stick to their own last move: k, u and o are the logs' estimates, o halved, since its
regressor there is 0 or 1; b, g and r are fitted again by replay (`bench/profiles.py`), because o
takes part of what they stood for.  Only the groups of the logs that identify k are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentmem.bench.surrogates.balance import Balance, Number, Profile
from agentmem.bench.surrogates.published import facts
from agentmem.bench.surrogates.reading import Dilemma
from agentmem.errors import ConfigError, nearest


@dataclass(frozen=True, kw_only=True)
class Inertia(Balance):
    """S4 as a mind; `o` in log-odds."""

    o: float

    def cooperate(self, good: Number, bad: Number, momentum: Number, own: Number) -> Number:
        """Chance of cooperating, from bare counts; `own` +1, -1, or 0 if nothing is visible."""
        who = self.profile
        pull = who.pull(who.forward(good), who.history(bad), momentum)
        return who.squash(pull + self.o * own)

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        shown = seen.evidence
        forward, history = self.weights(shown, deliberate=deliberate)
        pull = self.profile.pull(forward, history, shown.momentum)
        own = 2 * seen.own[-1] - 1 if seen.own else 0.0
        return float(self.profile.squash(pull + self.o * own))


def mind(of: Mapping[str, float]) -> Inertia:
    """S4 with coefficients b, k, r, g, u and o; it never lapses (e = 0)."""
    rest = {name: value for name, value in of.items() if name != "o"}
    return Inertia(profile=Profile(**rest, e=0.0), o=of["o"])


def names() -> tuple[str, ...]:
    return tuple(facts()["inertia"])


def inertia(name: str) -> Inertia:
    """A fitted S4 by its name; ConfigError for an unknown one."""
    known = facts()["inertia"]
    if name not in known:
        raise ConfigError(f"no player with inertia {name!r}{nearest(name, known)}")
    return mind(known[name]["fitted"])
