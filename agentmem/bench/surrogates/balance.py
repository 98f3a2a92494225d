"""S3, the balance of evidence: visible help against visible harm, with negativity bias.

Its coefficients are fitted to published cells of the memory curse (arXiv 2605.08060).  It tests
mechanism and harness and is no evidence about language models.

C, D: visible cooperations and defections of the partner; m: its last moves; see `Profile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.surrogates.reading import Dilemma, Evidence

BASE = 0.984  # history weight without evidence: FLR = 1 / (1 + BASE) = .504
NOTE = 0.1  # weight of one lexicon word in a free note
DIRECT = 0.25  # negativity left when no reasoning is asked for

Number = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """P(cooperate) = e + (1 - 2e) sigmoid(b + k ln(F / H) + r m),
    F = 1 + u ln(1 + C), H = .984 + g ln(1 + D), FLR = F / (F + H).

    g > u is negativity bias; u > 0 makes a long friendly memory help.
    """

    b: float
    k: float
    r: float
    g: float
    u: float
    e: float

    def forward(self, good: Number) -> Number:
        return 1.0 + self.u * np.log1p(good)

    def history(self, bad: Number) -> Number:
        return BASE + self.g * np.log1p(bad)

    def cooperate(self, good: Number, bad: Number, momentum: Number) -> Number:
        """Chance of cooperating, from bare counts (floats or arrays)."""
        return self.decide(self.forward(good), self.history(bad), momentum)

    def decide(self, forward: Number, history: Number, momentum: Number) -> Number:
        return self.squash(self.pull(forward, history, momentum))

    def pull(self, forward: Number, history: Number, momentum: Number) -> Number:
        """Log-odds of cooperating, before lapses."""
        return self.b + self.k * np.log(forward / history) + self.r * momentum

    def squash(self, pull: Number) -> Number:
        """A chance of log-odds, with lapses."""
        return self.e + (1 - 2 * self.e) / (1.0 + np.exp(-pull))


PROFILES: Mapping[str, Profile] = {
    "gemma_tg": Profile(b=0.561, k=3.971, r=0.291, g=0.367, u=0.092, e=0.02),
    "oss20b_pd": Profile(b=2.580, k=4.241, r=0.631, g=0.681, u=0.086, e=0.005),
    "oss120b_tg": Profile(b=2.066, k=8.068, r=1.757, g=0.267, u=0.023, e=0.01),
    "scout_pg": Profile(b=0.856, k=2.248, r=1.808, g=0.886, u=0.442, e=0.01),
    "llama33_tg": Profile(b=2.043, k=6.333, r=1.503, g=0.314, u=0.012, e=0.005),
    "immune": Profile(b=2.166, k=0.971, r=2.591, g=0.900, u=0.122, e=0.005),
}


@dataclass(frozen=True, kw_only=True)
class Balance:
    """S3 as a mind.  Where no reasoning is asked for, harm weighs a quarter."""

    profile: Profile

    def weights(self, seen: Evidence, *, deliberate: bool) -> tuple[float, float]:
        """F and H, with the words of free notes added."""
        who = self.profile if deliberate else replace(self.profile, g=self.profile.g * DIRECT)
        forward = float(who.forward(seen.good)) + NOTE * seen.forward
        return forward, float(who.history(seen.bad)) + NOTE * seen.history

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        shown = seen.evidence
        forward, history = self.weights(shown, deliberate=deliberate)
        return float(self.profile.decide(forward, history, shown.momentum))

    def ratio(self, seen: Evidence, *, deliberate: bool) -> float:
        forward, history = self.weights(seen, deliberate=deliberate)
        return forward / (forward + history)

    def goodwill(self, seen: Evidence, *, deliberate: bool) -> float:
        forward, history = self.weights(seen, deliberate=deliberate)
        pull = self.profile.b + self.profile.k * np.log(forward / history)
        return float(1.0 / (1.0 + np.exp(-pull)))


def mean_field(profile: Profile, window: int, p: float) -> float:
    """f(p): the chance of cooperating when a partner cooperating with chance p fills the window."""
    return float(profile.cooperate(window * p, window * (1 - p), 2 * p - 1 if window else 0.0))
