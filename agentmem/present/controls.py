"""Controls of experiments: the same length with another content, or the same content unlabelled.

They show a model what has not happened, or less than did, to tell what of a memory's effect is due
to its content and what to its length.  For experiments; no agent should be given them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, ClassVar

from agentmem import prompts
from agentmem.core import Ask, Hit, Shown
from agentmem.errors import ConfigError, InputError
from agentmem.fields import Bounds
from agentmem.present.presented import Presentation, newest

__all__ = ["Filler", "Hidden", "Sanitized", "lengthened"]


@dataclass(frozen=True, kw_only=True)
class Sanitized(Presentation):
    """An oracle: all but the `keep` newest hits as if everybody had been kind.

    The text is that of `data[entry]`, which who wrote the record has put there: the same exchange,
    had it been friendly (the benchmark does so).  It is padded to the length of the original.
    """

    name: ClassVar[str] = "sanitized"

    keep: Annotated[int, Bounds(least=0)] = 2
    entry: str = "friendly"

    def present(self, shown: Shown, ask: Ask) -> Shown:
        return _replaced(shown, self.keep, self._friendly, valence=1.0)

    def _friendly(self, hit: Hit) -> str:
        text = hit.record.data.get(self.entry)
        if not isinstance(text, str):
            raise InputError(
                f"sanitized: record {hit.id!r} has no text in data[{self.entry!r}] to stand in"
            )
        return text.ljust(len(hit.text))


@dataclass(frozen=True, kw_only=True)
class Filler(Presentation):
    """All but the `keep` newest hits as words of the same length that say nothing of them."""

    name: ClassVar[str] = "filler"

    keep: Annotated[int, Bounds(least=0)] = 2
    text: str = field(default_factory=lambda: prompts.load("filler").text)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.text.strip():
            raise ConfigError("filler.text: give a text")

    def present(self, shown: Shown, ask: Ask) -> Shown:
        return _replaced(
            shown, self.keep, lambda hit: lengthened(self.text, len(hit.text)), valence=0.0
        )


@dataclass(frozen=True, kw_only=True)
class Hidden(Presentation):
    """Whatever `pattern` finds, in records and words around them, as `mask`: labels hidden."""

    name: ClassVar[str] = "hidden"

    pattern: str = r"\bA\d+\b"  # the action tokens of the benchmark's games
    mask: str = "?"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._regex.search(""):
            raise ConfigError(f"hidden.pattern = {self.pattern!r}: it fits the empty text")

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        try:
            return re.compile(self.pattern)
        except re.error as error:
            raise ConfigError(f"hidden.pattern = {self.pattern!r}: {error}") from error

    def _hide(self, text: str) -> str:
        return self._regex.sub(lambda _: self.mask, text)

    def present(self, shown: Shown, ask: Ask) -> Shown:
        hits = [replace(h, record=replace(h.record, text=self._hide(h.text))) for h in shown.hits]
        notes = tuple(self._hide(note) for note in shown.notes)
        return replace(shown, hits=tuple(hits), notes=notes, heading=self._hide(shown.heading))


def lengthened(text: str, length: int) -> str:
    """The text over and over, up to the last whole word within `length`, then full stops."""
    whole = f"{text} " * (length // (len(text) + 1) + 2)
    end = whole.rfind(" ", 0, length + 1)  # a word may end right there
    return whole[: max(end, 0)].rstrip().ljust(length, ".")


def _replaced(shown: Shown, keep: int, text_of: Callable[[Hit], str], *, valence: float) -> Shown:
    """All but the newest hits with another text and valence."""
    whole = newest(shown.hits, keep)
    hits = [
        hit
        if hit.id in whole
        else replace(hit, record=replace(hit.record, text=text_of(hit), valence=valence))
        for hit in shown.hits
    ]
    return replace(shown, hits=tuple(hits))
