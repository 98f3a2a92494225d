"""The line to a Chroma: a folder of its own, or a server; and what goes wrong on it."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any
from weakref import finalize

from agentmem.errors import AgentMemError, ConfigError, IndexUnavailable

__all__ = ["Line"]

HNSW: Any = {"space": "ip", "max_neighbors": 16, "ef_construction": 128, "ef_search": 200}


@dataclass(eq=False, kw_only=True)
class Line:
    """Opens, closes and wipes one collection; every error of Chroma becomes IndexUnavailable."""

    dim: int
    path: str | Path | None
    host: str | None
    port: int
    ssl: bool
    headers: Mapping[str, str]
    collection: str
    timeout: float
    pause: float

    def __post_init__(self) -> None:
        self.rows: Any = None  # the collection, while there is contact
        self._client: Any = None
        self._release: finalize[..., Line] | None = None
        self._again = 0.0  # when to try again after a failure

    @property
    def where(self) -> str:
        """Where Chroma is, for messages."""
        return str(self.path) if self.host is None else f"{self.host}:{self.port}"

    def open(self) -> Any:
        """The collection, made where there is none; ConfigError for one of somebody else."""
        if monotonic() < self._again:
            raise IndexUnavailable(f"Chroma at {self.where} did not answer a moment ago")
        with self.border():
            self.rows = self._collection()
        return self.rows

    def close(self) -> None:
        """Let go of the folder or of the server; also done when this object is no more."""
        self.rows = None
        if self._release is not None:
            self._release()

    def wipe(self) -> None:
        """Delete the collection, and of an embedded Chroma every file."""
        with self.border():
            self._client.delete_collection(self.collection)
            self.close()
            if self.path is not None:  # Chroma would leave the vectors in its files
                rmtree(self.path)

    def holds(self, vectors: Collection[bytes]) -> bool:
        """Does any file of an embedded Chroma's graph hold the bytes of one of some vectors?

        Its database is new, and stays closed: to open and close it would undo its locks (POSIX).
        """
        if self.path is None or not vectors:
            return False
        files = (path.read_bytes() for path in Path(self.path).rglob("*.bin"))
        return any(vector in data for data in files for vector in vectors)

    @contextmanager
    def border(self) -> Iterator[None]:
        """Whatever Chroma raises in here leaves as IndexUnavailable, and contact is lost."""
        try:
            yield
        except AgentMemError:
            raise
        except Exception as error:
            self.close()
            self._again = monotonic() + self.pause
            text = f"Chroma at {self.where}: {type(error).__name__}: {error}"
            for secret in self.headers.values():
                text = text.replace(secret, "[header]")
            raise IndexUnavailable(text) from error

    def _collection(self) -> Any:
        self.close()
        self._client = self._open()
        self._release = finalize(self, _let_go, self._client)
        there = {one.name: one.metadata or {} for one in self._client.list_collections()}
        strange = [name for name in there if "agentmem" not in there[name]]
        strange = strange if self.host is None else [n for n in strange if n == self.collection]
        if strange:
            self.close()
            raise ConfigError(
                f"Chroma at {self.where}: the collection {strange[0]!r} was not made by agentmem; "
                "give the index a folder of its own, or another name in `collection`"
            )
        if there.get(self.collection, {}).get("agentmem", self.dim) != self.dim:
            self._client.delete_collection(self.collection)  # of another embedder
        return self._client.get_or_create_collection(
            self.collection,
            configuration={"hnsw": HNSW},
            metadata={"agentmem": self.dim, "sum": ""},
            embedding_function=None,
        )

    def _open(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if self.host is None:
            return chromadb.PersistentClient(str(self.path), settings=settings)
        with socket.create_connection((self.host, self.port), self.timeout):
            pass  # Chroma's own client would wait for ever
        client = chromadb.HttpClient(
            self.host, self.port, ssl=self.ssl, headers=dict(self.headers), settings=settings
        )
        for session in _sessions(client):
            session.timeout = self.timeout
        return client


def _let_go(client: Any) -> None:
    sessions = _sessions(client)
    client.close()
    for session in sessions:
        session.close()


def _sessions(client: Any) -> list[Any]:
    """The httpx sessions of a client of a server, which it neither limits in time nor closes."""
    parts = [client, getattr(client, "_admin_client", None)]
    found = [getattr(getattr(part, "_server", None), "_session", None) for part in parts]
    return [session for session in found if session is not None]
