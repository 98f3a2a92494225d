from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from agentmem.core import Embedder
from agentmem.embed import static
from agentmem.embed.hashing import HashEmbedder
from agentmem.embed.static import StaticEmbedder
from agentmem.errors import ConfigError, PluginError
from tests.embedder_contract import TEXTS, EmbedderContract


class TestStaticEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return StaticEmbedder()


class TestHashEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashEmbedder(dim=64)


def cosine(embedder: Embedder, one: str, other: str) -> float:
    a, b = embedder.embed([one, other])
    return float(a @ b)


def test_meaning_counts_not_only_words() -> None:
    embedder = StaticEmbedder()
    near = cosine(embedder, "The physician examined her patient.", "A doctor saw someone ill.")
    far = cosine(embedder, "The physician examined her patient.", "A train left the station.")
    assert near > far + 0.15


def test_bundled_weights_are_those_of_the_configuration() -> None:
    config = json.loads((static.DATA / "config.json").read_text())
    weights = (static.DATA / "model.safetensors").read_bytes()
    assert config["sha256"] == sha256(weights).hexdigest()
    assert (config["name"], config["dim"]) == (StaticEmbedder().name, StaticEmbedder().dim)
    assert config["tokens"] == len(static.model().table) == 29525


def test_vectors_of_this_name_never_change() -> None:
    """Ledgers hold vectors stamped with the name: other bytes need another name."""
    digest = sha256(StaticEmbedder().embed(TEXTS).tobytes()).hexdigest()
    assert digest == "22a1c3535fa5a4fc9ee0c38e3b718c1508c90f2349250f7468383282c7b78714"


def test_hashed_vectors_of_this_name_never_change() -> None:
    digest = sha256(HashEmbedder(dim=8).embed(TEXTS).tobytes()).hexdigest()
    assert digest == "b54be42c9b5687adf37e2e68e72334205fe36c9bc71cb53c538e9b623bcc2a5b"


def test_agrees_with_model2vec() -> None:
    model2vec = pytest.importorskip("model2vec")
    loaded = static.model()
    theirs = model2vec.StaticModel(
        vectors=loaded.table, tokenizer=loaded.tokenizer, normalize=True, max_length=None
    )
    assert np.allclose(theirs.encode(TEXTS[:7]), StaticEmbedder().embed(TEXTS[:7]), atol=1e-6)


def test_lone_surrogates_are_read_as_the_replacement_character() -> None:
    embedder = StaticEmbedder()
    assert embedder.embed(["a \ud800 b"]).tobytes() == embedder.embed(["a \ufffd b"]).tobytes()


def test_shared_words_bring_hashed_texts_together() -> None:
    embedder = HashEmbedder(dim=256)
    near = cosine(embedder, "apples pears plums", "plums PEARS figs")
    assert near == pytest.approx(2 / 3, abs=0.35)
    assert near > cosine(embedder, "apples pears plums", "trains ships cars")


def test_hash_embedder_is_named_for_its_dimension() -> None:
    assert HashEmbedder(dim=8).name != HashEmbedder(dim=16).name


@pytest.mark.parametrize("dim", [0, -1, 2.5, True, "8"])
def test_refuses_a_dimension_that_cannot_be(dim: object) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        HashEmbedder(dim=dim)  # type: ignore[arg-type]  # the mistake under test


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(PluginError, match="cannot be read"):
        static._load(tmp_path)


def test_loads_without_network_or_heavy_imports() -> None:
    code = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from agentmem.embed.static import StaticEmbedder
assert not {"tokenizers", "safetensors"} & set(sys.modules), "loaded before use"
assert StaticEmbedder().embed(["hello"]).any()
print(sorted({"torch", "transformers", "huggingface_hub", "requests"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
