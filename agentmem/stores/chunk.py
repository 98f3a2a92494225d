"""Chunks: what was said, as it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from agentmem.core import Turn
from agentmem.errors import ConfigError, nearest
from agentmem.stores import segment
from agentmem.structure import Source

__all__ = ["ChunkStore"]

Unit = Literal["turn", "message"]


@dataclass(frozen=True, kw_only=True)
class ChunkStore(Source):
    """Turns or messages with their speakers; long ones in pieces cut where the topic changes.

    A turn (observation and reply) is one chunk, because an answer tells little without what it
    answers; with unit = "message" each side is a chunk of its own.  What has more than `max_words`
    words is split, side by side, and each piece bears its speaker's name.
    """

    name: ClassVar[str] = "chunk"

    unit: Unit = "turn"
    max_words: int = 200  # longest piece of a split text, in words; 0: never split
    min_words: int = 40  # shortest piece between two topic boundaries, in words
    topics: bool = True  # cut at topic boundaries, not only at ends of sentences

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise ConfigError(f"unit = {self.unit!r}{nearest(self.unit, get_args(Unit))}")
        for key, value, least in (
            ("max_words", self.max_words, 0),
            ("min_words", self.min_words, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(
                    f"{key} = {value!r}: a whole number of at least {least} is needed"
                )

    def extract(self, turn: Turn) -> Sequence[str]:
        """The chunks of a turn, in order, as "speaker: text"; none of a blank turn."""
        sides = [(turn.speaker, turn.observation), (turn.name, turn.reply)]
        spoken = [(speaker, self.split(said)) for speaker, said in sides if said.strip()]
        if self.unit == "turn" and spoken and len(self.split(str(turn))) == 1:
            return [str(turn)]
        return [
            f"{speaker}: {piece.strip()}"
            for speaker, pieces in spoken
            for piece in pieces
            if piece.strip()
        ]

    def split(self, text: str) -> list[str]:
        """A text in pieces of at most `max_words` words; joined, they are the text again."""
        if self.max_words == 0:
            return [text] if text else []
        return segment.split(
            text, max_words=self.max_words, min_words=self.min_words, topics=self.topics
        )
