"""A conversation line by line: the core of `agentmem chat`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from agentmem.agent import Agent
from agentmem.clock import moment
from agentmem.core import Hit
from agentmem.errors import AgentMemError, InputError, ModelError
from agentmem.prompting import short_ids

__all__ = ["chat", "forget", "why"]

COMMANDS = "/why (explain the last recall), /forget ID, /quit"
_COMMAND = re.compile(r"/[a-z]+(\s|$)")  # "/etc/hosts ..." is a message like any other


def chat(
    agent: Agent, lines: Iterable[str], write: Callable[[str], None], *, stream: bool = True
) -> int:
    """Answer each line until the lines end or one is /quit; returns how many were answered.

    A failed call and a wrong command are told in one line, and the conversation goes on.
    """
    answered = 0
    for line in lines:
        said = line.strip()
        if said == "/quit":
            break
        try:
            if _COMMAND.match(said):
                write(f"{_command(agent, said)}\n")
            elif said:
                for piece in agent.stream(said) if stream else [agent.step(said).reply]:
                    write(piece)
                write("\n")
                answered += 1
        except ModelError as error:
            notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
            write(f"[no answer: {error}{notes}]\n")
        except AgentMemError as error:
            write(f"[{error}]\n")
    return answered


def why(agent: Agent) -> str:
    """Why the last turn recalled what it did, the best score first."""
    if agent.last is None:
        return "nothing has been recalled yet"
    hits = sorted(agent.last.hits, key=lambda hit: -hit.score)
    if not hits:
        return "nothing was recalled"
    names = short_ids([hit.id for hit in hits])
    return "\n".join(_line(name, hit) for name, hit in zip(names, hits, strict=True))


def forget(agent: Agent, name: str) -> list[str]:
    """Forget the record whose id begins like this among those last shown or written, or has it.

    InputError if several begin like this, NotFound if no record has it.
    """
    known = {hit.id for hit in agent.last.hits} | set(agent.last.ids) if agent.last else set()
    meant = sorted(one for one in known if one.startswith(name)) or [name]
    if len(meant) > 1:
        raise InputError(f"{name!r} may be any of {', '.join(meant)}: give more of the id")
    return agent.memory.forget(*meant, reason="asked for in the chat")


def _command(agent: Agent, said: str) -> str:
    name, _, argument = said.partition(" ")
    argument = argument.strip()
    if name == "/why" and not argument:
        return why(agent)
    if name == "/forget" and argument:
        return f"forgotten: {', '.join(forget(agent, argument))}"
    return f"{said!r} is no command; there are {COMMANDS}"


def _line(name: str, hit: Hit) -> str:
    found = hit.why
    legs = [
        f"{leg} {value:.3f} (rank {rank or 'beyond the candidates'})"
        for leg, value, rank in (
            ("dense", found.dense, found.dense_rank),
            ("lexical", found.lexical, found.lexical_rank),
        )
        if value is not None
    ]
    weights = [f"{policy} {weight:.3f}" for policy, weight in found.weights.items()]
    kept = "exact match" if found.exact else f"retention {found.retention:.3f}"
    numbers = "; ".join([f"relevance {found.fused:.3f}", kept, *legs, *weights])
    date = f"{moment(hit.record.created):%Y-%m-%d}"
    return f"{name} {date} score {hit.score:.3f}  {hit.text}\n    {numbers}"
