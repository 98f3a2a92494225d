"""Fine-tuning: what is read without the extra, and (slow) real training of a tiny random model."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agentmem.bench import run_suite
from agentmem.bench.loading import load_suite
from agentmem.bench.lora import EXTRA, Recipe, finetune, fold, read_chats
from agentmem.bench.surrogates import LABEL
from agentmem.bench.traces import WARNING
from agentmem.errors import ConfigError, InputError, MissingExtra

RECIPE = Path(__file__).resolve().parent.parent / "bench" / "lora"
MISSING = [name for name in EXTRA if find_spec(name) is None]
trains = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"the extra `finetune` is not installed: no {', '.join(MISSING)}"
    ),
    pytest.mark.filterwarnings("default"),  # those of trl, peft and transformers are not ours
]
SYSTEM = {"role": "system", "content": "You play a repeated game."}
USER = {"role": "user", "content": "Earlier rounds:\n[Round 1] You: A0 (2 pts)\n\nRound 2."}
SAID = ["Mutual trust pays in the long-term.", "We can rebuild, together, and sustain it."]
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}"
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def chat(said: str) -> list[dict[str, str]]:
    return [SYSTEM, USER, {"role": "assistant", "content": said}]


def write(path: Path, *chats: Any) -> Path:
    path.write_text("".join(json.dumps({"messages": one}) + "\n" for one in chats))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "set.jsonl", *map(chat, SAID))


# ---------------------------------------------------------------- without the extra


def test_chats_are_read_as_they_were_written(data: Path) -> None:
    assert read_chats(data) == [chat(said) for said in SAID]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "no 'messages'"),
        ('{"messages": []}', "no 'messages'"),
        ('{"messages": [{"role": "bot", "content": "x"}, {}]}', "needs a 'role'"),
        (json.dumps({"messages": [USER, {"role": "assistant", "content": " "}]}), "not empty"),
        (json.dumps({"messages": [SYSTEM, USER]}), "must be the assistant's"),
    ],
)
def test_a_line_that_is_no_chat_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = write(tmp_path / "set.jsonl", chat(SAID[0]))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=complaint) as caught:
        read_chats(path)
    assert f"{path}:2:" in str(caught.value)


def test_an_absent_and_an_empty_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_chats(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="holds no example"):
        read_chats(write(tmp_path / "empty.jsonl"))


def test_folding_puts_the_system_message_into_the_users() -> None:
    folded = fold(chat("Yes."))
    assert [message["role"] for message in folded] == ["user", "assistant"]
    assert folded[0]["content"] == f"{SYSTEM['content']}\n\n{USER['content']}"
    assert fold(folded) == folded


@pytest.mark.parametrize(
    "wrong",
    [{"rank": 0}, {"dropout": 1.0}, {"epochs": 0}, {"system": "drop"}, {"learning_rate": -1.0}],
)
def test_a_recipe_refuses_values_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Recipe(**wrong)


def test_without_the_extra_it_is_named_and_nothing_is_written(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[finetune\]"):
        finetune(data, "any", data.parent / "out")
    assert [path.name for path in data.parent.iterdir()] == [data.name]


def test_a_folder_that_is_there_is_never_written_over(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        finetune(data, "any", tmp_path)


def test_the_suites_of_the_recipe_are_whole() -> None:
    played = {name: load_suite(RECIPE / f"{name}.yaml") for name in ("play", "check")}
    assert len(list(played["play"].jobs())) == 20
    served = {job.player.split("@")[0] for job in played["check"].jobs()}
    assert served == {"vllm:mistralai/Mistral-7B-Instruct-v0.3", "vllm:forward"}


# ---------------------------------------------------------------- a tiny random model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 2 layers of width 32, whose tokens are bytes; made here, not downloaded."""
    torch, transformers = import_module("torch"), import_module("transformers")
    tokenizers = import_module("tokenizers")
    signs = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    words = {sign: number for number, sign in enumerate(["<pad>", "<eos>", *signs])}
    bytewise = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=words, merges=[]))
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = tokenizers.decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bytewise, pad_token="<pad>", eos_token="<eos>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(5)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=1,
            initializer_range=0.5,  # wide, so that tokens differ in how likely they are
        )
    )
    folder = tmp_path_factory.mktemp("tiny")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def one_step(**changes: Any) -> Recipe:
    return Recipe(**{"max_steps": 1, "batch": 2, "accumulate": 1, "rank": 4, **changes})


def adapter_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = import_module("safetensors.numpy").load_file(
        folder / "adapter_model.safetensors"
    )
    return found


def surprise(tiny: Path, assistant_only: bool = True, adapter: Path | None = None) -> float:
    """Mean negative log-likelihood per token of what is learnt, computed without trl."""
    torch, transformers = import_module("torch"), import_module("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    if adapter is not None:
        model = import_module("peft").PeftModel.from_pretrained(model, adapter)
    losses = []
    for said in SAID:
        asked = f"<system>{SYSTEM['content']}<user>{USER['content']}<assistant>"
        ids = tokenizer(asked + said, return_tensors="pt").input_ids
        ids = torch.cat([ids, torch.tensor([[tokenizer.eos_token_id]])], dim=1)
        with torch.no_grad():
            likely = model(ids).logits[0, :-1].log_softmax(-1)
        each = -likely.gather(1, ids[0, 1:, None])[:, 0]
        first = len(asked.encode()) - 1 if assistant_only else 0
        losses += each[first:].tolist()
    return sum(losses) / len(losses)


class TestTraining:
    pytestmark = trains

    def test_a_step_changes_the_adapter_and_nothing_of_the_base(
        self, tiny: Path, data: Path, tmp_path: Path
    ) -> None:
        before = sha256((tiny / "model.safetensors").read_bytes()).digest()
        done = finetune(data, tiny, tmp_path / "out", one_step(), progress=False)
        assert sha256((tiny / "model.safetensors").read_bytes()).digest() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", data.name]
        weights = adapter_of(tmp_path / "out")
        layers = {name.split(".")[-3] for name in weights}
        assert layers == {
            *("q_proj", "k_proj", "v_proj", "o_proj"),
            *("gate_proj", "up_proj", "down_proj"),
        }
        # A new adapter has B = 0, so what is not 0 was learnt.
        assert all(bool(w.any()) for name, w in weights.items() if "lora_B" in name)
        recorded = json.loads((tmp_path / "out" / "recipe.json").read_text())
        assert recorded == done
        assert recorded["steps"] == 1
        assert recorded["data"]["sha256"] == sha256(data.read_bytes()).hexdigest()
        assert recorded["label"] == "unknown"

    @pytest.mark.parametrize("assistant_only", [True, False])
    def test_the_loss_is_that_of_the_tokens_that_are_learnt(
        self, tiny: Path, data: Path, tmp_path: Path, assistant_only: bool
    ) -> None:
        recipe = one_step(assistant_only_loss=assistant_only)
        done = finetune(data, tiny, tmp_path / "out", recipe, progress=False)
        # Older trainers divide by one token more for each example, which has no loss: 0.7 % here.
        assert done["losses"] == [pytest.approx(surprise(tiny, assistant_only), rel=0.01)]
        assert done["losses"] != [pytest.approx(surprise(tiny, not assistant_only), rel=0.03)]

    def test_an_adapter_loads_again_and_training_goes_on_from_it(
        self, tiny: Path, data: Path, tmp_path: Path
    ) -> None:
        quick = one_step(max_steps=4, learning_rate=0.01, dropout=0.0)
        a, b = tmp_path / "a", tmp_path / "b"
        first = finetune(data, tiny, a, quick, progress=False)
        second = finetune(data, tiny, b, quick, adapter=a, progress=False)
        assert second["adapter"] == str(a)
        assert second["losses"][0] == pytest.approx(surprise(tiny, adapter=a), abs=2e-3)
        assert first["losses"][0] > second["losses"][0] > surprise(tiny, adapter=b)

    def test_the_same_seed_gives_the_same_adapter_and_its_label_is_the_sets(
        self, tiny: Path, data: Path, tmp_path: Path
    ) -> None:
        manifest = {"sha256": sha256(data.read_bytes()).hexdigest(), "label": "L", "source": {}}
        data.with_suffix(".manifest.json").write_text(json.dumps(manifest))
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            done = finetune(data, tiny, tmp_path / name, one_step(seed=seed), progress=False)
            assert done["label"] == "L"  # the set's manifest is that of this very file
        a, b, c = (adapter_of(tmp_path / name) for name in "abc")
        assert all((a[name] == b[name]).all() for name in a)
        assert not all((a[name] == c[name]).all() for name in a)

    def test_an_example_that_is_too_long_is_refused_and_not_cut(
        self, tiny: Path, data: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match="2 of 2 examples are longer than max_length = 50"):
            finetune(data, tiny, tmp_path / "out", one_step(max_length=50))
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("system", "complaint"),
        [
            ("{{ raise_exception('roles must alternate') }}", "refuses .* roles must alternate"),
            ("{% if messages|length == 2 %}{{ messages[0].content }}{% endif %}", "never seen"),
        ],
        ids=["refuses", "drops"],
    )
    def test_a_template_that_loses_the_system_message_takes_it_folded(
        self, tiny: Path, data: Path, tmp_path: Path, system: str, complaint: str
    ) -> None:
        transformers = import_module("transformers")
        tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
        rest = TEMPLATE.replace("in messages", "in messages if message.role != 'system'")
        start = "{% if messages[0].role == 'system' %}" + system + "{% endif %}"
        tokenizer.chat_template = start + rest
        other = tmp_path / "other"
        transformers.AutoModelForCausalLM.from_pretrained(tiny).save_pretrained(other)
        tokenizer.save_pretrained(other)
        with pytest.raises(ConfigError, match=f"{complaint}.*; try system='fold'"):
            finetune(data, other, tmp_path / "out", one_step())
        done = finetune(data, other, tmp_path / "out", one_step(system="fold"), progress=False)
        assert done["steps"] == 1

    def test_the_recipe_goes_from_a_run_to_an_adapter_that_says_who_spoke(
        self,
        tiny: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        suite = tmp_path / "tiny.yaml"
        suite.write_text(
            "{games: {public_goods: {rounds: 6}}, players: ['surrogate:immune'],"
            " windows: [2], seeds: 1}"
        )
        folder = run_suite(suite, tmp_path, progress=False)
        monkeypatch.syspath_prepend(str(RECIPE))
        options = ["--model", tiny, "--out", tmp_path / "out", "--traces", 4, "--steps", 1]
        import_module("tune").main([str(one) for one in (folder, *options)])
        done = json.loads((tmp_path / "out" / "adapter" / "recipe.json").read_text())
        assert done["data"]["examples"] == 4
        assert done["label"] == LABEL
        assert done["source"]["spec_hash"] == folder.name
        said = capsys.readouterr()
        assert said.out.startswith("4 traces")
        assert WARNING in said.err

    def test_what_cannot_be_loaded_is_named(self, tiny: Path, data: Path, tmp_path: Path) -> None:
        (tmp_path / "none").mkdir()
        with pytest.raises(ConfigError, match="cannot load the tokenizer"):
            finetune(data, tmp_path / "none", tmp_path / "out", one_step())
        with pytest.raises(ConfigError, match="cannot go on from the adapter"):
            finetune(data, tiny, tmp_path / "out", one_step(), adapter=tmp_path / "none")
