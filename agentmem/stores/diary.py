"""A diary: what each day was about, what it told about the person, and both of all days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any, ClassVar, Literal

from agentmem.clock import moment
from agentmem.core import Change, Record
from agentmem.extract.gist import keywords
from agentmem.fields import Bounds, Unit
from agentmem.steps import Steps
from agentmem.stores.mixing import condensed, gone, opening, prose, renewed, standing, statements
from agentmem.structure import Around, Store

__all__ = ["DiaryStore"]

Level = Literal["day", "insight", "global", "portrait"]
Made = tuple[Record, bool]  # a record, and whether it was there before
DAY = 86_400.0  # seconds
LOOK = 8  # newest records among which the last day written is sought
WORDS = 12  # key phrases in an insight and in a portrait, by rule
LABEL: dict[Level, str] = {
    "day": "{date}: ",
    "insight": "{date}, on their mind: ",
    "global": "All days to {date}: ",
    "portrait": "Portrait: ",
}
ABOVE: dict[Level, Level] = {"day": "global", "insight": "portrait"}


@dataclass(frozen=True, kw_only=True)
class DiaryStore(Store):
    """A summary of each day and of all of them; an insight of each day and a portrait of all.

    After MemoryBank (Zhong et al. 2024, arXiv 2305.10250).  `data["level"]` is "day", "insight",
    "global" or "portrait"; the first two have their `data["date"]`.  A day is written up when a
    turn of a later day comes, one day with each turn, so today is not in the diary yet; a turn that
    comes late has its day written again.  By rule a day and the whole are the most central
    sentences as they were said, an insight the key phrases of whoever opens each turn, and the
    portrait those that come back: no mood, no trait and no advice, which only a model infers.
    When a turn is forgotten, all four are made anew of what is left (in MemoryBank it lived on in
    them).
    """

    name: ClassVar[str] = "diary"
    mixes: ClassVar[bool] = True

    by: Literal["rule", "model"] = "rule"
    utc_offset: Annotated[float, Unit("hours"), Bounds(least=-14, most=14)] = 0.0  # of the days
    days: Annotated[int, Unit("days"), Bounds(least=1)] = 100  # newest days that the whole rests on
    max_tokens: Annotated[int, Unit("tokens"), Bounds(least=8)] = 160  # of each text
    lasting: bool = False  # True: a policy that archives turns leaves it as it is

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """A day that is over, and the whole with it; or what rested on a turn that went."""
        target = around.target
        if target is not None:
            return (yield from self._again(target, new[0].kind, around))
        if new[0].kind == self.kind:  # what is left of days or insights, the whole being erased
            whole = yield from self._whole(new[0].data["level"], new, around)
            return self._change([whole])
        turn = new[-1]
        start = self._start(turn.created)
        written = yield from around.recent(LOOK)
        until = max((r.data["until"] for r in written if r.data["level"] == "day"), default=-inf)
        if start < until:
            return (yield from self._written(start, start + DAY, turn.kind, around))
        if start == until:
            return self._change([])  # any turn of a day but the first: nothing is looked up
        due = yield from around.matching(_between(until, start), kind=turn.kind)
        days = sorted({self._start(one.created) for one in due} | {start})
        if len(days) == 1:
            return self._change([])
        return (yield from self._written(days[0], days[1], turn.kind, around))

    def _start(self, at: float) -> float:
        """When the day of a moment began, in seconds since the epoch."""
        shift = self.utc_offset * 3600.0
        return (at + shift) // DAY * DAY - shift

    def _written(self, start: float, until: float, kind: str, around: Around) -> Steps[Change]:
        """A day's summary and insight, and the whole of each; `until`: all before it is written."""
        turns = yield from around.matching(_between(start, start + DAY), kind=kind)
        if not turns:
            return self._change([])
        date = moment(start + self.utc_offset * 3600.0).date().isoformat()
        there = {
            one.data["level"]: one for one in (yield from around.matching({"data.date": date}))
        }
        done: list[Made] = []
        for level in ABOVE:
            old = there.get(level)
            if old and set(old.sources) == {turn.id for turn in turns}:
                continue
            until = max(until, old.data["until"]) if old else until
            data = {"level": level, "date": date, "start": start, "until": until}
            made = yield from self._made(data, old, turns, around)
            done += [made, (yield from self._whole(level, [made[0]], around))]
        return self._change(done)

    def _whole(self, level: Level, fresh: Sequence[Record], around: Around) -> Steps[Made]:
        """What rests on all days, or on all insights, with those that are not written yet."""
        there = yield from around.matching({"data.level": level})
        parts = {one.data["date"]: one for one in (*there, *fresh)}
        newest = [parts[date] for date in sorted(parts)][-self.days :]
        old = yield from around.matching({"data.level": ABOVE[level]})
        return (
            yield from self._made({"level": ABOVE[level]}, old[0] if old else None, newest, around)
        )

    def _again(self, target: Record, kind: str, around: Around) -> Steps[Change]:
        if target.data["level"] in ABOVE:  # the insight rests on the same turns as the day
            start, until = target.data["start"], target.data["until"]
            return (yield from self._written(start, until, kind, around))
        left = yield from standing(target, around)
        if not left:
            return gone(target, self.name)
        return self._change([(yield from self._made(target.data, target, left, around))])

    def _made(
        self,
        data: Mapping[str, Any],
        old: Record | None,
        sources: Sequence[Record],
        around: Around,
    ) -> Steps[Made]:
        """One record out of its sources, and whether it takes the place of an old one."""
        level: Level = data["level"]
        said = [around.said(one) if level in ABOVE else one.text for one in sources]
        date = data.get("date") or max(one.data["date"] for one in sources)
        if self.by == "model":
            values = {"date": date} if level in ABOVE else {}
            body = yield from prose(
                around, f"diary_{level}", self.max_tokens, said="\n".join(said), **values
            )
        elif level in ("day", "global"):
            body = condensed([one for text in said for one in statements(text)], self.max_tokens)
        else:
            heard = "\n".join(opening(text) for text in said)
            phrases = keywords(heard, WORDS) if level == "insight" else _often(sources)
            data = {**data, "phrases": phrases}
            body = ", ".join(phrases)
        text = LABEL[level].format(date=date) + (body or "nothing of note")
        if old is not None:
            return renewed(old, text, sources, data=data), True
        importance = max(one.importance for one in sources)
        return around.record(text, sources, data=data, importance=importance), False

    def _change(self, made: Sequence[Made]) -> Change:
        return Change(
            add=tuple(record for record, known in made if not known),
            update=tuple(record for record, known in made if known),
            reason="derive",
            policy=self.name,
        )


def _between(since: float, until: float) -> dict[str, Any]:
    """A filter for what happened in [since, until)."""
    bounds = {"$lt": until} if since == -inf else {"$gte": since, "$lt": until}
    return {"created": bounds}


def _often(insights: Sequence[Record]) -> list[str]:
    """The key phrases that come back on most days."""
    noted = Counter(phrase for one in insights for phrase in one.data.get("phrases", ()))
    return [phrase for phrase, _ in noted.most_common(WORDS)]
