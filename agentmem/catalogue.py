"""Named configurations that ship with agentmem: policies, stores and benchmark suites, in YAML.

In a wheel they lie inside the package; in an editable install beside it, in the source root.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from agentmem.errors import ConfigError, nearest

__all__ = ["describe", "entries", "path_of", "read_yaml"]

_PACKAGE = Path(__file__).parent
_FOLDERS = {
    "policies": "policies",
    "stores": "stores",
    "bench": "bench/suites",
    "arms": "bench/arms",
}
_SUFFIXES = (".yaml", ".yml")


def folder(group: str, package: Path = _PACKAGE) -> Path:
    """Where a group's files lie; ConfigError for an unknown group."""
    if group not in _FOLDERS:
        raise ConfigError(f"{group!r} is no part of the catalogue{nearest(group, _FOLDERS)}")
    inside = package / "_catalogue" / group
    beside = package.parent / _FOLDERS[group]
    # A `policies` folder beside an installed package would belong to somebody else.
    in_source = (package.parent / "pyproject.toml").is_file()
    return beside if in_source and not inside.is_dir() else inside


def entries(group: str) -> dict[str, Path]:
    """The files of a group by name (the file name without suffix), sorted."""
    files = (path for path in folder(group).glob("*") if path.suffix in _SUFFIXES)
    return {path.stem: path for path in sorted(files)}


def path_of(group: str, name: str) -> Path:
    """The file of a name; ConfigError with the nearest name if there is none."""
    known = entries(group)
    if name not in known:
        raise ConfigError(f"no {name!r} in the catalogue of {group}{nearest(name, known)}")
    return known[name]


def describe(group: str) -> dict[str, str]:
    """The one-line description of each entry of a group."""
    found = {}
    for name, path in entries(group).items():
        content = read_yaml(path)
        text = content.get("description", "") if isinstance(content, dict) else ""
        found[name] = " ".join(str(text).split())
    return found


class _Loader(yaml.SafeLoader):
    """Plain data only; a key given twice is an error instead of the last one winning."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; ConfigError, with the line, if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        # _Loader is a SafeLoader: it builds plain data, never objects.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
