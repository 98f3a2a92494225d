"""The prompt texts of the benchmark: strict templates, one file each, in `bench/prompts`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

from agentmem.prompts import Template

Form = Literal["cot", "direct"]


@cache
def template(name: str) -> Template:
    """The template in `prompts/NAME.txt`; the newline at its end is not part of it."""
    path = files("agentmem.bench").joinpath("prompts", f"{name}.txt")
    return Template(name=f"bench/{name}", text=path.read_text(encoding="utf-8").removesuffix("\n"))


def fill(name: str, **values: object) -> str:
    """A template with every placeholder filled; ConfigError for one missing or unknown."""
    return template(name).render(**{key: str(value) for key, value in values.items()})


@cache
def form(style: Form, key: str, placeholder: str, *, talk: bool = False) -> str:
    """How to answer.  The example holds a placeholder, never a legal value: it would anchor.

    `talk`: the answer may carry a message.
    """
    message = fill("form_message") if talk else ""
    return fill(f"form_{style}", key=key, placeholder=placeholder, message=message)


def question(lines: Sequence[str], ask: str, how: str, rules: str = "") -> str:
    """The user message of one decision: the remembered lines, oldest first, then what is asked.

    With `rules`, they stand between the two.
    """
    memory = "\n".join(lines) if lines else fill("empty")
    asked = f"{rules}\n\n{ask}" if rules else ask
    return fill("memory", memory=memory, ask=asked, form=how)


def again(error: object, how: str) -> str:
    """The user message after a reply that could not be used."""
    return fill("again", error=error, form=how)


def tokens(text: str) -> int:
    """Estimate of a text's length in tokens: a token for every 4 characters, rounded up."""
    return -(-len(text) // 4)
