"""A prompt file filled in, sent to the chat model, and its reply as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentmem import prompts
from agentmem.caller import Caller
from agentmem.errors import ConfigError
from agentmem.steps import Steps

__all__ = ["Asking"]


class Asking:
    """What may ask a chat model, if one is configured; `who` asks, for the error if none is."""

    def __init__(self, caller: Caller | None, who: str) -> None:
        self._caller = caller
        self._who = who

    def say(self, prompt: str, **values: str) -> Steps[str]:
        """The model's reply to a prompt of `agentmem/prompts`, filled in.  Raises ModelError."""
        reply = yield from self._model()._complete(_messages(prompt, values))
        return reply.text

    def ask(self, prompt: str, schema: Mapping[str, Any], **values: str) -> Steps[Any]:
        """The same as JSON that fits a schema: one repair, then BadReply."""
        name = prompt.rpartition("/")[2].removesuffix(".txt")
        return (yield from self._model()._complete_json(_messages(prompt, values), schema, name))

    def _model(self) -> Caller:
        if self._caller is None:
            raise ConfigError(f"{self._who} asks a chat model: give extraction: {{model: ...}}")
        return self._caller


def _messages(prompt: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    template = prompts.load(prompt)
    quoted = {name: template.quoted(value) for name, value in values.items()}
    return [{"role": "user", "content": template.render(**quoted)}]
