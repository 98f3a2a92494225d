"""Triples as a graph: entities joined by what is said of them; its neighbours, paths and PageRank.

    view = graph(records)  # networkx.MultiDiGraph (extra `graph`)
    neighbours(view, "Ana"), paths(view, "Ana", "Rome", cutoff=3)

Two mentions are one node if their normalised identities are equal.  `walk_of` and
`personalised_pagerank` need numpy only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil, log
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from agentmem.core import Floats, Ints, Namespace, Record
from agentmem.errors import InputError, MissingExtra, NotFound, nearest
from agentmem.extract.identifiers import identity

if TYPE_CHECKING:
    import networkx as nx

    from agentmem.engine import Engine

__all__ = [
    "Edge",
    "Walk",
    "entity_of",
    "graph",
    "graph_of",
    "neighbours",
    "paths",
    "personalised_pagerank",
    "walk_of",
]

MOST_PATHS = 1000  # simple paths can be exponentially many
_Path = Sequence[tuple[str, str, str]]
_ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\S)", re.IGNORECASE)


class Edge(NamedTuple):
    """One triple in a graph."""

    head: str  # a label
    relation: str
    tail: str
    record: str  # id of the triple's record

    def __str__(self) -> str:
        return f"{self.head}; {self.relation}; {self.tail}"


def entity_of(label: str) -> str:
    """The node a label belongs to: its normalised identity, an English article in front aside."""
    return identity(_ARTICLE.sub("", label.strip()))


def triples_of(records: Iterable[Record]) -> list[Record]:
    """The records that hold a triple, in order."""
    return [record for record in records if {"head_id", "tail_id"} <= record.data.keys()]


def graph(records: Iterable[Record]) -> nx.MultiDiGraph[str]:
    """The triples among some records as a networkx.MultiDiGraph; MissingExtra without networkx.

    A node is a normalised identity, with its `labels`, the first one seen first.  An edge goes
    from head to tail under the id of its record, with `relation`, `created` (seconds since the
    epoch) and the labels used there, `head` and `tail`.
    """
    try:
        import networkx as nx
    except ImportError as error:
        raise MissingExtra("the graph view of triples", "graph") from error
    made: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for record in triples_of(records):
        data = record.data
        for end in ("head", "tail"):
            made.add_node(data[f"{end}_id"])
            labels = made.nodes[data[f"{end}_id"]].setdefault("labels", [])
            if data[end] not in labels:
                labels.append(data[end])
        shown = {name: data[name] for name in ("head", "relation", "tail")}
        ends = (data["head_id"], data["tail_id"])
        made.add_edge(*ends, key=record.id, created=record.created, **shown)
    return made


def graph_of(engine: Engine, prefix: Namespace, now: float) -> nx.MultiDiGraph[str]:
    """The graph of the triples that a search at `now` sees under a namespace prefix; the engine is
    locked, up to date.

    Equal identities in several namespaces under the prefix are one node here.
    """
    return graph(engine.records(engine.searchable(prefix, ("triple",), now=now).tolist()))


def neighbours(view: nx.MultiDiGraph[str], entity: str) -> list[Edge]:
    """What is said of an entity: the edges out of it and into it, oldest first.

    NotFound, with the nearest label, if the graph has no such entity.
    """
    node = _node(view, entity)
    around = [*view.out_edges(node, keys=True, data=True)]
    around += [edge for edge in view.in_edges(node, keys=True, data=True) if edge[0] != node]
    around.sort(key=lambda edge: (edge[3]["created"], edge[2]))
    return [_edge(key, data) for _, _, key, data in around]


def paths(
    view: nx.MultiDiGraph[str], start: str, end: str, *, cutoff: int = 3
) -> list[tuple[Edge, ...]]:
    """How two entities are connected: simple paths of at most `cutoff` edges, shortest first.

    Edges are followed either way, since "Ana; works for; Carl" also tells of Carl.  At most 1,000
    paths are given.  NotFound, with the nearest label, for an entity that the graph does not have.
    """
    import networkx as nx

    if isinstance(cutoff, bool) or not isinstance(cutoff, int) or cutoff < 1:
        raise InputError(f"cutoff = {cutoff!r}: a whole number of at least 1 is needed")
    ends = (_node(view, start), _node(view, end))
    if ends[0] == ends[1]:
        return []
    either: nx.MultiGraph[str] = nx.MultiGraph()
    for head, tail, key, data in view.edges(keys=True, data=True):
        either.add_edge(head, tail, key=key, **data)
    found = cast(Iterator[_Path], nx.all_simple_edge_paths(either, *ends, cutoff=cutoff))
    walks = [
        tuple(_edge(key, either.edges[head, tail, key]) for head, tail, key in path)
        for path in islice(found, MOST_PATHS)
    ]
    return sorted(walks, key=lambda walk: (len(walk), [edge.record for edge in walk]))


def _node(view: nx.MultiDiGraph[str], entity: str) -> str:
    node = entity_of(entity)
    if node not in view:
        labels = [label for _, data in view.nodes(data=True) for label in data["labels"]]
        raise NotFound(f"no triple speaks of {entity!r}{_hint(entity, labels)}")
    return node


def _hint(entity: str, labels: Sequence[str]) -> str:
    if not labels:
        return ": the graph is empty"
    return nearest(entity, labels).partition(" allowed:")[0].rstrip(";")


def _edge(key: str, data: dict[str, Any]) -> Edge:
    return Edge(data["head"], data["relation"], data["tail"], key)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Triples as arrays: row i of `edges` holds the node numbers of triple i's head and tail."""

    triples: Sequence[Record]
    nodes: dict[tuple[Namespace, str], int]  # node numbers by namespace and identity
    edges: Ints  # shape (len(triples), 2)

    @property
    def degree(self) -> Floats:
        """How many ends of triples each node is, shape (n,), >= 1."""
        return np.bincount(self.edges.ravel(), minlength=len(self.nodes)).astype(np.float64)

    def mass(self, seeds: Floats, damping: float) -> Floats:
        """How often a random walk that restarts at the seeds goes through each triple, >= 0.

        Shape (len(triples),); the sum is 1.  A triple is walked in both directions, as in
        HippoRAG (arXiv 2405.14831, 2.3); a walker in a node takes any of its triples alike.
        """
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        shares = personalised_pagerank(both, seeds, damping=damping) / self.degree
        through: Floats = shares[self.edges].sum(axis=1)
        return through


def walk_of(records: Iterable[Record]) -> Walk:
    """The triples among some records as arrays; one name in two namespaces is two nodes."""
    triples = triples_of(records)
    nodes: dict[tuple[Namespace, str], int] = {}
    ends = [
        [
            nodes.setdefault((record.namespace, record.data[end]), len(nodes))
            for end in ("head_id", "tail_id")
        ]
        for record in triples
    ]
    edges = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return Walk(triples=triples, nodes=nodes, edges=edges)


def personalised_pagerank(
    edges: Ints,
    seeds: Floats,
    *,
    weights: Floats | None = None,
    damping: float = 0.85,
    tolerance: float = 1e-9,
) -> Floats:
    """Where a random walker is that restarts at the seeds: shape (n,), sum 1.

    p = (1 - d) s + d (A^T p + s x the mass of nodes without a way out), by power iteration
    (Page, Brin, Motwani and Winograd, 1998, section 6).  `edges`, shape (m, 2): from, to, in
    0..n-1; parallel ones add up.  `seeds`, shape (n,): >= 0, not all 0; scaled to sum 1.
    `weights`, shape (m,): > 0, 1 by default.  `damping`, 0 <= d < 1: the chance to walk on rather
    than to restart.  Each round shrinks the error, at most 2, by d: so many rounds bring it below
    `tolerance` in L1.  InputError for anything else.
    """
    start, edges = _restart(seeds), np.asarray(edges)
    n = len(start)
    out = np.ones(len(edges)) if weights is None else np.asarray(weights, dtype=np.float64)
    _checked(edges, out, n, damping, tolerance)
    tails, heads = edges[:, 0], edges[:, 1]
    total = np.bincount(tails, weights=out, minlength=n)
    share = out / total[tails]
    stuck = total == 0.0
    rank = start
    rounds = ceil(log(tolerance / 2.0) / log(damping)) if damping > 0.0 else 0
    for _ in range(rounds):
        moved = np.bincount(heads, weights=share * rank[tails], minlength=n)
        after = (1.0 - damping) * start + damping * (moved + rank[stuck].sum() * start)
        change = float(np.abs(after - rank).sum())
        rank = after
        if change * damping <= tolerance * (1.0 - damping):
            break
    return rank


def _restart(seeds: Floats) -> Floats:
    start = np.asarray(seeds, dtype=np.float64)
    total = float(start.sum()) if start.ndim == 1 else 0.0
    if not (np.isfinite(total) and total > 0.0 and start.min() >= 0.0):
        raise InputError("seeds must be numbers >= 0, shape (n,), not all of them 0")
    scaled: Floats = start / total
    return scaled


def _checked(edges: Ints, weights: Floats, n: int, damping: float, tolerance: float) -> None:
    if not 0.0 <= damping < 1.0:
        raise InputError(f"damping = {damping!r}: 0 <= damping < 1 is needed")
    if not 0.0 < tolerance < 1.0:
        raise InputError(f"tolerance = {tolerance!r}: 0 < tolerance < 1 is needed")
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.issubdtype(edges.dtype, np.integer):
        raise InputError(f"edges must be whole numbers, shape (m, 2), not {edges.shape}")
    if len(edges) and not (edges.min() >= 0 and edges.max() < n):
        raise InputError(f"edges: a node outside 0..{n - 1}")
    if weights.shape != (len(edges),) or not (np.isfinite(weights) & (weights > 0.0)).all():
        raise InputError(f"weights must be numbers > 0, shape ({len(edges)},)")
