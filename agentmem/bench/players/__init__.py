"""Scripted players: strategies as pure functions of what a seat has seen."""

from agentmem.bench.games import BUILTIN as GAMES
from agentmem.bench.games import Dilemma
from agentmem.bench.players import axelrod, demand, dilemmas, division, rubinstein, trade, ultimatum
from agentmem.bench.players.base import Player, Seen
from agentmem.errors import ConfigError, nearest

DILEMMAS = tuple(name for name, game in GAMES.items() if issubclass(game, Dilemma))
BUILTIN: dict[tuple[str, str], type[Player]] = {
    (game, player.name): player
    for module in (dilemmas, ultimatum, rubinstein, demand, division, trade)
    for player in module.PLAYERS
    for game in (DILEMMAS if player.game == Dilemma.name else (player.game,))
}


def scripted(game: str, name: str) -> Player:
    """The scripted player of that name for a game; ConfigError for an unknown one.

    "axelrod:NAME" is a strategy of the Axelrod library, for the prisoner's dilemma.
    """
    if name.startswith(axelrod.PREFIX) and game == axelrod.Strategy.game:
        return axelrod.strategy(name)
    if (game, name) not in BUILTIN:
        known = [player for of, player in BUILTIN if of == game]
        raise ConfigError(f"no scripted player {name!r} for {game}{nearest(name, known)}")
    return BUILTIN[game, name]()


__all__ = ["BUILTIN", "Player", "Seen", "scripted"]
