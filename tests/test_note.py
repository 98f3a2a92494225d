"""Graph notes (A-MEM): what the published code gets wrong is right here."""

from typing import Any

import pytest

from agentmem import AgentMemory, SimulatedClock, Turn
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError
from agentmem.retrieve.linked import Linked
from agentmem.stores.note import NoteStore
from tests.conftest import START, Make
from tests.scripted import Answer, Answering, offered

NOTHING = {
    "should_evolve": False,
    "actions": [],
    "suggested_connections": [],
    "tags_to_update": [],
    "neighbours": [],
}


def analysis(prompt: str) -> Any:
    word = prompt.partition("<text>\nuser: ")[2].partition("</text>")[0].split()[-1].rstrip(".")
    return {"keywords": [word], "context": f"About {word}.", "tags": ["thing"]}


def modelled(make: Make, evolve: Answer, **options: Any) -> tuple[AgentMemory, Answering]:
    model = Answering({"Describe the text": analysis, "A new note": evolve})
    store = NoteStore(by="model", **options)
    memory = make(stores=[store], extraction={"model": model, "background": False})
    return memory, model


def say(memory: AgentMemory, *texts: str) -> list[str]:
    """Add some turns, each derived before the next; returns the ids of their notes."""
    names = []
    for text in texts:
        memory.add(Turn(observation=text))
        done = memory.extract()
        assert (done.failed, done.pending) == (0, 0)
        names.append(done.ids[0])
    return names


OLD = ("The car needs new brakes.", "A storm hit the coast.", "Quartz is a mineral.")
NEAR = ("Rex the dog eats fish.", "Rex the dog sleeps a lot.")
NEW = "Rex the dog eats meat now."


def evolve_all(prompt: str) -> Any:
    neighbours = [
        {"id": name, "context": "A dog that has changed zebra.", "tags": ["dog", "diet"]}
        for name in offered(prompt)
    ]
    return NOTHING | {
        "should_evolve": True,
        "actions": ["update_neighbor", "strengthen"],
        "suggested_connections": offered(prompt),
        "tags_to_update": ["pet"],
        "neighbours": neighbours,
    }


def test_row_4_evolution_updates_exactly_the_retrieved_neighbours(make: Make) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING, near=2)
    old, near = say(memory, *OLD), say(memory, *NEAR)
    before = {name: memory.get(name) for name in old}
    model.answers = {**model.answers, "A new note": evolve_all}
    (new,) = say(memory, NEW)
    assert set(offered(model.asked[-1])) == set(near)
    assert {name: memory.get(name) for name in old} == before
    for name in near:
        note = memory.get(name)
        assert note.data["context"] == "A dog that has changed zebra."
        assert note.data["tags"] == ["dog", "diet"]
        assert note.data["keywords"] == [note.text.split()[-1].rstrip(".")]
        assert note.sources[1:] == memory.get(new).sources


def test_row_4_links_are_stable_ids_that_resolve(make: Make) -> None:
    memory, _ = modelled(make, evolve_all, near=2)
    say(memory, *OLD)
    near = say(memory, *NEAR)
    (new,) = say(memory, NEW)
    note = memory.get(new)
    assert set(note.links) == set(near)
    assert [memory.get(name).text for name in note.links]
    assert note.data["tags"] == ["pet"]
    say(memory, "Something else altogether happened.")
    assert {memory.get(name).text for name in note.links} == {f"user: {t}" for t in NEAR}


def test_row_4_link_expansion_survives_the_top_k_cut(make: Make) -> None:
    def link_first(prompt: str) -> Any:
        named = [name for name in offered(prompt) if "harbour" in prompt.split(name)[1][:99]]
        return NOTHING | {
            "should_evolve": True,
            "actions": ["strengthen"],
            "suggested_connections": named,
        }

    model = Answering({"Describe the text": analysis, "A new note": link_first})
    options: dict[str, Any] = {
        "stores": [NoteStore(by="model")],
        "extraction": {"model": model, "background": False},
    }
    memory = make(**options)
    expanding = make(**options, retrieval=[Linked()])
    for one in (memory, expanding):
        say(one, "The boat lies in the harbour.", *OLD, "Anna sold something big yesterday.")
    query = "What did Anna sell yesterday?"
    assert [hit.text for hit in memory.search(query, k=1)] == [
        "user: Anna sold something big yesterday."
    ]
    hits = expanding.search(query, k=1)
    assert [hit.text for hit in hits] == [
        "user: Anna sold something big yesterday.",
        "user: The boat lies in the harbour.",
    ]
    assert hits[0].score >= hits[1].score
    assert len(expanding.search(query, k=4)) <= 5


def test_row_4_embedding_changes_after_evolution(make: Make) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING, near=1)
    (near,) = say(memory, NEAR[0])

    def cosine() -> float:
        hits = memory.search("changed zebra", k=9, mode="dense")
        return next(hit.why.dense for hit in hits if hit.id == near) or 0.0

    before = cosine()
    model.answers = {**model.answers, "A new note": evolve_all}
    say(memory, NEW)
    embedder = HashEmbedder(dim=64)
    query, note = embedder.embed(["changed zebra", memory.get(near).found_by])
    assert "zebra" in memory.get(near).found_by
    assert cosine() == pytest.approx(float(query @ note), abs=1e-6)
    assert cosine() > before + 0.1


def test_a_neighbour_keeps_the_history_of_its_versions(make: Make, clock: SimulatedClock) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING, near=1)
    (near,) = say(memory, NEAR[0])
    model.answers = {**model.answers, "A new note": evolve_all}
    clock.advance(2.0)
    say(memory, NEW)
    lines = memory.history(near)
    assert [(line.verbs, line.policy) for line in lines] == [
        (("add",), "note"),
        (("update",), "note"),
    ]
    assert memory.get(near).version == 2
    (then,) = memory.search("Rex", as_of=START + 1.0)
    assert (then.id, then.record.data["context"]) == (near, "About fish.")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I would link the first two.",
        '{"should_evolve": true}',
        evolve_all("[" + "0" * 32 + "]"),
        evolve_all("[0]") | {"suggested_connections": ["0", "1"]},
        evolve_all("[0]") | {"actions": ["delete"]},
        "{" * 20_000,
    ],
    ids=["empty", "prose", "wrong JSON", "unknown id", "ranks for ids", "unknown action", "long"],
)
def test_a_decision_of_no_use_costs_the_evolution_not_the_note(make: Make, reply: Any) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING)
    near = say(memory, *NEAR)
    before = [memory.get(name) for name in near]
    model.answers = {**model.answers, "A new note": lambda prompt: reply}
    (new,) = say(memory, NEW)
    assert [memory.get(name) for name in near] == before
    assert memory.get(new).links == ()
    assert memory.get(new).data["context"] == "About now."
    assert "no evolution" in str(memory.history(new))
    assert model.asked[-1].startswith("That reply could not be used")


def test_a_repaired_decision_counts(make: Make) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING, near=1)
    (near,) = say(memory, NEAR[0])

    def at_the_second_try(prompt: str) -> Any:
        repaired = model.asked[-1].startswith("That reply")
        return evolve_all(prompt) if repaired else "Let me think."

    model.answers = {**model.answers, "A new note": at_the_second_try}
    (new,) = say(memory, NEW)
    assert memory.get(new).links == (near,)


def test_an_analysis_of_no_use_leaves_the_chunk_and_the_work(make: Make) -> None:
    model = Answering({"Describe the text": lambda prompt: "No."})
    options = {"model": model, "background": False}
    memory = make(stores=["chunk", NoteStore(by="model")], extraction=options)
    memory.add(Turn(observation="Rex eats fish."))
    assert memory.extract().failed == 1
    assert [hit.record.kind for hit in memory.search("Rex")] == ["chunk"]


def test_no_neighbours_no_decision(make: Make) -> None:
    memory, model = modelled(make, evolve_all)
    say(memory, NEAR[0])
    assert len(model.asked) == 1


def test_by_rule_a_note_is_described_and_linked_to_what_is_close(make: Make) -> None:
    memory = make(stores=[NoteStore(least=0.5)])
    for text in (*OLD, *NEAR):
        memory.add(Turn(observation=text))
    first, second = memory.search("Rex the dog", k=2)
    newer = max(first.record, second.record, key=lambda note: note.turn)
    assert [memory.get(name).text for name in newer.links] == [f"user: {NEAR[0]}"]
    assert newer.data["keywords"]
    assert set(newer.data["tags"]) <= {w.lower() for w in newer.text.rstrip(".").split()}
    assert newer.data["context"] == newer.text
    assert newer.found_by.startswith(newer.text + "\n")
    assert all(hit.record.version == 1 for hit in memory.search("Rex", k=9))


def test_a_bare_text_has_itself_for_a_key(make: Make) -> None:
    memory = make(stores=[NoteStore(phrases=0, least=1.0)])
    memory.add("ok")
    (hit,) = memory.search("ok")
    assert (hit.record.key, hit.record.data["keywords"]) == ("ok", [])


def test_what_merely_repeats_a_memory_makes_no_note(make: Make) -> None:
    memory = make(stores=[NoteStore(), "chunk"])
    (old,) = memory.add("Rex eats fish on Fridays")
    turn = Turn(observation="", reply="Rex eats fish on Fridays.", recalled=(old,))
    assert list(memory.add(turn).derived) == []


def test_what_changed_a_note_is_forgotten_and_so_is_the_change(make: Make) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING, near=1)
    (near,) = say(memory, NEAR[0])
    model.answers = {**model.answers, "A new note": evolve_all}
    (new,) = say(memory, NEW)
    memory.forget(memory.get(new).sources[0])
    memory.extract()
    note = memory.get(near)
    assert (note.status, note.data["context"]) == ("active", "About fish.")
    assert "zebra" not in note.found_by
    assert len(note.sources) == 1
    assert memory.get(new).status == "archived"


def test_a_note_goes_with_its_own_chunk(make: Make) -> None:
    memory, model = modelled(make, lambda prompt: NOTHING, near=1)
    (near,) = say(memory, NEAR[0])
    model.answers = {**model.answers, "A new note": evolve_all}
    (new,) = say(memory, NEW)
    memory.forget(memory.get(near).sources[0])
    memory.extract()
    assert memory.get(near).status == "archived"
    assert memory.get(new).status == "active"


def test_a_corrected_chunk_is_described_anew(make: Make) -> None:
    memory = make(stores=["chunk", NoteStore()])
    (chunk,) = memory.add("Rex eats fish.")
    memory.update(chunk, text="Rex eats ripe tomatoes.")
    (note,) = [hit.record for hit in memory.search("Rex") if hit.record.kind == "note"]
    assert note.text == "Rex eats ripe tomatoes."
    assert "tomatoes" in " ".join(note.data["keywords"])


def test_an_erased_neighbour_is_left_out_of_an_expansion(make: Make) -> None:
    memory = make(stores=[NoteStore(least=0.5)], retrieval=[Linked(per_hit=2)])
    for text in NEAR:
        memory.add(Turn(observation=text))
    hits = memory.search("Rex the dog sleeps a lot.", k=1)
    assert len(hits) == 2
    memory.erase(hits[1].record.sources[0])
    assert len(memory.search("Rex the dog sleeps a lot.", k=1)) == 1


def test_an_expansion_stays_within_the_filter_and_the_bound(make: Make) -> None:
    memory = make(stores=["chunk"], retrieval=[Linked(per_hit=1)])
    names = memory.add(["Quartz is hard.", "Brass is not."], data={"of": "stone"})
    memory.add("Anna asked about it.", links=names, data={"of": "talk"})
    hits = memory.search("Anna asked", k=1)
    assert [hit.id for hit in hits[1:]] == names[:1]
    assert len(memory.search("Anna asked", k=1, where={"data.of": "talk"})) == 1
    assert len(memory.search("Anna asked", k=3)) == 3
    assert make(retrieval=[Linked()]).search("nothing") == []


@pytest.mark.parametrize("options", [{"near": 0}, {"least": 2.0}, {"by": "hand"}, {"phrases": -1}])
def test_a_wrong_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"note.{next(iter(options))}"):
        NoteStore(**options)
