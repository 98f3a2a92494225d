"""Fading by where a memory came from, so that what nobody vouches for does not settle.

    R = 2 ** (-idle / (half_life * trust * s))        s = 1, + gain at each recall by another source

Half-lives in proportion to trust are this library's own rule; so is that a source cannot reinforce
what it has itself written, which would let a poisoned tool keep its own entries alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import log2
from typing import Annotated, ClassVar

import numpy as np

from agentmem.core import Floats, Update, View
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, Seconds
from agentmem.policies._fading import HALF_LIFE, Fading


@dataclass(frozen=True, kw_only=True)
class Trust(Fading):
    """Weight max(floor, R): records of sources that are trusted less fade faster.

    `trust` maps patterns of sources ("tool:*") to 0..1; of several that fit the longest counts, and
    a source that none fits has 1.  Who recalls (`search(..., by=...)`) leaves records of the same
    source as they were.  Upper and lower case are one.  With `remove`, a record goes when R has
    fallen to `forget_below`.
    """

    name: ClassVar[str] = "trust"

    trust: Mapping[str, float] = field(default_factory=dict)
    half_life: Annotated[Seconds, Bounds(above=0)] = HALF_LIFE  # of a source with trust 1
    gain: Annotated[float, Bounds(least=0)] = 1.0  # half-lives won by a recall

    def __post_init__(self) -> None:
        super().__post_init__()
        for pattern, degree in self.trust.items():
            number = isinstance(degree, int | float) and not isinstance(degree, bool)
            if not number or degree not in Bounds(least=0, most=1):
                raise ConfigError(
                    f"trust.trust[{pattern!r}] = {degree!r}: must be a number >= 0 and <= 1"
                )

    def degree(self, source: str) -> float:
        """How far a source is trusted, 0..1."""
        name = source.casefold()
        fitting = [one for one in self.trust if fnmatchcase(name, one.casefold())]
        closest = max(fitting, key=lambda pattern: (len(pattern), -self.trust[pattern]), default="")
        return float(self.trust[closest]) if fitting else 1.0

    def halving(self, view: View) -> Floats:
        """Seconds in which R halves, shape (n,), >= 0."""
        degrees = np.array([self.degree(name) for name in view.origins])
        strength = np.where(np.isnan(view.stability), 1.0, view.stability / self.half_life)
        return self.half_life * degrees[view.source] * strength

    def retention(self, view: View) -> Floats:
        """R before the floor, shape (n,), in [0, 1]; 0 where nothing is trusted."""
        halving = self.halving(view)
        known = halving > 0.0
        return np.where(known, np.exp2(-view.idle / np.where(known, halving, 1.0)), 0.0)

    def crossing(self, view: View) -> Floats:
        return view.used + self.halving(view) * -log2(self.forget_below)

    def touch(self, view: View) -> Update:
        plain = super().touch(view)
        before = np.where(np.isnan(view.stability), self.half_life, view.stability)
        after = before + self.gain * self.half_life
        asking = view.by.casefold()
        own = np.array([name.casefold() == asking != "" for name in view.origins], dtype=np.bool_)
        itself = own[view.source]
        return Update(
            used=np.where(itself, view.used, plain.used),
            uses=np.where(itself, view.uses, plain.uses),
            stability=np.where(itself, view.stability, after),
        )
