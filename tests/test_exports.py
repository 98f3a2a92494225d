"""The border: what is public, what is raised, and what an import costs."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sqlite3
import subprocess
import sys
import warnings
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentmem
from agentmem import AgentMemError, AgentMemory, SimulatedClock, errors
from agentmem.clock import duration
from agentmem.config import build_policies, load_config
from agentmem.embed.hashing import HashEmbedder
from agentmem.models import resolve

HEAVY = ("chromadb", "langchain_core", "matplotlib", "numpy", "sqlalchemy", "tokenizers", "torch")


def test_public_names_are_sorted_few_and_resolve():
    assert agentmem.__all__ == sorted(set(agentmem.__all__))
    assert len(agentmem.__all__) <= 25
    for name in agentmem.__all__:
        assert inspect.getdoc(getattr(agentmem, name)), f"{name} says nothing of itself"
    assert set(agentmem.__all__) <= set(dir(agentmem))


def test_what_type_checkers_see_is_what_python_finds():
    tree = ast.parse(Path(agentmem.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == agentmem.__all__
    for name, path in seen.items():
        module, _, attribute = path.rpartition(".")
        assert getattr(agentmem, name) is getattr(import_module(module), attribute)


def test_star_import_gives_the_public_names():
    namespace: dict[str, object] = {}
    exec("from agentmem import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(agentmem.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'Memory'"):
        agentmem.Memory  # noqa: B018  the look-up is what is tested


def test_the_version_is_that_of_the_distribution():
    assert agentmem.__version__ == version("agentmem-forgetting")


def test_importing_agentmem_loads_nothing_heavy():
    code = f"import agentmem, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_module_is_importable_and_says_what_it_is_for():
    for module in pkgutil.walk_packages(agentmem.__path__, "agentmem."):
        said = import_module(module.name).__doc__
        assert said or module.ispkg, f"{module.name} has no docstring"


# --- the error tree ---

LINE = re.compile(r"^(?P<indent>[│ ]*)[├└]── (?P<name>\w+)(?P<rest>.*)$")


def drawn() -> dict[str, tuple[str, str | None]]:
    """Of each error in the docstring: its parent, and the built-in base in parentheses."""
    tree: dict[str, tuple[str, str | None]] = {}
    path = ["AgentMemError"]
    for line in (errors.__doc__ or "").splitlines():
        found = LINE.match(line)
        if found:
            depth = len(found["indent"]) // 4 + 1
            path[depth:] = [found["name"]]
            foreign = re.search(r"\((\w+)\)$", found["rest"])
            tree[found["name"]] = (path[depth - 1], foreign[1] if foreign else None)
    return tree


def descendants(cls: type) -> set[type]:
    return {cls}.union(*(descendants(child) for child in cls.__subclasses__()))


def test_the_docstring_draws_the_tree_of_errors():
    tree = {
        name: (
            cls.__bases__[0].__name__,
            cls.__bases__[1].__name__ if len(cls.__bases__) > 1 else None,
        )
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, AgentMemError) and cls is not AgentMemError
    }
    assert drawn() == tree


def test_errors_outside_the_tree_never_leave_the_command_line():
    for module in pkgutil.walk_packages(agentmem.__path__, "agentmem."):
        import_module(module.name)
    outside = {
        cls.__module__
        for cls in descendants(AgentMemError)
        if cls.__module__.startswith("agentmem.") and cls.__module__ != "agentmem.errors"
    }
    assert {name.split(".")[1] for name in outside} <= {"cli"}


# --- foreign exceptions ---


def test_a_locked_file_is_busy(tmp_path):
    path = tmp_path / "m.db"
    with AgentMemory.open(path, busy_timeout=0.05, embedder="hash") as memory:
        memory.add("one")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(errors.LedgerBusy):
                memory.add("two")
        finally:
            other.close()
        memory.add("two")


def test_a_file_that_is_no_database_is_corrupt(tmp_path):
    path = tmp_path / "m.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(errors.LedgerCorrupt):
        AgentMemory.open(path)


def test_a_table_that_went_missing_is_a_ledger_error(tmp_path):
    path = tmp_path / "m.db"
    with AgentMemory.open(path, embedder="hash") as memory:
        memory.add("one")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("DROP TABLE vector")
        other.close()
        with pytest.raises(errors.LedgerError):
            memory.add("two")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: load_config({"policies": [{"window": {"n": "many"}}]}), errors.ConfigError),
        (lambda: load_config("nowhere.yaml"), errors.ConfigError),
        (lambda: build_policies("collections:OrderedDict"), errors.PluginError),
        (lambda: build_policies("nowhere.at:All"), errors.PluginError),
        (lambda: duration("7 fortnights"), errors.InputError),
        (lambda: SimulatedClock(datetime(2026, 1, 1)), errors.InputError),
        (lambda: resolve("openia:gpt"), errors.ConfigError),
        (lambda: AgentMemory.open("no/such/folder/m.db"), errors.LedgerReadOnly),
    ],
)
def test_what_libraries_raise_arrives_as_ours(call, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        call()


MOMENTS = st.one_of(st.none(), st.floats(), st.integers(-(10**12), 10**12), st.just("noon"))
TEXTS = st.text(st.characters(codec=None), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
NAMESPACES = st.none() | st.lists(TEXTS, max_size=3) | TEXTS
FILTERS = st.dictionaries(
    st.sampled_from(["id", "kind", "created", "data.a", "data.", "$and", "$not", "odd"]) | TEXTS,
    st.dictionaries(st.sampled_from(["$eq", "$in", "$lt", "$odd"]), PLAIN, max_size=2) | PLAIN,
    max_size=2,
)
CALLS = st.one_of(
    st.fixed_dictionaries(
        {"content": PLAIN},
        optional={
            "namespace": NAMESPACES,
            "now": MOMENTS,
            "event_time": MOMENTS,
            "importance": PLAIN,
            "valence": PLAIN,
            "source": PLAIN,
            "data": PLAIN,
            "kind": PLAIN,
            "sources": PLAIN,
            "revive": st.booleans(),
        },
    ).map(lambda kwargs: ("add", (kwargs.pop("content"),), kwargs)),
    st.fixed_dictionaries(
        {"query": PLAIN},
        optional={
            "namespace": NAMESPACES,
            "k": st.integers(-1, 3) | st.floats(),
            "now": MOMENTS,
            "budget_tokens": PLAIN,
            "where": FILTERS,
            "mode": st.sampled_from(["hybrid", "dense", "lexical", "odd"]),
        },
    ).map(lambda kwargs: ("search", (kwargs.pop("query"),), kwargs)),
    st.tuples(TEXTS, PLAIN, MOMENTS).map(lambda given: ("supersede", given[:2], {"now": given[2]})),
    st.tuples(TEXTS, PLAIN, PLAIN).map(
        lambda given: ("update", given[:1], {"text": given[1], "importance": given[2]})
    ),
    st.tuples(st.sampled_from(["get", "history", "erase", "restore", "forget"]), PLAIN).map(
        lambda given: (given[0], (given[1],), {})
    ),
    FILTERS.map(lambda where: ("forget", (), {"where": where})),
    st.tuples(MOMENTS, NAMESPACES).map(
        lambda given: ("plan", (), {"now": given[0], "namespace": given[1]})
    ),
    st.tuples(st.sampled_from(["apply", "undo"]), PLAIN).map(
        lambda given: (given[0], (given[1],), {})
    ),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls=st.lists(CALLS, max_size=4))
def test_whatever_the_facade_is_given_it_answers_or_raises_its_own_errors(calls):
    clock = SimulatedClock(1_700_000_000)
    with AgentMemory.open(clock=clock, embedder=HashEmbedder(dim=16)) as memory:
        [known] = memory.add("the kettle is on")
        for name, args, kwargs in calls:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", errors.TombstoneWarning)
                with suppress(AgentMemError):
                    getattr(memory, name)(*args, **kwargs)
        assert memory.get(known).id == known
