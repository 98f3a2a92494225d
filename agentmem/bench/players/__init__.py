"""Scripted players: strategies as pure functions of what a seat has seen."""

from agentmem.bench.players.dilemmas import BUILTIN, Player, Seen, scripted

__all__ = ["BUILTIN", "Player", "Seen", "scripted"]
