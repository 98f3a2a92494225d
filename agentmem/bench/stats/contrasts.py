"""Which arms are compared with which, in which figure, and the price of comparing so many.

Declared before the first run: in the headline figure, each policy against the short window and
against the longest one, a family of its own for each game, player and opponent; Holm's adjusted p.
All else that is compared is exploratory: Benjamini-Hochberg's q over the whole summary.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

from agentmem.bench.stats.bootstrap import differences
from agentmem.bench.stats.equivalence import tost
from agentmem.bench.stats.estimands import paired
from agentmem.bench.stats.permutation import benjamini_hochberg, holm
from agentmem.errors import InputError, nearest

REFERENCE = 2  # rounds of the short window that arms are compared with; the other is the longest
IMMUNE = 0.95  # least mean of a reference that a policy can only harm (arXiv 2605.08060)

Row = dict[str, Any]
Setting = tuple[str, str, str]  # game label, player, opponent
Groups = Mapping[Setting, Mapping[str, Sequence[Row]]]  # runs by setting and arm
Words = Mapping[str, Mapping[str, str]]  # by game label: names of its figures
Hypothesis = tuple[Setting, str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """Does a figure of an arm differ from that of a reference?"""

    setting: Setting
    arm: str
    reference: str
    figure: str

    @property
    def hypothesis(self) -> Hypothesis:
        """The same for the same two arms asked about the other way round."""
        return self.setting, self.figure, frozenset({self.arm, self.reference})


def groups(rows: Sequence[Row]) -> dict[Setting, dict[str, list[Row]]]:
    """Runs by setting, then by arm, in the order of their first row."""
    found: dict[Setting, dict[str, list[Row]]] = {}
    for row in rows:
        setting = (row["game"], row["player"], row["opponent"])
        found.setdefault(setting, {}).setdefault(row["arm"], []).append(row)
    return found


def by_seed(rows: Sequence[Row], name: str) -> dict[int, float]:
    """A figure by seed, of the runs that have it; the mean of several runs under one seed."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if row.get(name) is not None:
            found.setdefault(row["seed"], []).append(row[name])
    return {seed: fmean(values) for seed, values in found.items()}


def windows(arms: Mapping[str, Sequence[Row]]) -> dict[int, str]:
    """The arms that are plain windows, by rounds shown, shortest first; the first arm of each."""
    found: dict[int, str] = {}
    for arm, runs in arms.items():
        if runs[0].get("window") is not None:
            found.setdefault(runs[0]["window"], arm)
    return dict(sorted(found.items()))


def references(arms: Mapping[str, Sequence[Row]]) -> dict[str, tuple[str, str]]:
    """Role (`short`, `full`) and arm of the references that a suite has, by `window-N`."""
    shown = windows(arms)
    longest = max(shown, default=0)
    found = {f"window-{REFERENCE}": ("short", shown[REFERENCE])} if REFERENCE in shown else {}
    if longest > 0:
        found.setdefault(f"window-{longest}", ("full", shown[longest]))
    return found


def questions(found: Groups, games: Words) -> list[Question]:
    """All that is compared: each arm with each reference in the headline figure, and, with the
    exploiter, in what he gets.
    """
    asked: list[Question] = []
    for setting, arms in found.items():
        words = games[setting[0]]
        exploited = [words["exploited"]] if setting[2] == words["exploiter"] else []
        compared = dict.fromkeys([words["headline"], *exploited])
        for arm, (_, other) in product(arms, references(arms).values()):
            if other != arm:
                asked += (Question(setting, arm, other, figure) for figure in compared)
    return asked


def contrasts(
    found: Groups, games: Words, family: Collection[str] | None = None
) -> dict[Question, Row]:
    """The answers, of arms that have a seed in common.

    To what `paired` gives are added `arm`, the reference; `p_holm` of a declared comparison or `q`
    of an exploratory one (the other is None); `tests`, how many were corrected together; and
    `no_harm`, an equivalence test where the reference leaves nothing to gain (mean >= .95).
    `family`: the arms whose comparisons were declared, None for all; InputError for one that no
    run has.
    """
    _known(found, family)
    gaps = {question: _gap(question, found, games) for question in questions(found, games)}
    answers = {question: gap for question, gap in gaps.items() if gap is not None}
    corrected = _corrected(answers, games, family)
    return {question: gap | corrected[question.hypothesis] for question, gap in answers.items()}


def _known(found: Groups, family: Collection[str] | None) -> None:
    played = {arm for arms in found.values() for arm in arms}
    for arm in family or ():
        if arm not in played:
            raise InputError(f"family: no run of an arm {arm!r}{nearest(arm, played)}")


def _gap(question: Question, found: Groups, games: Words) -> Row | None:
    arms, words = found[question.setting], games[question.setting[0]]
    mine = by_seed(arms[question.arm], question.figure)
    other = by_seed(arms[question.reference], question.figure)
    gap = paired(mine, other)
    if gap is None:
        return None
    healthy = question.figure == words["headline"] and question.setting[2] != words["exploiter"]
    immune = healthy and fmean(other.values()) >= IMMUNE
    no_harm = tost(differences(mine, other)) if immune else None
    return {"arm": question.reference, **gap, "no_harm": no_harm}


def _corrected(
    answers: Mapping[Question, Row], games: Words, family: Collection[str] | None
) -> dict[Hypothesis, Row]:
    """`p_holm`, `q` and `tests` of every hypothesis; one asked both ways counts once."""
    p = {question.hypothesis: answer["p"] for question, answer in answers.items()}
    declared: dict[Setting, dict[Hypothesis, float]] = {}
    for question in answers:
        headline = question.figure == games[question.setting[0]]["headline"]
        if headline and (family is None or question.arm in family):
            members = declared.setdefault(question.setting, {})
            members[question.hypothesis] = p[question.hypothesis]
    found: dict[Hypothesis, Row] = {}
    for members in declared.values():
        for hypothesis, value in zip(members, holm(list(members.values())), strict=True):
            found[hypothesis] = {"p_holm": value, "q": None, "tests": len(members)}
    rest = {hypothesis: value for hypothesis, value in p.items() if hypothesis not in found}
    for hypothesis, value in zip(rest, benjamini_hochberg(list(rest.values())), strict=True):
        found[hypothesis] = {"p_holm": None, "q": value, "tests": len(rest)}
    return found
