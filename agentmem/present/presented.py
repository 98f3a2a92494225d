"""The seam of presentation: policies whose only say is what the model gets to see.

They come after the search, so they cost no recall and change no record; `search` itself does not
ask them, the agent and the benchmark do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from agentmem.core import Ask, Hit, Policy, Shown
from agentmem.errors import AgentMemError, PluginError
from agentmem.fields import check

__all__ = ["Presentation", "by_time", "newest", "presented"]


@dataclass(frozen=True, kw_only=True)
class Presentation(Policy):
    """A policy that neither weighs nor removes.  Override `present`."""

    name: ClassVar[str] = "presentation"

    rank: bool = False

    def __post_init__(self) -> None:
        check(self)


def presented(policies: Sequence[Policy], shown: Shown, ask: Ask) -> Shown:
    """What is shown once each policy, in turn, has had its say.

    One that is confined to some records is asked about those alone; the others keep their places.
    PluginError for a policy that raises, or gives anything but hits and texts.
    """
    for policy in policies:
        if type(policy).present is not Policy.present:
            mine = [hit for hit in shown.hits if _concerns(policy, hit)]
            found = _asked(policy, replace(shown, hits=tuple(mine)), ask)
            shown = replace(found, hits=_merged(shown.hits, mine, found.hits))
    return shown


def by_time(hits: Sequence[Hit]) -> list[Hit]:
    """The hits, oldest first; what was derived comes after what was said at the same time."""

    def when(hit: Hit) -> tuple[float, bool, int, str]:
        return hit.record.created, bool(hit.record.sources), hit.record.turn, hit.id

    return sorted(hits, key=when)


def newest(hits: Sequence[Hit], n: int) -> set[str]:
    """The ids of the n newest."""
    return {hit.id for hit in by_time(hits)[max(len(hits) - n, 0) :]}


def _concerns(policy: Policy, hit: Hit) -> bool:
    inside = hit.record.namespace[: len(policy.within)] == policy.within
    return inside and (not policy.kinds or hit.record.kind in policy.kinds)


def _asked(policy: Policy, shown: Shown, ask: Ask) -> Shown:
    try:
        found = policy.present(shown, ask)
    except AgentMemError:
        raise
    except Exception as error:
        raise PluginError(f"policy {policy.name!r}: present() failed: {error!r}") from error
    texts = isinstance(found, Shown) and (*found.notes, found.heading)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise PluginError(f"policy {policy.name!r}: present() must give a Shown of hits and texts")
    if not all(isinstance(hit, Hit) for hit in found.hits):
        raise PluginError(f"policy {policy.name!r}: present() gave hits that are none")
    return found


def _merged(before: Sequence[Hit], mine: Sequence[Hit], now: Sequence[Hit]) -> tuple[Hit, ...]:
    """What a policy gave, `now`, in the places of what it was asked about, `mine`."""
    places = {hit.id for hit in mine}
    left = list(now)
    merged: list[Hit] = []
    for hit in before:
        if hit.id not in places:
            merged.append(hit)
        elif left:
            merged.append(left.pop(0))
    return (*merged, *left)
