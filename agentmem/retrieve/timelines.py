"""What led to a hit and what came of it: paths through the graph of `agentmem.stores.timeline`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from agentmem.core import Hit, Record
from agentmem.fields import Bounds
from agentmem.recall import Query
from agentmem.retrieve.linked import appended, seen
from agentmem.retrieve.stage import Searcher, Stage
from agentmem.steps import Steps
from agentmem.stores.timeline import TimelineStore

__all__ = ["Timelines", "paths"]

READ = 1000  # nodes read for one search, about: nearest to the hits first
Path = list[Record]


@dataclass(frozen=True, kw_only=True)
class Timelines(Stage):
    """The hits, then the nodes of the timelines through them (arXiv 2406.10996, section 3.2).

    A timeline is a path from the oldest node that leads to the hit, through it, to one that
    nothing follows.  The paper enumerates all of them, which are exponentially many, and draws
    `n`; here the first `n` are found, without the others, in an order that never varies.  Nothing
    that happened after the query's `now` is returned, not even as a hit.
    """

    name: ClassVar[str] = "timelines"

    n: Annotated[int, Bounds(least=1)] = 1  # timelines through each hit, at most
    length: Annotated[int, Bounds(least=1)] = 8  # nodes of one, at most: those next to the hit

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        hits = [hit for hit in (yield from search(query)) if hit.record.created <= query.now]
        known = {hit.id: hit.record for hit in hits}
        for onward in (_older, _later):
            yield from self._read(known, [hit.record for hit in hits], onward, query, search)
        lines = [path for hit in hits for path in paths(hit.record, known, self.n, self.length)]
        nodes = {node.id: node for path in lines for node in path}
        return appended(hits, [node for name, node in nodes.items() if name not in _ids(hits)])

    def _read(
        self,
        known: dict[str, Record],
        level: Sequence[Record],
        onward: Callable[[Record], Sequence[str]],
        query: Query,
        search: Searcher,
    ) -> Steps[None]:
        """Add to `known` what can be reached from some nodes, one step of all of them at a time."""
        walked = {node.id for node in level}
        steps = 1
        while level and steps < self.length and len(known) < READ:
            names = {name: None for node in level for name in onward(node) if name not in walked}
            found = yield from seen(list(names), query, search)
            level = [found[name] for name in names if name in found]
            level = [node for node in level if node.created <= query.now]
            known |= {node.id: node for node in level}
            walked |= names.keys()
            steps += 1


def paths(node: Record, known: Mapping[str, Record], n: int, length: int) -> list[Path]:
    """The first n timelines through a node, oldest node first, among the nodes known.

    Back from a node, the way to the oldest beginning comes first, and then the shortest step; on
    from it, the shortest step.  A timeline longer than `length` keeps what is next to the node.
    O(n x length) nodes are visited.
    """

    def back(one: Record) -> list[Record]:
        older = [known[name] for name in _older(one) if name in known]
        older = [each for each in older if each.created <= one.created]
        return sorted(older, key=lambda each: (_since(each), -each.created, each.id))

    def on(one: Record) -> list[Record]:
        newer = [known[name] for name in _later(one) if name in known]
        newer = [each for each in newer if each.created >= one.created]
        return sorted(newer, key=lambda each: (each.created, each.turn, each.id))

    before = _chains(node, back, n, length)
    after = _chains(node, on, n, length)
    if len(before[0]) + len(after[0]) - 1 > length:
        most = max((length + 1) // 2, length + 1 - len(after[0]))
        before = _chains(node, back, n, most)
        after = _chains(node, on, n, length + 1 - min(most, len(before[0])))
    pairs = sorted((i + j, i, j) for i in range(len(before)) for j in range(len(after)))
    every = (_through(before[i], after[j], length) for _, i, j in pairs)
    return list({tuple(_ids(path)): path for path in every}.values())[:n]


def _chains(
    node: Record, onward: Callable[[Record], list[Record]], n: int, length: int
) -> list[Path]:
    """The first n chains of at most `length` nodes, depth first, each as far as it goes."""
    done: list[Path] = []
    unfinished = [[node]]
    while unfinished and len(done) < n:
        chain = unfinished.pop()
        held = set(_ids(chain))
        steps = [one for one in onward(chain[-1]) if one.id not in held]
        if steps and len(chain) < length:
            unfinished += [[*chain, one] for one in reversed(steps[:n])]
        else:
            done.append(chain)
    return done


def _through(before: Path, after: Path, length: int) -> Path:
    """One path of two chains from the same node, each cut so that they fit together."""
    older, newer = before[:0:-1], after[1:]
    while len(older) + 1 + len(newer) > length:
        if len(older) >= len(newer):
            older = older[1:]
        else:
            newer = newer[:-1]
    return [*older, before[0], *newer]


def _ids(path: Iterable[Record | Hit]) -> dict[str, None]:
    return dict.fromkeys(one.id for one in path)


def _older(node: Record) -> Sequence[str]:
    return node.links if node.kind == TimelineStore.name else ()


def _later(node: Record) -> Sequence[str]:
    return list(node.data.get("later", ())) if node.kind == TimelineStore.name else ()


def _since(node: Record) -> float:
    return float(node.data.get("since", node.created))
