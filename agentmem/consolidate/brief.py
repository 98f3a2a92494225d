"""Future-oriented summarisation: what ages out becomes a brief of what is still ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar, Literal

from agentmem.clock import moment
from agentmem.consolidate.outlook import ABOUT, Line, lines
from agentmem.consolidate.rolling import Counts, Text, anew, rolled
from agentmem.core import Change, Record
from agentmem.extract.gist import keywords
from agentmem.fields import Bounds, Unit
from agentmem.steps import Steps
from agentmem.stores.cited import list_of
from agentmem.stores.mixing import clip, untagged
from agentmem.structure import Around, Consolidator, Overview
from agentmem.text import count_tokens, words

__all__ = ["Brief", "layout", "opening_of"]

TOPICS = 3
SCHEMA = list_of(
    "lines",
    {
        "about": {"type": "string", "enum": list(ABOUT)},
        "text": {"type": "string"},
        "cites": {"type": "array", "items": {"type": "integer"}},
    },
)


@dataclass(frozen=True, kw_only=True)
class Brief(Consolidator):
    """One brief a namespace, renewed with every record that leaves.

    It states open commitments and standing agreements, coming opportunities and deadlines, what
    each side gains by going on, what would repair the relation; and neutral counts of what was,
    instead of the turns themselves.  The memory curse (arXiv 2605.08060) is a loss of intent that
    looks forward, and an ageing history is where it goes: so the history ages into this.  By rule
    each line is a sentence as it was said, with its date if it names one; by model a line that
    cites no record is dropped.  `data["lines"]` has what each line is about and its sources; a
    source that is erased or forgotten takes its lines, and its turn in the counts, with it.
    """

    name: ClassVar[str] = "brief"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    max_tokens: Annotated[int, Unit("tokens"), Bounds(least=40)] = 240
    span: Annotated[int, Unit("records"), Bounds(least=1)] = 200
    kinds: tuple[str, ...] = ("chunk",)  # of the records that are told

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        return (yield from rolled(self, leaving, around))

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The brief made anew of those of its sources that are left."""
        return (yield from anew(self, new, around))

    def find(
        self, records: Sequence[Record], former: Record | None, now: float, around: Around
    ) -> Steps[list[Line]]:
        """What some records, oldest first, say of the time after `now`."""
        if self.by == "model":
            return (yield from self._asked(records, former, now, around))
        return lines(records, [around.said(one) for one in records], now)

    def write(
        self, records: Sequence[Record], found: Sequence[Line], counts: Counts, around: Around
    ) -> Text:
        """The brief: counts, and of the lines as many as fit into `max_tokens` tokens."""
        said = [around.said(one) for one in records]
        head = clip(opening_of(counts, records, said), self.max_tokens)
        kept = _fitting(head, found, self.max_tokens)
        told = [{"about": one.about, "text": one.text, "sources": [*one.sources]} for one in kept]
        return Text(text=layout(head, kept), data={"lines": told, "counts": asdict(counts)})

    def _asked(
        self, records: Sequence[Record], former: Record | None, now: float, around: Around
    ) -> Steps[list[Line]]:
        """The lines by the model, from the former ones and what has come since.

        A line that cites a former line rests on that one's sources.
        """
        cited: list[tuple[str, tuple[str, ...]]] = []
        alive = {one.id for one in records}
        known = set(former.sources) if former else set()
        cited += [
            (f"({line['about']}) {line['text']}", sources)
            for line in (former.data["lines"] if former else ())
            if (sources := tuple(name for name in line["sources"] if name in alive))
        ]
        cited += [
            (f"{moment(one.created):%Y-%m-%d} {text}", (one.id,))
            for one in records
            if one.id not in known and (text := around.said(one)).strip()
        ]
        numbered = "\n".join(f"[{i}] {text}" for i, (text, _) in enumerate(cited, start=1))
        reply = yield from around.ask(
            "brief",
            SCHEMA,
            today=f"{moment(now):%Y-%m-%d}",
            said=numbered or "(nothing)",
            tokens=str(self.max_tokens),
        )
        found = []
        for item in reply["lines"]:
            numbers = [n for n in item["cites"] if 1 <= n <= len(cited)]
            rests = tuple(dict.fromkeys(name for n in numbers for name in cited[n - 1][1]))
            text = " ".join(item["text"].split())
            if rests and text:
                found.append(Line(about=item["about"], text=text, sources=rests))
        return found


def opening_of(counts: Counts, records: Sequence[Record], said: Sequence[str]) -> str:
    """Neutral counts of what was: turns, how many of them helped and harmed, topics."""
    neither = counts.turns - counts.helped - counts.harmed
    text = (
        f"{counts.turns} earlier turns: {counts.helped} helped, {counts.harmed} harmed, "
        f"{neither} did neither."
    )
    if records:
        first, last = records[0].created, max(one.created for one in records)
        text = f"{moment(first):%Y-%m-%d} to {moment(last):%Y-%m-%d}. {text}"
    bags = [set(words(one)) for one in said]
    topics = keywords("\n".join(untagged(one) for one in said), 4 * TOPICS)
    held = {topic: sum(bag.issuperset(words(topic)) for bag in bags) for topic in topics}
    often = [topic for topic in sorted(held, key=lambda one: -held[one]) if held[topic] > 1]
    named = ", ".join(f"{topic} ({held[topic]})" for topic in often[:TOPICS])
    return f"{text} Often about: {named}." if named else text


def layout(head: str, kept: Sequence[Line]) -> str:
    """The brief as text: the counts, then the lines under their headings."""
    parts = [head]
    for about, heading in ABOUT.items():
        mine = [f"- {one.text}" for one in kept if one.about == about]
        parts += [f"{heading}:", *mine] if mine else []
    return "\n".join(parts)


def _fitting(head: str, found: Sequence[Line], max_tokens: int) -> list[Line]:
    """As many lines as fit, the newest first, one of each kind in turn; in their order."""
    queues = [[i for i, one in enumerate(found) if one.about == about] for about in ABOUT]
    headings = [count_tokens(f"{heading}:") for heading in ABOUT.values()]
    room = max_tokens - count_tokens(head)
    chosen: list[int] = []
    while any(queues) and room > 0:
        for at, queue in enumerate(queues):
            if queue:
                i = queue.pop()
                size = headings[at] + count_tokens(f"- {found[i].text}")
                if size <= room:
                    chosen.append(i)
                    room -= size
                    headings[at] = 0  # it is there now
    return [found[i] for i in sorted(chosen)]
