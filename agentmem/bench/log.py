"""The log of a suite, and how an interrupted run goes on along it.

`events.jsonl` is append-only: a line for each event, whole, in the order in which they happened;
the lines of different runs may alternate.  A run is deterministic but for what served models
answer, so an unfinished one is played again from its start: what the log holds of it is answered
from there, compared, and neither asked nor logged a second time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self, overload

from agentmem.bench.events import Event, Level, line
from agentmem.bench.stats import Row
from agentmem.bench.voices import Answer, Key, Messages, digest
from agentmem.budget import Usage
from agentmem.errors import ConfigError, InputError

HEAD = re.compile(rb'\{"type": "(\w+)", "run": ("(?:[^"\\]|\\.)*")')
Asked = Mapping[str, Mapping[str, int]]  # by model spec: calls and tokens of a run


@dataclass(frozen=True, kw_only=True)
class Lines(Sequence[str]):
    """Some lines of a file, read when they are looked at."""

    path: Path
    places: tuple[int, ...] = ()  # where each begins

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return Lines(path=self.path, places=self.places[at])
        with self.path.open("rb") as file:
            file.seek(self.places[at])
            return file.readline().decode(errors="replace")

    def __len__(self) -> int:
        return len(self.places)


@dataclass(kw_only=True)
class Log:
    """The events file of one suite.  `open` reads it; one process at a time holds it.

    A last line without its end is cut off.  InputError for a file that is no log, that is held
    by another process, or that was begun at another level.
    """

    path: Path
    level: Level
    rows: dict[str, Row] = field(default_factory=dict, init=False)  # of finished runs
    asked: list[Asked] = field(default_factory=list, init=False)  # by finished runs
    open_runs: dict[str, list[int]] = field(default_factory=dict, init=False)  # line begins

    @classmethod
    def open(cls, path: Path, level: Level) -> Self:
        """Read what there is; then go on writing at its end."""
        log = cls(path=path, level=level)
        log._file = path.open("ab")
        try:
            hold(log._file, path)
            size = log._read()
            log._file.truncate(size)
            if not size:
                log.write(json.dumps({"type": "log", "level": level}) + "\n")
        except BaseException:
            log.close()
            raise
        return log

    def __post_init__(self) -> None:
        self._file: IO[bytes]

    def _read(self) -> int:
        """Take in the whole lines; where the last of them ends."""
        place = 0
        with self.path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    break
                self._take(text, place, number)
                place += len(text)
        return place

    def _take(self, text: bytes, place: int, number: int) -> None:
        if number == 1:
            begun = _parsed(text, f"{self.path}:1").get("level")
            if begun != self.level:
                raise ConfigError(
                    f"{self.path} was begun with log: {begun}, not {self.level}: go on with that, "
                    "or begin anew without resuming"
                )
            return
        at = f"{self.path}:{number}"
        head = HEAD.match(text)
        if head is None:
            raise InputError(f"{at}: no event of a run")
        run = _parsed(b'{"run": %b}' % head[2], at)["run"]
        if head[1] == b"result":
            row, asked = _finished(text, at)
            self.finish(run, row, asked)
        else:
            self.open_runs.setdefault(run, []).append(place)

    def finish(self, run: str, row: Row, asked: Asked) -> None:
        """Take note that a run is finished."""
        self.rows[run] = row
        self.asked.append(asked)
        self.open_runs.pop(run, None)

    def held(self, run: str) -> Lines:
        """What the log holds of a run that is not finished."""
        return Lines(path=self.path, places=tuple(self.open_runs.get(run, ())))

    def write(self, text: str) -> None:
        """Append whole lines, and hand them to the operating system."""
        self._file.write(text.encode())
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


@dataclass(kw_only=True)
class Tape:
    """What a log holds of one run, and how far the run has come along it."""

    run: str
    level: Level
    held: Sequence[str] = ()
    at: int = 0  # lines passed

    def pass_on(self, event: Event) -> str:
        """The event as a line to be logged; nothing if the log holds it or has no place for it.

        InputError if the log holds something else.
        """
        text = line(event, self.level)
        if not text or self.at >= len(self.held):
            return text
        logged = self.held[self.at]
        if logged != text:
            raise InputError(
                f"{self.run}: the log and the run go apart at {_place(event)}: "
                f"{_difference(self._event(), json.loads(text))}; begin anew without resuming"
            )
        self.at += 1
        return ""

    def _event(self) -> Event:
        """The event that the log holds here."""
        return _parsed(self.held[self.at].encode(), f"{self.run}: event {self.at + 1} in the log")

    def answer(self, messages: Messages, key: Key) -> Answer | None:
        """What a model answered to this prompt of a decision, if the log holds it in full.

        InputError if the log holds an answer to another prompt.
        """
        if self.at >= len(self.held) or key[-2] != "model":
            return None
        event = self._event()
        attempt = int(str(key[-1]))
        if attempt == 0 and event.get("prompt_hash") != digest(messages):
            asked = {"prompt": messages[-1]["content"], "prompt_hash": digest(messages)}
            raise InputError(
                f"{self.run}: the log holds the answer to another prompt at {_place(event)}: "
                f"{_difference(event, asked)}; begin anew without resuming"
            )
        if "replies" not in event:
            return None
        if attempt:  # the log knows what all tries took, together
            return Answer(text=event["replies"][attempt], usage=Usage(), reused=True)
        return Answer(
            text=event["replies"][0],
            usage=Usage(
                tokens_in=event["tokens_in"],
                tokens_out=event["tokens_out"],
                cached=event["tokens_cached"],
            ),
            latency=event["latency_s"],
            cost=event["cost"],
            reused=True,
        )


def finished(path: Path) -> dict[str, Row]:
    """The rows of the finished runs in a log, which may be being written."""
    rows: dict[str, Row] = {}
    with path.open("rb") as file:
        for text in file:
            if text.startswith(b'{"type": "result"') and text.endswith(b"\n"):
                run = str(_parsed(text, str(path)).get("run"))
                rows[run], _ = _finished(text, str(path))
    return rows


def discard(path: Path) -> None:
    """Empty a log; InputError if another process is writing it."""
    with path.open("ab") as file:
        hold(file, path)
        file.truncate(0)


def hold(file: IO[bytes], path: Path) -> None:
    """Keep other processes from the file until this one ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: whoever resumes a suite sees to it that nobody else does
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{path} is being written by another process") from error


def _finished(text: bytes, at: str) -> tuple[Row, Asked]:
    """The row in a line of the kind `result`, and what its run asked."""
    event = _parsed(text, at)
    row, asked = event.get("row"), event.get("asked", {})
    if not isinstance(row, dict) or not isinstance(asked, dict):
        raise InputError(f"{at}: a result without its row")
    return row, asked


def _parsed(text: bytes, at: str) -> Event:
    try:
        event = json.loads(text)
    except ValueError as error:
        raise InputError(f"{at}: not JSON ({error})") from error
    if not isinstance(event, dict):
        raise InputError(f"{at}: no event")
    return event


def _place(event: Event) -> str:
    names = ("round", "step", "seat")
    found = [f"{name} {event[name]}" for name in names if name in event]
    return ", ".join(found) or f"its event {event['type']!r}"


def _difference(logged: Event, now: Event) -> str:
    """The first thing in which two events differ, with the first lines that do."""
    for name in now:
        if name in logged and logged[name] != now[name]:
            return f"{name}: {_apart(logged[name], now[name])}"
    return "other keys"


def _apart(one: object, other: object) -> str:
    """Two values, or the first lines in which two texts differ."""
    if isinstance(one, str) and isinstance(other, str):
        pairs = zip([*one.splitlines(), ""], [*other.splitlines(), ""], strict=False)
        one, other = next(((a, b) for a, b in pairs if a != b), (one, other))
    return f"{one!r} in the log, {other!r} now"
