"""The games: rules without models."""

from agentmem.bench.games.base import Act, Choice, Figures, Game, Line, Move, Round, Stage
from agentmem.bench.games.demand import Demand
from agentmem.bench.games.dilemma import Dilemma
from agentmem.bench.games.division import Division
from agentmem.bench.games.prisoners import Prisoners
from agentmem.bench.games.public_goods import PublicGoods
from agentmem.bench.games.rubinstein import Rubinstein
from agentmem.bench.games.trade import Trade
from agentmem.bench.games.travelers import Travelers
from agentmem.bench.games.trust import Investment, Trust
from agentmem.bench.games.ultimatum import Ultimatum

BUILTIN: dict[str, type[Game]] = {
    game.name: game
    for game in (
        *(Prisoners, Travelers, PublicGoods, Trust, Investment),
        *(Ultimatum, Rubinstein, Demand, Division, Trade),
    )
}

__all__ = [
    "BUILTIN",
    "Act",
    "Choice",
    "Demand",
    "Dilemma",
    "Division",
    "Figures",
    "Game",
    "Investment",
    "Line",
    "Move",
    "Prisoners",
    "PublicGoods",
    "Round",
    "Rubinstein",
    "Stage",
    "Trade",
    "Travelers",
    "Trust",
    "Ultimatum",
]
