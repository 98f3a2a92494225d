"""How many seeds a claim needs, before anything is played."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2, sqrt
from statistics import NormalDist
from typing import Annotated

from agentmem.errors import InputError
from agentmem.fields import Bounds, check


@dataclass(frozen=True, kw_only=True)
class Design:
    """A paired comparison of two arms, before it is played.

    The normal approximation of a paired test (Cohen 1988, ch. 2; Miller 2024, arXiv 2411.00640,
    section 5): n = ((z_{1 - alpha/2} + z_power) sd / effect)^2.  With fewer than some 15 seeds a t
    test needs about 2 more.  `family` tests share alpha as in Holm's first, strictest step.
    """

    sd: Annotated[float, Bounds(above=0)] = 0.3  # of the paired differences between runs
    power: Annotated[float, Bounds(above=0, below=1)] = 0.8
    alpha: Annotated[float, Bounds(above=0, below=1)] = 0.05  # two-sided
    family: Annotated[int, Bounds(least=1)] = 1

    def __post_init__(self) -> None:
        check(self)
        if self.power <= self.alpha / (2 * self.family):
            raise InputError(f"power = {self.power:g}: give more than alpha / (2 family)")

    @property
    def reach(self) -> float:
        """z_{1 - alpha/2} + z_power: standard errors that the effect must span."""
        normal = NormalDist()
        return normal.inv_cdf(1 - self.alpha / (2 * self.family)) + normal.inv_cdf(self.power)

    @property
    def fewest(self) -> int:
        """Fewest seeds at which a sign-flip test can claim anything: family 2^(1 - n) <= alpha."""
        return max(2, ceil(1 + log2(self.family / self.alpha)))

    def seeds(self, effect: float) -> int:
        """Paired seeds that show a difference of `effect`, a share above 0 (0.2 is 20 pp)."""
        if not effect > 0:
            raise InputError(f"effect = {effect!r}: give a difference above 0, 0.2 for 20 pp")
        return max(self.fewest, ceil((self.reach * self.sd / effect) ** 2))

    def effect(self, seeds: int) -> float:
        """The smallest difference that `seeds` >= 2 paired seeds show with this power."""
        if seeds < 2:
            raise InputError(f"seeds = {seeds!r}: give at least 2")
        return self.reach * self.sd / sqrt(seeds)


def paired_sd(sd: float, correlation: float) -> float:
    """Sd of a paired difference of two arms of equal sd, whose runs correlate by seed.

    sd sqrt(2 (1 - correlation)): common random numbers save seeds where correlation > 0.
    """
    if not sd >= 0 or not -1 <= correlation <= 1:
        raise InputError(f"sd = {sd!r}, correlation = {correlation!r}: give >= 0, and -1 to 1")
    return sd * sqrt(2 * (1 - correlation))


def power_text(design: Design, *, effect: float | None = None, seeds: int | None = None) -> str:
    """A sentence that answers `how many seeds for this effect?` or `what do these seeds show?`.

    InputError unless exactly one of `effect` (a share) and `seeds` is given.
    """
    if (effect is None) == (seeds is None):
        raise InputError("effect, seeds: give exactly one of them")
    terms = f"sd {design.sd:g}, power {design.power:.0%}, alpha {design.alpha:g} two-sided"
    terms += f", {design.family} tests in the family (Holm)" if design.family > 1 else ""
    if effect is not None:
        return f"{design.seeds(effect)} paired seeds show {100 * effect:g} pp ({terms})."
    assert seeds is not None
    text = f"{seeds} paired seeds show {100 * design.effect(seeds):.1f} pp ({terms})."
    if seeds < design.fewest:
        text += f"  A sign-flip test needs at least {design.fewest} to claim anything."
    return text
