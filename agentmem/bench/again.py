"""A run that there is already: gone on with, or its table and report made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentmem import catalogue
from agentmem.bench.files import read_object, write_whole
from agentmem.bench.loading import load_suite
from agentmem.bench.log import finished
from agentmem.bench.run import FOLDER, KEPT, RESULT, collect, publish, run_suite
from agentmem.bench.suite import Suite
from agentmem.bench.variant import AS_IT_IS, Variant
from agentmem.errors import InputError


def resume(
    what: str | Path, out: str | Path = FOLDER, *, variant: Variant = AS_IT_IS, **options: Any
) -> Path:
    """Go on with a run, given its folder, or its suite, perhaps in a variant (then it lies in
    `out`); `options` are those of `run_suite`.  A limit in money holds until another is given.

    InputError if it was never begun, or if the suite or the code has changed since.
    """
    what = Path(what)
    if (what / "meta.json").is_file():
        meta = known(what)
        unchanged(what, meta)
        variant = Variant.read(meta["variant"])
        options["answers"] = options.get("answers") or kept(what, meta["answers"])
        if options.get("max_cost") is None:
            options["max_cost"] = meta.get("max_cost")
        return run_suite(meta["suite"], what.parent, log=meta["log"], variant=variant, **options)
    if what.is_dir() and what.name not in catalogue.entries("bench"):
        known(what)
    folder = Path(out) / load_suite(what, variant).spec_hash()
    if not (folder / "meta.json").is_file():
        raise InputError(f"{folder} does not exist: nothing was begun that could go on; run it")
    return resume(folder, **options)


def kept(folder: Path, answers: str | None) -> Path | None:
    """Where the answers are that a run kept in some file: there, or where its folder has gone."""
    beside = folder.parent / KEPT
    if answers is None or (beside.exists() and not Path(answers).exists()):
        return None
    return Path(answers)


def remake(folder: str | Path, out: str | Path | None = None) -> Path:
    """Make the table and the report of a run again, from its result; the report's file.

    `out`: a copy of the report.  Of an unfinished run, from what is finished, as the report says;
    InputError if that is nothing.
    """
    folder = Path(folder)
    meta = known(folder)
    if not (folder / "result.json").is_file():
        partial(folder, meta)
    else:
        publish(folder, read_object(folder / "result.json", *RESULT))
    report = folder / "report.html"
    if out is not None:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_whole(Path(out), report.read_text("utf-8"))
        return Path(out)
    return report


def partial(folder: Path, meta: dict[str, Any]) -> None:
    """The table and the report of the runs that are finished."""
    suite = unchanged(folder, meta)
    rows = finished(folder / "events.jsonl")
    jobs = list(suite.jobs())
    done = [rows[job.id] for job in jobs if job.id in rows]
    if not done:
        raise InputError(f"{folder}: no run is finished yet")
    result = collect(suite, done)
    says = f"UNFINISHED: {len(done)} of {len(jobs)} runs. {result['description']}"
    publish(folder, {**result, "description": says})


def known(folder: Path) -> dict[str, Any]:
    """The meta.json of a run's folder."""
    path = folder / "meta.json"
    if not path.is_file():
        raise InputError(f"{str(folder)!r} is no folder of a run: it holds no meta.json")
    return read_object(path, "suite", "variant", "spec_hash", "log", "answers", "git")


def unchanged(folder: Path, meta: dict[str, Any]) -> Suite:
    """The suite of a folder, if it is still the one that was begun there."""
    suite = load_suite(meta["suite"], Variant.read(meta["variant"]))
    if suite.spec_hash() != meta["spec_hash"]:
        raise InputError(
            f"{folder}: the suite {meta['suite']} or the code has changed since it was begun "
            f"(it is {suite.spec_hash()} now, code of commit {meta['git']} then): "
            "change that back, or run it anew"
        )
    return suite
