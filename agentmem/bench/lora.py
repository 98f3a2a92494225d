"""Fine-tuning on reasoning traces: a low-rank adapter (LoRA, arXiv 2106.09685) by trl and peft.

The memory curse (arXiv 2605.08060, 4.2) tunes Mistral-7B on 1,843 forward-looking traces for 3
epochs, without action labels.  Nothing else of its recipe is known: the other values here are
those that are usual for adapters.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from agentmem.bench.provenance import package_version
from agentmem.errors import ConfigError, InputError, MissingExtra
from agentmem.fields import Bounds, check

EXTRA = ("torch", "transformers", "peft", "trl", "datasets")
ROLES = ("system", "user", "assistant")
FOLD = "; try system='fold'"
Chat = list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an adapter is trained.  ConfigError for a value out of its range."""

    rank: Annotated[int, Bounds(least=1)] = 16
    alpha: Annotated[int, Bounds(least=1)] = 32  # the adapter's share is alpha / rank
    dropout: Annotated[float, Bounds(least=0, below=1)] = 0.05
    epochs: Annotated[float, Bounds(above=0)] = 3.0
    max_steps: Annotated[int, Bounds(least=1)] | None = None  # instead of epochs
    learning_rate: Annotated[float, Bounds(above=0)] = 2e-4  # linear to 0
    batch: Annotated[int, Bounds(least=1)] = 4  # examples of one pass
    accumulate: Annotated[int, Bounds(least=1)] = 4  # passes of one step
    max_length: Annotated[int, Bounds(least=2)] = 4096  # tokens; a longer example is an error
    assistant_only_loss: bool = True  # whether only what the assistant says is learnt
    system: Literal["keep", "fold"] = "keep"  # fold: into the first user message
    seed: Annotated[int, Bounds(least=0)] = 0

    def __post_init__(self) -> None:
        check(self)


def finetune(
    data: str | Path,
    model: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    adapter: str | Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Train an adapter of `model` on chat JSONL; what was done, which is also `out`/recipe.json.

    `model` is a name on Hugging Face or a folder, `out` a folder that is not there yet.  With
    `adapter`, the training goes on from that one, whose own rank, alpha and dropout then hold.
    One GPU if there is one (bfloat16 where it can), else the CPU.

    MissingExtra without the extra `finetune`; InputError for data that cannot be used;
    ConfigError for a model, a chat template or an adapter that does not fit.
    """
    data, out, recipe = Path(data), Path(out), recipe or Recipe()
    chats = read_chats(data)
    if out.exists():
        raise InputError(f"{str(out)!r} is there already: give the adapter a folder of its own")
    libraries = _libraries()
    tokenizer = _load(libraries["transformers"].AutoTokenizer, model, "tokenizer")
    chats = _fitting(chats, tokenizer, recipe)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as part:
        begun = time.perf_counter()
        trainer = libraries["trl"].SFTTrainer(
            model=_adapted(libraries, model, adapter, recipe),
            args=_arguments(libraries, recipe, part, progress),
            # Prompt and completion: needs no marks of generation in the chat template.
            train_dataset=libraries["datasets"].Dataset.from_list(
                [{"prompt": chat[:-1], "completion": chat[-1:]} for chat in chats]
            ),
            processing_class=tokenizer,
        )
        trainer.remove_callback(libraries["transformers"].PrinterCallback)
        trainer.train()
        done = {
            "base": str(model),
            "adapter": None if adapter is None else str(adapter),
            "data": {"name": data.name, "sha256": _hash(data), "examples": len(chats)},
            **_origin(data),
            "recipe": asdict(recipe),
            **_course(trainer),
            "seconds": round(time.perf_counter() - begun, 1),
        }
        _save(trainer.model, done, Path(part) / "adapter", out)
    return done


def read_chats(data: Path) -> list[Chat]:
    """The conversations of a chat JSONL file, `{"messages": [{"role", "content"}, ...]}` a line.

    InputError, with the place, for a line that is none, or does not end with the assistant.
    """
    if not data.is_file():
        raise InputError(f"no file {str(data)!r}: give a set of chats (*.jsonl)")
    chats = []
    with data.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                example = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{data}:{number}: not JSON ({error.msg})") from error
            chats.append(_chat(example, f"{data}:{number}"))
    if not chats:
        raise InputError(f"{data} holds no example")
    return chats


def _chat(example: Any, at: str) -> Chat:
    messages = example.get("messages") if isinstance(example, Mapping) else None
    if not isinstance(messages, list) or len(messages) < 2:
        raise InputError(f"{at}: no 'messages', a list of two or more")
    for message in messages:
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            raise InputError(f"{at}: a message needs a 'role' of {', '.join(ROLES)}")
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            raise InputError(f"{at}: a message needs a 'content' that is not empty")
    if messages[-1]["role"] != "assistant":
        raise InputError(f"{at}: the last message must be the assistant's")
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def fold(chat: Chat) -> Chat:
    """The system message put before the first user message, for templates that know none."""
    if chat[0]["role"] != "system" or chat[1]["role"] != "user":
        return chat
    first = {"role": "user", "content": f"{chat[0]['content']}\n\n{chat[1]['content']}"}
    return [first, *chat[2:]]


def _libraries() -> dict[str, Any]:
    """The modules of the extra, by name."""
    try:
        return {name: import_module(name) for name in EXTRA}
    except ImportError as error:
        raise MissingExtra("fine-tuning", "finetune") from error


def _load(kind: Any, model: str | Path, what: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(str(model), **options)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"cannot load the {what} of {str(model)!r}: {error}") from error


def _fitting(chats: list[Chat], tokenizer: Any, recipe: Recipe) -> list[Chat]:
    """The chats as they are trained, once it is known that template and length take them all."""
    if not tokenizer.chat_template:
        raise ConfigError("the model has no chat template: take one that was tuned to chat")
    if recipe.system == "fold":
        chats = [fold(chat) for chat in chats]
    try:
        lengths = [_length(chat, tokenizer) for chat in chats]
    except import_module("jinja2").TemplateError as error:
        raise ConfigError(f"the model's chat template refuses the chats: {error}{FOLD}") from error
    long = sum(length > recipe.max_length for length in lengths)
    if long:
        raise InputError(
            f"{long} of {len(chats)} examples are longer than max_length = {recipe.max_length}"
            f" tokens (the longest: {max(lengths)}); cut, they would lose their reasoning"
        )
    return chats


def _length(chat: Chat, tokenizer: Any) -> int:
    """Tokens of a chat; ConfigError if its prompt reads otherwise once it has been answered.

    Some templates, as that of Mistral-7B-Instruct-v0.3, give a system message to the last message
    if that is the user's: the rules would be in every prompt that is played, and in none learnt.
    """
    asked = tokenizer.apply_chat_template(chat[:-1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(chat, tokenize=False)
    if not whole.startswith(asked):
        raise ConfigError(
            "the model's chat template writes a prompt otherwise once it has been answered, so it"
            f" would be learnt as it is never seen{FOLD}"
        )
    return len(tokenizer(whole, add_special_tokens=False).input_ids)


def _precision(libraries: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether there is a GPU, and whether it computes in bfloat16."""
    cuda = libraries["torch"].cuda
    return cuda.is_available(), cuda.is_available() and cuda.is_bf16_supported()


def _adapted(
    libraries: Mapping[str, Any], model: str | Path, adapter: str | Path | None, recipe: Recipe
) -> Any:
    """The base model with an adapter to train: a new one, which changes nothing yet, or a saved."""
    torch, peft, transformers = (libraries[name] for name in ("torch", "peft", "transformers"))
    kind = torch.bfloat16 if _precision(libraries)[1] else torch.float32
    base = _load(transformers.AutoModelForCausalLM, model, "weights", dtype=kind)
    if adapter is None:
        transformers.set_seed(recipe.seed)
        fresh = peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules="all-linear",
        )
        return peft.get_peft_model(base, fresh)
    try:
        return peft.PeftModel.from_pretrained(base, str(adapter), is_trainable=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"cannot go on from the adapter {str(adapter)!r}: {error}") from error


def _arguments(libraries: Mapping[str, Any], recipe: Recipe, folder: str, progress: bool) -> Any:
    gpu, half = _precision(libraries)
    return libraries["trl"].SFTConfig(
        output_dir=folder,
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        learning_rate=recipe.learning_rate,
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulate,
        completion_only_loss=recipe.assistant_only_loss,
        max_length=None,
        seed=recipe.seed,
        bf16=half,
        gradient_checkpointing=gpu,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=not progress,
    )


def _course(trainer: Any) -> dict[str, Any]:
    """How the training went, and with what."""
    return {
        "steps": trainer.state.global_step,
        "losses": [line["loss"] for line in trainer.state.log_history if "loss" in line],
        "device": str(trainer.args.device),
        "dtype": str(trainer.model.dtype).removeprefix("torch."),
        "versions": {"agentmem": package_version(), **{name: version(name) for name in EXTRA}},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _save(model: Any, done: Mapping[str, Any], part: Path, out: Path) -> None:
    """The adapter and what was done, in full or not at all."""
    # No embedding is trained: "auto" would look the base model up on the network.
    model.save_pretrained(str(part), save_embedding_layers=False)
    (part / "recipe.json").write_text(json.dumps(done, indent=1) + "\n", "utf-8")
    part.rename(out)


def _hash(data: Path) -> str:
    return sha256(data.read_bytes()).hexdigest()


def _origin(data: Path) -> dict[str, Any]:
    """Who said what is learnt, if the set's manifest lies beside it and is that of this file."""
    manifest = data.with_suffix(".manifest.json")
    if manifest.is_file():
        found = json.loads(manifest.read_text("utf-8"))
        if found.get("sha256") == _hash(data):
            return {"label": found["label"], "source": found["source"]}
    return {"label": "unknown", "source": None}
