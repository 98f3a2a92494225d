"""Components from their specifications: a name, a name with options, a file, an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any, cast

from agentmem.core import Embedder, Index, Policy, Redactor
from agentmem.errors import ConfigError, PluginError, nearest
from agentmem.reading import Reader
from agentmem.registry import find
from agentmem.retrieve.stage import Stage
from agentmem.structure import Consolidator, Store, Updater

__all__ = [
    "CONSOLIDATION",
    "EMBEDDER",
    "POLICIES",
    "REDACT",
    "RETRIEVAL",
    "STORES",
    "UPDATES",
    "Spec",
    "build_consolidation",
    "build_embedder",
    "build_index",
    "build_policies",
    "build_redact",
    "build_retrieval",
    "build_stores",
    "build_updates",
]

Spec = Any  # a component, a name, a path, a dotted path, {name: options}, or a list of these
POLICIES: Spec = ({"ebbinghaus": {"floor": 0.9}},)  # a nudge to the fresh; nothing goes
STORES: Spec = ("chunk",)
UPDATES: Spec = ("keyed", "statements")  # the newest value of a key; what people say of themselves
CONSOLIDATION: Spec = ()
REDACT: Spec = ()
RETRIEVAL: Spec = ("when",)  # a time that the query names
EMBEDDER: Spec = "static"


def build_policies(spec: Spec = None, source: str = "policies") -> tuple[Policy, ...]:
    """The policies of a specification, in its order; the default ones of None."""
    return cast(tuple[Policy, ...], _build("policies", POLICIES if spec is None else spec, source))


def build_stores(spec: Spec = None, source: str = "stores") -> tuple[Store, ...]:
    """The stores of a specification, in its order; the default ones of None."""
    return cast(tuple[Store, ...], _build("stores", STORES if spec is None else spec, source))


def build_updates(spec: Spec = None, source: str = "updates") -> tuple[Updater, ...]:
    """How new statements meet what is known, in order; the default ones of None."""
    return cast(tuple[Updater, ...], _build("updates", UPDATES if spec is None else spec, source))


def build_consolidation(
    spec: Spec = None, source: str = "consolidation"
) -> tuple[Consolidator, ...]:
    """What becomes of records that leave, in order; the default ones of None."""
    made = _build("consolidators", CONSOLIDATION if spec is None else spec, source)
    return cast(tuple[Consolidator, ...], made)


def build_redact(spec: Spec = None, source: str = "redact") -> tuple[Redactor, ...]:
    """What texts go through before anything else, in order; the default ones of None."""
    return cast(tuple[Redactor, ...], _build("redactors", REDACT if spec is None else spec, source))


def build_retrieval(spec: Spec = None, source: str = "retrieval") -> tuple[Stage, ...]:
    """The retrieval stages of a specification, outermost first; the default ones of None."""
    return cast(tuple[Stage, ...], _build("retrieval", RETRIEVAL if spec is None else spec, source))


def build_embedder(spec: Spec = None) -> Embedder:
    """The one embedder of a specification; the default one of None."""
    return cast(Embedder, _one("embedders", EMBEDDER if spec is None else spec))


def build_index(spec: Spec) -> Callable[[int], Index]:
    """What makes the dense index of a specification, given the dimension of the vectors.

    ConfigError for an unknown name or option, here, and for a value that does not fit, there;
    PluginError for what makes no index.
    """
    name, options = spec, cast(Any, {})
    if isinstance(spec, Mapping) and len(spec) == 1:
        name, options = next(iter(spec.items()))
        options = {} if options is None else options
    if not isinstance(name, str) or not isinstance(options, Mapping):
        raise ConfigError(f"index: {spec!r}: give a name, or 'name: {{option: value}}'")
    cls = find("indexes", name)
    known = [p for p in signature(cls).parameters if p != "dim"]
    for option in options:
        if option not in known:
            raise ConfigError(f"index.{name}: unknown key {option!r}{nearest(option, known)}")
    return partial(_index, name, cls, options)


def _index(name: str, cls: Callable[..., Any], options: Mapping[str, Any], dim: int) -> Index:
    try:
        made = cls(dim, **options)
    except ConfigError as error:
        raise ConfigError(f"index.{name}: {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"index.{name}: {type(error).__name__}: {error}") from error
    if not isinstance(made, Index):
        raise PluginError(f"{name!r} does not have the methods that agentmem asks of indexes")
    return made


def _build(group: str, spec: Spec, source: str) -> tuple[Any, ...]:
    reader = Reader(source)
    built = reader.components(group, spec, "")
    reader.finish()
    return built


def _one(group: str, spec: Spec) -> Any:
    reader = Reader(group)
    built = reader.single(group, spec, "")
    reader.finish()
    return built
