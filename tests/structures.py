"""Small structures and a chat model that repeats, for tests of the seam itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from agentmem import Change, Record
from agentmem.steps import Steps
from agentmem.structure import Around, Store


@dataclass(frozen=True, kw_only=True)
class Sayings(Store):
    """One record for each sentence; by a model if asked: it may fail as it likes."""

    name: ClassVar[str] = "saying"

    by: Literal["rule", "model"] = "rule"

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        add = []
        for record in new:
            said = around.said(record).partition(": ")[2]
            if self.by == "model":
                said = yield from around.say("agent", name=said, speaker="x")
            add += [around.record(one, [record]) for one in said.split(". ") if one.strip()]
        return Change(reason="derive", add=tuple(add))


@dataclass(frozen=True, kw_only=True)
class Digest(Store):
    """One running text of all that was said, word for word."""

    name: ClassVar[str] = "digest"
    mixes: ClassVar[bool] = True

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        if around.target is not None:
            text = " | ".join(record.text for record in new)
            ids = tuple(record.id for record in new)
            made = replace(around.target, text=text, sources=ids, created=new[-1].created)
            return Change(reason="anew", update=(made,))
        last = yield from around.recent(1)
        if last and new[0].id in last[0].sources:  # it comes twice
            return Change(reason="known")
        if not last:
            text = " | ".join(record.text for record in new)
            return Change(reason="first", add=(around.record(text, new),))
        text = " | ".join([last[0].text, *(record.text for record in new)])
        ids = (*last[0].sources, *(record.id for record in new))
        made = replace(last[0], text=text, sources=ids)
        made = replace(made, created=max(made.created, new[-1].created))
        return Change(reason="more", update=(made,))


class Parrot:
    """A chat model that takes a while and then says the last words of its prompt."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        time.sleep(self.seconds)
        heard = messages[-1]["content"].partition("You are ")[2].partition(",")[0]
        return type("Message", (), {"content": heard, "usage_metadata": None})()
