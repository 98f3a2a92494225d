"""A dense index that lives elsewhere may be away, or may have drifted: words still find."""

from pathlib import Path

import pytest

from agentmem.core import Floats, Ints, Vectors
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import EmbedderMismatch, IndexStale, IndexUnavailable, IndexWarning
from agentmem.index.exact import ExactIndex
from agentmem.reembed import reembed
from tests.conftest import Make

made: list["Remote"] = []


class Remote(ExactIndex):
    """An index that fails as it is told to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.trouble: IndexUnavailable | None = None
        self.closed = False
        made.append(self)

    def nearest(self, query: Vectors, rows: Ints, depth: int) -> tuple[Ints, Floats]:
        if self.trouble is not None:
            raise self.trouble
        return super().nearest(query, rows, depth)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _none_yet() -> None:
    made.clear()


REMOTE = f"{__name__}:Remote"


def test_recall_is_lexical_while_the_index_is_away_and_whole_again_after(make: Make) -> None:
    memory = make(index=REMOTE)
    memory.add(["Rex barks at night", "the kettle is on"])
    made[0].trouble = IndexUnavailable("the server is gone")
    with pytest.warns(IndexWarning, match="the server is gone; recalled by words alone"):
        (hit,) = memory.search("barks", k=1)
    assert hit.text == "Rex barks at night"
    assert hit.why.dense is None
    made[0].trouble = None
    assert memory.search("barks", k=1)[0].why.dense is not None


def test_a_dense_search_does_not_pretend(make: Make) -> None:
    memory = make(index=REMOTE)
    memory.add("Rex barks")
    made[0].trouble = IndexUnavailable("the server is gone")
    with pytest.raises(IndexUnavailable):
        memory.search("barks", mode="dense")


def test_a_drifted_index_is_filled_anew_from_the_ledger(make: Make) -> None:
    memory = make(index=REMOTE)
    memory.add(["Rex barks at night", "the kettle is on"])
    made[0].trouble = IndexStale("three rows are missing")
    with pytest.warns(IndexWarning, match="three rows are missing"):
        memory.search("barks")
    (hit,) = memory.search("barks", k=1)
    assert hit.why.dense is not None
    assert made[0].closed
    assert len(made) == 2


def test_closing_a_memory_closes_its_index(make: Make) -> None:
    make(index=REMOTE).close()
    assert made[0].closed


def test_a_memory_left_open_over_a_reembedding_does_not_write_old_vectors(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    memory = make(path)
    memory.add("Rex barks")
    assert reembed(path, HashEmbedder(dim=32)) == 1
    with pytest.raises(EmbedderMismatch, match="open it again"):
        memory.add("Rex sleeps")
    again = make(path, embedder=HashEmbedder(dim=32))
    assert [hit.text for hit in again.search("barks")] == ["Rex barks"]
