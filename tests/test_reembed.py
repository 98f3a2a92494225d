"""Another embedder for a memory that exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from agentmem import reembed as module
from agentmem.core import Embedder, Vectors
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError, EmbedderMismatch, InputError, LedgerCorrupt, PluginError
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.replay import replay
from agentmem.reembed import reembed
from tests.conftest import Make

FRUITS = ("apple", "pear", "plum", "fig", "kiwi", "lime", "nut")
OLD, NEW = HashEmbedder(dim=64), HashEmbedder(dim=32)


@dataclass(frozen=True)
class Watched:
    """The new embedder, with something that happens at each call."""

    happens: Callable[[int], None]
    calls: list[int]
    dim: int = 32

    @property
    def name(self) -> str:
        return NEW.name

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(len(texts))
        self.happens(len(self.calls))
        return NEW.embed(texts)


@pytest.fixture
def path(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A closed memory of nine records, embedded in pages of four."""
    monkeypatch.setattr(module, "PAGE", 4)
    memory = make(tmp_path / "m.db")
    names = memory.add(
        [f"note {word}" for word in ["apple", "pear", "plum", "fig", "kiwi", "lime", "nut"]]
    )
    memory.add("the original", key="a key of its own")
    memory.add("!?")  # no word in it: a vector of zeros
    memory.update(names[0], text="note quince")
    memory.forget(names[1])
    memory.erase(names[2])
    memory.close()
    return tmp_path / "m.db"


def vectors(path: Path, embedder: Embedder) -> dict[str, bytes]:
    """The vector of each text (or key) in the file."""
    ledger = Ledger(str(path), embedder=embedder.name, dim=embedder.dim)
    rows = ledger.db.rows(
        "SELECT coalesce(key, text), vector.data FROM record JOIN vector USING (pos) ORDER BY pos"
    )
    ledger.close()
    return dict(rows)


def test_every_vector_is_the_new_embedders(path: Path, make: Make) -> None:
    seen: list[tuple[int, int]] = []
    before = vectors(path, OLD)
    assert reembed(path, NEW, progress=lambda done, total: seen.append((done, total))) == 8
    assert seen == [(4, 8), (8, 8)]
    after = vectors(path, NEW)
    assert list(after) == list(before)
    assert "a key of its own" in after
    assert all(data == NEW.embed([text]).tobytes() for text, data in after.items())
    with pytest.raises(EmbedderMismatch):
        make(path)
    memory = make(path, embedder=NEW)
    assert memory.search("quince", mode="dense")[0].text == "note quince"
    assert memory.history(memory.search("quince")[0].id)


def test_the_journal_still_makes_the_same_ledger(path: Path, tmp_path: Path) -> None:
    reembed(path, NEW)
    source = Ledger(str(path), embedder=NEW.name, dim=NEW.dim)
    target = Ledger(str(tmp_path / "again.db"), embedder=NEW.name, dim=NEW.dim)
    replay(source, target, NEW.embed)
    for table in ("record", "vector", "journal", "term"):
        rows = [
            ledger.db.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for ledger in (source, target)
        ]
        assert rows[0] == rows[1], table
    source.close()
    target.close()


def test_an_embedder_may_be_named(path: Path) -> None:
    assert reembed(path, {"hash": {"dim": 32}}) == 8
    assert reembed(path, HashEmbedder(dim=32)) == 0
    with pytest.raises(ConfigError, match="did you mean 'hash'"):
        reembed(path, "hahs")


def test_the_same_embedder_has_nothing_to_do(path: Path) -> None:
    def happens(call: int) -> None:
        raise AssertionError("embedded")

    reembed(path, NEW)
    assert reembed(path, Watched(happens, [])) == 0


def test_a_crash_leaves_the_old_vectors_in_force(path: Path, make: Make) -> None:
    def happens(call: int) -> None:
        if call == 2:
            raise KeyboardInterrupt

    before = vectors(path, OLD)
    with pytest.raises(KeyboardInterrupt):
        reembed(path, Watched(happens, []))
    assert vectors(path, OLD) == before
    assert make(path).search("fig")[0].text == "note fig"


def test_a_failure_while_they_are_replaced_leaves_the_old_ones_in_force(
    path: Path, make: Make
) -> None:
    before = vectors(path, OLD)

    def happens(call: int) -> None:
        if call == 2:  # the last page has been read
            memory = make(path)
            memory.update(memory.search("nut")[0].id, text="note almond")
            memory.close()
        if call == 3:  # almond, while the first page is replaced already
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        reembed(path, Watched(happens, []))
    after = vectors(path, OLD)
    assert after.pop("note almond") == OLD.embed(["note almond"]).tobytes()
    assert after == {text: data for text, data in before.items() if text != "note nut"}


def test_what_is_written_meanwhile_is_embedded_too(path: Path, make: Make) -> None:
    def happens(call: int) -> None:
        if call == 2:
            memory = make(path)
            memory.add("note cherry")
            memory.update(memory.search("fig")[0].id, text="note date")
            memory.erase(memory.search("kiwi")[0].id)
            memory.close()

    assert reembed(path, Watched(happens, [])) == 8
    after = vectors(path, NEW)
    assert {"note cherry", "note date"} <= after.keys()
    assert not {"note fig", "note kiwi"} & after.keys()
    assert all(data == NEW.embed([text]).tobytes() for text, data in after.items())


def test_vectors_that_cannot_be_are_refused(path: Path) -> None:
    class Broken(Watched):
        def embed(self, texts: Sequence[str]) -> Vectors:
            return np.full((len(texts), self.dim), np.nan, dtype=np.float32)

    before = vectors(path, OLD)
    with pytest.raises(PluginError, match="NaN"):
        reembed(path, Broken(lambda call: None, []))
    assert vectors(path, OLD) == before


def test_only_a_ledger_is_re_embedded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"m\.db: there is no such file"):
        reembed(tmp_path / "m.db", NEW)
    assert not (tmp_path / "m.db").exists()
    (tmp_path / "other.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerCorrupt):
        reembed(tmp_path / "other.db", NEW)
