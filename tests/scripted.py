"""A chat model that says what a test tells it to, and remembers what it was asked."""

import json
from types import SimpleNamespace
from typing import Any


class Scripted:
    """Each reply in turn: text, or a value that is said as JSON; an exception is raised."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []  # the last message of each request

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        self.asked.append(messages[-1]["content"])
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        text = reply if isinstance(reply, str) else json.dumps(reply)
        return SimpleNamespace(content=text, usage_metadata=None)


def asking(model: Scripted) -> dict[str, Any]:
    """The configuration of extraction by this model, when `extract()` is called."""
    return {"extraction": {"model": model, "background": False}}
