"""Names of components: built in, from entry points, or a dotted path `package.module:Name`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from agentmem.core import Policy, Redactor
from agentmem.errors import ConfigError, PluginError, nearest
from agentmem.retrieve.stage import Stage
from agentmem.structure import Consolidator, Store, Updater

__all__ = ["BASES", "BUILTIN", "entry_point_names", "find", "knows", "name_of", "names"]

BUILTIN: dict[str, dict[str, str]] = {
    "policies": {
        "none": "agentmem.policies.none:NoForgetting",
        "window": "agentmem.policies.window:Window",
        "ebbinghaus": "agentmem.policies.ebbinghaus:Ebbinghaus",
        "bernoulli": "agentmem.policies.ebbinghaus:Bernoulli",
        "power_law": "agentmem.policies.power_law:PowerLaw",
        "fsrs": "agentmem.policies.fsrs:Fsrs",
        "actr": "agentmem.policies.actr:ActR",
        "generative_agents": "agentmem.policies.generative_agents:GenerativeAgents",
        "age_weighted": "agentmem.policies.age_weighted:AgeWeighted",
        "budget": "agentmem.policies.budget:Budget",
        "surprisal": "agentmem.policies.surprisal:Surprisal",
        "memoria": "agentmem.policies.memoria:Memoria",
        "ttl": "agentmem.policies.ttl:TimeToLive",
        "review": "agentmem.policies.ttl:Review",
        "fifo": "agentmem.policies.queues:Fifo",
        "lru": "agentmem.policies.queues:Lru",
        "lfu": "agentmem.policies.queues:Lfu",
        "trust": "agentmem.policies.trust:Trust",
        "bygones": "agentmem.policies.valence:Bygones",
        "valence": "agentmem.policies.valence:Valence",
        "order": "agentmem.present.order:Order",
        "shuffled": "agentmem.present.order:Shuffled",
        "random": "agentmem.present.order:RandomK",
        "salient": "agentmem.present.order:Salient",
        "counts": "agentmem.present.counts:Counts",
        "note": "agentmem.present.framing:Note",
        "framing": "agentmem.present.framing:Framing",
        "sanitized": "agentmem.present.controls:Sanitized",
        "filler": "agentmem.present.controls:Filler",
        "hidden": "agentmem.present.controls:Hidden",
        "word_budget": "agentmem.policies.budget:WordBudget",
    },
    "stores": {
        "block": "agentmem.stores.block:BlockStore",
        "chunk": "agentmem.stores.chunk:ChunkStore",
        "diary": "agentmem.stores.diary:DiaryStore",
        "disclosure": "agentmem.stores.kept:DisclosureStore",
        "entity": "agentmem.stores.entity:EntityStore",
        "feedback": "agentmem.stores.kept:FeedbackStore",
        "fact": "agentmem.stores.fact:FactStore",
        "lesson": "agentmem.stores.kept:LessonStore",
        "note": "agentmem.stores.note:NoteStore",
        "profile": "agentmem.stores.profile:ProfileStore",
        "rationale": "agentmem.stores.kept:RationaleStore",
        "segment": "agentmem.stores.spans:SegmentStore",
        "session": "agentmem.stores.spans:SessionStore",
        "statement": "agentmem.stores.kept:StatementStore",
        "subgoal": "agentmem.stores.subgoal:SubgoalStore",
        "summary": "agentmem.stores.summary:SummaryStore",
        "thought": "agentmem.stores.thought:ThoughtStore",
        "timeline": "agentmem.stores.timeline:TimelineStore",
        "triple": "agentmem.stores.triple:TripleStore",
        "windowed": "agentmem.stores.spans:WindowStore",
    },
    "retrieval": {
        "coarse_to_fine": "agentmem.retrieve.coarse:CoarseToFine",
        "cofired": "agentmem.retrieve.cofired:CoFired",
        "consensus": "agentmem.retrieve.consensus:Consensus",
        "full_history": "agentmem.retrieve.everything:FullHistory",
        "generative": "agentmem.retrieve.generative:Generative",
        "iterative": "agentmem.retrieve.iterative:Iterative",
        "linked": "agentmem.retrieve.linked:Linked",
        "multi_hop": "agentmem.retrieve.multihop:MultiHop",
        "pinned": "agentmem.retrieve.pinned:Pinned",
        "rerank": "agentmem.retrieve.rerank:Rerank",
        "sources": "agentmem.retrieve.sources:Sources",
        "timelines": "agentmem.retrieve.timelines:Timelines",
        "when": "agentmem.retrieve.when:When",
    },
    "updates": {
        "carecall": "agentmem.updates.carecall:CareCall",
        "keyed": "agentmem.updates.keyed:Keyed",
        "statements": "agentmem.updates.statements:Statements",
    },
    "consolidators": {
        "adjacent": "agentmem.consolidate.adjacent:Adjacent",
        "brief": "agentmem.consolidate.brief:Brief",
        "ladder": "agentmem.consolidate.ladder:Ladder",
        "merge": "agentmem.consolidate.merge:Merge",
        "placebo": "agentmem.consolidate.placebo:Placebo",
        "summaries": "agentmem.consolidate.summaries:Summaries",
    },
    "redactors": {"pii": "agentmem.redact.pii:Pii"},
    "embedders": {
        "cached": "agentmem.embed.cache:CachedEmbedder",
        "hash": "agentmem.embed.hashing:HashEmbedder",
        "openai": "agentmem.embed.openai:OpenAIEmbedder",
        "sentence-transformers": "agentmem.embed.sentence:SentenceTransformerEmbedder",
        "static": "agentmem.embed.static:StaticEmbedder",
    },
    "indexes": {
        "ann": "agentmem.index.ann:AnnIndex",
        "auto": "agentmem.index.ann:auto",
        "chroma": "agentmem.index.chroma:ChromaIndex",
        "exact": "agentmem.index.exact:ExactIndex",
        "lsh": "agentmem.index.lsh:LshIndex",
    },
    "games": {},
    "players": {},
}

BASES: dict[str, type] = {
    "policies": Policy,
    "stores": Store,
    "updates": Updater,
    "consolidators": Consolidator,
    "retrieval": Stage,
    "redactors": Redactor,
}

Factory = Callable[..., Any]


def _points(group: str) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=f"agentmem.{group}"):
        found.setdefault(point.name, []).append(point)
    return found


def _builtin(group: str) -> dict[str, str]:
    if group not in BUILTIN:
        raise ConfigError(f"{group!r} is no kind of component{nearest(group, BUILTIN)}")
    return BUILTIN[group]


def entry_point_names(group: str) -> list[str]:
    """The names that installed plug-ins give to this group, sorted; nothing is imported."""
    return sorted(_points(group))


def names(group: str) -> list[str]:
    """Every name of a group, built in or from an entry point, sorted."""
    return sorted({*_builtin(group), *_points(group)})


def knows(group: str, name: str) -> bool:
    """Whether a group has a name; the plug-ins are searched only for one that is not built in."""
    return name in _builtin(group) or name in _points(group)


def find(group: str, name: str) -> Factory:
    """The class of a name or of a dotted path.

    A plug-in cannot take over a built-in name, which costs no search for plug-ins either.
    ConfigError for an unknown name, with the nearest one; PluginError for a plug-in that cannot
    be imported or does not fit its group, and for a name that several plug-ins claim.
    """
    known = _builtin(group)
    if ":" in name:
        return _load(group, name, name)
    if name in known:
        return _load(group, name, known[name])
    claims = [point.value for point in _points(group).get(name, [])]
    if not claims:
        hint = f"{nearest(name, names(group))}, or a dotted path 'package.module:Name'"
        raise ConfigError(f"unknown name {name!r} in {group}{hint}")
    if len(claims) > 1:
        raise PluginError(f"{name!r} in {group} is claimed more than once: {', '.join(claims)}")
    return _load(group, name, claims[0])


def _load(group: str, name: str, path: str) -> Factory:
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        raise ConfigError(f"{path!r} is no dotted path: write 'package.module:Name'")
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # foreign code: whatever it raises, the cause is kept
        what = f"{name!r} in {group} cannot be loaded from {path}"
        raise PluginError(f"{what}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise PluginError(f"{path} is a {type(found).__name__}, not a class")
    base = BASES.get(group)
    if base and not (isinstance(found, type) and issubclass(found, base)):
        where = f"{base.__module__}.{base.__name__}"
        raise PluginError(f"{path} is not a subclass of {where}")
    return cast(Factory, found)


def name_of(group: str, cls: type) -> str:
    """The name a configuration gives to a class: the built-in one, else its dotted path."""
    path = f"{cls.__module__}:{cls.__qualname__}"
    return next((name for name, known in _builtin(group).items() if known == path), path)
