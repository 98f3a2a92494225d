"""Encryption at rest: SQLCipher in SQLite's place, by the wheel `sqlcipher3` (extra `encryption`).

    encryption: {key_env: AGENTMEM_KEY}      or {key_file: /run/secrets/agentmem}

Every page of the file and of its log is encrypted (AES-256-CBC with HMAC-SHA-512 a page); the key
itself stands in no configuration, message or log.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from agentmem.errors import ConfigError, InputError, LedgerError, MissingExtra

__all__ = ["Encryption", "driver", "encrypt", "rekey", "unlock"]

PLAIN = b"SQLite format 3\0"  # how a file begins that is not encrypted
_RAW = re.compile("[0-9a-fA-F]{64}")


@dataclass(frozen=True, kw_only=True)
class Encryption:
    """Where the key is kept: an environment variable, or a file (the first of the two it names).

    64 hexadecimal digits are the 256-bit key itself; anything else is a passphrase, from which
    SQLCipher derives the key (PBKDF2-HMAC-SHA-512, 256,000 rounds, at each opening).
    """

    key_env: str = "AGENTMEM_KEY"
    key_file: str = ""  # goes first, if given

    def key(self) -> str:
        """The key, blanks around it aside.  ConfigError if there is none; it never quotes one."""
        if self.key_file:
            try:
                key = Path(self.key_file).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                what = f"encryption.key_file: {self.key_file} cannot be read"
                raise ConfigError(f"{what} ({type(error).__name__})") from None
            where = f"file {self.key_file}"
        else:
            key = os.environ.get(self.key_env, "").strip()
            where = f"environment variable {self.key_env!r}"
        if not key:
            raise ConfigError(f"encryption: {where} holds no key")
        return key


def driver() -> Any:
    """SQLCipher's module in the form of `sqlite3`; MissingExtra without it."""
    try:
        return import_module("sqlcipher3.dbapi2")
    except ImportError as error:
        raise MissingExtra("an encrypted memory", "encryption") from error


def unlock(connection: Any, key: str, path: str) -> None:
    """Give a new connection its key.  LedgerError for a file that is not encrypted."""
    connection.execute("PRAGMA cipher_log_level = NONE")  # or it writes to standard error
    connection.execute(_pragma("key", key))
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except driver().Error as error:
        if _plain(path):
            raise LedgerError(
                f"{path}: this file is not encrypted; make an encrypted copy of it with "
                "agentmem.ledger.cipher.encrypt(path, copy, key)"
            ) from error
        raise


def _plain(path: str) -> bool:
    """Is it a database in the clear?  Asked only of a file that could not be opened."""
    file = Path(path)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(PLAIN)) == PLAIN


def encrypt(path: str | Path, copy: str | Path, key: str) -> None:
    """Write an encrypted copy of a plain memory, whole with its journal; the plain one stays.

    Blanks around the key do not count.  InputError for an empty key, if there is no such file, or
    folder, or already a copy.
    """
    key = _given(key)
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    if Path(copy).exists():
        raise InputError(f"{copy}: there is a file already")
    if not Path(copy).parent.is_dir():
        raise InputError(f"{copy}: there is no such folder")
    sqlite = driver()
    connection = sqlite.connect(str(copy), isolation_level=None)
    try:
        unlock(connection, key, str(copy))
        connection.execute("ATTACH :path AS plain KEY ''", {"path": str(path)})
        connection.execute("SELECT sqlcipher_export('main', 'plain')")
    except sqlite.Error as error:
        connection.close()
        Path(copy).unlink()
        raise LedgerError(f"{path}: not encrypted: {error}") from error
    finally:
        connection.close()


def rekey(path: str | Path, old: str, new: str) -> None:
    """Encrypt a memory anew under another key, in one transaction; nobody else may have it open.

    Blanks around a key do not count.  LedgerError if the old one is wrong, or the file is in use;
    InputError for an empty one, or if there is no such file.
    """
    old, new = _given(old), _given(new)
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    sqlite = driver()
    connection = sqlite.connect(str(path), isolation_level=None, timeout=0.0)
    try:
        unlock(connection, old, str(path))
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")  # fails where another has it open
        connection.execute(_pragma("rekey", new))
    except sqlite.Error as error:
        raise LedgerError(f"{path}: the key was not changed: {error}") from error
    finally:
        connection.close()


def _given(key: str) -> str:
    """A key as `Encryption.key` reads it."""
    if not key.strip():
        raise InputError("the key is empty")
    return key.strip()


def _pragma(verb: str, key: str) -> str:
    """The statement that sets a key; pragmas take no parameters, and hexadecimal needs no quoting.

    Raw keys as x'..', passphrases by their bytes.
    """
    if _RAW.fullmatch(key):
        return f"PRAGMA {verb} = \"x'{key}'\""
    return f"PRAGMA hex{verb} = '{key.encode().hex()}'"
