"""Chat models that say what a test tells them to, and remember what they were asked."""

import json
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

Answer = Callable[[str], Any]
ID = re.compile(r"^\[([0-9a-f]{32})\]", re.MULTILINE)


class Scripted:
    """Each reply in turn: text, or a value that is said as JSON; an exception is raised."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []  # the last message of each request

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        self.asked.append(messages[-1]["content"])
        return _message(self.replies.pop(0))


class Answering:
    """An answer for each prompt, by the words that the prompt begins with."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[str] = []  # the last message of each request

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        first = messages[0]["content"]
        self.asked.append(messages[-1]["content"])
        return _message(
            next(say for at, say in self.answers.items() if first.startswith(at))(first)
        )


def _message(reply: Any) -> Any:
    if isinstance(reply, Exception):
        raise reply
    text = reply if isinstance(reply, str) else json.dumps(reply)
    return SimpleNamespace(content=text, usage_metadata=None)


def offered(prompt: str) -> list[str]:
    """The ids in a prompt."""
    return ID.findall(prompt)


def asking(model: Scripted) -> dict[str, Any]:
    """The configuration of extraction by this model, when `extract()` is called."""
    return {"extraction": {"model": model, "background": False}}
