"""Summaries of what was done for a subgoal, in the place of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple

from agentmem.core import Change, Record
from agentmem.fields import Bounds
from agentmem.steps import Steps
from agentmem.stores.mixing import condensed, prose, renewed
from agentmem.structure import Around, Store

__all__ = ["Place", "SubgoalStore", "place_of"]


class Place(NamedTuple):
    """Where a chunk stands in the work of an agent."""

    task: str
    subgoal: int  # 1..
    step: int  # 1..; 0: the subgoal itself


def place_of(record: Record) -> Place | None:
    """The place that a chunk's data give; None if it is no part of an agent's work."""
    task, subgoal, step = (record.data.get(name) for name in Place._fields)
    if isinstance(task, str) and isinstance(subgoal, int) and isinstance(step, int):
        return Place(task, subgoal, step)
    return None


@dataclass(frozen=True, kw_only=True)
class SubgoalStore(Store):
    """One text for each finished subgoal, made of its steps (HiAgent, arXiv 2408.09559).

    The steps are chunks that `modules.working.WorkingMemory` wrote; a subgoal is finished when the
    next one of its task begins.  By rule: the most central of its actions and observations; by
    model: a summary.  If its reply is of no use the work counts as failed, and the steps themselves
    stay in view.  `data`: "task", "subgoal", "goal".
    """

    name: ClassVar[str] = "subgoal"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    tokens: Annotated[int, Bounds(least=8)] = 64  # of a summary, its subgoal not counted
    lasting: bool = True  # a policy that archives steps leaves it as it is

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The summaries of the subgoals that are finished now; or one made anew."""
        if around.target is not None:
            text = yield from self._text(new, around)
            made = renewed(around.target, text, new)
            return Change(update=(made,), reason="subgoal summarised anew", policy=self.name)
        add: list[Record] = []
        update: list[Record] = []
        for task, subgoal, first in dict.fromkeys(_concerned(new)):
            where = {"data.task": task, "data.subgoal": subgoal}
            chunks = yield from around.matching(where, kind=new[0].kind)
            known = yield from around.matching(where)
            ended = {"data.task": task, "data.subgoal": subgoal + 1}
            if known and not {one.id for one in chunks} <= set(known[0].sources):
                text = yield from self._text(chunks, around)
                update.append(renewed(known[0], text, chunks))
            elif known or not first or not _actions(chunks):
                continue
            elif (yield from around.matching(ended, kind=new[0].kind)):
                text = yield from self._text(chunks, around)
                data = {"task": task, "subgoal": subgoal, "goal": chunks[0].data["goal"]}
                add.append(around.record(text, chunks, data=data))
        return Change(add=tuple(add), update=tuple(update), reason="subgoal ended")

    def _text(self, chunks: Sequence[Record], around: Around) -> Steps[str]:
        """A summary of a subgoal's chunks, after its place and goal, which tell it from others."""
        data = chunks[0].data
        actions = _actions(chunks)
        if self.asks_model and actions:
            told = yield from prose(
                around, "subgoal_summary", self.tokens, goal=data["goal"], steps="\n".join(actions)
            )
        else:
            told = condensed(actions, self.tokens)
        head = f"[{data['task']} {data['subgoal']}] {data['goal']}"
        return f"{head}: {told}" if told else head


def _concerned(new: Sequence[Record]) -> list[tuple[str, int, bool]]:
    """The subgoals whose summary may follow from new chunks, and whether it may be their first.

    The beginning of a subgoal ends the one before.  A step alone ends nothing, but one that comes
    back belongs into the summary there is.  Several chunks are what an erased summary has left.
    """
    places = [place for place in map(place_of, new) if place]
    if len(new) == 1 and places and not places[0].step:
        return [(places[0].task, places[0].subgoal - 1, True)]
    return [(place.task, place.subgoal, len(new) > 1) for place in places]


def _actions(chunks: Sequence[Record]) -> list[str]:
    """What was done and seen, in order, each step once however many chunks it takes."""
    steps: dict[int, str] = {}
    for chunk in chunks:
        place = place_of(chunk)
        if place and place.step:
            steps[place.step] = f"{chunk.data['action']} -> {chunk.data['observation']}"
    return [steps[number] for number in sorted(steps)]
