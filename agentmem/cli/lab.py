"""doctor, forecast, replay, tune: how a memory fares, and would fare under other policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import isnan
from typing import Annotated, Any

import typer
import yaml

from agentmem.cli.plans import iso
from agentmem.cli.session import EverywhereOption, Session, clean, columns, command
from agentmem.config import build_policies
from agentmem.counterfactual import lived
from agentmem.errors import EmbedderMismatch, InputError
from agentmem.health import Finding
from agentmem.tuning import Objective, choices, plain, tune

BudgetOption = Annotated[
    int | None, typer.Option(min=1, help="Keep at most so many records a namespace, by weight.")
]
_MISMATCH = "embedder-mismatch"


def doctor(session: Session, everywhere: EverywhereOption = False) -> None:
    """What is wrong, or odd, about the memory and its policies. Exit code 1 if something is."""
    try:
        with session.memory() as memory:
            findings = memory.doctor(namespace=() if everywhere else None)
    except EmbedderMismatch as error:
        remedy = "configure the embedder it was made with, or `agentmem reembed`"
        findings = [Finding(code=_MISMATCH, level="error", message=str(error), remedy=remedy)]
    lines = [str(one) for one in findings] or ["nothing to complain of"]
    session.show([asdict(one) for one in findings], *lines)
    if any(one.level != "note" for one in findings):
        raise typer.Exit(1)


def forecast(
    session: Session,
    horizon: Annotated[str, typer.Option(help="How far to look ahead, as in 30d.")] = "1y",
    limit: Annotated[int, typer.Option(min=1, help="At most so many records.")] = 20,
    everywhere: EverywhereOption = False,
) -> None:
    """When each record will be forgotten, if nothing is added or recalled until then."""
    with session.memory() as memory:
        place = () if everywhere else None
        found = memory.forecast(namespace=place, horizon=horizon, limit=limit)
    table = columns("when", "how", "by", "text")
    data = []
    for one in found:
        table.add_row(iso(one.at), one.how, one.by or "its own date", clean(one.text))
        data.append(
            {"id": one.record.id, "at": iso(one.at), "how": one.how, "by": one.by, "text": one.text}
        )
    session.show(data, table if found else f"nothing will be forgotten within {horizon}")


def replay(
    session: Session,
    policies: Annotated[
        list[str],
        typer.Argument(metavar="POLICY...", help="Names, files, or {name: options}; + joins some."),
    ],
    budget: BudgetOption = None,
    everywhere: EverywhereOption = False,
) -> None:
    """The memory's journal lived again under other policies. Changes nothing.

    What was recalled counts as needed. bound: recall of a keeper who knows the future, with as many
    records; regret: what the policy falls short of it.
    """
    with session.memory() as memory:
        trace = memory.trace(namespace=() if everywhere else None)
    outcomes = {spec: lived(trace, _policies(spec), budget=budget) for spec in policies}
    table = columns("policy", *_COLUMNS)
    for spec, outcome in outcomes.items():
        table.add_row(clean(spec), *(_shown(getattr(outcome, name)) for name in _COLUMNS))
    rows = [{"policy": spec, **_plain(asdict(one))} for spec, one in outcomes.items()]
    session.show(rows, table)


_COLUMNS = (
    "needs",
    "recall",
    "bound",
    "regret",
    "auc",
    "removed",
    "false_forget",
    "stale",
    "records",
    "tokens",
)


def tuned(
    session: Session,
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="A policy's name.")],
    vary: Annotated[
        list[str], typer.Option(help="OPTION=7d,30d or OPTION=1d..180d:6; give several times.")
    ],
    objective: Annotated[Objective, typer.Option(help="auc: ranking; recall: keeping.")] = "auc",
    budget: BudgetOption = None,
    tail: Annotated[float, typer.Option(help="Share of the recalls held out, 0..1.")] = 0.3,
    everywhere: EverywhereOption = False,
) -> None:
    """Fit a policy's options to the journal; judged on the recalls at its end, not fitted to."""
    grid = dict(map(_varied, vary))
    with session.memory() as memory:
        trace = memory.trace(namespace=() if everywhere else None)
    best = tune(trace, policy, grid, objective=objective, budget=budget, tail=tail)
    spec = {policy: dict(best.options)}
    told = (
        f"best of {best.tried}: {objective} {best.fitted:.3f} where it was fitted, "
        f"{best.held_out:.3f} on the rest; the defaults {best.default:.3f} there"
    )
    if not best.gain > 0.0:
        told += "; the fit does not hold: keep the defaults"
    text = yaml.safe_dump({"policies": [spec]}, sort_keys=False).rstrip()
    data: dict[str, Any] = {"policies": [spec], "objective": objective, "tried": best.tried}
    scores = {"fitted": best.fitted, "held_out": best.held_out, "default": best.default}
    session.show({**data, **_plain(scores), "outcome": _plain(asdict(best.outcome))}, told, text)


def _policies(spec: str) -> tuple[Any, ...]:
    """The policies of `ebbinghaus`, `{ebbinghaus: {half_life: 7d}}`, `window+budget`."""
    parts = [spec] if spec.lstrip().startswith("{") else spec.split("+")
    return build_policies([plain(part) for part in parts])


def _varied(text: str) -> tuple[str, list[Any]]:
    name, found, values = text.partition("=")
    if not found or not name.strip() or not values.strip():
        raise InputError(f"--vary {text!r}: write OPTION=VALUE,VALUE or OPTION=LOW..HIGH:COUNT")
    return name.strip(), choices(values)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN."""
    pairs = values.items()
    return {n: None if isinstance(v, float) and isnan(v) else v for n, v in pairs}


def _shown(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return "-" if isnan(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.0f}"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for body in (doctor, forecast, replay):
        command(app, body.__name__, body)
    command(app, "tune", tuned)
