"""When a suite was run, with what, and how each session went: `meta.json`.

Nothing here determines results, and nothing of it stands in `result.json`.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import agentmem
from agentmem.bench.asking import Figures
from agentmem.bench.files import read_object, versions, write_whole
from agentmem.bench.suite import Suite
from agentmem.foreign import redact

NAME = "meta.json"


@dataclass(kw_only=True)
class Meta:
    """The meta.json of a folder, with a session that has begun.

    A session that was killed is one without an end.
    """

    path: Path
    content: dict[str, Any]
    begun: float = field(default_factory=time.perf_counter)

    @classmethod
    def begin(cls, folder: Path, suite: Suite, level: str, answers: str | None = None) -> Self:
        """Note that a session begins; `answers`: the file that keeps what models answer."""
        path = folder / NAME
        before = read_object(path) if path.exists() else {}
        content = {
            "suite": suite.source,
            "variant": suite.variant.plain(),
            "max_cost": suite.max_cost,
            "spec_hash": suite.spec_hash(),
            "log": level,
            "answers": answers,
            "date": _now(),
            "wall_s": before.get("wall_s", 0.0),
            "versions": versions(),
            "git": commit(Path(agentmem.__file__).parent.parent),
            "models": [described(spec) for spec in suite.served],
            "sessions": [*before.get("sessions", []), {"begun": _now()}],
        }
        meta = cls(path=path, content=content)
        meta.write()
        return meta

    def end(self, figures: Figures | None, *, runs: int) -> None:
        """Note that the session ends, with `runs` finished in it."""
        wall = time.perf_counter() - self.begun
        self.content["date"] = _now()
        self.content["wall_s"] = round(self.content["wall_s"] + wall, 3)
        session = self.content["sessions"][-1]
        session |= {"ended": _now(), "wall_s": round(wall, 3), "runs": runs}
        if figures is not None:
            asked = asdict(figures)
            names = ("answers", "reused", "refusals", "failures")
            session |= {name: asked[name] for name in names}
            self.content["spent"] = {
                name: asked[name] for name in ("calls", "tokens_in", "cached", "tokens_out", "cost")
            }
        self.write()

    def write(self) -> None:
        write_whole(self.path, json.dumps(self.content, indent=1) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def described(spec: str) -> dict[str, str]:
    """A served model: who serves it, its name, and where, without user and password."""
    provider, _, rest = spec.partition(":")
    model, _, address = rest.partition("@http")
    found = {"provider": provider, "model": model}
    where = re.sub(r"//[^/@]*@", "//", redact(f"http{address}"))
    return found | ({"address": where} if address else {})


def commit(root: Path) -> str | None:
    """The commit of a source checkout; None where the package was installed."""
    git = root / ".git"
    head = git / "HEAD"
    if not head.is_file():
        return None
    said = head.read_text("utf-8").strip()
    if not said.startswith("ref: "):
        return said
    name = said.removeprefix("ref: ")
    if (git / name).is_file():
        return (git / name).read_text("utf-8").strip()
    packed = git / "packed-refs"
    lines = packed.read_text("utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
