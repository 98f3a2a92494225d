"""Reasoning apart from the answer: in what a decision was asked, and in what was replied."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from agentmem.bench.prompting import template


def split_answer(reply: str) -> tuple[str, Any]:
    """What was said before the JSON object that ends a reply, and that object (None: no object)."""
    body = reply.rstrip().removesuffix("```").rstrip()
    for found in re.finditer(r"\{", body):
        try:
            answer = json.loads(body[found.start() :])
        except (ValueError, RecursionError):
            continue
        said = body[: found.start()].rstrip()
        return re.sub(r"```(?:json)?\Z", "", said, flags=re.IGNORECASE).strip(), answer
    return reply.strip(), None


def reasoning_only(prompt: str) -> str | None:
    """The prompt asking for reasoning alone; None if it does not ask for a reasoning."""
    found = _asked().search(prompt)
    return prompt[: found.start()] + template("form_trace").text if found else None


@cache
def _asked() -> re.Pattern[str]:
    """The request for reasoning and an answer that ends a prompt."""
    parts = re.split(r"\$\w+", template("form_cot").text)
    return re.compile(".*?".join(map(re.escape, parts)) + r"\Z")


def values(answer: Any) -> list[str]:
    """Texts and numbers in an answer, as text."""
    if isinstance(answer, Mapping):
        return [one for part in answer.values() for one in values(part)]
    if isinstance(answer, list):
        return [one for part in answer for one in values(part)]
    return [str(answer)]
