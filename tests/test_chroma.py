"""The derived index in Chroma: embedded here, and (slow) a real server that goes and comes back."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmem.errors import (
    ConfigError,
    IndexStale,
    IndexUnavailable,
    IndexWarning,
)
from agentmem.index import chroma
from agentmem.index.chroma import ChromaIndex
from agentmem.index.chroma_line import Line
from tests.conftest import Make
from tests.index_contract import IndexContract, unit

pytest.importorskip("chromadb", reason="the extra `chroma` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:chromadb")

ROWS = np.arange(60)
VECTORS = unit(0, 60)


class TestEmbedded(IndexContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> Iterator[None]:
        made: list[ChromaIndex] = []

        def make(dim: int) -> ChromaIndex:
            made.append(ChromaIndex(dim, path=tmp_path / "chroma"))
            return made[-1]

        type(self).index = staticmethod(make)
        yield
        for index in made:
            index.close()


Open = Callable[..., ChromaIndex]


@pytest.fixture
def open_index(tmp_path: Path) -> Iterator[Open]:
    opened: list[ChromaIndex] = []

    def open_one(**options: Any) -> ChromaIndex:
        opened.append(ChromaIndex(8, **{"path": tmp_path / "chroma", **options}))
        return opened[-1]

    yield open_one
    for index in opened:
        index.close()


def filled(index: ChromaIndex) -> ChromaIndex:
    index.put(ROWS, VECTORS)
    return index


def first(index: ChromaIndex, row: int) -> int:
    return int(index.nearest(VECTORS[row], ROWS, 1)[0][0])


def stored(index: ChromaIndex) -> Any:
    """The collection, past the index."""
    return index._line._client.get_collection(index.collection, embedding_function=None)


def test_what_is_there_unchanged_is_not_sent_again(open_index: Open) -> None:
    one = filled(open_index())
    assert first(one, 7) == 7
    one.close()
    two = filled(open_index())
    assert len(two._queue) == 60
    two._connect()
    assert two._queue == {}
    assert first(two, 7) == 7


def test_only_what_differs_is_sent_after_a_restart(open_index: Open) -> None:
    one = filled(open_index())
    first(one, 0)
    one.close()
    two = open_index()
    two.put(ROWS[:50], VECTORS[:50])  # ten rows erased, one changed, one new meanwhile
    two.put(np.array([3, 70]), VECTORS[[4, 5]])
    two._connect()
    sent = {row: vector is not None for row, vector in two._queue.items()}
    assert sent == {3: True, 70: True, **dict.fromkeys(range(50, 60), False)}
    assert two.nearest(VECTORS[5], np.array([3, 70]), 1)[0].tolist() == [70]
    assert stored(two).count() == 51


def kept(folder: Path, vectors: Any) -> int:
    """How many of some vectors the files hold in one piece (a page's end may part a few)."""
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return sum(vector.tobytes() in data for vector in vectors)


def test_of_an_erased_row_no_byte_stays(open_index: Open, tmp_path: Path) -> None:
    index = filled(open_index())
    first(index, 0)
    assert kept(tmp_path, VECTORS[:10]) >= 5
    index.drop(np.append(np.arange(10), 900))
    assert stored(index).get(ids=["7"])["ids"] == []
    assert kept(tmp_path, VECTORS[:10]) == 0
    assert kept(tmp_path, VECTORS[10:]) >= 40
    assert index.nearest(VECTORS[18], ROWS[10:], 1)[0].tolist() == [18]


def test_an_erased_vector_that_chroma_writes_again_and_again_is_told(
    open_index: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(open_index())
    first(index, 0)
    monkeypatch.setattr(Line, "holds", lambda self, vectors: True)
    with pytest.warns(IndexWarning, match="erase its folder"):
        index.drop(np.array([7]))
    assert first(index, 8) == 8


def test_an_index_that_is_no_more_lets_go_of_the_folder(open_index: Open, tmp_path: Path) -> None:
    index = filled(ChromaIndex(8, path=tmp_path / "chroma"))
    first(index, 0)
    del index
    again = filled(open_index())
    first(again, 0)
    again.drop(np.array([7]))  # the folder is written anew: nobody else may hold it
    assert again.nearest(VECTORS[8], np.delete(ROWS, 7), 1)[0].tolist() == [8]


def test_cleared_means_nothing_is_left(open_index: Open, tmp_path: Path) -> None:
    index = filled(open_index())
    first(index, 0)
    index.clear()
    assert not (tmp_path / "chroma").exists()
    with pytest.raises(IndexStale, match="it was cleared"):
        first(index, 0)
    assert first(filled(open_index()), 5) == 5


def test_drift_is_noticed_and_a_new_index_makes_it_good(open_index: Open) -> None:
    index = filled(open_index())
    first(index, 0)
    stored(index).delete(ids=["5"])
    with pytest.raises(IndexStale, match="1 of 60 rows are missing"):
        first(index, 5)
    with pytest.raises(IndexUnavailable, match="not as the ledger has it"):
        first(index, 0)
    again = filled(open_index())
    assert first(again, 5) == 5


def test_another_writers_vectors_are_never_taken_for_ours(open_index: Open) -> None:
    index = filled(open_index())
    first(index, 0)
    stranger = open_index()
    stranger.put(ROWS, VECTORS[::-1].copy())
    first(stranger, 0)
    with pytest.raises(IndexStale, match="row 0 holds another vector"):
        first(index, 0)


def test_vectors_of_another_dimension_are_replaced(open_index: Open, tmp_path: Path) -> None:
    index = filled(open_index())
    first(index, 0)
    index.close()
    other = ChromaIndex(4, path=tmp_path / "chroma")
    other.put(np.arange(3), unit(1, 3, dim=4))
    assert other.nearest(unit(1, 3, dim=4)[2], np.arange(3), 1)[0].tolist() == [2]
    other.close()


def test_a_collection_of_somebody_else_is_left_alone(open_index: Open) -> None:
    index = filled(open_index(collection="theirs"))
    client = index._line._open()
    client.create_collection("theirs", embedding_function=None).add(ids=["a"], embeddings=[[1.0]])
    with pytest.raises(ConfigError, match="'theirs' was not made by agentmem"):
        first(index, 0)
    assert client.get_collection("theirs", embedding_function=None).count() == 1
    client.close()


def test_many_rows_are_searched_by_chromas_graph(
    open_index: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma, "PAGE", 20)
    index = filled(open_index())
    true = np.argsort(-(VECTORS @ VECTORS[9]), kind="stable")
    rows, scores = index.nearest(VECTORS[9], ROWS, 5)
    assert rows.tolist() == true[:5].tolist()
    assert scores.tolist() == index.scores(VECTORS[9], rows).tolist()
    far = np.sort(true[30:])  # 30 rows, none of them among the 30 nearest
    assert index.nearest(VECTORS[9], far, 4)[0].tolist() == true[30:34].tolist()
    assert index.nearest(VECTORS[9], np.arange(30, 90), 90)[0].size == 30  # the rest are not held


def test_a_memory_finds_and_erases_through_chroma(make: Make, tmp_path: Path) -> None:
    spec = {"chroma": {"path": str(tmp_path / "chroma")}}
    memory = make(tmp_path / "m.db", index=spec)
    names = memory.add(["Rex is my dog", "Tea, not coffee", "The ferry leaves at eight"])
    assert memory.search("my dog", mode="dense")[0].id == names[0]
    vectors = memory.config.embedder.embed(["Rex is my dog", "Tea, not coffee"])
    assert kept(tmp_path / "chroma", vectors) >= 1
    told = {one.path: one for one in memory.erase(names[0]).checks}
    assert (told["index files"].asked, told["index files"].found) == (1, 0)
    assert kept(tmp_path / "chroma", vectors[:1]) == 0
    assert memory.search("not coffee", mode="dense")[0].id == names[1]
    memory.close()
    again = make(tmp_path / "m.db", index=spec)
    assert again.search("the ferry", mode="dense")[0].id == names[2]


def test_a_server_that_is_not_there_is_unavailable_and_keeps_the_queue() -> None:
    index = filled(ChromaIndex(8, host="127.0.0.1", port=free_port(), pause=60.0))
    with pytest.raises(IndexUnavailable, match=r"Chroma at 127\.0\.0\.1:\d+: ConnectionRefused"):
        first(index, 0)
    with pytest.raises(IndexUnavailable, match="did not answer a moment ago"):
        first(index, 0)
    with pytest.warns(IndexWarning, match="2 erased vectors stay there"):
        index.drop(np.array([0, 1]))
    assert len(index._queue) == 60


def test_a_token_does_not_show() -> None:
    index = ChromaIndex(8, host="h", headers={"x-chroma-token": "very-secret"})
    assert "very-secret" not in repr(index)
    with pytest.raises(IndexUnavailable) as caught, index._line.border():
        raise ValueError("refused: very-secret")
    assert "very-secret" not in str(caught.value)


def test_needs_a_folder_or_a_server() -> None:
    for options in ({}, {"path": "x", "host": "y"}):
        with pytest.raises(ConfigError, match="either path"):
            ChromaIndex(8, **options)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Server:
    """A `chroma run` process that can be killed and started again on the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = shutil.which("chroma", path=str(Path(sys.executable).parent)) or "chroma"
        self.process = subprocess.Popen(
            [command, "run", "--path", str(self.folder), "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("chroma did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "served")
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="class")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("shared"))
    one.start()
    yield one
    one.kill()


@pytest.mark.slow
class TestServed(IndexContract):
    @pytest.fixture(autouse=True)
    def names(self, shared: Server, request: pytest.FixtureRequest) -> Iterator[None]:
        made: list[ChromaIndex] = []

        def make(dim: int) -> ChromaIndex:
            name = f"test-{abs(hash(request.node.name))}"
            made.append(ChromaIndex(dim, host="127.0.0.1", port=shared.port, collection=name))
            return made[-1]

        type(self).index = staticmethod(make)
        yield
        for index in made:
            index.close()


def over_http(server: Server) -> ChromaIndex:
    return ChromaIndex(8, host="127.0.0.1", port=server.port, pause=0.0)


@pytest.mark.slow
def test_a_server_is_cleared(server: Server) -> None:
    index = filled(over_http(server))
    first(index, 0)
    index.clear()
    again = over_http(server)
    assert again.scores(VECTORS[0], ROWS[:3]).tolist() == [0.0, 0.0, 0.0]
    assert stored(again).count() == 0
    again.close()


@pytest.mark.slow
def test_a_server_that_goes_and_comes_back_catches_up(server: Server) -> None:
    index = filled(over_http(server))
    assert first(index, 7) == 7
    server.kill()
    with pytest.raises(IndexUnavailable):
        first(index, 7)
    index.put(np.array([60]), -VECTORS[:1])
    with pytest.warns(IndexWarning, match="1 erased vectors stay there"):
        index.drop(np.array([7]))
    server.start()
    assert index.nearest(-VECTORS[0], np.arange(61), 1)[0].tolist() == [60]
    assert stored(index).get(ids=["7"])["ids"] == []
    assert stored(index).count() == 60
    index.close()


@pytest.mark.slow
def test_a_server_that_lost_its_data_is_filled_anew(server: Server) -> None:
    index = filled(over_http(server))
    first(index, 7)
    server.kill()
    shutil.rmtree(server.folder)
    server.start()
    with pytest.raises(IndexUnavailable, match="does not exist"):
        first(index, 7)
    with pytest.raises(IndexStale, match="60 of 60 rows are missing"):
        first(index, 7)
    again = filled(over_http(server))
    assert first(again, 7) == 7
    again.close()


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_doubled(server: Server) -> None:
    half = over_http(server)
    half.put(ROWS[:30], VECTORS[:30])
    half._connect()
    half._send(half._queue)  # killed before the checksum was written
    half.close()
    index = filled(over_http(server))
    assert first(index, 40) == 40
    assert stored(index).count() == 60
    index.close()
