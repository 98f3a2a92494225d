"""chat: a conversation with a memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from agentmem.cli.session import Session, clean, command

if TYPE_CHECKING:
    from agentmem.agent import Agent

QUIT = "/quit"


def _lines(prompt: bool) -> Iterator[str]:
    """What is typed, line by line, until the end of input."""
    while True:
        if prompt:
            typer.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line


def chat(
    session: Session,
    model: Annotated[
        str,
        typer.Option(
            envvar="AGENTMEM_MODEL",
            help="openai:MODEL, vllm:MODEL@URL, surrogate:NAME or package.module:Name.",
        ),
    ],
    k: Annotated[int, typer.Option("-k", help="Records recalled at most.")] = 8,
    system: Annotated[str, typer.Option(help="A prompt's name or file.")] = "agent",
    stream: Annotated[bool, typer.Option(help="Show the reply as it comes.")] = True,
) -> None:
    """Talk to a model that remembers. Commands: /why, /forget ID, /quit."""
    from agentmem.agent import Agent
    from agentmem.chat import COMMANDS
    from agentmem.chat import chat as converse

    with session.memory(make=True, background=True) as memory:
        agent = Agent(model=model, memory=memory, k=k, system=system)
        if session.as_json:
            _each(session, agent)
            return
        prompt = sys.stdin.isatty()
        if prompt:
            typer.echo(f"commands: {COMMANDS}", err=True)

        def write(piece: str) -> None:
            typer.echo(clean(piece), nl=False)

        converse(agent, _lines(prompt), write, stream=stream)


def _each(session: Session, agent: Agent) -> None:
    """One JSON object for each line said."""
    from agentmem.chat import chat as converse

    for line in _lines(prompt=False):
        said = line.strip()
        if said == QUIT:
            return
        if said:
            pieces: list[str] = []
            answered = converse(agent, [said], pieces.append, stream=False)
            text = "".join(pieces).removesuffix("\n")
            session.show({"said": said, "answered": bool(answered), "text": text})


def register(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "chat", chat)
