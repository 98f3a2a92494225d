"""How many calls may be under way at once: as many as the server bears.

Additive increase, multiplicative decrease (D. Chiu, R. Jain, Computer Networks and ISDN Systems
17, 1989): one more after as many answers as the limit, half as many once the server refuses.  It
begins at the top, from where a few refusals find the level.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from threading import Lock

from agentmem.errors import ConfigError

__all__ = ["Limiter", "Slot"]


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to make one call."""

    cuts: int  # how often the limit had been halved when it was given
    blocking: bool  # given to blocking code


class Limiter:
    """Slots for at most `limit` calls, which moves between 1 and `most`.

    Coroutines get theirs in the order in which they asked; they belong to one event loop at a
    time.  Blocking code gets one slot at a time, in whatever thread it runs.
    """

    def __init__(self, most: int) -> None:
        if isinstance(most, bool) or most < 1:
            raise ConfigError(f"a limit of {most!r} calls: give a whole number >= 1")
        self.most = most
        self.limit = most
        self.active = 0
        self.refusals = 0  # 429 and the like
        self._cuts = 0
        self._answers = 0  # since the limit last moved
        self._opens = 0.0  # on the monotonic clock: no call before
        self._dry: float | None = None  # when refusals began, without an answer since
        self._queue: deque[asyncio.Future[None]] = deque()
        self._alone = Lock()

    @property
    def waiting(self) -> int:
        """Coroutines in the queue."""
        return sum(not turn.done() for turn in self._queue)

    @property
    def drought(self) -> float:
        """Seconds for which the server has done nothing but refuse."""
        return 0.0 if self._dry is None else time.monotonic() - self._dry

    def enter(self) -> Slot:
        """Wait for a slot, blocking."""
        self._alone.acquire()
        try:
            while (pause := self._opens - time.monotonic()) > 0.0:
                time.sleep(pause)
        except BaseException:
            self._alone.release()
            raise
        self.active += 1
        return Slot(self._cuts, blocking=True)

    async def aenter(self) -> Slot:
        """Wait for a slot."""
        await self._turn()
        try:
            while (pause := self._opens - time.monotonic()) > 0.0:
                await asyncio.sleep(pause)
        except BaseException:
            self._free()
            raise
        return Slot(self._cuts, blocking=False)

    def leave(self, slot: Slot) -> None:
        """Give a slot back."""
        if slot.blocking:
            self.active -= 1
            self._alone.release()
        else:
            self._free()

    def answered(self) -> None:
        """The server answered a call."""
        self._dry = None
        self._answers += 1
        if self._answers >= self.limit and self.limit < self.most:
            self.limit += 1
            self._answers = 0

    def refused(self, slot: Slot, pause: float = 0.0) -> None:
        """The server was too busy for a call, and asks for a pause of so many seconds.

        The calls that were under way together are one sign of it, so they halve the limit once.
        """
        self.refusals += 1
        now = time.monotonic()
        self._dry = now if self._dry is None else self._dry
        self._opens = max(self._opens, now + pause)
        if slot.cuts == self._cuts:
            self._cuts += 1
            self._answers = 0
            self.limit = max(1, self.limit // 2)

    async def _turn(self) -> None:
        """Wait until all who asked before have got a slot, and one is free."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._admit()
        try:
            await turn
        except BaseException:
            if not turn.cancelled():  # given in the moment in which its task was cancelled
                self._free()
            raise

    def _free(self) -> None:
        self.active -= 1
        self._admit()

    def _admit(self) -> None:
        """Let in whom the limit allows."""
        while self._queue and self.active < self.limit:
            turn = self._queue.popleft()
            if not turn.done():  # else its task was cancelled
                self.active += 1
                turn.set_result(None)
