"""The seam of redaction: a hook on every text before it is embedded, indexed, journalled or logged.

    redact: [pii, {mypackage.mine:Presidio: {language: en}}]      one after the other

What a redactor takes out is in no file: there is nothing to erase later, and no way back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from agentmem.errors import PluginError
from agentmem.fields import check

__all__ = ["Redactor", "redacted"]


@dataclass(frozen=True, kw_only=True)
class Redactor:
    """Takes something out of texts; neutral: override `redact`.  Its fields are its configuration.

    The same text gives the same result, in every process: the id of a record is made of it.
    """

    name: ClassVar[str] = "redactor"

    def __post_init__(self) -> None:
        check(self)

    def redact(self, text: str) -> str:
        """The text as it may be stored.  What it raises stops the write: nothing is stored."""
        return text


def redacted(redactors: Iterable[Redactor], text: str) -> str:
    """A text as all redactors leave it, one after the other.

    PluginError for one that gives no text.
    """
    for one in redactors:
        found: object = one.redact(text)
        if not isinstance(found, str):
            raise PluginError(f"redactor {one.name!r} must give a text, not {found!r:.80}")
        text = found
    return text
