"""The working memory of an agent on a task: one subgoal in full, the others in a line each.

After HiAgent (Hu et al., arXiv 2408.09559): when a subgoal changes, its steps leave the context for
a summary; an action `retrieve` brings them back, by number and not by similarity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from agentmem.clock import Moment
from agentmem.core import Record
from agentmem.errors import InputError, NotFound
from agentmem.intake import nonempty, valid
from agentmem.memory import AgentMemory
from agentmem.modules.keeping import Keeper
from agentmem.steps import Steps, asynchronous, sync
from agentmem.stores.subgoal import Place, place_of

__all__ = ["Action", "WorkingMemory"]


class Action(NamedTuple):
    """One step: what the agent did, and what it saw of it."""

    action: str
    observation: str


class WorkingMemory(Keeper):
    """The steps of one task, kept as chunks; kind "subgoal" holds the summaries.

    Nothing is held in RAM: opened again with the same `task` it goes on where it was.  One agent
    works on a task at a time.  A step is read from the `data` of its chunk ("action",
    "observation"): who corrects one updates both.
    """

    kind: ClassVar[str] = "subgoal"

    def __init__(
        self, memory: AgentMemory, task: str = "task", *, namespace: Sequence[str] | None = None
    ) -> None:
        super().__init__(memory, namespace=namespace)
        self.task = nonempty(task, "task")

    def _begin(self, subgoal: str, *, now: Moment | None = None) -> Steps[int]:
        """Begin a subgoal, and so end the one before; returns its number, 1 for the first."""
        goal = nonempty(subgoal, "subgoal")
        number = 1 + max(
            (place.subgoal for place, _ in (yield from self._steps(gone=True))), default=0
        )
        yield from self._write(Place(self.task, number, 0), goal, goal, None, now)
        return number

    def _step(self, action: str, observation: str, *, now: Moment | None = None) -> Steps[None]:
        """Keep a step of the current subgoal; InputError before the first one has begun."""
        done = Action(valid(action, "action"), valid(observation, "observation"))
        chunks = yield from self._steps(gone=True)
        if not chunks:
            raise InputError("no subgoal yet: begin(subgoal) first")
        subgoal = max(place.subgoal for place, _ in chunks)
        own = [(place.step, chunk) for place, chunk in chunks if place.subgoal == subgoal]
        place = Place(self.task, subgoal, 1 + max(step for step, _ in own))
        text = f"{done.action} -> {done.observation}"
        yield from self._write(place, text, own[0][1].data["goal"], done, now)

    def _view(self) -> Steps[list[str]]:
        """The lines to put before the agent: ended subgoals as summaries, the current one in full.

        An ended subgoal that has no summary (not made yet, or the model failed) keeps its steps.
        """
        chunks = yield from self._steps()
        made = yield from self._kept({"data.task": self.task})
        summaries = {one.data["subgoal"]: one.text for one in made}
        subgoals = {*summaries, *(place.subgoal for place, _ in chunks)}
        current = max(subgoals, default=0)
        lines: list[str] = []
        for subgoal in sorted(subgoals):
            own = [(place, chunk) for place, chunk in chunks if place.subgoal == subgoal]
            if subgoal in summaries and (subgoal != current or not own):
                lines.append(summaries[subgoal])
                continue
            lines.append(_head(Place(self.task, subgoal, 0)) + own[0][1].data["goal"])
            lines += [f"{_head(place)}{' -> '.join(step)}" for place, step in _actions(own)]
        return lines

    def _retrieve(self, subgoal: int) -> Steps[list[Action]]:
        """The exact steps of a subgoal, in order; NotFound if this task has no such subgoal."""
        chunks = yield from self._steps()
        own = [(place, chunk) for place, chunk in chunks if place.subgoal == subgoal]
        if not own:
            known = ", ".join(map(str, sorted({place.subgoal for place, _ in chunks}))) or "none"
            raise NotFound(f"task {self.task!r} has no subgoal {subgoal!r}; it has: {known}")
        return [step for _, step in _actions(own)]

    begin, abegin = sync(_begin), asynchronous(_begin)
    step, astep = sync(_step), asynchronous(_step)
    view, aview = sync(_view), asynchronous(_view)
    retrieve, aretrieve = sync(_retrieve), asynchronous(_retrieve)

    def _steps(self, *, gone: bool = False) -> Steps[list[tuple[Place, Record]]]:
        """The chunks of the task with their places, in order; with `gone` the archived ones too."""
        source = self.memory.config.source.kind
        found = yield from self._kept({"data.task": self.task}, kind=source, gone=gone)
        placed = [(place, chunk) for chunk in found if (place := place_of(chunk))]
        return sorted(placed, key=lambda one: one[0])

    def _write(
        self, place: Place, text: str, goal: str, step: Action | None, now: Moment | None
    ) -> Steps[None]:
        data = {**place._asdict(), "goal": goal, **(step._asdict() if step else {})}
        told = _head(place) + text  # the place makes each text one of its kind
        yield from self.memory._add(told, namespace=self.namespace, now=now, data=data, revive=True)


def _head(place: Place) -> str:
    number = f"{place.subgoal}.{place.step}" if place.step else str(place.subgoal)
    return f"[{place.task} {number}] "


def _actions(chunks: Sequence[tuple[Place, Record]]) -> list[tuple[Place, Action]]:
    """The steps in some chunks, each once however many chunks it takes."""
    found = {
        place: Action(chunk.data["action"], chunk.data["observation"])
        for place, chunk in chunks
        if place.step
    }
    return sorted(found.items())
