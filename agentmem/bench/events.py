"""What a run tells as it goes on: one mapping for each decision, round and result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Emit = Callable[[Event], None]
