"""The demotion ladder: chunk, its facts, one line, archived; until a budget of tokens is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Annotated, ClassVar

from agentmem.core import Change, Record
from agentmem.extract.clauses import facts
from agentmem.fields import Bounds, Unit
from agentmem.identity import identity_of
from agentmem.registry import knows
from agentmem.steps import Steps
from agentmem.stores.mixing import clip, condensed, statements
from agentmem.structure import Consolidator, Overview
from agentmem.text import count_tokens

__all__ = ["Ladder"]

FACTS, OUT = 1, 3  # rungs: 0 as it was said, its facts, a line, archived


@dataclass(frozen=True, kw_only=True)
class Ladder(Consolidator):
    """The texts of a namespace's active records have at most `max_tokens` tokens together.

    Where they have more, the record of least value a token goes one rung down, again and again: a
    chunk is superseded by its facts, these by a line of at most `line` tokens, and that is
    archived; restorable, like everything above it.  A rung that saves nothing is skipped, and
    records of other structures are archived at once.  Value: retention x importance, retention
    being the product of the policies' weights; a record that a rung has made keeps the importance
    of its chunk.  What other consolidators made goes last.  The ladder is asked after these.
    """

    name: ClassVar[str] = "ladder"
    final: ClassVar[bool] = True

    max_tokens: Annotated[int, Unit("tokens"), Bounds(least=1)] = 20_000
    line: Annotated[int, Unit("tokens"), Bounds(least=4)] = 16
    kinds: tuple[str, ...] = ("chunk",)  # that go down rung by rung; others go at once

    def concerns(self, staying: int, leaving: int) -> bool:
        return staying > 0

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        staying = yield from around.staying()
        sizes = {one.id: count_tokens(one.text) for one in staying}
        total = sum(sizes.values())
        if total <= self.max_tokens:
            return Change(reason="the budget is met", policy=self.name)
        retained = yield from around.retention(staying)
        worth = {
            one.id: float(kept) * one.importance
            for one, kept in zip(staying, retained, strict=True)
        }
        kinds = {one.kind for one in staying} - {self.kind}
        made = {kind for kind in kinds if not knows("stores", kind)} - {*self.kinds}
        others = {kind for kind in made if knows("consolidators", kind)}
        steps = [
            self._step(one, sizes[one.id], worth[one.id], last=one.kind in others)
            for one in staying
        ]
        heap = [(step.order, i) for i, step in enumerate(steps) if step.size]
        heapify(heap)
        while total > self.max_tokens and heap:
            _, i = heappop(heap)
            down = self._down(steps[i])
            total -= steps[i].size - down.size
            steps[i] = down
            if down.rung < OUT:
                heappush(heap, (down.order, i))
        return self._change(steps, around)

    def _step(self, record: Record, size: int, worth: float, *, last: bool) -> _Step:
        """Where a record stands: as it was said, or where an earlier plan has put it."""
        own = record.kind == self.kind
        return _Step(
            record=record,
            text=record.text,
            was=size,
            size=size,
            rung=int(record.data["rung"]) if own else 0,
            worth=worth,
            last=last,
        )

    def _down(self, step: _Step) -> _Step:
        """The next rung on which the text is shorter."""
        climbs = step.record.kind in (self.kind, *self.kinds)
        for rung in range(step.rung + 1, OUT) if climbs else ():
            text = _left(step.text, rung, self.line)
            size = count_tokens(text)
            if 0 < size < step.size:
                return replace(step, text=text, size=size, rung=rung)
        return replace(step, text="", size=0, rung=OUT)

    def _change(self, steps: Sequence[_Step], around: Overview) -> Change:
        """What takes every record to its rung.

        Where two come down to the same text, one record stands for both; what comes down to the
        text of a record that has gone further goes with it.
        """
        moved = [step for step in steps if step.moved]
        before = {identity_of(step.record): step for step in steps if step.record.kind == self.kind}
        add: dict[str, Record] = {}
        update: list[Record] = []
        archive: list[str] = []
        supersede: list[tuple[str, str]] = []
        for step in moved:
            old = step.record
            if step.rung == OUT:
                archive.append(old.id)
            elif old.kind == self.kind:
                data = {**old.data, "rung": step.rung}
                update.append(replace(old, text=step.text, data=data, version=old.version + 1))
            else:
                new = self._made(step, around)
                same = before.get(new.id)
                if same is not None and same.moved:
                    archive.append(old.id)
                    continue
                supersede.append((old.id, new.id if same is None else same.record.id))
                if same is None:
                    cited = (*add[new.id].sources, old.id) if new.id in add else new.sources
                    add[new.id] = replace(new, sources=cited)
        return Change(
            add=tuple(add.values()),
            update=tuple(update),
            archive=tuple(archive),
            supersede=tuple(supersede),
            scores={step.record.id: step.value for step in moved},
            reason=f"the budget of {self.max_tokens} tokens",
            policy=self.name,
        )

    def _made(self, step: _Step, around: Overview) -> Record:
        """The record that takes the place of a chunk, with the chunk's lifecycle."""
        old = step.record
        new = around.record(
            step.text,
            [old],
            data={"rung": step.rung},
            created=old.created,
            importance=old.importance,
        )
        return replace(
            new,
            used=old.used,
            used_turn=old.used_turn,
            uses=old.uses,
            stability=old.stability,
            turn=old.turn,
            expires=old.expires,
            verify_by=old.verify_by,
        )


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A record on its way down."""

    record: Record
    text: str  # what is left of it
    was: int  # tokens, before the plan
    size: int  # tokens that are left
    rung: int
    worth: float  # retention x importance
    last: bool  # made by another consolidator

    @property
    def moved(self) -> bool:
        return self.text != self.record.text

    @property
    def value(self) -> float:
        """Worth a token of the text as it was before the plan."""
        return self.worth / max(1, self.was)

    @property
    def order(self) -> tuple[bool, float, float, str]:
        """What goes down first: the least worth a token, then the oldest."""
        return self.last, self.worth / max(1, self.size), self.record.created, self.record.id


def _left(text: str, rung: int, line: int) -> str:
    """What is left of a text on a rung; "" if nothing is."""
    if rung == FACTS:
        return " ".join(fact.text for fact in facts(text, None))
    parts = statements(text)
    return condensed(parts, line) if len(parts) > 1 else clip("".join(parts), line)
