"""How fast matches are, in the Axelrod library and here, and what a memory adds.

    python bench/axelrod_speed.py [--quick] [--seed 0] [--out FOLDER]

Prisoner's dilemma, Axelrod's points, moves exchanged with chance .02, so that no match comes from
the library's cache.  A decision is one move of one seat; where a simulated player plays against a
script, only its own are counted.  Simulated players read the prompt and remember through an
`AgentMemory` with its ledger in RAM.  Seconds are those of the processor, so that a busy machine
counts less; the settings take turns, and the median of all matches of a setting counts.  Needs the
extra `axelrod`.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from measure import arguments, circumstances, destination

from agentmem.bench.adapters.axelrod import agent
from agentmem.bench.games import Prisoners
from agentmem.bench.match import Match
from agentmem.bench.once import memory_config
from agentmem.bench.players import Player, scripted
from agentmem.bench.players.axelrod import library
from agentmem.bench.seats import ModelSeat, Recall, ScriptedSeat, Seat
from agentmem.bench.surrogates import LABEL
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.config import build_policies
from agentmem.memory import AgentMemory
from agentmem.models import resolve

NOISE = 0.02
MODEL = "surrogate:immune"

Play = Callable[[int, int], int]  # rounds and seed to decisions


def theirs(one: str, other: str) -> Play:
    """A match of the library."""

    def play(rounds: int, seed: int) -> int:
        pair = (getattr(library(), one)(), getattr(library(), other)())
        library().Match(pair, turns=rounds, noise=NOISE, seed=seed).play()
        return 2 * rounds

    return play


def theirs_with_agent(recall: Recall) -> Play:
    """A match of the library, one side of which is an agent of ours."""

    def play(rounds: int, seed: int) -> int:
        pair = (agent(MODEL, recall, style="direct"), library().TitForTat())
        library().Match(pair, turns=rounds, noise=NOISE, seed=seed).play()
        return rounds

    return play


def ours(one: str, other: str) -> Play:
    """A match of ours between two scripts."""

    def play(rounds: int, seed: int) -> int:
        game = Prisoners(rounds=rounds, tremble=NOISE, payoffs="textbook").seeded(seed)
        seats = [seated(scripted("prisoners", name)) for name in (one, other)]
        run(game, seats, seed, SimulatedClock())
        return 2 * rounds

    return play


def ours_with_memory(recall: Recall) -> Play:
    """A match of ours, one side of which is a simulated player with a memory."""

    def play(rounds: int, seed: int) -> int:
        game = Prisoners(rounds=rounds, tremble=NOISE, payoffs="textbook").seeded(seed)
        clock, chat = SimulatedClock(), resolve(MODEL)
        with AgentMemory(memory_config(recall, chat), clock=clock) as memory:
            seat = ModelSeat(
                voice=Direct(model=chat),
                memory=memory,
                clock=clock,
                recall=recall,
                rules=game.rules(0),
                style="direct",
            )
            run(game, [seat, seated(scripted("prisoners", "tft"))], seed, clock)
        return rounds

    return play


def seated(player: Player) -> Seat:
    return ScriptedSeat(player=player)


def run(game: Prisoners, seats: list[Seat], seed: int, clock: SimulatedClock) -> None:
    Match(game=game, seats=seats, seed=seed, clock=clock, emit=lambda event: None).play()


def settings() -> dict[str, Play]:
    short = Recall(policies=build_policies([{"window": {"n": 5}}]))
    full = Recall(policies=build_policies([{"window": {"n": 80}}]))
    return {
        "Axelrod: TitForTat, TitForTat": theirs("TitForTat", "TitForTat"),
        "Axelrod: GTFT, GTFT": theirs("GTFT", "GTFT"),
        "Axelrod: Random, Random": theirs("Random", "Random"),
        "here: tft, tft": ours("tft", "tft"),
        "here: gtft, gtft": ours("gtft", "gtft"),
        "here: axelrod:TitForTat, twice": ours("axelrod:TitForTat", "axelrod:TitForTat"),
        "here: simulated player, window 5, and tft": ours_with_memory(short),
        "here: simulated player, window 80, and tft": ours_with_memory(full),
        "Axelrod: our agent, window 5, and TitForTat": theirs_with_agent(short),
        "Axelrod: our agent, window 80, and TitForTat": theirs_with_agent(full),
    }


def measured(rounds: int, repeats: int, seed: int) -> list[dict[str, Any]]:
    """A row for each setting; the first match of each is not counted."""
    speeds: dict[str, list[float]] = {}
    for i in range(repeats + 1):
        for name, play in settings().items():
            begin = time.process_time()
            decisions = play(rounds, seed + i)
            if i:
                speeds.setdefault(name, []).append(decisions / (time.process_time() - begin))
    return [
        {
            "setting": name,
            "rounds": rounds,
            "matches": len(found),
            "decisions_per_s": round(statistics.median(found)),
            "least": round(min(found)),
            "most": round(max(found)),
        }
        for name, found in speeds.items()
    ]


def main() -> None:
    options = arguments(__doc__).parse_args()
    facts = circumstances(options.seed, options.quick)
    begin = time.process_time()
    library()
    loading = round(time.process_time() - begin, 1)
    rounds, repeats = (50, 2) if options.quick else (500, 9)
    facts["versions"]["axelrod"] = version("axelrod")
    result = {
        "benchmark": "axelrod",
        "label": LABEL,
        **facts,
        "import_s": loading,
        "rows": measured(rounds, repeats, options.seed),
    }
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    lines = [
        "# axelrod",
        "",
        f"Made by `python bench/axelrod_speed.py{' --quick' if options.quick else ''}` on "
        f"{facts['date']}; seed {options.seed}; {facts['cores']} cores, load "
        f"{facts['load_before']} before the run; {facts['platform']}; Python {facts['python']}, "
        f"{versions}. Importing the library took {loading} s of the processor. "
        f"{LABEL[0].upper()}{LABEL[1:]}.",
        "",
        "| match | rounds | matches | decisions per processor second, median | least-most |",
        "|---|---|---|---|---|",
        *(
            f"| {r['setting']} | {r['rounds']} | {r['matches']} | {r['decisions_per_s']:,} | "
            f"{r['least']:,}-{r['most']:,} |"
            for r in result["rows"]
        ),
    ]
    out = destination(options.out, options.quick)
    out.mkdir(parents=True, exist_ok=True)
    (out / "axelrod.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "axelrod.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
