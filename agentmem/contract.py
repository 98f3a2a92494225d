"""Policies and stores asked, and held to their word: a breach is a PluginError with the name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from agentmem import steps
from agentmem.core import (
    Ask,
    Change,
    Embedder,
    Floats,
    Policy,
    Record,
    Redactor,
    Update,
    Vectors,
    View,
)
from agentmem.errors import AgentMemError, PluginError
from agentmem.steps import Steps
from agentmem.structure import Around, Consolidator, Overview, Store, Updater
from agentmem.views import STABLE

R = TypeVar("R")


def weight(label: str, policy: Policy, view: View) -> Floats:
    """Retention factors, shape (n,), finite, in [0, 1]."""
    found = _call(label, "weight", lambda: policy.weight(view))
    if isinstance(found, np.ndarray) and found.dtype == np.float64 and found.shape == (len(view),):
        array = found  # the usual case, without another pass over all rows
    else:
        array = _floats(label, "weight", found, view)
    if len(array) and not (array.min() >= 0.0 and array.max() <= 1.0):
        _floats(label, "weight", array, view)
        raise PluginError(f"policy {label!r}: weight() must stay within [0, 1]")
    return array


def expiry(label: str, policy: Policy, view: View) -> Floats:
    """When each row is due, shape (n,); inf for never."""
    found = _floats(label, "expiry", _call(label, "expiry", lambda: policy.expiry(view)), view)
    if np.isneginf(found).any():
        raise PluginError(f"policy {label!r}: expiry() gave -inf; the past is any finite second")
    return found


def touch(label: str, policy: Policy, view: View) -> Update:
    """The rows after a recall: finite times, whole counts that do not fall, stability or NaN.

    A stability is kept within `STABLE`: none, divided by or multiplied, leaves the numbers there
    are.
    """
    update = _call(label, "touch", lambda: policy.touch(view))
    if not isinstance(update, Update):
        raise PluginError(f"policy {label!r}: touch() must give an Update, not {update!r}")
    used = _floats(label, "touch().used", update.used, view)
    uses = _floats(label, "touch().uses", update.uses, view)
    if not np.isfinite(used).all() or (uses < view.uses).any() or (uses > 2**53).any():
        raise PluginError(f"policy {label!r}: touch() gave times or counts that cannot be")
    stability = _floats(label, "touch().stability", update.stability, view, nan=True)
    if (stability < 0.0).any() or np.isinf(stability).any():
        raise PluginError(f"policy {label!r}: touch() gave a stability below 0 or infinite")
    return Update(used=used, uses=uses, stability=np.clip(stability, *STABLE))


def maintain(label: str, policy: Policy, view: View, ask: Ask) -> Change:
    """What should go: archived or superseded, only what was shown, each record once."""
    change = _call(label, "maintain", lambda: policy.maintain(view, ask))
    if not isinstance(change, Change):
        raise PluginError(f"policy {label!r}: maintain() must give a Change, not {change!r}")
    if change.add or change.update or change.touch or change.restore or change.erase or change.bury:
        raise PluginError(f"policy {label!r}: maintain() may archive and supersede only")
    shown = set(view.names(np.arange(len(view))))
    going = change.ids
    named = [*going, *(new for _, new in change.supersede), *change.scores]
    strange = [name for name in named if name not in shown]
    if strange:
        raise PluginError(
            f"policy {label!r}: maintain() named {strange[0]!r}, which it was not shown"
        )
    if len(set(going)) < len(going) or any(new in going for _, new in change.supersede):
        raise PluginError(f"policy {label!r}: maintain() sends a record away twice, or its heir")
    scores = {name: float(score) for name, score in change.scores.items()}
    return replace(change, policy=label, scores=scores)


def _call(label: str, method: str, call: Callable[[], R]) -> R:
    try:
        return call()
    except AgentMemError:
        raise
    except Exception as error:
        raise PluginError(f"policy {label!r}: {method}() failed: {error!r}") from error


def _floats(
    label: str, what: str, value: Any, view: View, *, nan: bool = False
) -> NDArray[np.float64]:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PluginError(f"policy {label!r}: {what} gave no numbers: {error}") from error
    if array.shape != (len(view),) or (not nan and np.isnan(array).any()):
        raise PluginError(
            f"policy {label!r}: {what} gave shape {array.shape}"
            f"{' with NaN' if np.isnan(array).any() else ''}; "
            f"it must give {len(view)} numbers, shape ({len(view)},)"
        )
    return array


def redact(redactor: Redactor, text: str) -> str:
    """What a redactor leaves of a text.

    The PluginError quotes nothing and has no cause: either may hold what was to go.
    """
    label = f"redactor {redactor.name!r}"
    try:
        found = redactor.redact(text)
        storable = isinstance(found, str) and found.encode() is not None
    except Exception as error:
        raise PluginError(f"{label} failed: {type(error).__name__}") from None
    if not storable:
        raise PluginError(f"{label} must give a string, not {type(found).__name__}")
    return found


def derive(store: Store, new: Sequence[Record], around: Around) -> Steps[Change]:
    """What a store makes of its sources: adds, updates and removals of its own namespace."""
    label = f"store {store.kind!r}"
    change = _made(label, "derive", (yield from _asked(label, store.derive, new, around)))
    for record in (*change.add, *change.update):
        if record.namespace != around.namespace:
            raise PluginError(f"{label}: derive() made a record in {record.namespace!r}")
        if not record.sources:
            raise PluginError(f"{label}: derive() made a record without a source: {record.text!r}")
    return replace(change, policy=store.kind)


def resolve(updater: Updater, new: Sequence[Record], around: Around) -> Steps[list[Change]]:
    """What an updater decides on new records: each goes once at most, and none with its heir."""
    label = f"updater {updater.name!r}"
    found = yield from _asked(label, updater.resolve, new, around)
    if not isinstance(found, list | tuple) or not all(isinstance(one, Change) for one in found):
        raise PluginError(f"{label}: resolve() must give a sequence of Changes, not {found!r}")
    gone: set[str] = set()
    for change in found:
        plain = replace(change, archive=(), supersede=())
        if plain:
            raise PluginError(f"{label}: resolve() may archive and supersede only")
        going = [*change.archive, *(old for old, _ in change.supersede)]
        if len(set(going)) < len(going) or not gone.isdisjoint(going):
            raise PluginError(f"{label}: resolve() sends a record away twice")
        gone.update(going)
        if any(new in gone for _, new in change.supersede):
            raise PluginError(f"{label}: resolve() puts in a record's place one that goes itself")
    return [replace(change, policy=updater.name) for change in found if change]


def consolidate(
    store: Consolidator, leaving: Sequence[Record], staying: Collection[str], around: Overview
) -> Steps[Change]:
    """What a consolidator makes of a namespace; it names no record but those that stay."""
    label = f"consolidator {store.kind!r}"
    answer = yield from _asked(label, store.consolidate, leaving, around)
    change = _made(label, "consolidate", answer)
    for record in change.add:
        if record.namespace != around.namespace or not record.sources:
            raise PluginError(f"{label}: a record of another namespace, or without a source")
    made = {record.id for record in change.add}
    strange = [name for name in (*change.ids, *change.scores) if name not in staying]
    strange += [new for _, new in change.supersede if new not in staying and new not in made]
    if strange:
        raise PluginError(f"{label}: {strange[0]!r} is no record that stays")
    gone = [*change.archive, *(old for old, _ in change.supersede)]
    heirs = {new for _, new in change.supersede} | {record.id for record in change.update}
    if len(set(gone)) < len(gone) or not heirs.isdisjoint(gone):
        raise PluginError(f"{label}: a record is sent away twice, or its heir")
    return replace(change, policy=store.kind, namespace=around.namespace)


def _asked(label: str, verb: Callable[..., Steps[R]], *given: object) -> Steps[R]:
    """The answer of a part; whatever it raises that is not agentmem's own becomes a PluginError."""
    try:
        return (yield from verb(*given))
    except AgentMemError:
        raise
    except Exception as error:
        raise PluginError(
            f"{label}: {verb.__name__}() raised {type(error).__name__}: {error}"
        ) from error


def _made(label: str, verb: str, change: object) -> Change:
    """A change that makes and puts away, and does nothing else."""
    if not isinstance(change, Change):
        raise PluginError(f"{label}: {verb}() must give a Change, not {change!r}")
    if change.erase or change.bury or change.restore or change.touch or change.tasks:
        raise PluginError(f"{label}: {verb}() may add, update, archive and supersede only")
    return change


def embed(embedder: Embedder, texts: Sequence[str]) -> Steps[Vectors]:
    """The vectors of what a store made; see `steps.embed`."""
    try:
        return (yield from steps.embed(embedder, texts))
    except AgentMemError:
        raise
    except Exception as error:
        raise PluginError(f"embedder {embedder.name!r} failed: {error!r}") from error
