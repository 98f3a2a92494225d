"""Configuration, registry and catalogue: what is accepted, and what an error says."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pytest
import yaml

from agentmem import catalogue, registry
from agentmem.config import (
    MemoryConfig,
    RecallConfig,
    build_embedder,
    build_index,
    build_policies,
    build_stores,
    dump,
    fingerprint,
    load_config,
    parse_namespace,
)
from agentmem.core import Policy
from agentmem.embed.cache import CachedEmbedder
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError, PluginError
from agentmem.fields import Bounds, Seconds, check, hints, label
from agentmem.policies.budget import Budget
from agentmem.policies.ebbinghaus import Ebbinghaus
from agentmem.policies.none import NoForgetting
from agentmem.policies.window import Window
from agentmem.structure import Source

DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Tiny(Source):
    """A store for these tests."""

    name: ClassVar[str] = "tiny"

    words: Annotated[int, Bounds(least=1)] = 5
    tags: tuple[str, ...] = ()

    def extract(self, turn):
        return self.split(str(turn))

    def split(self, text):
        return [text]


@dataclass(frozen=True, kw_only=True)
class Letters:
    """An embedder for these tests."""

    name: str = "letters"
    dim: int = 2

    def embed(self, texts):
        return np.ones((len(texts), 2), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Picky(Policy):
    """A plug-in that validates in its own words."""

    name: ClassVar[str] = "picky"
    size: int = 1
    pause: Annotated[Seconds, Bounds(least=0)] | None = None

    def __post_init__(self):
        if self.size == 13:
            raise ValueError("not thirteen")


class NotAPolicy:
    pass


number = 3
TINY = f"{__name__}:Tiny"
LETTERS = f"{__name__}:Letters"


def errors(spec) -> str:
    with pytest.raises(ConfigError) as caught:
        build_policies(spec)
    return str(caught.value)


# --- what is accepted


@pytest.mark.parametrize(
    "spec",
    [
        "window",
        Window(),
        ["window"],
        {"window": None},
        {"window": {}},
        [{"window": {"n": 20}}],
        {"policies": ["window"], "description": "x"},
        "agentmem.policies.window:Window",
        {"agentmem.policies.window:Window": {"remove": False}},
    ],
)
def test_all_forms_build_the_same_policy(spec):
    assert build_policies(spec) == (Window(),)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 7 * DAY), ("1.5h", 5400.0), (60, 60.0), ("2w", 14 * DAY)]
)
def test_a_field_in_seconds_takes_a_duration(text, seconds):
    assert build_policies({"ebbinghaus": {"half_life": text}}) == (Ebbinghaus(half_life=seconds),)


def test_an_optional_duration_may_be_left_open():
    assert build_policies({f"{__name__}:Picky": {"pause": None}}) == (Picky(),)
    assert build_policies({f"{__name__}:Picky": {"pause": "1m"}}) == (Picky(pause=60.0),)


def test_several_policies_keep_their_order():
    spec = ["none", {"ebbinghaus": {"floor": 0}}, Budget(max_records=9), "window"]
    expected = (NoForgetting(), Ebbinghaus(floor=0.0), Budget(max_records=9), Window())
    assert build_policies(spec) == expected


def test_a_catalogue_entry_is_a_name():
    assert build_policies("week") == (Ebbinghaus(half_life=7 * DAY),)


def test_a_file_is_found_relative_to_the_file_that_names_it(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.yaml").write_text("policies: [window, ../other.yml]")
    (tmp_path / "other.yml").write_text("none")
    found = build_policies(str(tmp_path / "sub" / "mine.yaml"))
    assert found == (Window(), NoForgetting())
    assert build_policies(tmp_path / "other.yml") == (NoForgetting(),)


def test_lists_become_tuples_and_defaults_are_used_for_none():
    assert build_stores({TINY: {"tags": ["a", "b"]}}) == (Tiny(tags=("a", "b")),)
    assert build_policies(None) == (Ebbinghaus(floor=0.9),)
    assert build_policies([]) == ()
    assert build_embedder(LETTERS) == Letters()


# --- what an error says


def test_an_unknown_name_names_the_nearest():
    message = errors(["window", "ebinghaus"])
    assert "policies[1]" in message
    assert "'ebinghaus'" in message
    assert "did you mean 'ebbinghaus'" in message
    assert "week-5000" in message  # the catalogue is among what is allowed


def test_all_mistakes_of_a_specification_are_reported_together():
    message = errors(
        [{"ebbinghaus": {"half_lief": "7d", "floor": 3, "gain": "1"}}, {"windo": {"n": 1}}]
    )
    lines = message.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("policies[0].ebbinghaus.half_lief: unknown key")
    assert "did you mean 'half_life'" in lines[0]
    assert lines[1] == "policies[0].ebbinghaus.floor: 3: must be a number >= 0 and <= 1"
    assert lines[2].startswith("policies[0].ebbinghaus.gain: '1': must be a number >= 0")
    assert "did you mean 'window'" in lines[3]


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ({"ebbinghaus": {"half_life": "7 parsecs"}}, "one of s, m, h, d, w, y"),
        ({"ebbinghaus": {"half_life": "-7d"}}, "not a duration"),
        ({"ebbinghaus": {"half_life": -7}}, "must be seconds > 0"),
        ({"ebbinghaus": {"half_life": True}}, "must be seconds > 0"),
        ({"ebbinghaus": {"half_life": float("nan")}}, "must be seconds > 0"),
        ({"ebbinghaus": {"rank": 1}}, "valid boolean"),
        ({"ebbinghaus": {"rank": "yes"}}, "valid boolean"),
        ({"ebbinghaus": {"variant": "as_code"}}, "did you mean 'as_coded'"),
        ({"ebbinghaus": {"half_life": "7d", "stability": "7d"}}, "not both"),
        ({"window": {"n": 2.5}}, "must be a whole number >= 0"),
        ({"window": {"n": {1, 2}}}, "must be a whole number >= 0"),
        ({"window": {"rank": {1, 2}}}, "plain data"),
        ({"window": 3}, "give a mapping"),
        ({"window": {1: 2}}, "give a mapping"),
        ({"window": {}, "none": {}}, "give one name"),
        ({3: {}}, "is a string"),
        ([3], "policies[0]: 3: give a name of policies"),
        (Window, "give a name of policies"),
        ({"policies": ["none"], "polices": []}, "unknown key 'polices'"),
        ({"week": {"floor": 0.1}}, "takes no options"),
        ({f"{__name__}:Picky": {"size": 13}}, "not thirteen"),
        ({f"{__name__}:Picky": {"size": "1"}}, "valid integer"),
        ("pkg:", "no dotted path"),
        ("missing.yaml", "cannot be read"),
    ],
)
def test_a_mistake_says_what_is_allowed(spec, part):
    assert part in errors(spec)


def test_an_error_names_the_file_it_is_in(tmp_path):
    inner = tmp_path / "inner.yaml"
    inner.write_text("policies:\n  - window: {m: 3}\n")
    outer = tmp_path / "outer.yaml"
    outer.write_text("policies: [inner.yaml, nune]")
    lines = errors(outer).splitlines()
    assert lines[0].startswith(f"{inner}: policies[0].window.m: unknown key")
    assert lines[1].startswith(f"{outer}: policies[1]: 'nune'")


def test_a_file_that_includes_itself_is_an_error(tmp_path):
    (tmp_path / "loop.yaml").write_text("policies: [loop.yaml]")
    assert "includes itself" in errors(tmp_path / "loop.yaml")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [", "not valid YAML"),
        ("none: {}\nnone: {}", "given twice"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_yaml_is_plain_data_without_repeated_keys(tmp_path, text, part):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=part):
        catalogue.read_yaml(path)


def test_text_is_never_evaluated(tmp_path):
    marker = tmp_path / "marker"
    text = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    assert "unknown name" in errors(text.replace(":", ""))
    assert errors({"window": {"n": text}})
    assert not marker.exists()


def test_one_component_is_one():
    with pytest.raises(ConfigError, match="give one of embedders, not 2"):
        build_embedder([LETTERS, LETTERS])
    with pytest.raises(ConfigError, match="unknown name"):
        build_embedder("letter")


# --- plug-ins


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("no_such_module_x:Y", "ModuleNotFoundError"),
        (f"{__name__}:Missing", "AttributeError"),
        (f"{__name__}:NotAPolicy", "not a subclass"),
        (f"{__name__}:number", "not a class"),
    ],
)
def test_a_broken_plug_in_is_an_error_not_a_warning(path, part):
    with pytest.raises(PluginError, match=part):
        build_policies(path)


def test_a_component_without_the_methods_of_its_group_is_refused():
    with pytest.raises(PluginError, match="does not have the methods"):
        build_embedder(f"{__name__}:NotAPolicy")
    with pytest.raises(PluginError, match=r"is not a subclass of agentmem.structure.Store"):
        build_stores(f"{__name__}:NotAPolicy")


def test_a_plug_in_that_fails_to_import_keeps_its_cause(tmp_path, monkeypatch):
    (tmp_path / "broken_plug.py").write_text("raise RuntimeError('boom')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="RuntimeError: boom") as caught:
        build_policies("broken_plug:X")
    assert isinstance(caught.value.__cause__, RuntimeError)


def plug(monkeypatch, *points: tuple[str, str]) -> None:
    made = [EntryPoint(name, value, "agentmem.policies") for name, value in points]
    monkeypatch.setattr(registry, "entry_points", lambda group: made)


def test_an_entry_point_is_a_name(monkeypatch):
    plug(monkeypatch, ("picky", f"{__name__}:Picky"))
    assert build_policies({"picky": {"size": 2}}) == (Picky(size=2),)
    assert "picky" in registry.names("policies")
    assert registry.entry_point_names("policies") == ["picky"]


def test_a_name_claimed_by_two_plug_ins_is_an_error(monkeypatch):
    plug(monkeypatch, ("picky", f"{__name__}:Picky"), ("picky", "elsewhere:Picky"))
    with pytest.raises(
        PluginError, match=r"claimed more than once: .*test_config:Picky, elsewhere"
    ):
        build_policies("picky")


def test_a_plug_in_cannot_take_over_a_built_in_name(monkeypatch):
    plug(monkeypatch, ("window", f"{__name__}:Picky"))
    assert build_policies("window") == (Window(),)


def test_an_unknown_group_is_an_error():
    with pytest.raises(ConfigError, match="did you mean 'policies'"):
        registry.find("policy", "window")
    with pytest.raises(ConfigError, match="did you mean 'stores'"):
        catalogue.entries("store")


# --- the way back


@pytest.mark.parametrize(
    ("component", "spec"),
    [
        (Window(), "window"),
        (Window(n=3), {"window": {"n": 3}}),
        (Tiny(tags=("a",)), {TINY: {"tags": ["a"]}}),
        (Letters(), LETTERS),
        ((Window(), NoForgetting(rank=True)), ["window", {"none": {"rank": True}}]),
    ],
)
def test_dump_writes_only_what_differs_from_the_default(component, spec):
    assert dump(component) == spec


def test_only_components_can_be_dumped():
    with pytest.raises(ConfigError, match="no component"):
        dump(3)


def test_fingerprint_follows_every_field_and_the_order():
    both = build_policies(["window", "ebbinghaus"])
    assert fingerprint(both) == fingerprint((Window(n=20), Ebbinghaus()))
    others = [both[::-1], both[:1], (Window(n=21), Ebbinghaus()), ()]
    assert len({fingerprint(policies) for policies in [both, *others]}) == 5


def test_fingerprint_is_the_same_in_every_process():
    assert fingerprint((Window(n=7),)) == "df1c4e52ac0ff282bb5d3f69dd408903"


# --- the whole configuration


def test_a_file_configures_a_memory(tmp_path):
    path = tmp_path / "agentmem.yaml"
    path.write_text(
        f"path: memory.db\nnamespace: acme/user-7\ndurability: full\nembedder: {LETTERS}\n"
        f"stores: ['{TINY}']\npolicies: [window]\nrecall: {{k: 3, mode: lexical}}\n"
        "removal_cap: 1\nbusy_timeout: 1m\n"
    )
    assert load_config(path) == MemoryConfig(
        path=str(tmp_path / "memory.db"),
        namespace=("acme", "user-7"),
        durability="full",
        embedder=Letters(),
        stores=(Tiny(),),
        policies=(Window(),),
        recall=RecallConfig(k=3, mode="lexical"),
        removal_cap=1.0,
        busy_timeout=60.0,
    )


BASE = {"embedder": LETTERS, "stores": TINY}


def test_a_mapping_configures_a_memory_and_survives_a_round_trip():
    config = load_config({**BASE, "policies": "week", "recall": {"k": 2}, "namespace": ["a", "b"]})
    assert config.path == ":memory:"
    assert load_config(dump(config)) == config
    assert dump(config)["recall"] == {"k": 2}
    assert load_config(config) is config


def test_all_mistakes_of_a_configuration_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        load_config(
            {
                **BASE,
                "durabilty": "full",
                "namespace": "a//b",
                "recall": {"k": 0, "mode": "hybird"},
                "policies": [{"window": {"n": -1}}],
                "removal_cap": 2,
                "path": 3,
            }
        )
    message = str(caught.value)
    for part in (
        "configuration: durabilty: unknown key; did you mean 'durability'",
        "configuration: namespace: 'a//b' is not a namespace",
        "configuration: recall.k: 0: must be a whole number >= 1",
        "configuration: recall.mode: 'hybird': unknown value; did you mean 'hybrid'",
        "configuration: policies[0].window.n: -1",
        "configuration: removal_cap: 2: must be a number >= 0 and <= 1",
        "configuration: path: 3",
    ):
        assert part in message
    assert len(message.splitlines()) == 7


def test_two_stores_of_one_kind_are_refused():
    with pytest.raises(ConfigError, match="configuration: stores: one store of a kind"):
        load_config({**BASE, "stores": [TINY, TINY]})


def test_a_configuration_is_a_mapping(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match="give a mapping"):
        load_config(path)


@pytest.mark.parametrize("value", ["", "a//b", "/a", "a/", [], ["a", ""], ["a", 3], 3, None, " "])
def test_a_namespace_has_no_empty_part(value):
    with pytest.raises(ConfigError, match="is not a namespace"):
        parse_namespace(value)


def test_a_namespace_is_text_with_slashes_or_a_list():
    assert parse_namespace("acme/user-7") == parse_namespace(["acme", "user-7"])


# --- fields


def test_a_field_describes_itself():
    assert label(hints(Ebbinghaus)["half_life"]) == "seconds > 0, or nothing"
    assert label(hints(Ebbinghaus)["floor"]) == "a number >= 0 and <= 1"
    assert label(hints(Ebbinghaus)["variant"]) == "'intended' | 'published' | 'as_coded'"
    assert label(hints(Window)["rank"]) == "true or false"


def test_a_dataclass_without_a_name_is_called_by_its_class():
    with pytest.raises(ConfigError, match=r"RecallConfig\.k = 0"):
        RecallConfig(k=0)
    check(RecallConfig(k=1))


# --- the catalogue


@pytest.mark.parametrize("name", sorted(catalogue.entries("policies")))
def test_every_policy_of_the_catalogue_loads_and_is_described(name):
    policies = build_policies(name)
    assert policies
    assert catalogue.describe("policies")[name]
    assert f"| `{name}` |" in (catalogue.folder("policies") / "README.md").read_text()
    if name in registry.BUILTIN["policies"]:  # same name, same thing
        assert build_policies(catalogue.path_of("policies", name)) == policies


def test_every_built_in_policy_has_a_catalogue_entry():
    assert set(registry.BUILTIN["policies"]) <= set(catalogue.entries("policies"))
    assert set(registry.BUILTIN["stores"]) <= set(catalogue.entries("stores"))


def test_an_unknown_entry_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'week'"):
        catalogue.path_of("policies", "wek")


def test_the_catalogue_lies_in_the_package_or_beside_the_source(tmp_path):
    package = tmp_path / "agentmem"
    (package / "_catalogue" / "policies").mkdir(parents=True)
    inside = package / "_catalogue" / "policies"
    assert catalogue.folder("policies", package) == inside
    other = tmp_path / "elsewhere" / "agentmem"
    assert catalogue.folder("policies", other) == other / "_catalogue" / "policies"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "pyproject.toml").touch()
    assert catalogue.folder("bench", other) == tmp_path / "elsewhere" / "bench" / "suites"


def test_catalogue_files_have_only_the_documented_keys():
    for group in ("policies", "stores"):
        for path in catalogue.entries(group).values():
            content = yaml.safe_load(Path(path).read_text())
            assert set(content) == {"description", group}


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ({"ann": {"recall": "x"}}, ConfigError, r"^index\.ann: recall = 'x': a share"),
        ({"lsh": {"buckets": 7}}, ConfigError, r"^index\.lsh: buckets = 7: an even number"),
        ("os:getcwd", ConfigError, r"^index\.os:getcwd: TypeError"),
        ("fractions:Fraction", PluginError, "not have the methods that agentmem asks of indexes"),
    ],
)
def test_an_index_that_cannot_be_made_is_a_clear_error(
    spec: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build_index(spec)(8)


def test_a_component_within_another_is_dumped_by_its_specification() -> None:
    cached = CachedEmbedder(embedder=HashEmbedder(dim=8), size=5)
    assert dump(cached) == {"cached": {"embedder": {"hash": {"dim": 8}}, "size": 5}}
    assert build_embedder(dump(cached)).name == cached.name
