"""The games: rules without models."""

from agentmem.bench.games.base import Act, Choice, Figures, Game, Line, Move, Round, Stage
from agentmem.bench.games.prisoners import Prisoners
from agentmem.bench.games.ultimatum import Ultimatum

BUILTIN: dict[str, type[Game]] = {"prisoners": Prisoners, "ultimatum": Ultimatum}

__all__ = [
    "BUILTIN",
    "Act",
    "Choice",
    "Figures",
    "Game",
    "Line",
    "Move",
    "Prisoners",
    "Round",
    "Stage",
    "Ultimatum",
]
