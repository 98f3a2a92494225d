"""What curves with a threshold share."""

from __future__ import annotations

from agentmem.core import Change, Floats, Policy, View


def faded(policy: Policy, view: View, retention: Floats, below: float) -> Change:
    """The rows that are due, with their retention, shape (n,), as scores."""
    due = policy.expiry(view) <= view.now
    names = view.names(due)
    scores = dict(zip(names, retention[due].tolist(), strict=True))
    reason = f"retention has fallen to {below:g} or less"
    return Change(archive=names, reason=reason, policy=policy.name, scores=scores)
