"""What the stores still owe: tasks, written with the add that caused them, and who is at them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from agentmem.core import Task
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.rows import dumps
from agentmem.ledger.tables import FAILED, PENDING

AHEAD = 4  # tasks looked at for one that is free, at first; then four times as many
MOST = 4096
LONGEST = 3600.0  # seconds a task waits, at most, before it is tried again

_OPEN = (
    "SELECT task.pos, task.store, task.rest, task.target, record.id, record.namespace, "
    "coalesce(lease.until, 0), coalesce(lease.tries, 0) FROM task "
    "JOIN record ON record.pos = task.pos "
    "LEFT JOIN lease ON lease.pos = task.pos AND lease.store = task.store "
    "WHERE task.store IN (SELECT value FROM json_each(:stores)) "
    "AND task.state = :state AND task.pos > :after "
    "ORDER BY task.pos, task.store LIMIT :ahead"
)
_COUNT = (
    "SELECT task.state, count(*) FROM task JOIN record ON record.pos = task.pos "
    "WHERE record.namespace IN (SELECT value FROM json_each(:spaces)) GROUP BY task.state"
)
_LEASE = "INSERT OR REPLACE INTO lease(pos, store, until, tries) VALUES (:pos, :store, :until, :n)"


@dataclass(frozen=True, kw_only=True)
class Due:
    """A task as it stands in the ledger."""

    pos: int
    store: str
    record: str
    rest: tuple[str, ...]
    target: str
    space: int  # namespace code
    tries: int
    until: float = field(compare=False)

    @property
    def task(self) -> Task:
        return Task(store=self.store, record=self.record, rest=self.rest, target=self.target)


class Queue:
    """The tasks of one ledger, in the order in which their sources were stored."""

    def __init__(self, ledger: Ledger) -> None:
        self.db = ledger.db

    def next(self, stores: Sequence[str], spaces: Collection[int], now: float) -> Due | None:
        """The first free task of some stores and namespaces; None if there is none.

        A store takes the tasks of a namespace in order: none overtakes one that is being worked
        on, or that waits to be tried again.
        """
        after, ahead, blocked = -1, AHEAD, set[tuple[str, int]]()
        while rows := self._open(stores, PENDING, after, ahead):
            for due in rows:
                place = (due.store, due.space)
                if due.space in spaces and place not in blocked:
                    if due.until <= now:
                        return due
                    blocked.add(place)
            after, ahead = rows[-1].pos, min(4 * ahead, MOST)
        return None

    def _open(self, stores: Sequence[str], state: int, after: int, ahead: int) -> list[Due]:
        found = self.db.rows(_OPEN, stores=dumps(stores), state=state, after=after, ahead=ahead)
        while len(found) == ahead and len({row[0] for row in found}) == 1:
            ahead *= 2  # every task of the last position, so that none is skipped
            found = self.db.rows(_OPEN, stores=dumps(stores), state=state, after=after, ahead=ahead)
        if len(found) == ahead:
            found = [row for row in found if row[0] != found[-1][0]]
        return [
            Due(
                pos=pos,
                store=store,
                record=name,
                rest=tuple(json.loads(rest)),
                target=target,
                space=space,
                tries=tries,
                until=until,
            )
            for pos, store, rest, target, name, space, until, tries in found
        ]

    def failed(self, stores: Sequence[str], spaces: Collection[int]) -> list[Due]:
        """The tasks that came to nothing."""
        every = self._open(stores, FAILED, -1, 2**31)
        return [due for due in every if due.space in spaces]

    def is_due(self, due: Due) -> bool:
        """Is this very task still to be done?"""
        rows = self.db.rows(
            "SELECT state FROM task WHERE pos = :pos AND store = :store AND rest = :rest "
            "AND target = :target",
            pos=due.pos,
            store=due.store,
            rest=dumps(due.rest),
            target=due.target,
        )
        return rows == [(PENDING,)]

    def lease(self, due: Due, until: float) -> bool:
        """Take a task until a second, wall clock; False if it is taken or done."""
        with self.db.write():
            rows = self.db.rows(
                "SELECT until FROM lease WHERE pos = :pos AND store = :store",
                pos=due.pos,
                store=due.store,
            )
            if not self.is_due(due) or (rows and rows[0][0] != due.until):
                return False
            self.db.run(_LEASE, pos=due.pos, store=due.store, until=until, n=due.tries + 1)
        return True

    def put_back(self, due: Due, until: float) -> None:
        """Let go of a task; nobody takes it before a second, wall clock."""
        with self.db.write():
            self.db.run(_LEASE, pos=due.pos, store=due.store, until=until, n=due.tries + 1)

    def release(self, due: Due) -> None:
        """Nobody is at a task any more."""
        self.db.run(
            "DELETE FROM lease WHERE pos = :pos AND store = :store", pos=due.pos, store=due.store
        )

    def counts(self, spaces: Collection[int]) -> tuple[int, int]:
        """How many tasks are pending, and how many failed, in some namespaces."""
        found = dict(self.db.rows(_COUNT, spaces=dumps(sorted(spaces))))
        return found.get(PENDING, 0), found.get(FAILED, 0)

    def owed(self) -> int:
        """How many tasks are pending in the whole file."""
        return int(self.db.value("SELECT count(*) FROM task WHERE state = 1"))
