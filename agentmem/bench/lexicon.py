"""Words of looking forward and of looking back, and their share in a text.

Two dictionaries of our own, pinned by `VERSION`; the forward-looking ratio (FLR) is
forward / (forward + history), counted in whole lower-case words (after arXiv 2605.08060, 4.3).
"""

from __future__ import annotations

import re

VERSION = 1
FORWARD = (
    "long-term",
    "future",
    "sustain",
    "reciprocate",
    "mutual",
    "rebuild",
    "restore",
    "ongoing",
    "together",
    "trust",
)
HISTORY = (
    "defected",
    "risk",
    "protect",
    "grudge",
    "betrayed",
    "exploited",
    "punish",
    "retaliate",
    "previously",
    "again",
)
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_SIDE = dict.fromkeys(FORWARD, 0) | dict.fromkeys(HISTORY, 1)


def count(text: str) -> tuple[int, int]:
    """How many forward words and how many history words a text holds."""
    sides = [_SIDE[word] for word in _WORD.findall(text.lower()) if word in _SIDE]
    return sides.count(0), sides.count(1)
