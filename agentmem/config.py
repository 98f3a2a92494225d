"""Configuration: a component is a frozen dataclass and its fields are its configuration.

    policies:
      - window                                    a name, built in, in the catalogue or a plug-in
      - ebbinghaus: {half_life: 7d, floor: 0.2}   a name with options
      - ./mine.yaml                               a file in the form of the catalogue
      - mypkg.decay:PowerLaw: {rate: 0.7}         a dotted path

The same forms are accepted from Python, beside ready objects.  Strings are never evaluated.  All
errors of a configuration are reported together, each with file, key path, value and what is
allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from agentmem.core import Embedder, Index, Namespace, Policy, Redactor, content_id
from agentmem.errors import ConfigError, nearest
from agentmem.fields import Bounds, Seconds, check
from agentmem.ledger.cipher import Encryption
from agentmem.reading import Reader, parse_namespace
from agentmem.registry import name_of, names
from agentmem.retrieve.stage import Stage
from agentmem.settings import ExtractionConfig, RecallConfig
from agentmem.specs import (
    CONSOLIDATION,
    EMBEDDER,
    POLICIES,
    REDACT,
    RETRIEVAL,
    STORES,
    UPDATES,
    Spec,
    build_consolidation,
    build_embedder,
    build_index,
    build_policies,
    build_redact,
    build_retrieval,
    build_stores,
    build_updates,
)
from agentmem.stores.chunk import ChunkStore
from agentmem.structure import Consolidator, Source, Store, Updater

__all__ = [
    "ExtractionConfig",
    "MemoryConfig",
    "RecallConfig",
    "Seconds",
    "Spec",
    "build_embedder",
    "build_index",
    "build_policies",
    "build_retrieval",
    "build_stores",
    "dump",
    "fingerprint",
    "load_config",
    "parse_namespace",
]


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """All that `AgentMemory.from_config` needs."""

    path: str = ":memory:"  # relative to the configuration file
    namespace: Namespace = ("default",)
    durability: Literal["normal", "full"] = "normal"
    embedder: Embedder = field(default_factory=build_embedder)
    index: Any = "auto"  # a name or dotted path, or {name: options}
    stores: tuple[Store, ...] = field(default_factory=build_stores)
    policies: tuple[Policy, ...] = field(default_factory=build_policies)
    updates: tuple[Updater, ...] = field(
        default_factory=build_updates
    )  # how new statements meet what is known
    consolidation: tuple[Consolidator, ...] = field(
        default_factory=build_consolidation
    )  # what becomes of records that leave
    redact: tuple[Redactor, ...] = field(
        default_factory=build_redact
    )  # what texts go through before anything else
    retrieval: tuple[Stage, ...] = field(
        default_factory=build_retrieval
    )  # stages around the search, outermost first
    extraction: ExtractionConfig = field(default_factory=ExtractionConfig)
    recall: RecallConfig = field(default_factory=RecallConfig)
    encryption: Encryption | None = None  # of the file; None: in the clear
    removal_cap: Annotated[float, Bounds(least=0, most=1)] = 0.5  # share one plan may remove
    busy_timeout: Annotated[Seconds, Bounds(least=0)] = 10.0  # wait for another writer

    def __post_init__(self) -> None:
        check(self)
        parse_namespace(self.namespace)
        build_index(self.index)
        kinds = [store.kind for store in (*self.stores, *self.consolidation)]
        if len(set(kinds)) != len(kinds):
            raise ConfigError(f"stores: one store of a kind, not {', '.join(kinds)}")
        sources = [store.kind for store in self.stores if isinstance(store, Source)]
        if len(sources) > 1:
            raise ConfigError(f"stores: one that keeps what is said, not {', '.join(sources)}")
        parts: list[Store | Updater | Stage] = [*self.stores, *self.updates]
        parts += [*self.consolidation, *self.retrieval]
        for policy in self.policies:
            _known(policy, kinds)
        asking = [part.name for part in parts if part.asks_model]
        if asking and self.extraction.model is None:
            raise ConfigError(
                f"{', '.join(asking)} by model: say which, in extraction: {{model: ...}}"
            )

    @property
    def source(self) -> Source:
        """The store that keeps what is said; where none is named, chunks are kept unsearched."""
        named = [store for store in self.stores if isinstance(store, Source)]
        return named[0] if named else ChunkStore()

    @property
    def deriving(self) -> tuple[Store, ...]:
        """The stores that derive records of their own."""
        return tuple(store for store in self.stores if not isinstance(store, Source))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that a search looks at."""
        every = (*self.stores, *self.consolidation)
        return tuple(store.kind for store in every if store.searched)


def _known(policy: Policy, kinds: Sequence[str]) -> None:
    """ConfigError for a policy confined to a kind that no store keeps."""
    if not policy.kinds:
        return  # to ask for every plug-in's name takes a while
    every = {*kinds, ChunkStore().kind, *names("stores"), *names("consolidators")}
    for kind in policy.kinds:
        if kind not in every:
            raise ConfigError(
                f"policies: {policy.name}: kinds: no store keeps {kind!r}{nearest(kind, every)}"
            )


GROUPS = {
    "policies": "policies",
    "stores": "stores",
    "updates": "updates",
    "consolidation": "consolidators",
    "redact": "redactors",
    "retrieval": "retrieval",
}  # keys that hold lists of components -> their groups
PARTS: dict[str, type] = {"recall": RecallConfig, "encryption": Encryption}


def load_config(source: str | Path | Mapping[str, Any] | MemoryConfig | None) -> MemoryConfig:
    """The configuration in a YAML file or a mapping; the default one of None."""
    if isinstance(source, MemoryConfig):
        return source
    if source is None:
        return MemoryConfig()
    if isinstance(source, Mapping):
        reader, content = Reader("configuration"), source
    else:
        reader, content = Reader.open(Path(source))
    values = _memory_values(reader, content)
    reader.finish()
    try:
        return MemoryConfig(**values)
    except ConfigError as error:
        raise ConfigError(f"{reader.source}: {error}") from error


def _memory_values(reader: Reader, content: Any) -> dict[str, Any]:
    """The fields of a MemoryConfig; whatever is wrong becomes a problem of the reader."""
    content = reader.mapping(content, "")
    values: dict[str, Any] = {}
    plain = {}
    for key, value in content.items():
        if key in GROUPS:
            values[key] = reader.components(GROUPS[key], value, key)
        elif key == "embedder":
            values[key] = reader.single("embedders", value, key)
        elif key in PARTS:
            values[key] = None if value is None else reader.construct(PARTS[key], value, key)
        elif key == "extraction":
            values[key] = _extraction(reader, value, key)
        elif key == "namespace":
            values[key] = reader.attempt(partial(parse_namespace, value), key)
        else:
            plain[key] = value
    values |= reader.values(MemoryConfig, plain, "")
    path = values.get("path")
    if path is not None and path != ":memory:":
        values["path"] = str(reader.base / Path(path).expanduser())
    return {key: value for key, value in values.items() if value is not None}


def _extraction(reader: Reader, value: Any, key: str) -> ExtractionConfig | None:
    """The options, beside a model that may be an object."""
    if isinstance(value, ExtractionConfig):
        return value
    options = dict(reader.mapping(value, key))
    model = options.pop("model", None)
    made = reader.construct(ExtractionConfig, options, key)
    return made and replace(made, model=model)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _options(component: Any, everything: bool = False) -> dict[str, Any]:
    """The fields of a dataclass, as plain data: those that differ from the default, or all."""
    if not is_dataclass(component):
        return {}
    options = {}
    for known in fields(component):
        if not known.init:
            continue
        value = getattr(component, known.name)
        default = known.default
        if default is MISSING and known.default_factory is not MISSING:
            default = known.default_factory()
        if everything or default is MISSING or value != default:
            options[known.name] = _plain(value)
    return options


def dump(component: Any) -> Any:
    """The specification that builds a component: its name, with what differs from the default.

    A MemoryConfig becomes a mapping; policies, stores or other components in a list, a list.
    ConfigError for an object that is no component of agentmem's.
    """
    if isinstance(component, MemoryConfig):
        return _dump_memory(component)
    if isinstance(component, Sequence) and not isinstance(component, str):
        return [dump(one) for one in component]
    name = name_of(_group(component), type(component))
    options = _options(component)
    options = {key: dump(one) if is_dataclass(one) else one for key, one in options.items()}
    return {name: options} if options else name


def _dump_memory(config: MemoryConfig) -> dict[str, Any]:
    specs = {
        "policies": list(POLICIES),
        "stores": list(STORES),
        "updates": list(UPDATES),
        "consolidation": list(CONSOLIDATION),
        "redact": list(REDACT),
        "embedder": EMBEDDER,
        "retrieval": list(RETRIEVAL),
    }
    content = {key: dump(getattr(config, key)) for key in specs}
    content = {key: spec for key, spec in content.items() if spec != specs[key]}
    for key in ("extraction", "recall"):
        if options := _options(getattr(config, key)):
            content[key] = options
    if config.encryption is not None:
        content["encryption"] = _options(config.encryption)
    model = config.extraction.model
    if not isinstance(model, str | None):
        raise ConfigError(f"extraction.model: {model!r} has no name that a file could hold")
    for known in fields(config):
        value = getattr(config, known.name)
        if known.name not in {*specs, "extraction", *PARTS} and value != known.default:
            content[known.name] = _plain(value)
    return content


def _group(component: Any) -> str:
    kinds: dict[str, type] = {"policies": Policy, "embedders": Embedder}
    kinds |= {"consolidators": Consolidator, "stores": Store, "updates": Updater}
    kinds |= {"redactors": Redactor, "retrieval": Stage, "indexes": Index}
    for group, kind in kinds.items():
        if isinstance(component, kind):
            return group
    raise ConfigError(f"{component!r} is no component that a configuration could name")


def fingerprint(policies: Sequence[Policy]) -> str:
    """A hash of the policies' classes and of all their fields, 32 hex digits.

    Equal in every process for equal policies.  Defaults are hashed too: whether one was written
    out does not matter, whether a later version changes it does.
    """
    parts = []
    for policy in policies:
        options = json.dumps(_options(policy, everything=True), sort_keys=True, default=repr)
        parts += [name_of("policies", type(policy)), options]
    return content_id(*parts)
