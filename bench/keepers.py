"""Every registered policy as a keeper: what goes when there is room for so many records only.

A policy that bounds a store by number (`max_records`, or the `n` of a window) gets that bound and
says itself what goes.  Any other that weighs records keeps those of greatest weight; a `floor` is
set to 0 for that, since it makes the faded equal.  Among equals what was not used for longest goes
first.  A policy to which all records weigh the same has not chosen, and is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agentmem import registry
from agentmem.config import build_policies
from agentmem.core import Ask, Floats, Policy, View
from agentmem.policies._order import lowest
from agentmem.views import KEPT

BOUNDS = ("max_records", "n")  # options that bound the number of records
SPACE = ("bench",)


@dataclass(frozen=True, kw_only=True)
class Chance(Policy):
    """Keeps at random; the same moment, the same choice."""

    name: ClassVar[str] = "random"
    seed: int = 0

    def weight(self, view: View) -> Floats:
        return np.random.default_rng([self.seed, int(view.now)]).random(len(view))


@dataclass
class Keeper:
    """A policy with room for `room` records."""

    policy: Policy
    room: int
    bounded: bool  # does the policy know the bound?
    chose: bool = False  # has it told records apart?

    def going(self, view: View, turn: int) -> NDArray[np.bool_]:
        """The rows that have to go, shape (n,)."""
        if not self.bounded:
            weight = self.policy.weight(view)
            self.chose |= bool(np.ptp(weight) > 0.0)
            return lowest(view, weight, lambda count: max(count - self.room, 0))
        self.chose = True
        ask = Ask(now=view.now, namespace=SPACE, turn=turn)
        gone = {name.encode() for name in self.policy.maintain(view, ask).archive}
        out = np.array([name in gone for name in view.ids.tolist()], dtype=np.bool_)
        if len(out) - out.sum() > self.room:
            raise SystemExit(f"{self.policy.name} keeps more than {self.room} records")
        return out


def keeper(name: str, room: int, options: Mapping[str, Any] | None = None) -> Keeper | None:
    """The policy of that name as a keeper; None if it neither weighs nor bounds so tightly."""
    cls: Any = registry.find("policies", name)
    if cls.weight is Policy.weight and cls.maintain is Policy.maintain:
        return None
    known = {one.name for one in fields(cls)} if is_dataclass(cls) else set()
    bound = next((option for option in BOUNDS if option in known), None)
    given = dict(options or {})
    if bound is not None:
        given |= {"remove": True}
        [policy] = build_policies([{name: {**given, bound: room}}])
        more = getattr(policy, "size", room) - room  # what it keeps beside
        if more > 0:
            [policy] = build_policies([{name: {**given, bound: max(room - more, 0)}}])
        return Keeper(policy, room, True) if more <= room else None
    if "floor" in known:
        given.setdefault("floor", 0.0)
    [policy] = build_policies([{name: given}])
    return Keeper(policy, room, False)


def keepers(room: int, seed: int = 0) -> dict[str, Keeper]:
    """Every registered policy that can keep, and chance."""
    found = {"random": Keeper(Chance(seed=seed), room, False)}
    for name in registry.names("policies"):
        one = keeper(name, room)
        if one is not None:
            found[name] = one
    return found


def records(now: float, n: int, **given: Any) -> View:
    """A view of n records of one namespace; what is not given is as in a record just added."""
    plain: dict[str, Any] = {
        "created": now,
        "used": now,
        "uses": 0.0,
        "stability": np.nan,
        "importance": 0.5,
        "valence": 0.0,
        "turns": 0.0,
        "idle_turns": np.inf,
        "namespace": np.zeros(n, dtype=np.int64),
        "ids": np.array([f"r{i}".encode() for i in range(n)], dtype="S32"),
        "kind": np.zeros(n, dtype=np.int64),
        "source": np.zeros(n, dtype=np.int64),
        "verify_by": np.nan,
        "words": 10.0,
        "recalls": np.full((n, KEPT), np.nan),
        "share": np.nan,
    }
    full: dict[str, Any] = {
        key: value if np.ndim(value) else np.full(n, float(value))
        for key, value in {**plain, **given}.items()
    }
    return View(now=now, kinds=("chunk",), origins=("",), **full)
