"""What the workers of a suite share, wherever they run: kept answers, and the budget.

A `Desk` does the work in one place; `DeskAnswers` and `DeskBudget` are what a client is given
instead, and ask the desk through a call of the kind `ask(method, *arguments)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentmem.bench.asking import Answer, Answers
from agentmem.bench.serving import Limits
from agentmem.budget import Budget, Usage
from agentmem.errors import BudgetExceeded

Ask = Callable[..., Any]
Spent = tuple[int, Usage, float]  # calls, tokens, money


class Desk:
    """Answers in the file at `path` (None: none are kept), and one budget, with what is spent."""

    def __init__(self, path: str | None, limits: Limits, spent: Spent) -> None:
        self._answers = None if path is None else Answers(path)
        self._budget = limits.budget()
        self.charge(*spent)

    def get(self, key: str) -> Answer | None:
        """The answer of a key, if it is kept."""
        return None if self._answers is None else self._answers.get(key)

    def put(self, key: str, model: str, answer: Answer) -> Answer:
        """Keep an answer; returns what stands."""
        return answer if self._answers is None else self._answers.put(key, model, answer)

    def hold(self, tokens: int, cost: float) -> str:
        """Count a call and set tokens and money aside; else why it may not be made."""
        try:
            self._budget._hold(tokens, cost)
        except BudgetExceeded as error:
            return str(error)
        return ""

    def settle(self, tokens: int, held: float, used: Usage, cost: float) -> None:
        """Release what was set aside, and count what was used."""
        self._budget._settle(tokens, held, used, cost)

    def charge(self, calls: int, usage: Usage, cost: float) -> None:
        """Count what was spent before."""
        self._budget._charge(calls, usage, cost)


class DeskAnswers(Answers):
    """The answers at a desk."""

    def __init__(self, path: str, ask: Ask) -> None:
        self.path = path
        self._at_desk = ask

    def get(self, key: str) -> Answer | None:
        found: Answer | None = self._at_desk("get", key)
        return found

    def put(self, key: str, model: str, answer: Answer) -> Answer:
        stands: Answer = self._at_desk("put", key, model, answer)
        return stands

    def close(self) -> None:
        """The file belongs to the desk."""


class DeskBudget(Budget):
    """The budget at a desk."""

    def __init__(self, limits: Limits, ask: Ask) -> None:
        super().__init__(max_calls=limits.calls, max_tokens=limits.tokens, max_cost=limits.cost)
        self._at_desk = ask

    def _hold(self, tokens: int, cost: float) -> None:
        if refused := self._at_desk("hold", tokens, cost):
            raise BudgetExceeded(refused)

    def _settle(self, tokens: int, held: float, used: Usage, cost: float) -> None:
        self._at_desk("settle", tokens, held, used, cost)

    def _charge(self, calls: int, usage: Usage, cost: float) -> None:
        self._at_desk("charge", calls, usage, cost)
