"""Assertions about a memory, for the tests of those who build on it.

    def test_the_agent_lets_bygones_be_bygones():
        assert_keeps(memory, "what did we agree?", "we split the profit", after="30d")
        assert_forgets(memory, "who cheated?", "you cheated me", after="30d")

They change nothing: no recall is counted, no plan applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentmem.clock import Duration, duration, seconds
from agentmem.core import Change, Hit
from agentmem.explain import Explanation
from agentmem.maintenance import removed
from agentmem.memory import AgentMemory
from agentmem.text import fold

__all__ = ["assert_forgets", "assert_healthy", "assert_keeps"]


def assert_keeps(
    memory: AgentMemory, query: str, text: str, *, after: Duration = 0.0, **options: Any
) -> Hit:
    """A search for `query`, so long after now, finds a record that holds `text` (case aside).

    `options`: those of `search`.  Removal counts: what maintenance would put away by then is not
    found.  Returns the hit; AssertionError says why it is missing and what would bring it back.
    """
    hits, explanation, gone = _asked(memory, query, after, options)
    found = [hit for hit in hits if fold(text) in fold(hit.text)]
    if not found:
        lines = [f"{text!r} is not found {_when(after)}", str(explanation)]
        for name, change in gone.items():
            if fold(text) in fold(said := memory.get(name, namespace=()).text):
                lines.append(f"  - put away by {change.policy}: {said!r} ({change.reason})")
        raise AssertionError("\n".join(lines))
    return found[0]


def assert_forgets(
    memory: AgentMemory, query: str, text: str, *, after: Duration = 0.0, **options: Any
) -> None:
    """A search for `query`, so long after now, finds no record that holds `text` (case aside)."""
    hits, explanation, _ = _asked(memory, query, after, options)
    found = [hit for hit in hits if fold(text) in fold(hit.text)]
    if found:
        raise AssertionError(f"{found[0].text!r} is found {_when(after)}\n{explanation}")


def assert_healthy(memory: AgentMemory, *, allow: Sequence[str] = (), **options: Any) -> None:
    """`memory.doctor()` finds nothing worse than a note, `allow` (codes of findings) aside."""
    findings = [
        one for one in memory.doctor(**options) if one.level != "note" and one.code not in allow
    ]
    if findings:
        raise AssertionError("\n".join(map(str, findings)))


def _asked(
    memory: AgentMemory, query: str, after: Duration, options: dict[str, Any]
) -> tuple[list[Hit], Explanation, dict[str, Change]]:
    """The hits, the account of the search once maintenance at that time has run, and what that
    would put away, by id.
    """
    now = seconds(options.pop("now", memory.clock.now())) + duration(after)
    plan = memory.plan(now=now, namespace=options.get("namespace"))
    gone = {name: change for change in plan.changes for name in removed(change)}
    if gone:
        where = dict(options.pop("where", None) or {})
        left = {"id": {"$nin": list(gone)}}
        options["where"] = {**where, "$and": [*where.get("$and", ()), left]}
    hits = memory.search(query, now=now, reinforce=False, **options)
    asked = {name: value for name, value in options.items() if name in _EXPLAINED}
    return hits, memory.explain(query, now=now, **asked), gone


_EXPLAINED = ("namespace", "k", "where", "mode")  # options of a search that `explain` takes


def _when(after: Duration) -> str:
    return f"after {after}" if duration(after) else "now"
