"""Encryption at rest: nothing in the clear in any file, and no way in without the key."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from agentmem import AgentMemory
from agentmem.config import MemoryConfig, dump, load_config
from agentmem.errors import (
    ConfigError,
    InputError,
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    MissingExtra,
)
from agentmem.ledger.cipher import Encryption, encrypt, rekey
from agentmem.reembed import reembed
from tests.conftest import Make

pytest.importorskip("sqlcipher3")

KEY = "0123456789abcdef" * 4  # a raw key: no derivation, so the tests are quick
OTHER = "f" * 64
MARK = "xylophone"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTMEM_KEY", KEY)


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_no_file_holds_anything_in_the_clear(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db", encryption={})
    names = memory.add([f"Anna plays the {MARK} on day {i}." for i in range(40)])
    memory.update(names[0], text=f"Ben plays the {MARK}.", data={MARK: MARK})
    assert MARK in memory.search(MARK)[0].text
    assert (tmp_path / "m.db-wal").stat().st_size > 0
    for _ in range(2):
        found = bytes_of(tmp_path)
        assert len(found) > 4096
        for trace in (MARK.encode(), b"SQLite format", b"namespace", KEY.encode()):
            assert trace not in found
        memory.close()


def test_what_was_written_is_read_again_and_erased_for_good(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with make(path, encryption={}) as memory:
        kept, gone = memory.add(["Anna lives in Berlin.", "Ben lives in Porto."])
    with make(path, encryption={}) as memory:
        assert memory.search("Where does Anna live?", k=1)[0].id == kept
        assert memory.search("Berlin", k=1, mode="lexical")[0].id == kept
        assert memory.erase(gone).scrubbed
        assert [hit.id for hit in memory.search(k=9)] == [kept]


@pytest.mark.parametrize("other", [OTHER, "a passphrase with 'quotes'"])
def test_a_wrong_key_is_an_error_that_quotes_none(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "m.db"
    make(path, encryption={}).close()
    monkeypatch.setenv("AGENTMEM_KEY", other)
    with pytest.raises(LedgerError, match="wrong key") as caught:
        make(path, encryption={})
    assert other not in str(caught.value)
    assert not isinstance(caught.value, LedgerCorrupt)
    assert capfd.readouterr().err == ""


def test_without_a_key_an_encrypted_file_says_what_it_is(make: Make, tmp_path: Path) -> None:
    make(tmp_path / "m.db", encryption={}).close()
    with pytest.raises(LedgerCorrupt, match="or it is encrypted"):
        make(tmp_path / "m.db")


def test_a_plain_file_is_refused_and_can_be_copied(make: Make, tmp_path: Path) -> None:
    plain, copy = tmp_path / "plain.db", tmp_path / "copy.db"
    with make(plain) as memory:
        (name,) = memory.add(f"Anna plays the {MARK}.")
        memory.update(name, importance=0.9)
        before = memory.stats()["journal_lines"]
    with pytest.raises(LedgerError, match="not encrypted; make an encrypted copy"):
        make(plain, encryption={})
    encrypt(plain, copy, KEY)
    plain.unlink()
    with make(copy, encryption={}) as memory:
        assert memory.search(MARK, mode="lexical")[0].record.importance == 0.9
        assert memory.stats()["journal_lines"] == before + 1  # the recall
        memory.add("Ben too.")
        assert memory.erase(name).scrubbed
    assert MARK.encode() not in bytes_of(tmp_path)
    with pytest.raises(InputError, match="a file already"):
        encrypt(copy, copy, KEY)
    with pytest.raises(LedgerError, match="not encrypted: file is not a database"):
        encrypt(copy, tmp_path / "third.db", KEY)
    assert not (tmp_path / "third.db").exists()
    with pytest.raises(InputError, match="no such folder"):
        encrypt(copy, tmp_path / "no" / "third.db", KEY)
    for missing in (lambda: encrypt(plain, copy, KEY), lambda: rekey(plain, KEY, OTHER)):
        with pytest.raises(InputError, match="no such file"):
            missing()


def test_a_key_as_it_was_read_from_a_file_is_the_key(make: Make, tmp_path: Path) -> None:
    plain, copy = tmp_path / "plain.db", tmp_path / "copy.db"
    make(plain).close()
    encrypt(plain, copy, f"{KEY}\n")
    make(copy, encryption={}).close()
    rekey(copy, f" {KEY}", f"{OTHER}\n")
    rekey(copy, OTHER, KEY)
    make(copy, encryption={}).close()
    for empty in (lambda: encrypt(plain, tmp_path / "x.db", " "), lambda: rekey(copy, KEY, "")):
        with pytest.raises(InputError, match="key is empty"):
            empty()
    assert not (tmp_path / "x.db").exists()


def test_a_passphrase_may_hold_anything(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    make(path, encryption={}).close()
    phrase = 'it\'s "x"; DROP -- ü'
    rekey(path, KEY, phrase)
    with pytest.raises(LedgerError, match="wrong key"):
        make(path, encryption={})
    monkeypatch.setenv("AGENTMEM_KEY", f" {phrase}\n")
    with make(path, encryption={}) as memory:
        memory.add("Anna")
        with pytest.raises(LedgerError, match="not changed"):
            rekey(path, phrase, KEY)
    with pytest.raises(LedgerError, match="not changed"):
        rekey(path, OTHER, KEY)


def test_the_key_may_lie_in_a_file(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    make(tmp_path / "m.db", encryption={"key_file": str(file)}).close()
    make(tmp_path / "m.db", encryption={"key_env": "AGENTMEM_KEY"}).close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key_env": "NO_SUCH_KEY"}, "'NO_SUCH_KEY' holds no key"),
        ({"key_file": "/no/such/file"}, "cannot be read"),
        ({"key": "abc"}, "unknown key"),
    ],
)
def test_a_missing_key_is_named_and_makes_no_file(
    make: Make, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        make(tmp_path / "m.db", encryption=options)
    assert not (tmp_path / "m.db").exists()


def test_a_dump_names_the_place_and_never_the_key(caplog: pytest.LogCaptureFixture) -> None:
    config = load_config({"encryption": {"key_file": "~/.agentmem-key"}})
    assert dump(config) == {"encryption": {"key_file": "~/.agentmem-key"}}
    assert dump(load_config({"encryption": {}})) == {"encryption": {}}
    assert dump(load_config({"encryption": None})) == dump(MemoryConfig()) == {}
    with caplog.at_level(logging.DEBUG), AgentMemory(MemoryConfig(encryption=Encryption())) as one:
        one.add("x")
        assert KEY not in repr(one.config)
    assert KEY not in caplog.text


def test_another_embedder_and_another_writer(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with make(path, encryption={}, busy_timeout=0.05) as memory:
        memory.add("Anna lives in Berlin.")
        other = make(path, encryption={}, busy_timeout=0.05)
        with memory._engine.writing(), pytest.raises(LedgerBusy):
            other.add("Ben")
        other.close()
    assert reembed(path, {"hash": {"dim": 16}}, key=KEY) == 1


def test_the_extra_is_named(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlcipher3.dbapi2", None)
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[encryption\]"):
        make(tmp_path / "m.db", encryption={})
