"""The documentation is true: its code runs, its files load, its links lead somewhere.

What a page says in a fence is tried in the order of the page, in an empty folder:

    python   runs in one module per page; what it prints equals the `text` fence that follows it
    bash     `agentmem ...` runs, `NAME=$(agentmem ...)` and `$NAME` work, `# exits 3` is expected
    yaml     is loaded: a configuration, a policy file or a benchmark suite
    # f.py, # f.yaml   as its first line: the fence is saved under that name first
    # not run          as its first line: what the test cannot do (a network, a key, make)
"""

from __future__ import annotations

import io
import logging
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields, is_dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from string import Template
from types import ModuleType

import pytest
import yaml
from typer.main import get_command

from agentmem import Agent, AgentMemory, catalogue, registry
from agentmem.bench.executors import Local
from agentmem.bench.games import BUILTIN as GAMES
from agentmem.bench.loading import load_suite
from agentmem.bench.players import BUILTIN as SCRIPTED
from agentmem.bench.run import play_suite
from agentmem.bench.serving import KEYS
from agentmem.bench.suite import Asking, Options
from agentmem.bench.surrogates import FAMILIES, LABEL, PROFILES
from agentmem.cli import app, main
from agentmem.config import MemoryConfig, RecallConfig, build_policies, load_config
from agentmem.ledger.tables import metadata

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
RUN = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LINKED = [*RUN, ROOT / "CHANGELOG.md", *sorted(ROOT.glob("*/README.md"))]
LINKED += sorted((ROOT / "bench").glob("*/README.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w-]+\.(?:py|yaml))\n")
CAPTURE = re.compile(r"(\w+)=\$\((.*)\)$")
PAGES = {
    "policies": ("policies.md", "curves.md", "limits.md", "presentation.md"),
    "stores": ("structures.md",),
    "consolidators": ("consolidation.md",),
    "redactors": ("defence.md",),
    "updates": ("updates.md",),
    "retrieval": ("retrieval.md",),
    "indexes": ("retrieval.md",),
    "embedders": ("retrieval.md",),
}
BUILTIN = [(group, name) for group in PAGES for name in sorted(registry.BUILTIN[group])]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def title(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Fence:
    language: str
    text: str
    line: int  # of its first line of content
    printed: str | None  # the `text` fence right after it


def fences(page: Path) -> Iterator[Fence]:
    source = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(source))
    for i, one in enumerate(found):
        after = found[i + 1] if i + 1 < len(found) else None
        follows = after is not None and not source[one.end() : after.start()].strip()
        printed = after[2] if after is not None and follows and after[1] == "text" else None
        line = source.count("\n", 0, one.start(2)) + 1
        yield Fence(one[1], one[2], line, printed)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, importable, without the user's settings."""
    for name in [name for name in os.environ if name.startswith("AGENTMEM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    before, level = set(sys.modules), logging.getLogger("agentmem").level
    yield tmp_path
    logging.getLogger("agentmem").setLevel(level)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def run_python(fence: Fence, page: Path, module: ModuleType) -> str:
    code = compile("\n" * (fence.line - 1) + fence.text, title(page), "exec")
    out = io.StringIO()
    with redirect_stdout(out):
        exec(code, module.__dict__)
    return out.getvalue()


def run_bash(fence: Fence, page: Path, names: dict[str, str]) -> str:
    printed = ""
    text = fence.text.replace("\\\n", " ")
    for raw in text.splitlines():
        line, _, comment = raw.partition("  #")
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        capture = CAPTURE.match(line)
        words = shlex.split(Template(capture[2] if capture else line).safe_substitute(names))
        assert words[0] == "agentmem", f"{title(page)}: {line!r} is not run: mark it `# not run`"
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words[1:])
        expected = re.search(r"exits (\d)", comment)
        want = int(expected[1]) if expected else 0
        assert code == want, f"{title(page)}: {line!r} exits {code}: {err.getvalue()}"
        if capture:
            names[capture[1]] = out.getvalue().strip()
        else:
            printed += out.getvalue()
    return printed


def load_yaml(path: Path) -> object:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "games" in content:
        return load_suite(path)
    return build_policies(path) if "description" in content else load_config(path)


@pytest.mark.parametrize("page", RUN, ids=title)
def test_every_fence_of_the_page_does_what_it_says(page, place, monkeypatch):
    module, names = ModuleType("page"), {}
    monkeypatch.setitem(sys.modules, "page", module)
    try:
        for fence in fences(page):
            if fence.language == "text" or fence.text.startswith("# not run"):
                continue
            named = NAMED.match(fence.text)
            if named:
                Path(named[1]).write_text(fence.text, encoding="utf-8")
            printed = None
            if fence.language == "python":
                printed = run_python(fence, page, module)
            elif fence.language == "bash":
                printed = run_bash(fence, page, names)
            elif fence.language == "yaml":
                path = Path(named[1] if named else "unnamed.yaml")
                path.write_text(fence.text, encoding="utf-8")
                assert load_yaml(path)
            else:
                pytest.fail(f"{title(page)}:{fence.line}: a fence of language {fence.language!r}")
            if fence.printed is not None and printed is not None:
                said = [line.rstrip() for line in printed.strip("\n").splitlines()]
                want = [line.rstrip() for line in fence.printed.strip("\n").splitlines()]
                assert said == want, f"{title(page)}:{fence.line} prints something else"
    finally:
        for value in vars(module).values():
            if isinstance(value, AgentMemory):
                value.close()


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {slug(one) for one in HEADING.findall(text)}


@pytest.mark.parametrize("page", LINKED, ids=title)
def test_every_relative_link_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{title(page)}: {target} does not exist"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), f"{title(page)}: no heading for {target}"


@pytest.mark.parametrize("page", RUN, ids=title)
def test_no_page_names_a_machine(page):
    text = page.read_text(encoding="utf-8")
    for private in ("/tmp/", "/home/", "/root/"):
        assert private not in text


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_option_tables_are_those_of_the_code():
    assert script("docs_tables").main(["--check"]) == 0, "run python scripts/docs_tables.py"


def test_measured_tables_are_those_of_the_results():
    assert script("readme_figures").main(["--check"]) == 0, "run python scripts/readme_figures.py"


def test_figures_replace_what_stands_between_their_markers(tmp_path):
    figures = script("readme_figures")
    (tmp_path / "speed.md").write_text("# speed\n\nMade today.\n\n| a |\n|---|\n| 1 |\n")
    page = "before\n<!-- bench:speed -->\nold\n<!-- /bench:speed -->\nafter\n"
    new = figures.filled(page, tmp_path)
    assert "old" not in new
    assert "Made today.\n\n| a |\n|---|\n| 1 |\n" in new
    assert new.startswith("before\n")
    assert new.endswith("after\n")
    assert figures.filled(new, tmp_path) == new


def test_one_table_of_the_results_can_be_quoted(tmp_path):
    figures = script("readme_figures")
    tables = "| policy |\n|---|\n| a |\n\n| goal |\n|---|\n| b |\n"
    (tmp_path / "speed.md").write_text(f"# speed\n\nMade today.\n\n![a](a.svg)\n\n{tables}")
    assert "svg" not in figures.table("speed", tmp_path)
    page = "<!-- bench:speed#goal -->\nold\n<!-- /bench:speed -->\n"
    new = figures.filled(page, tmp_path)
    assert "Made today.\n\n| goal |\n|---|\n| b |\n" in new
    assert "policy" not in new
    assert figures.filled(new, tmp_path) == new
    with pytest.raises(ValueError, match="nobody"):
        figures.filled(page.replace("#goal", "#nobody"), tmp_path)


def test_what_a_part_of_the_results_says_can_be_quoted_without_its_tables(tmp_path):
    figures = script("readme_figures")
    text = (
        "# speed\n\n**a label**\n\nMade today.\n\n## Why?\n\n- so\n\n| a |\n|---|\n\n## b\n\nno\n"
    )
    (tmp_path / "speed.md").write_text(text)
    assert figures.table("speed", tmp_path, "Why?") == "**a label**\n\nMade today.\n\n- so\n"
    (tmp_path / "speed.md").write_text(text.replace("## Why?\n\n", ""))
    assert figures.table("speed", tmp_path, "summary") == "**a label**\n\nMade today.\n\n- so\n"


def test_tables_of_one_head_are_quoted_with_their_titles(tmp_path):
    figures = script("readme_figures")
    text = "# s\n\nMade.\n\n## x\n\n| a |\n|---|\n| 1 |\n\n## y\n\n| a |\n|---|\n| 2 |\n"
    (tmp_path / "s.md").write_text(text)
    said = figures.table("s", tmp_path, "a")
    assert said == "Made.\n\nx:\n\n| a |\n|---|\n| 1 |\n\ny:\n\n| a |\n|---|\n| 2 |\n"


def test_without_results_the_page_says_how_to_make_them(tmp_path):
    page = "<!-- bench:speed -->\n<!-- /bench:speed -->\n"
    assert "make bench" in script("readme_figures").filled(page, tmp_path)


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_memory_page_names_every_method():
    methods = [name for name in dir(AgentMemory) if not name.startswith("_")]
    twins = {name for name in methods if name.startswith("a") and name[1:] in methods}
    missing = [
        name for name in methods if name not in twins and f"`{name}" not in read("memory.md")
    ]
    assert not missing


def test_the_memory_page_names_every_configuration_key():
    keys = [*MemoryConfig.__dataclass_fields__, *RecallConfig.__dataclass_fields__]
    assert not [key for key in keys if f"`{key}`" not in read("memory.md")]


def test_the_agent_page_names_every_option():
    options = [one.name for one in fields(Agent) if one.init]
    assert not [name for name in options if f"`{name}`" not in read("agent.md")]


def test_the_policies_page_has_every_catalogue_entry():
    page = "".join(map(read, PAGES["policies"]))
    assert not [name for name in catalogue.entries("policies") if f"`{name}`" not in page]


@pytest.mark.parametrize(("group", "name"), BUILTIN, ids=[f"{g}-{n}" for g, n in BUILTIN])
def test_every_component_is_documented_with_a_generated_table_of_its_options(group, name):
    page, path = "".join(map(read, PAGES[group])), registry.BUILTIN[group][name]
    assert f"`{name}`" in page
    component = registry.find(group, name)
    own = is_dataclass(component) and {one.name for one in fields(component) if one.init}
    if own and own - {"dim", "rank", "remove", "kinds", "within"}:
        assert f"<!-- fields:{path} -->" in page


@pytest.mark.parametrize("page", RUN, ids=title)
def test_no_option_table_is_written_by_hand(page):
    tables = script("docs_tables").FIELDS.sub("", page.read_text(encoding="utf-8"))
    assert "| option | allowed |" not in tables


def test_every_structure_of_the_catalogue_is_listed_beside_it():
    page = (ROOT / "stores" / "README.md").read_text(encoding="utf-8")
    assert not [name for name in catalogue.entries("stores") if f"`{name}`" not in page]


def test_every_extra_for_users_is_explained():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    inner = {"dev", "embedder-build", "peers", "test", "torch"}
    names = set(extras["project"]["optional-dependencies"]) - inner
    assert not [name for name in sorted(names) if f"| `{name}` |" not in read("troubleshooting.md")]


def test_the_games_page_has_every_game():
    assert not [name for name in GAMES if f"`{name}`" not in read("games.md")]
    assert "<!-- table:games -->" in read("games.md")


def test_every_figure_of_a_row_is_explained(tmp_path):
    content = {
        "games": {name: {"rounds": 2} for name in GAMES},
        "players": ["surrogate:s1"],
        "windows": [2],
        "seeds": 1,
    }
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(content))
    suite = load_suite(tmp_path / "all.yaml")
    rows = play_suite(suite, tmp_path, executor=Local(workers=1))["rows"]
    pages = read("games.md") + read("bench.md")
    assert not [key for key in sorted(set().union(*rows)) if f"`{key}`" not in pages]


def test_the_players_page_has_every_simulated_and_scripted_player():
    page = read("players.md")
    names = [name for family in FAMILIES.values() for name in family.names]
    names += [*FAMILIES, *PROFILES, *(name for _, name in SCRIPTED)]
    assert not [name for name in names if f"`{name}`" not in page]


def test_the_experiments_page_has_every_suite_and_the_arms_page_every_arm():
    suites, arms = read("experiments.md"), (ROOT / "bench/arms/README.md").read_text("utf-8")
    assert not [name for name in catalogue.entries("bench") if f"`{name}`" not in suites]
    assert not [name for name in catalogue.entries("arms") if f"`{name}`" not in arms]


def test_the_bench_page_has_every_command_and_every_key_of_a_suite():
    page = read("bench.md")
    commands = get_command(app).commands["bench"].commands
    assert not [name for name in commands if f"`agentmem bench {name}" not in page]
    keys = {*Options.__dataclass_fields__, *Asking.__dataclass_fields__, *KEYS}
    keys |= {"games", "players", "memory", "arms"}
    assert not [key for key in sorted(keys) if f"`{key}`" not in page]


@pytest.mark.parametrize("page", RUN, ids=title)
def test_pages_with_figures_of_simulated_players_bear_the_label(page):
    text = page.read_text(encoding="utf-8")
    if any(
        f"<!-- bench:{name}" in text
        for name in ("axelrod", "human#player", "older_defection", "probing", "profiles")
    ):
        assert LABEL in text


def test_the_ledger_page_has_every_table():
    page = read("ledger.md")
    assert not [table.name for table in metadata.sorted_tables if f"`{table.name}`" not in page]


def test_the_design_page_has_every_room():
    page = read("design.md")
    package = ROOT / "agentmem"
    rooms = [path.name for path in package.glob("*.py") if not path.stem.startswith("__")]
    rooms += [f"{path.parent.name}/" for path in package.glob("*/__init__.py")]
    rooms += [path.name for path in package.glob("bench/*.py") if not path.stem.startswith("__")]
    rooms += [f"{path.parent.name}/" for path in package.glob("bench/*/__init__.py")]
    assert not [room for room in sorted(rooms) if f"`{room}`" not in page]


def test_every_page_is_reached_from_the_index():
    found = set(LINK.findall(read("index.md")))
    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} <= found
