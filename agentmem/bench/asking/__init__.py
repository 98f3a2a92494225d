"""Asking chat models, many at once: slots, retries, money, and answers that are kept.

with closing(Answers("answers.sqlite")) as kept:
async with Client("openai:gpt-4o-mini", budget=Budget(max_cost=5.0), prices=prices,
answers=kept) as client:
answer = await client.aask(messages, seed=7, key=(0, "prisoners", 3, 1, 0, 0))
"""

from agentmem.bench.asking.answers import Answer, Answers
from agentmem.bench.asking.client import Client
from agentmem.bench.asking.limiter import Limiter
from agentmem.bench.asking.service import Figures, Service

__all__ = ["Answer", "Answers", "Client", "Figures", "Limiter", "Service"]
