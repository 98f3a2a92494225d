"""Every prompt, as a text file with strict `$name` placeholders (`$$` is a dollar sign).

A missing variable, an unknown one and a stray `$` are errors: no prompt goes out half filled.
Values are put in once and as they are; a `$` inside a value stays a `$`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from string import Template as Dollars

from agentmem.errors import ConfigError, nearest

__all__ = ["Template", "load", "names"]


@dataclass(frozen=True, kw_only=True)
class Template:
    """A prompt text with placeholders; ConfigError if the text itself is malformed."""

    name: str  # for messages: the file it came from
    text: str

    def __post_init__(self) -> None:
        if not Dollars(self.text).is_valid():
            raise ConfigError(f"prompt {self.name!r}: a stray '$'; write '$$' for a dollar sign")

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names that `render` needs, no more and no less."""
        return frozenset(Dollars(self.text).get_identifiers())

    def render(self, **values: str) -> str:
        """The text with every placeholder filled; ConfigError for a missing or unknown name."""
        for name in sorted(self.variables - values.keys()):
            raise ConfigError(f"prompt {self.name!r} needs a value for ${name}")
        for name in sorted(values.keys() - self.variables):
            hint = nearest(name, self.variables)
            raise ConfigError(f"prompt {self.name!r} has no placeholder ${name}{hint}")
        return Dollars(self.text).substitute(values)

    def quoted(self, value: str) -> str:
        """A value that cannot close a tag of the text, nor anything that looks like one."""
        return value if self._closing is None else self._closing.sub("&lt;", value)

    @cached_property
    def _closing(self) -> re.Pattern[str] | None:
        tags = "|".join(sorted(set(re.findall(r"</(\w+)>", self.text))))
        if not tags:
            return None
        gap = r"[^\w<>]{0,8}"
        return re.compile(rf"[<\ufe64\uff1c](?={gap}/{gap}(?:{tags})\b)", re.IGNORECASE)


def names() -> list[str]:
    """The prompts that come with the package."""
    return sorted(
        entry.name.removesuffix(".txt")
        for entry in files("agentmem.prompts").iterdir()
        if entry.name.endswith(".txt")
    )


@lru_cache(maxsize=64)
def load(name: str) -> Template:
    """A packaged prompt by name, or any other by a path ending in `.txt`; ConfigError if absent.

    The newline at the end of the file is not part of the prompt.
    """
    if name.endswith(".txt"):
        path = Path(name)
        if not path.is_file():
            raise ConfigError(f"no prompt file {name!r}")
        text = path.read_text(encoding="utf-8")
    elif name in names():
        text = files("agentmem.prompts").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    else:
        raise ConfigError(f"no prompt {name!r}{nearest(name, names())}")
    return Template(name=name, text=text.removesuffix("\n"))
