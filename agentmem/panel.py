"""The policies of a memory, asked together, each about what concerns it; and what they see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem import contract
from agentmem.config import fingerprint
from agentmem.core import Ask, Change, Floats, Namespace, Policy, Record, Update, View
from agentmem.errors import ConfigError
from agentmem.index.life import Codes
from agentmem.text import words

__all__ = ["Panel", "record_view"]


class Panel:
    """Labels, weights, strengthening and expiry under some policies, in their order.

    `path` gives the namespace of a code, for policies that are confined to a branch.  Records of
    the kinds `kept`, which consolidation makes, go only under a policy whose `kinds` name them.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        path: Callable[[int], Namespace],
        kept: Sequence[str] = (),
    ) -> None:
        self.policies = tuple(policies)
        self.kept = frozenset(kept)
        self.labels = _labels(self.policies)
        for label, policy in zip(self.labels, self.policies, strict=True):
            _scope(label, policy)
        self._path = path
        pairs = list(zip(self.labels, self.policies, strict=True))
        self._weighing = [(name, p) for name, p in pairs if _weighs(p)]
        self._strengthening = [(name, p) for name, p in pairs if type(p).touch is not Policy.touch]
        self._expiring = [(name, p) for name, p in pairs if _has_expiry(p)]
        self.expires = bool(self._expiring)
        self.stamp = fingerprint([policy for _, policy in self._expiring])  # of their expiries
        self.stamp += "".join(f" {kind}" for kind in sorted(self.kept) if self.expires)
        self.traces = any(policy.traces for policy in self.policies)
        self.separable = all(policy.separable for _, policy in self._weighing)
        self.single = any(policy.separable for _, policy in self._weighing)

    def weights(self, view: View, *, separable: bool | None = None) -> dict[str, Floats]:
        """Each ranking policy's retention factor, shape (n,); of some policies (None: of all)."""
        found = {}
        for name, policy in self._weighing:
            if separable in (None, policy.separable):
                mine = self.concerned(policy, view)
                if mine is None:
                    found[name] = contract.weight(name, policy, view)
                else:
                    found[name] = np.ones(len(view))
                    if mine.any():
                        found[name][mine] = contract.weight(name, policy, view.take(mine))
        return found

    def touched(self, view: View) -> Update:
        """The rows after being recalled now; of several policies that strengthen one, the last."""
        update = Policy().touch(view)
        for name, policy in self._strengthening:
            mine = self.concerned(policy, view)
            if mine is None:
                update = contract.touch(name, policy, view)
            elif mine.any():
                own = contract.touch(name, policy, view.take(mine))
                for part in ("used", "uses", "stability"):
                    whole = np.array(getattr(update, part), dtype=np.float64)
                    whole[mine] = getattr(own, part)
                    update = _with(update, part, whole)
        return update

    def expiry(self, view: View) -> Floats:
        """The earliest expiry any policy gives each row; inf for never."""
        due = np.full(len(view), np.inf)
        for own in self.expiries(view).values():
            due = np.minimum(due, own)
        return due

    def expiries(self, view: View) -> dict[str, Floats]:
        """The expiry that each policy with a closed form gives each row, shape (n,)."""
        found = {}
        for name, policy in self._expiring:
            mine = self._removable(policy, view)
            if mine is None:
                found[name] = contract.expiry(name, policy, view)
            else:
                found[name] = np.full(len(view), np.inf)
                if mine.any():
                    found[name][mine] = contract.expiry(name, policy, view.take(mine))
        return found

    def maintain(self, label: str, policy: Policy, view: View, ask: Ask) -> Change:
        """What a policy puts away of the rows that concern it."""
        mine = self._removable(policy, view)
        if mine is None:
            return contract.maintain(label, policy, view, ask)
        if not mine.any():
            return Change(reason="concerns no record", policy=label)
        return contract.maintain(label, policy, view.take(mine), ask)

    def concerned(self, policy: Policy, view: View) -> NDArray[np.bool_] | None:
        """Which rows a policy is asked about, shape (n,); None: all of them."""
        if not policy.scoped:
            return None
        mine = np.ones(len(view), dtype=np.bool_)
        if policy.kinds:
            codes = [code for code, kind in enumerate(view.kinds) if kind in policy.kinds]
            mine &= np.isin(view.kind, codes)
        if policy.within:
            depth = len(policy.within)
            held = np.unique(view.namespace).tolist()
            inside = [code for code in held if self._path(code)[:depth] == policy.within]
            mine &= np.isin(view.namespace, inside)
        return mine

    def _removable(self, policy: Policy, view: View) -> NDArray[np.bool_] | None:
        """Which of the rows that concern a policy it may put away; None: all rows."""
        mine = self.concerned(policy, view)
        kept = self.kept.difference(policy.kinds)
        codes = [code for code, kind in enumerate(view.kinds) if kind in kept]
        if not codes:
            return mine
        free = ~np.isin(view.kind, codes)
        return free if mine is None else mine & free


def _scope(label: str, policy: Policy) -> None:
    """ConfigError unless `kinds` and `within` are tuples of strings: others match nothing."""
    for name in ("kinds", "within"):
        value = getattr(policy, name)
        if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
            raise ConfigError(
                f"policy {label!r}: {name} = {value!r}: give a tuple of strings, as in ('a', 'b')"
            )


def _with(update: Update, part: str, values: Floats) -> Update:
    parts = {name: getattr(update, name) for name in ("used", "uses", "stability")}
    return Update(**{**parts, part: values})


def _weighs(policy: Policy) -> bool:
    return policy.rank and type(policy).weight is not Policy.weight


def _has_expiry(policy: Policy) -> bool:
    return policy.remove and policy.sweep == "due" and type(policy).expiry is not Policy.expiry


def _labels(policies: Sequence[Policy]) -> tuple[str, ...]:
    """One name a policy; a repeated one gets a number."""
    names = [policy.name for policy in policies]
    return tuple(
        name if names.count(name) == 1 else f"{name}#{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    )


def record_view(records: Sequence[Record], now: float, code: Callable[[Namespace], int]) -> View:
    """The view of some whole records; turn counts are not known here (zero and infinite)."""

    def floats(name: str) -> Floats:
        return np.array([getattr(r, name) for r in records], dtype=np.float64)

    kinds, origins = Codes(), Codes()
    spaces = {path: code(path) for path in {r.namespace for r in records}}
    return View(
        now=now,
        created=floats("created"),
        used=floats("used"),
        uses=floats("uses"),
        stability=floats("stability"),
        importance=floats("importance"),
        valence=floats("valence"),
        turns=np.zeros(len(records)),
        idle_turns=np.full(len(records), np.inf),
        namespace=np.array([spaces[r.namespace] for r in records], dtype=np.int64),
        ids=np.array([r.id.encode() for r in records], dtype="S32"),
        kind=kinds.of(r.kind for r in records),
        source=origins.of(r.source for r in records),
        verify_by=floats("verify_by"),
        words=np.array([len(words(r.found_by)) for r in records], dtype=np.float64),
        recalls=np.empty((len(records), 0)),
        share=np.full(len(records), np.nan),
        kinds=kinds.names,
        origins=origins.names,
    )
