"""What makes two memories the same."""

from __future__ import annotations

from agentmem.core import Namespace, Record, content_id
from agentmem.text import fold


def record_id(kind: str, namespace: Namespace, source: str, text: str) -> str:
    """Same content, namespace and source, same id; case and spacing do not make it another."""
    return content_id(kind, *namespace, "", source, fold(text))


def identity_of(record: Record) -> str:
    """The identity of what a record says: its id, unless its text has been changed."""
    return record_id(record.kind, record.namespace, record.source, record.text)
