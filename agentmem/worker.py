"""The background worker: works off what is owed to the chat model, one task at a time."""

from __future__ import annotations

import logging
import threading

from agentmem.errors import AgentMemError
from agentmem.extraction import Extraction
from agentmem.steps import run

_log = logging.getLogger(__name__)
POLL = 5.0  # seconds between looks for work that another process has left
GRACE = 2.0  # seconds that closing waits for a call in flight; its task stays owed


class Worker:
    """A thread that sleeps until there is work; it starts with the first of it."""

    def __init__(self, extraction: Extraction) -> None:
        self._extraction = extraction
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._working = False
        if extraction.slow and extraction.owes:
            self.wake()

    def wake(self) -> None:
        """There is work; nothing happens if no store asks a model."""
        if not self._extraction.slow:
            return
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._loop, name="agentmem", daemon=True)
            self._thread.start()
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Is it at work, or about to be?"""
        return self._wake.is_set() or self._working

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(POLL)
            self._working = True
            self._wake.clear()
            try:
                self._work()
            except AgentMemError as error:
                _log.warning("extraction put off: %s", error)
            finally:
                self._working = False

    def _work(self) -> None:
        """Task by task, so that a stop is heeded between two."""
        while not self._stopped.is_set():
            step = run(self._extraction.work_off(self._extraction.slow, (), limit=1))
            if step.halted:
                _log.warning("extraction put off: %s", step.halted)
            if step.halted or not step.done + step.failed:
                return

    def stop(self) -> None:
        """Finish the task at hand, if that takes no longer than GRACE, and end."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(GRACE)
