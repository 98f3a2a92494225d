"""Kinds that are kept as they are told: nothing is derived from what was said.

Each belongs to a memory with verbs of its own (`agentmem.modules`), which adds its records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentmem.structure import Store

__all__ = [
    "DisclosureStore",
    "FeedbackStore",
    "LessonStore",
    "RationaleStore",
    "StatementStore",
]


@dataclass(frozen=True, kw_only=True)
class DisclosureStore(Store):
    """Who was told what: see `modules.disclosure`."""

    name: ClassVar[str] = "disclosure"
    searched: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class FeedbackStore(Store):
    """Clarifications of questions that were misunderstood: see `modules.feedback`."""

    name: ClassVar[str] = "feedback"


@dataclass(frozen=True, kw_only=True)
class LessonStore(Store):
    """Lines of reasoning that were rejected: see `modules.lessons`."""

    name: ClassVar[str] = "lesson"
    searched: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class RationaleStore(Store):
    """Reasoning that led to verified answers: see `modules.rationale`."""

    name: ClassVar[str] = "rationale"


@dataclass(frozen=True, kw_only=True)
class StatementStore(Store):
    """SQL that wrote to the tables of a symbolic memory: see `modules.table`."""

    name: ClassVar[str] = "statement"
