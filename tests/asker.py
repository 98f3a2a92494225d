"""What the tests of the client run in processes of their own: one that asks until it is killed."""

import os
import sys
from types import SimpleNamespace
from typing import Any

from agentmem.bench.asking import Answers, Client

ASK = [{"role": "user", "content": "A0 or A1?"}]


class Signed:
    """Answers with its process."""

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        return SimpleNamespace(content=f"A0 says {os.getpid()}")


def client(answers: Answers) -> Client:
    return Client(model=Signed(), name="signed", answers=answers)


def ask_until_killed(path: str) -> None:
    """Acknowledge each answer on stdout, once it is handed out."""
    asking = client(Answers(path))
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        print(asking.ask(ASK, seed=number, key=(0, number)).text, flush=True)


if __name__ == "__main__":
    ask_until_killed(sys.argv[1])
