"""Forward-looking reasoning of a run as a fine-tuning set: chat JSONL and a manifest.

After the recipe of the memory curse (arXiv 2605.08060, 4.2): a model is tuned on 1,843 traces of
public goods that look forward, for 3 epochs, without action labels.  How its authors chose their
traces, and what they asked for in the prompts, is not known: the rule here is ours.

A trace is what a model said before its answer.  Without action labels the JSON answer is taken
off the reply, and off the prompt the request for one, or the set would teach not to answer.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from agentmem.bench.files import read_object, write_whole
from agentmem.bench.keys import generator
from agentmem.bench.lexicon import FORWARD, HISTORY, VERSION, count
from agentmem.bench.provenance import package_version
from agentmem.bench.reasoning import reasoning_only, split_answer, values
from agentmem.bench.surrogates import LABEL
from agentmem.core import content_id
from agentmem.errors import InputError, nearest
from agentmem.fields import Bounds, check

SERVED = "served models"
WARNING = (
    "these traces are words that simulated players drew from a list: they test the path, and teach"
    " nothing about LLMs"
)
_NEEDS: Mapping[str, Mapping[str, type]] = {  # what is read of each kind of event
    "log": {"level": str},
    "run": {"run": str, "systems": list},
    "decision": {
        "run": str,
        "round": int,
        "seat": int,
        "prompt": str,
        "replies": list,
        "status": str,
    },
    "result": {"run": str, "row": dict},
}
_OF = ("game", "player", "arm")  # what can be chosen, of the row of a run


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which traces are taken.  ConfigError for a value out of its range."""

    threshold: Annotated[float, Bounds(least=0, most=1)] = 0.5  # least forward-looking ratio
    words: Annotated[int, Bounds(least=1)] = 3  # least number of words of the two lists
    games: tuple[str, ...] = ()  # labels of the suite; (): all
    players: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    per_run: Annotated[int, Bounds(least=1)] | None = None  # at most, drawn by the seed
    total: Annotated[int, Bounds(least=1)] | None = None  # at most, drawn by the seed
    actions: bool = False  # whether replies keep their answer
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One example."""

    messages: tuple[Mapping[str, str], ...]  # system (if there was one), user, assistant
    meta: Mapping[str, Any]
    ratio: float  # 0..1, forward-looking
    named: bool  # whether the reasoning still names the answer that was given

    @property
    def text(self) -> str:
        return self.messages[-1]["content"]

    def line(self) -> str:
        return json.dumps({"messages": self.messages, "meta": self.meta}) + "\n"


def export_traces(
    folder: str | Path, out: str | Path, selection: Selection | None = None
) -> dict[str, Any]:
    """Write `out` (.jsonl) and beside it `NAME.manifest.json`; the manifest.

    `folder` is that of a run: OUT/<spec hash>.  The same events and selection give the same bytes.
    InputError for a folder without events, for events without prompts, and if nothing is left.
    """
    folder, out = Path(folder), Path(out)
    selection = selection or Selection()
    if out.suffix != ".jsonl":
        raise InputError(f"{str(out)!r}: the set is written as JSON lines, to a file *.jsonl")
    source = _source(folder)
    sieve = Sieve(selection=selection, file=folder / "events.jsonl")
    traces = sieve.traces()
    text = "".join(trace.line() for trace in traces)
    content = {
        "data": out.name,
        "sha256": sha256(text.encode()).hexdigest(),
        **_figures(traces),
        "decisions": sieve.decisions,
        "left_out": +sieve.left,
        "selection": asdict(selection),
        "lexicon": {"version": VERSION, "forward": FORWARD, "history": HISTORY},
        "source": source,
        "version": package_version(),
    }
    manifest = json.dumps(content, indent=1)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, text)
    write_whole(out.with_suffix(".manifest.json"), manifest + "\n")
    return dict(json.loads(manifest))


def _source(folder: Path) -> dict[str, Any]:
    """Which run this is, by its specification."""
    for name in ("events.jsonl", "spec.json"):
        if not (folder / name).is_file():
            raise InputError(f"{str(folder)!r} is no folder of a run: it holds no {name}")
    spec = read_object(folder / "spec.json")
    spec_hash = content_id(json.dumps(spec, sort_keys=True))[:16]
    return {"spec_hash": spec_hash, "suite": spec.get("name"), "version": spec.get("version")}


def _figures(traces: Sequence[Trace]) -> dict[str, Any]:
    ratios = [trace.ratio for trace in traces]
    players = Counter(trace.meta["player"] for trace in traces)
    simulated = any(player.startswith("surrogate:") for player in players)
    return {
        "label": LABEL if simulated else SERVED,
        "warning": WARNING if simulated else "",
        "traces": len(traces),
        "runs": len({trace.meta["run"] for trace in traces}),
        "players": players,
        "games": Counter(trace.meta["game"] for trace in traces),
        "arms": Counter(trace.meta["arm"] for trace in traces),
        "flr": {"mean": round(sum(ratios) / len(ratios), 4), "least": round(min(ratios), 4)},
        "naming_their_answer": sum(trace.named for trace in traces),
    }


def _placed(trace: Trace, row: Mapping[str, Any]) -> Trace:
    """The trace with what the row of its run knows: where, and whose it is."""
    who = "player" if trace.meta["seat"] in row["seats"] else "opponent"
    of = {"game": row["game"], "player": row[who], "arm": row["arm"], "seed": row["seed"]}
    return replace(trace, meta={**of, **trace.meta, "flr": round(trace.ratio, 4)})


@dataclass(kw_only=True)
class Sieve:
    """Goes through the events of a run once.  Only runs with a result count."""

    selection: Selection
    file: Path
    decisions: int = 0
    left: Counter[str] = field(default_factory=Counter)  # why decisions were left out
    open: dict[str, tuple[list[str], list[Trace]]] = field(default_factory=dict)
    kept: list[Trace] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)  # of those kept
    known: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in _OF})

    def traces(self) -> list[Trace]:
        """Those chosen, in the order of the events; InputError if there are none."""
        act: Mapping[str, Callable[[dict[str, Any], str], None]] = {
            "log": self._logged,
            "run": self._begin,
            "decision": self._decide,
            "result": self._finish,
        }
        for at, event in events(self.file):
            if event["type"] in act:
                act[event["type"]](event, at)
        for _, traces in self.open.values():
            self.left["run unfinished"] += len(traces)
        for name in _OF:
            for value in getattr(self.selection, f"{name}s"):
                if value not in self.known[name]:
                    hint = nearest(value, self.known[name])
                    raise InputError(f"{self.file}: no finished run of {name} {value!r}{hint}")
        drawn = self._sample(self.kept, self.selection.total, "total")
        if not drawn:
            why = ", ".join(f"{reason}: {n}" for reason, n in (+self.left).most_common())
            raise InputError(f"{self.file}: none of {self.decisions} decisions is left ({why})")
        return drawn

    def _logged(self, event: dict[str, Any], at: str) -> None:
        if event["level"] != "full":
            raise InputError(
                f"{at}: logged with log: {event['level']}, without prompts and replies; a set can"
                " be made of a run with log: full"
            )

    def _begin(self, event: dict[str, Any], at: str) -> None:
        self.open[event["run"]] = (event["systems"], [])

    def _decide(self, event: dict[str, Any], at: str) -> None:
        self.decisions += 1
        if event["run"] not in self.open:
            raise InputError(f"{at}: a decision of {event['run']!r} before that run began")
        systems, traces = self.open[event["run"]]
        if not (0 <= event["seat"] < len(systems) and isinstance(systems[event["seat"]], str)):
            raise InputError(f"{at}: the run has no system message of seat {event['seat']}")
        trace = self._trace(event, systems[event["seat"]])
        if isinstance(trace, Trace):
            traces.append(trace)
        else:
            self.left[trace] += 1

    def _trace(self, event: dict[str, Any], system: str) -> Trace | str:
        """The example that a decision makes, or why it makes none."""
        chosen = self.selection
        # A reply to "that could not be used" answers another prompt than the one logged.
        if event["status"] != "ok" or not event["replies"]:
            return f"status {event['status']}"
        asked = reasoning_only(event["prompt"])
        said, answer = split_answer(event["replies"][-1])
        if asked is None or not said:
            return "no reasoning"
        if answer is None:
            return "no answer at its end"
        forward, history = count(said)
        if forward + history < chosen.words:
            return "few words of the lists"
        ratio = forward / (forward + history)
        if ratio < chosen.threshold:
            return "below the threshold"
        user, reply = (event["prompt"], event["replies"][-1]) if chosen.actions else (asked, said)
        # Rules that stand in the prompt itself were not sent as a system message.
        roles = {"system": system} if system not in user else {}
        roles |= {"user": user, "assistant": reply}
        return Trace(
            messages=tuple({"role": role, "content": text} for role, text in roles.items()),
            meta={key: event.get(key) for key in ("run", "round", "step", "seat", "move")},
            ratio=ratio,
            named=any(re.search(rf"\b{re.escape(one)}\b", said) for one in values(answer)),
        )

    def _finish(self, event: dict[str, Any], at: str) -> None:
        row, run = event["row"], event["run"]
        for name in ("game", "player", "opponent", "arm", "seed", "seats"):
            if name not in row:
                raise InputError(f"{at}: the row has no {name!r}")
        found = [_placed(trace, row) for trace in self.open.pop(run, ([], []))[1]]
        for name in _OF:
            self.known[name].update((row[name], *(trace.meta[name] for trace in found)))
            wanted = getattr(self.selection, f"{name}s") or self.known[name]
            of_it = [trace for trace in found if trace.meta[name] in wanted]
            self.left[f"another {name}"] += len(found) - len(of_it)
            found = of_it
        new = {trace.text: trace for trace in reversed(found) if trace.text not in self.texts}
        self.left["the same text"] += len(found) - len(new)
        drawn = self._sample([*reversed(new.values())], self.selection.per_run, run)
        self.texts.update(trace.text for trace in drawn)
        self.kept += drawn

    def _sample(self, traces: list[Trace], most: int | None, what: str) -> list[Trace]:
        """At most so many of them, in their order."""
        if most is None or len(traces) <= most:
            return traces
        self.left["not drawn"] += len(traces) - most
        chosen = generator("traces", self.selection.seed, what).sample(range(len(traces)), most)
        return [traces[place] for place in sorted(chosen)]


def events(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event with its place in the file; InputError for one that lacks what is read of it.

    A last line without its end is that of a run broken off, and is not read.
    """
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            at = f"{file}:{number}"
            if not line.endswith("\n"):
                return
            try:
                event = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{at}: not JSON ({error.msg})") from error
            kind = event.get("type") if isinstance(event, dict) else None
            for key, needed in _NEEDS.get(str(kind), {"type": str}).items():
                if not isinstance(event, dict) or not isinstance(event.get(key), needed):
                    raise InputError(f"{at}: {kind} event without a {needed.__name__} {key!r}")
            yield at, event
