"""Entity-description pairs: what is known of each named entity, short, for small token budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from agentmem.core import Record
from agentmem.extract.clauses import Fact, facts, turns
from agentmem.extract.identifiers import identify
from agentmem.extract.pronouns import display
from agentmem.fields import Bounds
from agentmem.graph import entity_of
from agentmem.steps import Steps
from agentmem.stores.cited import Span, Unit, UnitStore, list_of, placed, supported
from agentmem.structure import Around
from agentmem.text import words

__all__ = ["EntityStore"]

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class EntityStore(UnitStore):
    """Pairs "entity: description" (FADER, arXiv 2503.19574); each cites its chunks.

    `data`: "entity", "entity_id" (its normalised identity), "description".  By rule: each atomic
    fact describes every entity it names, its subject left out where it is the entity.  By model, in
    three steps: questions that the chunk could answer, statements that answer them, each with a
    quotation, and pairs out of the statements; `samples` times over, since a model that draws at
    random finds other pairs each time.
    """

    name: ClassVar[str] = "entity"

    questions: Annotated[int, Bounds(least=1)] = 5  # asked of one chunk, at most
    samples: Annotated[int, Bounds(least=1)] = 1  # times that the model goes through a chunk

    def ruled(self, chunk: Record, said: str) -> Sequence[Unit]:
        span, known = placed(said, chunk), _labels(said)
        return [
            _unit(chunk, span(fact.start, fact.end), name, _without(name, fact.text))
            for fact in facts(said, None)
            for name in _named(fact, known)
        ]

    def asked(self, chunk: Record, said: str, context: str, around: Around) -> Steps[list[Unit]]:
        units: list[Unit] = []
        for _ in range(self.samples):
            units += yield from self._sample(chunk, {"text": said, "context": context}, around)
        return units

    def _sample(self, chunk: Record, shown: Mapping[str, str], around: Around) -> Steps[list[Unit]]:
        asked = yield from around.ask(
            "entity_questions", _QUESTIONS, count=str(self.questions), **shown
        )
        questions = [one.strip() for one in asked["questions"] if one.strip()][: self.questions]
        if not questions:
            return []
        parts = yield from around.ask(
            "entity_decompose", _STATEMENTS, questions=_numbered(questions), **shown
        )
        said = [item for item in parts["statements"] if item["statement"].strip()]
        stated = supported(said, chunk, "statements")
        if not stated:
            return []
        listed = _numbered([item["statement"].strip() for item, _ in stated])
        reply = yield from around.ask("entity_pairs", _pairs(len(stated)), statements=listed)
        return [
            _unit(chunk, stated[pair["number"] - 1][1], pair["entity"], pair["description"])
            for pair in reply["pairs"]
            if pair["entity"].strip() and pair["description"].strip()
        ]


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _labels(text: str) -> dict[tuple[str, ...], str]:
    """The speakers of a text and what else it names, by their words."""
    names = [name for name, _, _ in turns(text) if name]
    names += [text[one.start : one.end] for one in identify(text)]
    labels = {tuple(words(name)): name for name in reversed(names)}
    return {label: name for label, name in labels.items() if label}


def _named(fact: Fact, known: Mapping[tuple[str, ...], str]) -> list[str]:
    """Which entities a fact names, in alphabetical order; of "Ana Li" and "Ana", the longer."""
    labels = {**_labels(fact.text), **known}
    longest = max(map(len, labels), default=0)
    spoken = words(fact.text)
    named: dict[str, str] = {}
    at = 0
    while at < len(spoken):
        runs = (tuple(spoken[at : at + n]) for n in range(longest, 0, -1))
        label = next((run for run in runs if run in labels), None)
        if label is not None:
            named.setdefault(entity_of(labels[label]), labels[label])
        at += len(label) if label else 1
    return sorted(named.values())


def _without(name: str, text: str) -> str:
    """What a sentence says of its subject: "Ana lives in Rome." of Ana is "lives in Rome."."""
    for subject in (name, display(name) or name):
        rest = text[len(subject) :]
        if text.lower().startswith(subject.lower()) and rest.startswith(" "):
            return rest.strip()
    return text


def _unit(chunk: Record, span: Span, entity: str, description: str) -> Unit:
    entity, description = " ".join(entity.split()), " ".join(description.split())
    data = {"entity": entity, "entity_id": entity_of(entity), "description": description}
    return Unit(text=f"{entity}: {description}", source=chunk, span=span, data=data)


_TEXT = {"type": "string"}
_QUESTIONS: Schema = {
    "type": "object",
    "properties": {"questions": {"type": "array", "items": _TEXT}},
    "required": ["questions"],
    "additionalProperties": False,
}
_STATEMENTS: Schema = list_of("statements", {"statement": _TEXT, "quote": _TEXT})


def _pairs(n: int) -> Schema:
    """The schema of pairs out of n statements."""
    number = {"type": "integer", "minimum": 1, "maximum": n}
    return list_of("pairs", {"number": number, "entity": _TEXT, "description": _TEXT})
