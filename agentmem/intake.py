"""Arguments at the border of the facade: checked, and turned into records to add."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

from agentmem import contract
from agentmem.clock import Moment, seconds
from agentmem.core import Namespace, Record, Redactor, Turn
from agentmem.errors import InputError, PluginError
from agentmem.identity import record_id
from agentmem.structure import Source, Store

_STRICT = json.JSONEncoder(allow_nan=False)
Content = str | Turn | Mapping[str, Any] | Sequence[str | Turn | Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What every record of one add has in common."""

    namespace: Namespace
    now: float
    event_time: float
    importance: float | None
    valence: float | None
    source: str
    data: Mapping[str, Any]
    sources: tuple[str, ...]
    links: tuple[str, ...]
    key: str | None = None
    expires: float | None = None  # from then on out of recall
    verify_by: float | None = None  # when somebody should look whether it is still true


def namespace_of(value: Sequence[str] | None, default: Namespace) -> Namespace:
    """A namespace: a tuple of non-empty strings; () means everything.  InputError otherwise."""
    if value is None:
        return default
    if not isinstance(value, tuple | list) or not all(isinstance(p, str) and p for p in value):
        raise InputError(
            f"namespace {value!r} must be a tuple of non-empty strings, e.g. ('acme', 'user-7')"
        )
    return tuple(valid(part, "namespace") for part in value)


def number(name: str, value: float | None, low: float, high: float) -> float | None:
    """A number in [low, high], or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def whole(name: str, value: int, least: int) -> int:
    """An integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return value


def metadata(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """The caller's metadata as plain JSON; InputError for what JSON cannot hold."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InputError(f"data must be a mapping with string keys, not {value!r}")
    try:
        text = _STRICT.encode(dict(value))
        plain: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"data must be JSON: {error}") from error
    if "\\u" in text:  # else it is ASCII
        valid(json.dumps(plain, ensure_ascii=False), "data")
    return plain


def ids(value: Sequence[str], what: str) -> tuple[str, ...]:
    """Record ids: a list or tuple of strings."""
    if not isinstance(value, tuple | list):
        raise InputError(f"{what} must be a list of ids, not {value!r}")
    return tuple(valid(name, what) for name in value)


def is_id(value: str) -> bool:
    """Has it the form of a record's id: 32 hex digits?"""
    return re.fullmatch("[0-9a-f]{32}", valid(value, "id")) is not None


def moment_or(value: Moment | None, default: float) -> float:
    return default if value is None else seconds(value)


def maybe(value: Moment | None) -> float | None:
    """A moment in seconds, or None."""
    return None if value is None else seconds(value)


def cleaned(text: str, redactors: Sequence[Redactor]) -> str:
    """A text as the redactors leave it, one after the other; PluginError if one fails."""
    for one in redactors:
        text = contract.redact(one, text)
    return text


def cleaned_data(value: Any, redactors: Sequence[Redactor]) -> Any:
    """Metadata with each of its strings cleaned; InputError where that makes two keys one."""
    if isinstance(value, str):
        return cleaned(value, redactors)
    if isinstance(value, dict):
        pairs = [(cleaned(k, redactors), cleaned_data(v, redactors)) for k, v in value.items()]
        if len(dict(pairs)) < len(pairs):
            raise InputError("data: two keys are the same once they are redacted; name them anew")
        return dict(pairs)
    if isinstance(value, list):
        return [cleaned_data(inner, redactors) for inner in value]
    return value


def redacted(one: Record, redactors: Sequence[Redactor]) -> Record:
    """A record from elsewhere without what must not be kept."""
    if not redactors:
        return one
    return replace(
        one,
        text=nonempty(cleaned(one.text, redactors)),
        key=None if one.key is None else nonempty(cleaned(one.key, redactors), "key"),
        source=cleaned(one.source, redactors),
        data=cleaned_data(one.data, redactors),
    )


def records(
    content: Content,
    draft: Draft,
    source: Source,
    stores: Sequence[Store],
    kind: str | None,
    redactors: Sequence[Redactor] = (),
) -> list[Record]:
    """The records of some content, in order: of the source's kind, or the texts as another kind.

    What is said goes through the redactors before anything is made of it.
    """
    kinds = list(dict.fromkeys((source.kind, *(store.kind for store in stores))))
    if kind not in (None, *kinds):
        raise InputError(f"no store keeps kind {kind!r}; this memory keeps: {', '.join(kinds)}")
    keeper = source if kind in (None, source.kind) else Source()
    made = [
        _record(text, kind or source.kind, item, draft)
        for item in (_redacted(item, redactors) for item in _items(content))
        for text in _texts(keeper, item)
    ]
    if not made:
        raise InputError("there is nothing to remember: the text is empty")
    return made


def _items(content: Content) -> Iterator[str | Turn]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Turn):
        valid(content.observation, "observation")
        valid(content.reply, "reply")
        yield content
    elif isinstance(content, Mapping):
        yield _message(content)
    elif isinstance(content, Sequence):
        for one in content:
            yield from _items(one)
    else:
        raise InputError(
            f"cannot remember a {type(content).__name__}: give a text, a Turn, or messages such as "
            "{'role': 'user', 'content': '...'}"
        )


def _redacted(item: str | Turn, redactors: Sequence[Redactor]) -> str | Turn:
    if isinstance(item, str):
        return cleaned(valid(item, "text"), redactors) if redactors else item
    said, answered, speaker, name = (
        cleaned(text, redactors) for text in (item.observation, item.reply, item.speaker, item.name)
    )
    return replace(item, observation=said, reply=answered, speaker=speaker, name=name)


def _message(message: Mapping[str, Any]) -> Turn:
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or not isinstance(content, str):
        given = ", ".join(f"{key}: {type(value).__name__}" for key, value in message.items())
        raise InputError(f"a message needs a 'role' and a text 'content', not {{{given}}}")
    return Turn(observation=valid(content, "content"), speaker=valid(role, "role"))


def _texts(store: Source, item: str | Turn) -> Sequence[str]:
    texts = store.split(item) if isinstance(item, str) else store.extract(item)
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise PluginError(f"store {store.kind!r} must give a sequence of texts, not {texts!r}")
    return [valid(text, "text") for text in texts if text.strip()]


def valid(text: str, what: str) -> str:
    """A string that can be stored; InputError for another type or lone surrogates."""
    if not isinstance(text, str):
        raise InputError(f"{what} must be a string, not {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{what} is not valid Unicode: {error}") from error
    return text


def _record(text: str, kind: str, item: str | Turn, draft: Draft) -> Record:
    turn = item if isinstance(item, Turn) else None
    created = draft.event_time if turn is None or turn.now is None else seconds(turn.now)
    recalled = ids(turn.recalled, "recalled") if turn else ()
    valence = draft.valence if draft.valence is not None else (turn.valence if turn else None)
    return Record(
        id=record_id(kind, draft.namespace, draft.source, text),
        kind=kind,
        text=text,
        namespace=draft.namespace,
        created=created,
        ingested=draft.now,
        used=created,
        importance=nan if draft.importance is None else draft.importance,
        valence=number("valence", valence, -1.0, 1.0) or 0.0,
        source=draft.source,
        sources=draft.sources,
        links=(*draft.links, *(name for name in recalled if name not in draft.links)),
        data=draft.data,
        key=draft.key,
        expires=draft.expires,
        verify_by=draft.verify_by,
    )


def corrections(
    text: str | None,
    importance: float | None,
    valence: float | None,
    data: Mapping[str, Any] | None,
    expires: Moment | None,
    verify_by: Moment | None,
    redactors: Sequence[Redactor] = (),
) -> dict[str, Any]:
    """The fields that an update gives; InputError if there are none."""
    changed: dict[str, Any] = {
        "text": None if text is None else nonempty(cleaned(nonempty(text), redactors)),
        "importance": number("importance", importance, 0.0, 1.0),
        "valence": number("valence", valence, -1.0, 1.0),
        "data": None if data is None else cleaned_data(metadata(data), redactors),
        "expires": maybe(expires),
        "verify_by": maybe(verify_by),
    }
    changed = {name: value for name, value in changed.items() if value is not None}
    if not changed:
        raise InputError(
            "nothing to update: give text, importance, valence, data, expires or verify_by"
        )
    return changed


def succeeding(old: Record, text: str, now: float) -> Record:
    """A new record in the place of an old one."""
    return replace(
        old,
        id=record_id(old.kind, old.namespace, old.source, nonempty(text)),
        text=text,
        created=now,
        ingested=now,
        used=now,
        used_turn=None,
        uses=0,
        stability=None,
        importance=nan,
        links=(*old.links, old.id),
        key=None,
        expires=None,
        verify_by=None,
        turn=0,
        version=1,
    )


def nonempty(text: str, what: str = "text") -> str:
    """A text with something in it."""
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{what} must be a non-empty string, not {text!r}")
    return valid(text, what)
