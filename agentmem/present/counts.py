"""Counts in the place of what is counted: neutral, and as short for a thousand records as for ten.

Player 2 chose A1 in 7 of 30 earlier rounds
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, ClassVar

from agentmem import prompts
from agentmem.core import Ask, Hit, Shown
from agentmem.errors import ConfigError
from agentmem.fields import Bounds
from agentmem.present.presented import Presentation, newest

__all__ = ["Counts", "tallied"]

PATTERN = r"(?P<who>Player \d+): (?P<what>\w+)"  # the lines of the benchmark's games


@dataclass(frozen=True, kw_only=True)
class Counts(Presentation):
    """A note a count instead of the hits that `pattern` finds something in; others stay.

    `pattern` is a regular expression with a group `what` and, if several are to be told apart,
    `who`; `of` names the outcomes to tell ((): all that occur).  `line` may use $who, $what, $n and
    $of, which is how often anything was found of the same who.  The `keep` newest hits stay as they
    are and are not counted.
    """

    name: ClassVar[str] = "counts"

    pattern: str = PATTERN
    of: tuple[str, ...] = ()
    line: str = field(default_factory=lambda: prompts.load("counts").text)
    keep: Annotated[int, Bounds(least=0)] = 0  # newest hits shown whole

    def __post_init__(self) -> None:
        super().__post_init__()
        if "what" not in self._regex.groupindex:
            raise ConfigError(f"counts.pattern = {self.pattern!r}: give a group (?P<what>...)")
        if strange := self._template.variables - {"who", "what", "n", "of"}:
            raise ConfigError(
                f"counts.line = {self.line!r}: ${min(strange)} is none of $who, $what, $n, $of"
            )

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        try:
            return re.compile(self.pattern)
        except re.error as error:
            raise ConfigError(f"counts.pattern = {self.pattern!r}: {error}") from error

    @cached_property
    def _template(self) -> prompts.Template:
        return prompts.Template(name="counts.line", text=self.line)

    def present(self, shown: Shown, ask: Ask) -> Shown:
        whole = newest(shown.hits, self.keep)
        counted = [h for h in shown.hits if h.id not in whole and self._regex.search(h.text)]
        gone = {hit.id for hit in counted}
        return replace(
            shown,
            hits=tuple(hit for hit in shown.hits if hit.id not in gone),
            notes=(*shown.notes, *self._lines(tallied(self._regex, counted))),
        )

    def _lines(self, tally: dict[str, Counter[str]]) -> Iterator[str]:
        for who, counts in sorted(tally.items()):
            for what in self.of or sorted(counts):
                values = {"who": who, "what": what, "n": counts[what], "of": counts.total()}
                used = {key: str(values[key]) for key in self._template.variables}
                yield self._template.render(**used)


def tallied(pattern: re.Pattern[str], hits: Iterable[Hit]) -> dict[str, Counter[str]]:
    """How often each `what` was found in the hits' texts, by `who` ("" without such a group)."""
    tally: dict[str, Counter[str]] = {}
    for hit in hits:
        for found in pattern.finditer(hit.text):
            who = found.groupdict().get("who") or ""
            tally.setdefault(who, Counter())[found["what"]] += 1
    return tally
