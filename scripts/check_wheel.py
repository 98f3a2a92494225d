"""Install the built wheel into a new environment and use it, far from the source tree.

    python scripts/check_wheel.py [DIST]

DIST holds one wheel and one sdist.  Nothing but the wheel and its own dependencies is installed, so
a file that was left out, or a heavy import that is none of the dependencies, fails here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

USE = """
import json, sys
from pathlib import Path
import agentmem
from agentmem import AgentMemory

assert Path(sys.prefix) in Path(agentmem.__file__).parents, agentmem.__file__
assert (Path(agentmem.__file__).parent / "py.typed").exists()
with AgentMemory.open("m.db") as memory:
    memory.add(["Rex is my dog.", "Tea, not coffee."])
with AgentMemory.open("m.db") as memory:
    hits = memory.search("what is the dog called?", k=1)
    assert [hit.text for hit in hits] == ["Rex is my dog."], hits
heavy = {"langchain_core", "chromadb", "torch", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
LOAD = """
from agentmem import catalogue
from agentmem.config import build_policies, build_stores
from agentmem.errors import MissingExtra

for group, build in (("policies", build_policies), ("stores", build_stores)):
    found = catalogue.describe(group)
    assert found, group
    for name, text in found.items():
        assert text, name
        try:
            assert build(name), name
        except MissingExtra as error:  # only where the entry says that it takes one
            assert f"Needs the extra `{error.extra}`" in text, name
        print(f"  {group}: {name}")
assert "smoke" in catalogue.describe("bench")
assert "p03-full" in catalogue.describe("arms")
"""
COMMANDS = (
    ["--help"],
    ["policies", "list", "--json"],
    ["stores", "list", "--json"],
    ["bench", "list", "--json"],
    ["add", "Rex is my dog."],
    ["search", "dog", "--json"],
)


def contents(dist: Path) -> Path:
    """The one wheel; both archives hold what they must and nothing from elsewhere."""
    [wheel], [sdist] = list(dist.glob("*.whl")), list(dist.glob("*.tar.gz"))
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    tops = {name.partition("/")[0] for name in inside}
    assert all(top == "agentmem" or top.endswith(".dist-info") for top in tops), tops
    for part in ("LICENSE", "NOTICE"):
        assert any(name.endswith(f".dist-info/licenses/{part}") for name in inside), part
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    for part in ("pyproject.toml", "LICENSE", "NOTICE", "README.md", "policies/none.yaml"):
        assert part in names, f"{part} is not in {sdist.name}"
    return wheel


def run(command: list[str], folder: Path) -> None:
    """Run in another folder, with nothing of this environment in the way."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    sys.stdout.write(done.stdout if "-c" in command else "")


def main() -> None:
    wheel = contents(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        venv.create(folder / "env", with_pip=True)
        tools = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        run([str(tools / "python"), "-m", "pip", "install", "--quiet", str(wheel)], folder)
        for code in (USE, LOAD):
            run([str(tools / "python"), "-c", code], folder)
        for command in COMMANDS:
            run([str(tools / "agentmem"), *command], folder)
            print("  agentmem", *command)
    print(f"{wheel.name}: installed and used in an environment of its own")


if __name__ == "__main__":
    main()
