"""Scripted players: strategies as pure functions of what a seat has seen."""

from importlib import import_module

from agentmem.bench.games import BUILTIN as GAMES
from agentmem.bench.games import Dilemma, Game
from agentmem.bench.players import axelrod, demand, dilemmas, division, rubinstein, trade, ultimatum
from agentmem.bench.players.base import Player, Seen
from agentmem.errors import ConfigError, PluginError, nearest

DILEMMAS = tuple(name for name, game in GAMES.items() if issubclass(game, Dilemma))
BUILTIN: dict[tuple[str, str], type[Player]] = {
    (game, player.name): player
    for module in (dilemmas, ultimatum, rubinstein, demand, division, trade)
    for player in module.PLAYERS
    for game in (DILEMMAS if player.game == Dilemma.name else (player.game,))
}
OWN = "script:"  # begins the dotted path of a scripted player of somebody else
PREFIXES = (axelrod.PREFIX, OWN)  # a name with another colon in it is that of a chat model


def scripted(game: str | type[Game], name: str) -> Player:
    """The scripted player of that name for a game; ConfigError for an unknown one.

    `game` is one of this package, or any class of games: what plays a game plays its subclasses.
    "axelrod:NAME" is a strategy of the Axelrod library, for the prisoner's dilemma;
    "script:package.module:Name" a class with `name`, `game` and `move` (PluginError if not).
    """
    kinds = _kinds(game)
    if name.startswith(axelrod.PREFIX) and axelrod.Strategy.game in kinds:
        return axelrod.strategy(name)
    if name.startswith(OWN):
        return _own(kinds, name)
    known = {player.name: player for player in BUILTIN.values() if player.game in kinds}
    if name not in known:
        raise ConfigError(f"no scripted player {name!r} for {kinds[0]}{nearest(name, known)}")
    return known[name]()


def _kinds(game: str | type[Game]) -> tuple[str, ...]:
    """The names of a game and of those that it is a kind of, the nearest first."""
    cls = GAMES.get(game) if isinstance(game, str) else game
    if cls is None:
        return (str(game),)
    names = [base.name for base in cls.__mro__ if issubclass(base, Game)]
    return tuple(dict.fromkeys(names))


def _own(kinds: tuple[str, ...], name: str) -> Player:
    module, _, attribute = name.removeprefix(OWN).partition(":")
    try:
        found = getattr(import_module(module), attribute)()
    except Exception as error:  # foreign code: whatever it raises, the cause is kept
        what = f"the scripted player {name!r} cannot be made"
        raise PluginError(f"{what}: {type(error).__name__}: {error}") from error
    if not callable(getattr(found, "move", None)) or not hasattr(found, "game"):
        raise PluginError(f"{name!r} is no scripted player: it needs name, game and move(seen)")
    if found.game not in kinds:
        raise ConfigError(f"{name!r} plays {found.game}, not {kinds[0]}")
    player: Player = found
    return player


__all__ = ["BUILTIN", "OWN", "PREFIXES", "Player", "Seen", "scripted"]
