"""Time-aware retrieval: "last week", "in May 2023", "on 7 June" in a question count as a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from agentmem.errors import ConfigError
from agentmem.extract.dates import spans
from agentmem.fields import Bounds, Seconds
from agentmem.recall import Query
from agentmem.retrieve.stage import Stage

__all__ = ["When"]


@dataclass(frozen=True, kw_only=True)
class When(Stage):
    """The time that a question names becomes `query.when`, so that its records count more.

    How much less the others count is `recall: {when: 0.5}`; with `strict` they are left out.  A
    record is of that time if it happened or was said in it, or up to `slack` later ("yesterday I
    went ..."), which its date tells.  Of several times the shortest is meant, of equal ones the
    last.  The words are read as of the query's now, in time zone `zone`, and stay in the question;
    a time that the caller gives goes before them.  ConfigError for an unknown zone.
    """

    name: ClassVar[str] = "when"

    strict: bool = False
    slack: Annotated[Seconds, Bounds(least=0)] = 86400.0
    zone: str = "UTC"
    day_first: bool = False  # 05/08/2023 is 5 August

    def __post_init__(self) -> None:
        super().__post_init__()
        _zone(self.zone)

    def understood(self, query: Query) -> Query:
        when = query.when or self._named(query)
        if when is None:
            return query
        where = query.where
        if self.strict:
            inside = {"created": {"$gte": when[0], "$lt": when[1]}}
            where = inside if where is None else {"$and": [where, inside]}
        return replace(query, when=when, where=where)

    def _named(self, query: Query) -> tuple[float, float] | None:
        """The time the question names, [start, end + slack) in seconds since the epoch."""
        zone = _zone(self.zone)
        found = spans(query.text or "", query.now, zone, day_first=self.day_first)
        if not found:
            return None
        one = min(reversed(found), key=lambda one: one.end - one.start)
        return one.start, one.end + self.slack


def _zone(name: str) -> tzinfo:
    """A time zone by name; UTC needs no data base of zones.  ConfigError."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(f"when.zone = {name!r}: no time zone of that name") from error
