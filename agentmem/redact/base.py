"""Redaction: a hook on every text before it is embedded, indexed, journalled or logged.

    redact: [pii, {mypackage.mine:Presidio: {language: en}}]      one after the other

What a redactor takes out is in no file: there is nothing to erase later, and no way back.  What it
raises stops the write.  The same text must give the same result in every process, since the id of a
record is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentmem.core import Redactor
from agentmem.errors import PluginError

__all__ = ["redacted"]


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
