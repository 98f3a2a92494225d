"""Everything that agentmem raises.

AgentMemError
├── ConfigError            unknown key, name or unit in a configuration            (ValueError)
├── InputError             an argument that cannot be right                        (ValueError)
│   ├── AmbiguousMatch     several records match a query about equally
│   └── NotFound           no record, run or plan of that id                       (KeyError)
├── PluginError            a policy, store or embedder broke its contract
├── LedgerError            the durable store
│   ├── LedgerBusy         another writer held the file longer than the timeout
│   ├── LedgerCorrupt      the file is damaged or is not an agentmem ledger
│   ├── LedgerFull         no space left to write
│   ├── LedgerReadOnly     the file or its folder cannot be written
│   ├── QueueFull          too much work is waiting for the chat model; nothing was added
│   ├── SchemaTooNew       written by a newer agentmem
│   └── EmbedderMismatch   the vectors in the file come from another embedder
├── IndexUnavailable       a derived index (Chroma) does not answer
│   └── IndexStale         it has drifted from the ledger: all rows are to be put again
├── PlanError              plan, apply, undo
│   ├── StalePlan          records of the plan have changed since
│   ├── RemovalCap         more records would go than the cap allows
│   └── CannotUndo         a record of the run has changed since, or was erased
├── ModelError             talking to a chat model
│   ├── BadReply           the reply does not parse
│   ├── BudgetExceeded     the budget of calls, tokens or money is spent
│   └── ModelUnavailable   retries and timeouts are used up
├── IllegalMove            a reply that names no legal move of a game             (ValueError)
└── MissingExtra           an optional dependency is not installed                 (ImportError)

Warnings: TombstoneWarning (an add was not stored because its text had been forgotten or erased),
IndexWarning (a derived index did not answer).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AgentMemError(Exception):
    """Base of everything that agentmem raises."""


class ConfigError(AgentMemError, ValueError):
    """A configuration that cannot be right: says file, key path, value and what is allowed."""


class InputError(AgentMemError, ValueError):
    """An argument that cannot be right."""


class AmbiguousMatch(InputError):
    """Several records match a query about equally: the message lists them."""


class NotFound(InputError, KeyError):
    """No record, run or plan of that id (in the namespace asked for)."""

    __str__ = Exception.__str__  # KeyError would print the repr


class PluginError(AgentMemError):
    """A policy, store or embedder broke its contract."""


class LedgerError(AgentMemError):
    """The durable store."""


class LedgerBusy(LedgerError):
    """Another writer held the file for longer than the timeout."""


class LedgerCorrupt(LedgerError):
    """The file is damaged, or is not an agentmem ledger."""


class LedgerFull(LedgerError):
    """No space left to write; nothing of the change was kept."""


class LedgerReadOnly(LedgerError):
    """The file or its folder cannot be written."""


class QueueFull(LedgerError):
    """Too much work is waiting for the chat model; nothing was added."""


class SchemaTooNew(LedgerError):
    """The file was written by a newer agentmem."""


class EmbedderMismatch(LedgerError):
    """The vectors in the file come from another embedder."""


class IndexUnavailable(AgentMemError):
    """A derived index does not answer; what it missed is made good once it does."""


class IndexStale(IndexUnavailable):
    """A derived index has drifted from the ledger: all rows are to be put again."""


class PlanError(AgentMemError):
    """Plan, apply, undo."""


class StalePlan(PlanError):
    """Records of the plan have changed since it was made."""


class RemovalCap(PlanError):
    """More records would go than the cap allows."""


class CannotUndo(PlanError):
    """A record of the run has changed since, or was erased."""


class ModelError(AgentMemError):
    """Talking to a chat model."""


class BadReply(ModelError):
    """The reply of a model does not parse."""


class BudgetExceeded(ModelError):
    """The budget of calls, tokens or money is spent; the call was not made."""


class ModelUnavailable(ModelError):
    """Retries and timeouts are used up."""


class IllegalMove(AgentMemError, ValueError):
    """A reply that names no legal move of a game."""


class MissingExtra(AgentMemError, ImportError):
    """An optional dependency is not installed: that of `extra`."""

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        hint = f"pip install 'agentmem-forgetting[{extra}]'"
        super().__init__(f"{what} needs an optional dependency: {hint}")


class TombstoneWarning(UserWarning):
    """An add was not stored because its text had been forgotten or erased."""


class IndexWarning(UserWarning):
    """A derived index did not answer: recall was lexical, or vectors wait to be deleted there."""


def nearest(value: object, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'? allowed: ...`, the tail of a message about an unknown name."""
    names = sorted(allowed)
    close = get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} allowed: {', '.join(names) or 'nothing'}"
