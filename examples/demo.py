"""Four weeks later: what three memories make of the same conversation.

    python examples/demo.py

Ten days of chat, weeks of silence, then the questions that the data set's authors ask.  The same
exchanges go into three memories that differ in their policy only.  Time is simulated, so the weeks
take no time.  No model is called: what you see is what an agent would be given to read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from agentmem import AgentMemory, SimulatedClock, Turn
from agentmem.clock import moment
from agentmem.core import Record
from agentmem.explain import Explanation

EMILY = Path(__file__).parent / "data" / "emily.json"
POLICIES: dict[str, list[Any]] = {
    "none": ["none"],
    "ebbinghaus": [{"ebbinghaus": {"half_life": "8d", "floor": 0.9, "remove": True}}],
    "window": [{"window": {"n": 20}}],
}
ABOUT = """\
[bold]none[/]        nothing fades, nothing goes
[bold]ebbinghaus[/]  halves in 8 days, more slowly once recalled; archived at 5 %
[bold]window[/]      only the 20 newest exchanges are seen; the others stay, unseen"""
EARLY = (1, 4)  # the questions asked on 7 May already
K = 2  # memories per question
WIDTH = 100  # characters of a quotation
MARKS = {"archived": "[red]forgotten[/]", "suppressed": "[yellow]suppressed[/]"}
Memories = Mapping[str, AgentMemory]


def remember(memory: AgentMemory, clock: SimulatedClock, history: Mapping[str, Any]) -> None:
    """Each exchange at its time: two minutes apart, from 18:00 on its day."""
    for day, exchanges in history.items():
        clock.set(datetime.fromisoformat(f"{day}T18:00+00:00"))
        for said in exchanges:
            memory.add(Turn(observation=said["query"], reply=said["response"], speaker="Emily"))
            clock.advance("2m")


def stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"\w{4,}", text.lower())}


def quote(record: Record, question: str) -> str:
    """Of a memory, the sentence that has most words in common with the question."""
    text = re.sub(r"^\w+: ", "", record.text, flags=re.MULTILINE)
    sentences = re.split(r"(?<=[.!?])\s+", text)
    best = max(sentences, key=lambda one: (len(stems(one) & stems(question)), len(one)))
    best = escape(shorten(best, WIDTH, placeholder=" ..."))
    return f"{record.created_at.day} {record.created_at:%b}: {best}"


def fate(found: Explanation, name: str) -> str:
    """What a memory's policy made of one record; nothing if others were merely more relevant."""
    if any(hit.id == name for hit in found.hits):
        return "[green]recalled[/]"
    verdicts = {one.record.id: one.verdict for one in found.missed}
    return MARKS.get(verdicts.get(name, ""), "")


def side_by_side(memories: Memories, questions: Sequence[str]) -> Table:
    """Every question to every memory.  `explain` is a search that tells both of its halves."""
    table = Table("", *memories, box=box.SIMPLE_HEAD)
    for number, question in enumerate(questions, start=1):
        found = {name: memory.explain(question, k=K) for name, memory in memories.items()}
        table.add_section()
        table.add_row(f"[bold]{number}. {escape(question)}[/]")
        records = {hit.id: hit.record for one in found.values() for hit in one.hits}
        for record in records.values():
            marks = (fate(one, record.id) for one in found.values())
            table.add_row(quote(record, question), *marks)
    return table


def why(memories: Memories, question: str, console: Console) -> None:
    """The numbers behind an answer, and what would bring back what is missing."""
    console.print(f"[bold]{escape(question)}[/]")
    for name, memory in memories.items():
        found = memory.explain(question, k=K)
        console.print(f"\n[bold]{name}[/]")
        for hit in found.hits:
            numbers = f"relevance {hit.why.fused:.2f} x weight {hit.why.retention:.2f}"
            tell(console, f"[green]+[/] {quote(hit.record, question)}\n[dim]{numbers}[/]")
        for one in [one for one in found.missed if one.verdict in MARKS][:K]:
            numbers = f"relevance {one.why.fused:.2f}, but {one.reason}; {one.remedy}"
            tell(console, f"{MARKS[one.verdict]} {quote(one.record, question)}\n[dim]{numbers}[/]")


def life(memory: AgentMemory, name: str, console: Console) -> None:
    """Everything that the journal says about one record."""
    record = memory.get(name)
    uses = f"recalled {record.uses}x, {record.status}"
    console.print(f"\n{quote(record, '')} [dim]({uses})[/]")
    for line in memory.history(name):
        by = f" by {line.policy}" if line.policy else ""
        tell(console, f"{moment(line.at):%d %b %H:%M}  {', '.join(line.verbs)}{by}: {line.reason}")


def tell(console: Console, text: str) -> None:
    console.print(Padding(text, (0, 0, 0, 2)))


def run(console: Console) -> None:
    data = json.loads(EMILY.read_text(encoding="utf-8"))
    history, questions = data["history"], data["questions"]
    clock = SimulatedClock()
    memories = {
        name: AgentMemory.open(policies=policies, clock=clock, namespace=["emily"])
        for name, policies in POLICIES.items()
    }
    fading = memories["ebbinghaus"]

    console.rule("27 April to 6 May: Emily chats")
    for memory in memories.values():
        remember(memory, clock, history)
    console.print(f"{fading.stats()['active']} exchanges, remembered three times:\n\n{ABOUT}\n")

    console.rule("7 May: two early questions")
    clock.advance("1d")
    for question in (questions[i] for i in EARLY):
        console.print(f"[bold]{escape(question)}[/]")
        for memory in memories.values():
            memory.search(question, k=K)
    console.print("What a search recalls is strengthened by it.\n")

    console.rule("5 June: tidying up")
    clock.advance("29d")
    plan = fading.plan()
    console.print(
        f"Plan: {plan.removes} to go, {plan.changes[0].reason}. Nothing has happened yet."
    )
    done = fading.apply(plan)
    console.print(f"Applied: {done.archived} archived, {fading.stats()['active']} active.\n")

    console.rule("5 June: the data set's questions")
    console.print("It gives no right answers, so nothing is scored: judge for yourself.")
    console.print("recalled: among the best 2; an empty field: others were more relevant.")
    console.print(side_by_side(memories, questions))

    console.rule("Why")
    why(memories, questions[3], console)
    kept = fading.explain(questions[1], k=1).hits[0].id
    lost = memories["none"].explain(questions[3], k=K).hits[-1].id
    console.print("\nTwo lives under ebbinghaus:")
    for name in (kept, lost):
        life(fading, name, console)
    console.print()

    console.rule("And back")
    fading.undo(done)
    console.print(f"Undone: {fading.stats()['active']} active.")
    life(fading, lost, console)
    for memory in memories.values():
        memory.close()


if __name__ == "__main__":
    run(Console())
