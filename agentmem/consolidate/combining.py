"""What the consolidators share: one record in the place of several, and what a record tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from agentmem.core import Record
from agentmem.extract.gist import STOP_WORDS
from agentmem.text import words

__all__ = ["combined", "remade", "richness"]


def richness(record: Record) -> tuple[int, float, float, str]:
    """Order by what a text tells: its telling words, then importance, then how new it is."""
    telling = len(set(words(record.text)) - STOP_WORDS)
    return telling, record.importance, record.created, record.id


def combined(keep: Record, others: Sequence[Record]) -> Record:
    """The record that stays, with the uses and importance of those that it stands for.

    Its text, id and data stay; it is as fresh as the freshest, and as stable as the most stable.
    Where the records were derived, it rests on the sources of all of them.
    """
    every = (keep, *others)
    stable = [one.stability for one in every if one.stability is not None]
    turns = [one.used_turn for one in every if one.used_turn is not None]
    dates = [one.expires for one in every]
    derived = [name for one in every for name in one.sources] if keep.sources else []
    return replace(
        keep,
        created=max(one.created for one in every),
        used=max(one.used for one in every),
        used_turn=max(turns, default=None),
        uses=sum(one.uses for one in every),
        turn=max(one.turn for one in every),
        importance=max(one.importance for one in every),
        stability=max(stable, default=None),
        expires=None if None in dates else max(date for date in dates if date is not None),
        sources=tuple(dict.fromkeys(derived)),
        version=keep.version + 1,
    )


def remade(
    target: Record,
    text: str,
    sources: Sequence[Record],
    *,
    key: str | None = None,
    data: Mapping[str, Any],
) -> Record:
    """A condensed record made anew of what is left of its sources: nothing is left of others.

    It keeps the time at which it was made.
    """
    return replace(
        target,
        text=text,
        key=key,
        sources=tuple(dict.fromkeys(one.id for one in sources)),
        importance=max(one.importance for one in sources),
        valence=fmean(one.valence for one in sources),
        data=dict(data),
    )
