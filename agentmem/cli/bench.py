"""bench: play suites, and look at what came of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import yaml

from agentmem import catalogue
from agentmem.bench.variant import Variant
from agentmem.cli import probing, tuning
from agentmem.cli.session import Session, YesOption, clean, columns, command
from agentmem.errors import InputError

if TYPE_CHECKING:
    from agentmem.bench.suite import Suite

SuiteArgument = Annotated[
    str, typer.Argument(metavar="SUITE", help="A suite's file, or its name in the catalogue.")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
OutOption = Annotated[Path, typer.Option(help="Where results go.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes, for simulated players; as many as CPUs.")
]
ExecutorOption = Annotated[Literal["local", "ray"], typer.Option(help="Where runs are played.")]
ProgressOption = Annotated[bool, typer.Option(help="Draw a bar on stderr.")]
CostOption = Annotated[float | None, typer.Option(min=0, help="Limit in money, of the suite.")]
AnswersOption = Annotated[
    Path | None, typer.Option(help="What models answered; else OUT/answers.sqlite.")
]
ReplyOption = Annotated[
    int | None, typer.Option(min=1, help="Tokens assumed of a reply; 200, or 20 without reasoning.")
]
LogOption = Annotated[
    Literal["full", "moves", "results"] | None,
    typer.Option(help="What is logged: all, no texts and ids, or only each run's row."),
]
PlayerOption = Annotated[
    list[str] | None, typer.Option(help="A model in place of the suite's players; may be repeated.")
]
SeedsOption = Annotated[int | None, typer.Option(min=1, help="So many seeds instead.")]
RoundsOption = Annotated[int | None, typer.Option(min=1, help="So many rounds of each game.")]
PriceOption = Annotated[
    str | None,
    typer.Option(
        metavar="IN,OUT[,CACHED]", help="Price of --player for a million tokens, as in 0.15,0.6."
    ),
]
RUNS = Path("runs")


def run(
    session: Session,
    suite: SuiteArgument,
    out: OutOption = RUNS,
    resume: Annotated[bool, typer.Option(help="Go on where a run stopped.")] = True,
    progress: ProgressOption = True,
    workers: WorkersOption = None,
    executor: ExecutorOption = "local",
    log: LogOption = None,
    max_cost: CostOption = None,
    answers: AnswersOption = None,
    player: PlayerOption = None,
    seeds: SeedsOption = None,
    rounds: RoundsOption = None,
    price: PriceOption = None,
    yes: YesOption = False,
) -> None:
    """Play a suite; writes events, results, a table and a report. Served models cost: it asks."""
    from agentmem.bench.loading import load_suite
    from agentmem.bench.run import limited, run_suite

    otherwise = _variant(player, seeds, rounds, price)
    read = limited(load_suite(suite, otherwise), max_cost)
    _agree(session, read, yes)
    with _interruptible(out / read.spec_hash()):
        folder = run_suite(
            suite,
            out,
            progress=progress and not session.as_json,
            resume=resume,
            workers=workers,
            place=executor,
            log=log,
            max_cost=max_cost,
            answers=answers,
            variant=otherwise,
        )
    _show_run(session, folder)


def _agree(session: Session, suite: Suite, yes: bool) -> None:
    """Say what served models will cost, and ask whether to go on."""
    from agentmem.bench.estimate import estimates

    if suite.served:
        if not session.as_json:
            _show_estimates(session, [asdict(one) for one in estimates(suite)])
        session.confirm(f"Ask {', '.join(suite.served)}?", yes)


@contextmanager
def _interruptible(folder: Path) -> Iterator[None]:
    """Say how to go on after Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"what is done is kept; go on with: agentmem bench resume {folder}", err=True)
        raise


def _variant(
    players: list[str] | None, seeds: int | None, rounds: int | None, price: str | None
) -> Variant:
    """What is played otherwise than the suite says."""
    try:
        numbers = tuple(float(one) for one in price.split(",")) if price else ()
    except ValueError:
        raise InputError(
            f"price {price!r}: give numbers as in 0.15,0.6 or 0.15,0.6,0.075"
        ) from None
    return Variant(players=tuple(players or ()), seeds=seeds, rounds=rounds, price=numbers)


def resume(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its suite.")],
    out: OutOption = RUNS,
    progress: ProgressOption = True,
    workers: WorkersOption = None,
    executor: ExecutorOption = "local",
    max_cost: CostOption = None,
    answers: AnswersOption = None,
) -> None:
    """Go on with an interrupted run. Nothing that was answered is asked again."""
    from agentmem.bench.again import resume as go_on

    folder = go_on(
        what,
        out,
        progress=progress and not session.as_json,
        workers=workers,
        place=executor,
        max_cost=max_cost,
        answers=answers,
    )
    _show_run(session, folder)


def _show_run(session: Session, folder: Path) -> None:
    files = {path.stem: str(path) for path in sorted(folder.iterdir()) if path.is_file()}
    table = (folder / "table.txt").read_text(encoding="utf-8").rstrip()
    session.show({"folder": str(folder), "files": files}, table, f"report: {folder}/report.html")


def report(
    session: Session,
    folder: RunArgument,
    out: Annotated[Path | None, typer.Option(help="A copy of the report.")] = None,
) -> None:
    """Make table and report again, from the result; of an unfinished run, from what there is."""
    from agentmem.bench.again import remake

    made = remake(folder, out)
    table = (folder / "table.txt").read_text(encoding="utf-8").rstrip()
    session.show(
        {"report": str(made), "table": str(folder / "table.txt")}, table, f"report: {made}"
    )


def diff(
    session: Session,
    one: Annotated[Path, typer.Argument(metavar="RUN_A")],
    other: Annotated[Path, typer.Argument(metavar="RUN_B")],
) -> None:
    """Two runs side by side: what was set differently, and the figures, paired by seed."""
    from agentmem.bench.compare import compare

    found = compare(one, other)
    spec = columns("setting", "A", "B")
    for part in found["spec"]:
        spec.add_row(clean(part["key"]), *(clean(str(value)) for value in part["values"]))
    names = ("game", "player", "opponent", "arm")
    table = columns(*names, "figure", "A", "B", "B - A [95%]", "seeds", "p")
    for line in found["figures"]:
        cells = [clean(line[name]) for name in names]
        means = [_number(mean) for mean in line["means"]]
        table.add_row(*cells, line["headline"], *means, *_gap(line["difference"]))
    missing = [f"only in one of them: {clean(' / '.join(setting))}" for setting in found["only"]]
    labels = dict.fromkeys(label for label in found["labels"] if label)
    head = spec if found["spec"] else "the same specification"
    session.show(found, *labels, head, "", table, *missing)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _gap(gap: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if gap is None:
        return "-", "0", "-"
    interval = gap["interval"]
    spread = f" [{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else ""
    return f"{gap['mean']:+.3f}{spread}", str(gap["n"]), _number(gap["p"])


def list_suites(session: Session) -> None:
    """The benchmark suites of the catalogue."""
    described = catalogue.describe("bench")
    table = columns("name", "what it plays")
    for name, text in described.items():
        table.add_row(name, clean(text))
    session.show([{"name": n, "description": t} for n, t in described.items()], table)


def show(
    session: Session,
    suite: SuiteArgument,
    player: PlayerOption = None,
    seeds: SeedsOption = None,
    rounds: RoundsOption = None,
    price: PriceOption = None,
) -> None:
    """What a suite comes to: its runs, and its specification."""
    from agentmem.bench.loading import load_suite

    read = load_suite(suite, _variant(player, seeds, rounds, price))
    jobs = list(read.jobs())
    spec = read.spec()
    total = sum(job.cell.game.rounds for job in jobs)
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True).rstrip()
    head = f"{len(jobs)} runs, {total} rounds; specification {read.spec_hash()}:"
    data = {"hash": read.spec_hash(), "runs": len(jobs), "rounds": total, "spec": spec}
    session.show(data, head, text)


def estimate(
    session: Session,
    suite: SuiteArgument,
    reply_tokens: ReplyOption = None,
    player: PlayerOption = None,
    seeds: SeedsOption = None,
    rounds: RoundsOption = None,
    price: PriceOption = None,
) -> None:
    """What a suite will ask of served models, and cost, before it starts. Asks nothing."""
    from agentmem.bench.estimate import estimates
    from agentmem.bench.loading import load_suite

    read = load_suite(suite, _variant(player, seeds, rounds, price))
    _show_estimates(session, [asdict(one) for one in estimates(read, reply_tokens)])


def _show_estimates(session: Session, found: Sequence[Mapping[str, Any]]) -> None:
    names = ("model", "runs", "calls", "tokens in", "cached at best", "tokens out", "cost")
    table = columns(*names)
    for one in found:
        share = one["cached"] / one["tokens_in"] if one["tokens_in"] else 0.0
        counts = [f"{one[name]:,}" for name in ("runs", "calls", "tokens_in")]
        low, high = one["cost"], one["cost_uncached"]
        money = "no price given" if low is None else f"{low:.2f} to {high:.2f}"
        table.add_row(clean(one["model"]), *counts, f"{share:.0%}", f"{one['tokens_out']:,}", money)
    note = "by a simulated player in each model's place; replies are assumed, see --reply-tokens"
    if not found:
        session.show([], "no served model: nothing will be asked, nothing will be paid")
        return
    session.show(list(found), table, note)


def register(app: typer.Typer) -> None:
    """Add this group of commands."""
    bench = typer.Typer(help="Benchmarks.", no_args_is_help=True)
    for body in (run, resume, report, diff, show, estimate, probing.power):
        command(bench, body.__name__, body, "plain")
    command(bench, "list", list_suites, "plain")
    tuning.register(bench)
    command(bench, "probe", probing.probe, "plain")
    command(bench, "check", probing.check, "plain")
    app.add_typer(bench, name="bench")
