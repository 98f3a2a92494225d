"""The games: rules without models."""

from agentmem.bench.games.base import Choice, Figures, Game, Move, Moves, Round, Stage
from agentmem.bench.games.prisoners import Prisoners
from agentmem.bench.games.ultimatum import Ultimatum

BUILTIN: dict[str, type[Game]] = {"prisoners": Prisoners, "ultimatum": Ultimatum}

__all__ = [
    "BUILTIN",
    "Choice",
    "Figures",
    "Game",
    "Move",
    "Moves",
    "Prisoners",
    "Round",
    "Stage",
    "Ultimatum",
]
