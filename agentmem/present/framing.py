"""Words around the records: a heading before them, a note after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from agentmem.core import Ask, Shown
from agentmem.errors import ConfigError
from agentmem.present.presented import Presentation

__all__ = ["Framing", "Note"]


@dataclass(frozen=True, kw_only=True)
class Note(Presentation):
    """A fixed text after the records, also where there are none."""

    name: ClassVar[str] = "note"

    text: str = "These are notes of earlier exchanges."

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise ConfigError("note.text: give a text")

    def present(self, shown: Shown, ask: Ask) -> Shown:
        return replace(shown, notes=(*shown.notes, self.text))


@dataclass(frozen=True, kw_only=True)
class Framing(Presentation):
    """A fixed text before the records, where there are any: as what they are to be read."""

    name: ClassVar[str] = "framing"

    text: str = "What follows are records of the past; things may have changed since."

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise ConfigError("framing.text: give a text")

    def present(self, shown: Shown, ask: Ask) -> Shown:
        if not shown.hits:
            return shown
        before = [shown.heading] if shown.heading else []
        return replace(shown, heading="\n".join([*before, self.text]))
