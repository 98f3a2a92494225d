"""Reads a suite from YAML, and reports all that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import catalogue, registry
from agentmem.bench.games import BUILTIN, Game
from agentmem.bench.players import scripted
from agentmem.bench.seats import Recall
from agentmem.bench.serving import KEYS as SERVING
from agentmem.bench.serving import check_prices, check_spec, read_serving
from agentmem.bench.suite import SELF, Arm, Asking, Cell, Memory, Options, Suite, is_model
from agentmem.bench.variant import AS_IT_IS, Variant
from agentmem.config import build_policies
from agentmem.errors import ConfigError, nearest
from agentmem.models import resolve
from agentmem.reading import Reader

PARTS = {  # of an arm
    "policies": "policies",
    "stores": "stores",
    "consolidation": "consolidators",
    "retrieval": "retrieval",
}


OF_A_CELL = {"game", "players", "opponents", *Asking.__dataclass_fields__}  # beside the game's own


def load_suite(path: str | Path, variant: Variant = AS_IT_IS) -> Suite:
    """The suite in a file, or in the catalogue by name; ConfigError lists all that is wrong.

    `variant`: what is played otherwise than it says.
    """
    path = Path(path)
    source = str(path.resolve() if path.is_file() else path)
    if not path.is_file():
        known = catalogue.entries("bench")
        if path.stem not in known or (len(path.parts) > 1 and path.parent.name != "bench"):
            hint = nearest(path.stem, known)
            raise ConfigError(f"no suite {str(path)!r}: give a file or a name{hint}")
        path = known[path.stem]
    reader, content = Reader.open(path)
    suite = read_suite(reader, variant.of(reader.mapping(content, "")), path.stem)
    return replace(suite, source=source, variant=variant)


def read_suite(reader: Reader, content: Any, name: str) -> Suite:
    """The suite in some plain data."""
    content = dict(reader.mapping(content, ""))
    games = content.pop("games", None)
    players = content.pop("players", None)
    memory = reader.construct(Memory, content.pop("memory", None), "memory") or Memory()
    arms = content.pop("arms", None)
    asked = {key: content.pop(key) for key in Asking.__dataclass_fields__ if key in content}
    asking = reader.construct(Asking, asked, "") or Asking()
    known = [*Options.__dataclass_fields__, *Asking.__dataclass_fields__]
    known += ["games", "players", "memory", "arms", *SERVING]
    serving = read_serving(reader, content)
    for key in [key for key in content if key not in known]:
        reader.problem(key, f"unknown key{nearest(key, known)}")
        content.pop(key)
    options = reader.construct(Options, {"name": name, **content}, "") or Options(name=name)
    built = _arms(reader, arms, options.windows, memory)
    shared = _players(reader, players, "players") if players is not None else ()
    cells = _cells(reader, games, shared, asking)
    _check_arms(reader, built, cells, options.family)
    suite = Suite(options=options, memory=memory, cells=cells, arms=built, serving=serving)
    check_prices(reader, serving, suite.served)
    if not reader.problems:
        for spec in suite.served:
            reader.attempt(partial(_model, spec, **serving.model), "model")
    reader.finish()
    return suite


def _check_arms(
    reader: Reader, arms: tuple[Arm, ...], cells: tuple[Cell, ...], family: list[str]
) -> None:
    """Note arms with memories for another number of seats, and a family of unknown arms."""
    for arm in arms:
        for cell in cells:
            if len(arm.recalls) not in (1, cell.game.seats):
                what = (
                    f"gives {len(arm.recalls)} memories; {cell.label} has {cell.game.seats} seats"
                )
                reader.problem(f"arms.{arm.name}.seats", what)
    names = [arm.name for arm in arms]
    for i, name in enumerate(family):
        if name not in names:
            reader.problem(f"family[{i}]", f"no arm {name!r}{nearest(name, names)}")


def _cells(
    reader: Reader, content: Any, shared: tuple[str, ...], asking: Asking
) -> tuple[Cell, ...]:
    games = reader.mapping(content, "games")
    if not games:
        reader.problem("games", f"give at least one game of {', '.join(sorted(BUILTIN))}")
    built = (_cell(reader, label, body, shared, asking) for label, body in games.items())
    return tuple(cell for cell in built if cell is not None)


def _cell(
    reader: Reader, label: str, body: Any, shared: tuple[str, ...], asking: Asking
) -> Cell | None:
    at = f"games.{label}"
    content = dict(reader.mapping(body, at))
    name = content.pop("game", label)
    opponents = content.pop("opponents", [SELF])
    players = content.pop("players", None)
    asked = {key: content.pop(key, value) for key, value in asdict(asking).items()}
    found = reader.attempt(lambda: game_class(str(name)), at)
    seats = _players(reader, players, f"{at}.players") if players is not None else shared
    if not seats:
        reader.problem(f"{at}.players", "give at least one model, as in 'surrogate:immune'")
    game = None if found is None else reader.construct(found, content, at)
    names = _strings(reader, opponents, f"{at}.opponents")
    for i, opponent in enumerate(names):
        if found is not None and opponent != SELF:
            check = _model if is_model(opponent) else partial(scripted, found)
            reader.attempt(partial(check, opponent), f"{at}.opponents[{i}]")
    if game is None:
        return None
    return Cell(
        label=label,
        game=game,
        players=seats,
        opponents=names,
        asking=reader.construct(Asking, asked, at) or asking,
    )


def game_class(name: str) -> type[Game]:
    """The game of a name, an entry point or a dotted path."""
    if name in BUILTIN:
        return BUILTIN[name]
    if ":" not in name and name not in registry.names("games"):
        known = {*BUILTIN, *registry.names("games")}
        raise ConfigError(f"unknown game {name!r}{nearest(name, known)}")
    found = registry.find("games", name)
    if not (isinstance(found, type) and issubclass(found, Game)):
        raise ConfigError(f"{name!r} is not a subclass of agentmem.bench.games.Game")
    if taken := OF_A_CELL & found.__dataclass_fields__.keys():
        raise ConfigError(f"{name!r} has a field {min(taken)!r}, which a suite says of every game")
    return found


def _strings(reader: Reader, content: Any, key: str) -> tuple[str, ...]:
    if isinstance(content, list) and content and all(isinstance(x, str) and x for x in content):
        if len(set(content)) == len(content):
            return tuple(content)
        reader.problem(key, f"{content!r}: the same name twice")
    else:
        reader.problem(key, f"{content!r}: give a list of names")
    return ()


def _players(reader: Reader, content: Any, key: str) -> tuple[str, ...]:
    names = _strings(reader, content, key)
    for i, name in enumerate(names):
        reader.attempt(partial(_model, name), f"{key}[{i}]")
    return names


def _model(spec: str, **options: Any) -> None:
    """ConfigError for a spec that names no model, or holds a key, and for unknown options.

    A key is needed only where the model is asked.
    """
    check_spec(spec)
    key = {"api_key": "none yet"} if spec.startswith("openai:") else {}
    resolve(spec, **{**key, **options})


def _arms(reader: Reader, content: Any, windows: list[int], memory: Memory) -> tuple[Arm, ...]:
    """The arms, those without any memory first, then the windows by length, then the others."""
    found = []
    if isinstance(content, list):
        content = {name: name for name in _strings(reader, content, "arms")}
    for name, body in reader.mapping(content, "arms").items():
        arm = _arm(reader, name, body, memory)
        if arm is not None:
            found.append(arm)
    for i, n in enumerate(windows):
        if n < 1 or n in windows[:i]:
            reader.problem(f"windows[{i}]", f"{n!r}: give different whole numbers >= 1")
            continue
        if any(arm.name == f"window-{n}" for arm in found):
            reader.problem(f"arms.window-{n}", f"is also windows[{i}]: give it once")
            continue
        body = {"policies": [{"window": {"n": n}}], "k": max(n, memory.k)}
        arm = _arm(reader, f"window-{n}", body, memory)
        if arm is not None:
            found.append(arm)
    if not found:
        reader.problem("arms", "give at least one arm or window")
    order = sorted(found, key=lambda arm: (arm.window is None, arm.window or 0))
    return tuple(order)


def _arm(reader: Reader, name: str, body: Any, memory: Memory) -> Arm | None:
    if isinstance(body, Mapping) and "seats" in body:
        return _mixed(reader, name, body, memory)
    if not isinstance(body, str):
        return _built(reader, name, body, memory, f"arms.{name}")
    found = reader.attempt(lambda: Reader.open(_arm_file(reader, body)), f"arms.{name}")
    if found is None:
        return None
    inner, content = found
    arm = _built(inner, name, content, memory, "")
    reader.problems += inner.problems
    return arm


def _mixed(reader: Reader, name: str, body: Mapping[str, Any], memory: Memory) -> Arm | None:
    """An arm with a memory for each seat: `{seats: [p01-window-2, p01-window-2, {k: 0}]}`."""
    at = f"arms.{name}"
    for key in body.keys() - {"seats", "description"}:
        reader.problem(f"{at}.{key}", f"unknown key beside seats{nearest(key, ['description'])}")
    seats = body["seats"]
    if not isinstance(seats, list) or len(seats) < 2:
        reader.problem(f"{at}.seats", f"{seats!r}: give a list of arms, one for each seat")
        return None
    arms = [_arm(reader, f"{name}.seats[{i}]", one, memory) for i, one in enumerate(seats)]
    built = [arm for arm in arms if arm is not None]
    for i, arm in enumerate(built):
        if len(arm.recalls) > 1:
            reader.problem(f"{at}.seats[{i}]", "has seats of its own: give the arm of one seat")
    if len(built) < len(arms):
        return None
    return Arm(name=name, recalls=tuple(arm.recall(0) for arm in built))


def _arm_file(reader: Reader, name: str) -> Path:
    """The file of an arm: one named, relative to the suite, or one of the catalogue."""
    if name.endswith((".yaml", ".yml")):
        return reader.base / Path(name).expanduser()
    return catalogue.path_of("arms", name)


def _built(reader: Reader, name: str, body: Any, memory: Memory, at: str) -> Arm | None:
    """The arm in some plain data."""
    prefix = f"{at}." if at else ""
    content = dict(reader.mapping(body, at))
    content.pop("description", None)
    parts = {
        key: reader.components(group, content.pop(key), f"{prefix}{key}")
        for key, group in PARTS.items()
        if key in content
    }
    allowed = ("k", "reinforce", "query")
    for key in [key for key in content if key not in allowed]:
        reader.problem(f"{prefix}{key}", f"unknown key{nearest(key, (*PARTS, *allowed))}")
        content.pop(key)
    base = {key: getattr(memory, key) for key in allowed}
    settings = reader.construct(Memory, {**base, **content}, at)
    if settings is None:
        return None
    parts["policies"] = parts.get("policies") or build_policies(["none"])
    recall = Recall(
        k=settings.k,
        reinforce=settings.reinforce,
        by_observation=settings.query == "observation",
        **parts,
    )
    return Arm(name=name, recalls=(recall,), window=_window(recall))


def _window(recall: Recall) -> int | None:
    """How many of the last rounds the arm shows, if that is all that it does."""
    if recall.k == 0:
        return 0
    (policy, *others) = recall.policies
    made = recall.stores or recall.consolidation or recall.retrieval
    if others or made or policy.scoped or policy.name != "window":
        return None
    n = getattr(policy, "n", None)
    return min(int(n), recall.k) if n is not None else None
