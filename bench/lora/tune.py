"""An adapter that looks forward: traces of a run, chosen, and trained on.

    python bench/lora/tune.py FOLDER [--model NAME] [--out DIR]

FOLDER is that of a run with `log: full`, as of bench/lora/play.yaml.  Writes DIR/forward.jsonl
with its manifest, and the adapter to DIR/adapter.  Needs the extra `finetune`; see README.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agentmem.bench.lora import Recipe, finetune
from agentmem.bench.traces import Selection, export_traces

MODEL = "mistralai/Mistral-7B-Instruct-v0.3"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of a run")
    parser.add_argument("--model", default=MODEL, help="a name on Hugging Face, or a folder")
    parser.add_argument("--out", type=Path, default=Path("runs/lora"))
    parser.add_argument("--traces", type=int, default=1843, help="at most; the paper's number")
    parser.add_argument("--threshold", type=float, default=0.5, help="least forward-looking ratio")
    # Folded, a prompt is the one that a server makes of a system message by Mistral's template.
    parser.add_argument("--system", choices=("keep", "fold"), default="fold")
    parser.add_argument("--steps", type=int, help="instead of 3 epochs")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    chosen = Selection(threshold=asked.threshold, total=asked.traces, seed=asked.seed)
    recipe = Recipe(system=asked.system, max_steps=asked.steps, seed=asked.seed)
    data, adapter = asked.out / "forward.jsonl", asked.out / "adapter"
    manifest = export_traces(asked.folder, data, chosen)
    print(f"{manifest['traces']} traces, mean forward-looking ratio {manifest['flr']['mean']}")
    print(f"{manifest['naming_their_answer']} of them name their answer in the reasoning")
    if manifest["warning"]:
        print(manifest["warning"], file=sys.stderr)
    done = finetune(data, asked.model, adapter, recipe)
    print(f"{done['steps']} steps, loss {done['losses'][0]:.3f} to {done['losses'][-1]:.3f}")
    print(f"vllm serve {asked.model} --enable-lora --lora-modules forward={adapter}")


if __name__ == "__main__":
    main()
