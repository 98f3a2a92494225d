"""A suite, played otherwise than its file says: by other players, for fewer rounds or seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from agentmem.errors import InputError
from agentmem.fields import Bounds, check


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What takes the place of a suite's own; by default nothing."""

    players: tuple[str, ...] = ()  # model specs, in all games
    seeds: Annotated[int, Bounds(least=1)] | None = None  # how many, from 0
    rounds: Annotated[int, Bounds(least=1)] | None = None  # of every game
    price: tuple[float, ...] = ()  # of `players`: input, output and, if it differs, cached input

    def __post_init__(self) -> None:
        check(self)
        if self.price and (len(self.price) not in (2, 3) or not self.players):
            raise InputError(
                f"price {self.price!r}: give two or three numbers for a million tokens, of input, "
                "output and cached input, and the players that they are of"
            )

    def of(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The plain data of a suite with what is played otherwise."""
        changed = dict(content)
        if self.seeds is not None:
            changed["seeds"] = self.seeds
        games = changed.get("games")
        if isinstance(games, Mapping):
            changed["games"] = {label: self._game(body) for label, body in games.items()}
        if self.players:
            changed["players"] = list(self.players)
            changed.pop("prices", None)
        if self.price:
            names = ("input", "output", "cached")
            price = dict(zip(names, self.price, strict=False))
            changed["prices"] = dict.fromkeys(self.players, price)
        return changed

    def _game(self, body: Any) -> Any:
        if body is not None and not isinstance(body, Mapping):
            return body  # wrong, as the reader will say
        changed = dict(body or {})
        if self.players:
            changed.pop("players", None)
        if self.rounds is not None:
            changed["rounds"] = self.rounds
        return changed

    def plain(self) -> dict[str, Any]:
        """As data for a file."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Variant:
        """The variant that `plain` wrote."""
        return cls(
            players=tuple(content["players"]),
            seeds=content["seeds"],
            rounds=content["rounds"],
            price=tuple(content["price"]),
        )


AS_IT_IS = Variant()
