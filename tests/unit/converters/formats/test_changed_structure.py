"""What removed and inserted steps become in the training files. Each row is derived by hand from docs/formats.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.model import Message, Text
from tests.support.chats import PICTURE
from tests.support.rows import rows, said, user
from tests.support.samples import TOOLS, EditOf, LabelsOf, Structure, chat_sample, sample_of

STEPS: list[Any] = [
    {"thought": "a", "action": "f()", "observation": "1"},
    {"thought": "b", "action": "g()", "observation": "2"},
    {"thought": "c", "action": "h()", "observation": "3"},
]
TASK = "Do it."
A, B, C = "Thought: a\nAction: f()", "Thought: b\nAction: g()", "Thought: c\nAction: h()"
NEW, NEXT = "Action: i()", "Action: j()"
DONE = "Final Answer: done"
BEFORE_B = [TASK, A, "Observation: 1"]
BEFORE_C = [*BEFORE_B, B, "Observation: 2"]
BEFORE_ANSWER = [*BEFORE_C, C, "Observation: 3"]
NONE = "Observation: (none recorded)"
INSERTED = {"action": "i()"}
SECOND = {"action": "j()"}
EXCLUDE, TRUNCATE = TrainingRules(stale="exclude"), TrainingRules(stale="truncate")


def plain(
    *edits: EditOf,
    removed: tuple[int, ...] = (),
    inserted: dict[int, list[dict[str, str]]] | None = None,
    answer: str | None = "done",
    **more: Any,
) -> Sample:
    return sample_of(STEPS, *edits, answer=answer, structure=Structure(removed, inserted or {}), **more)


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in messages]


def pairs(sample: Sample) -> list[Any]:
    """Each pair as position, prompt, chosen, rejected, number of changes and whether it is stale; or why there is
    none."""
    return [
        row
        if isinstance(row, str)
        else (
            row["step"],
            texts(row["prompt"]),
            *texts(row["chosen"] + row["rejected"]),
            row["n_edits"],
            row["prefix_stale"],
        )
        for row in rows("trl/dpo.jsonl", sample)
    ]


def completions(sample: Sample) -> list[Any]:
    return [
        row if isinstance(row, str) else (row["step"], *texts(row["completion"]), row["n_edits"], row["prefix_stale"])
        for row in rows("trl/sft_prompt_completion.jsonl", sample)
    ]


def conversation(sample: Sample) -> Any:
    (row,) = rows("trl/sft.jsonl", sample)
    return row if isinstance(row, str) else (texts(row["messages"]), row["step"], row["n_edits"], row["prefix_stale"])


def judged(sample: Sample) -> Any:
    (row,) = rows("prm/prm.jsonl", sample)
    return row if isinstance(row, str) else (row["labels"], row["step"], row["n_edits"])


def taught(sample: Sample) -> list[Any]:
    return [
        row if isinstance(row, str) else (row["step"], *texts(row["completion"]), row["label"])
        for row in rows("trl/kto.jsonl", sample)
    ]


INSERT_AFTER_0 = {0: [INSERTED]}


def test_a_step_that_is_inserted_stands_over_the_next_one_which_came_too_early() -> None:
    sample = plain(inserted=INSERT_AFTER_0)
    assert pairs(sample) == [(1, BEFORE_B, NEW, B, 1, False)]
    assert completions(sample) == [(1, NEW, 1, False)]
    assert judged(sample) == ([True, False, True, True], 1, 1)
    assert taught(sample) == [(1, NEW, True), (1, B, False)]
    # All that follows was recorded without it.
    messages = [TASK, A, "Observation: 1", NEW, NONE, B, "Observation: 2", C, "Observation: 3", DONE]
    assert conversation(sample) == (messages, 1, 1, True)


def test_a_step_is_inserted_before_the_first() -> None:
    sample = plain(inserted={-1: [INSERTED]})
    assert pairs(sample) == [(0, [TASK], NEW, A, 1, False)]
    assert judged(sample) == ([False, True, True, True], 0, 1)
    assert conversation(sample)[0][:5] == [TASK, NEW, NONE, A, "Observation: 1"]


def test_a_step_is_inserted_after_the_last() -> None:
    with_answer = plain(inserted={2: [INSERTED]})
    assert pairs(with_answer) == [(3, BEFORE_ANSWER, NEW, DONE, 1, False)]
    assert judged(with_answer) == ([True, True, True, False], 3, 1)
    without = plain(inserted={2: [INSERTED]}, answer=None)
    assert pairs(without) == ["no_next"]
    assert taught(without) == ["no_next"]
    assert completions(without) == [(3, NEW, 1, False)]
    assert judged(without) == ([True, True, True], -1, 0)
    # Nothing stale follows it.
    assert conversation(without) == ([*BEFORE_ANSWER, NEW], 3, 1, False)


def test_two_steps_are_inserted_into_one_gap() -> None:
    sample = plain(inserted={0: [{**INSERTED, "observation": "7"}, SECOND]})
    assert pairs(sample) == [
        (1, BEFORE_B, NEW, B, 1, False),
        # Nobody took the act that the second one follows.
        (2, [*BEFORE_B, NEW, "Observation: 7"], NEXT, B, 1, True),
    ]
    assert completions(sample) == [(1, NEW, 1, False), (2, NEXT, 1, True)]
    assert judged(sample) == ([True, False, True, True], 1, 2)
    assert taught(sample) == [(1, NEW, True), (1, B, False), (2, NEXT, True), (2, B, False)]


def test_a_step_that_is_removed_stands_under_the_next_one() -> None:
    sample = plain(removed=(1,))
    assert pairs(sample) == [(1, BEFORE_B, C, B, 1, False)]
    assert completions(sample) == ["removed"]
    assert judged(sample) == ([True, False, True, True], 1, 1)
    assert taught(sample) == [(1, C, True), (1, B, False)]
    # The next step was recorded after what the removed one heard.
    assert conversation(sample) == ([*BEFORE_B, C, "Observation: 3", DONE], 1, 1, True)


def test_the_first_and_the_last_step_are_removed() -> None:
    assert pairs(plain(removed=(0,))) == [(0, [TASK], B, A, 1, False)]
    assert conversation(plain(removed=(0,)))[0][:2] == [TASK, B]
    assert pairs(plain(removed=(2,))) == [(2, BEFORE_C, DONE, C, 1, False)]
    last = plain(removed=(2,), answer=None)
    assert pairs(last) == taught(last) == ["no_next"]
    assert completions(last) == ["removed"]
    assert judged(last) == ([True, True, False], 2, 1)
    # Nothing follows, so nothing is stale; the conversation ends with what the agent says.
    assert conversation(last) == ([*BEFORE_B, B], 2, 1, False)
    assert pairs(plain(removed=(0, 2))) == [
        (0, [TASK], B, A, 1, False),
        (1, [TASK, B, "Observation: 2"], DONE, C, 1, True),
    ]


def test_two_steps_in_a_row_are_removed() -> None:
    sample = plain(removed=(0, 1))
    assert pairs(sample) == [(0, [TASK], C, A, 1, False), (0, [TASK], C, B, 1, False)]
    # The right step is learned once.
    assert taught(sample) == [(0, C, True), (0, A, False), (0, B, False)]
    assert judged(sample) == ([False, False, True, True], 0, 2)
    assert completions(sample) == ["removed", "removed"]
    assert pairs(plain(removed=(0, 1), rules=TrainingRules(pairs="first"))) == [(0, [TASK], C, A, 1, False), "later"]


def test_every_step_but_the_answer_is_removed() -> None:
    sample = plain(removed=(0, 1), inserted={2: [INSERTED]})
    assert conversation(sample)[0] == [TASK, C, "Observation: 3", NEW, NONE, DONE]
    only = sample_of([STEPS[0]], answer="done", structure=Structure((0,), {0: [INSERTED]}))
    assert pairs(only) == [(0, [TASK], NEW, A, 2, False)]


def test_a_duplicate_that_is_removed_is_no_pair() -> None:
    twice = [STEPS[0], {**STEPS[0], "observation": "7"}, STEPS[1]]
    first = sample_of(twice, structure=Structure((0,)))
    assert pairs(first) == taught(first) == ["invisible"]
    assert pairs(sample_of(twice, structure=Structure((0,)), rendering=TOOLS)) == ["invisible"]
    second = sample_of(twice, structure=Structure((1,)))
    assert pairs(second) == [(1, BEFORE_B, B, A, 1, False)]
    # What is inserted may be what the agent did next: then that was not too early.
    repeated = plain(inserted={0: [{"thought": "b", "action": "g()"}]})
    assert pairs(repeated) == ["invisible"]
    assert judged(repeated) == ([True] * 4, -1, 0)
    assert completions(repeated) == [(1, B, 1, False)]


def test_a_step_that_is_replaced_is_one_pair() -> None:
    for structure in (Structure((1,), {1: [INSERTED]}), Structure((1,), {0: [INSERTED]})):
        sample = sample_of(STEPS, answer="done", structure=structure)
        assert pairs(sample) == [(1, BEFORE_B, NEW, B, 2, False)]
        assert completions(sample) == [(1, NEW, 2, False)]
        assert judged(sample) == ([True, False, True, True], 1, 2)
        assert taught(sample) == [(1, NEW, True), (1, B, False)]
        assert conversation(sample) == ([*BEFORE_B, NEW, NONE, C, "Observation: 3", DONE], 1, 2, True)
    same = plain(removed=(1,), inserted={1: [{"thought": "b", "action": "g()", "observation": "9"}]})
    assert pairs(same) == ["invisible"]
    assert conversation(same) == "invisible"


def test_two_steps_stand_for_one_and_one_for_two() -> None:
    two = plain(removed=(1,), inserted={1: [INSERTED, SECOND]})
    assert pairs(two) == [(1, BEFORE_B, NEW, B, 2, False), (2, [*BEFORE_B, NEW, NONE], NEXT, C, 1, True)]
    assert judged(two) == ([True, False, False, True], 1, 3)
    one = plain(removed=(0, 1), inserted={1: [INSERTED]})
    assert pairs(one) == [(0, [TASK], NEW, A, 2, False), (1, [TASK, NEW, NONE], C, B, 1, True)]
    assert judged(one) == ([False, False, True, True], 0, 3)
    assert completions(one) == [(0, NEW, 2, False), "removed"]


def test_the_step_after_a_removed_one_is_edited() -> None:
    sample = plain((2, "action", "H()"), removed=(1,))
    right = "Thought: c\nAction: H()"
    assert pairs(sample) == [(1, BEFORE_B, right, B, 1, False), (1, BEFORE_B, right, C, 1, False)]
    assert taught(sample) == [(1, right, True), (1, B, False), (1, C, False)]
    assert completions(sample) == ["removed", (1, right, 1, False)]
    assert judged(sample) == ([True, False, False, True], 1, 2)
    # Somebody has looked at the next step, so it is what should be said there; the answer was not written for it.
    assert conversation(plain((2, "thought", "C"), removed=(1,), rules=TRUNCATE)) == (
        [*BEFORE_B, "Thought: C\nAction: h()"],
        1,
        2,
        False,
    )


def test_a_step_is_inserted_beside_an_edited_one() -> None:
    after = plain((0, "action", "F()"), inserted=INSERT_AFTER_0)
    edited = "Thought: a\nAction: F()"
    assert pairs(after) == [
        (0, [TASK], edited, A, 1, False),
        (1, [TASK, edited, "Observation: 1"], NEW, B, 1, True),
    ]
    before = plain((1, "thought", "B"), inserted=INSERT_AFTER_0)
    assert pairs(before) == [
        # The agent did not say what its step is corrected to.
        (1, BEFORE_B, NEW, B, 1, False),
        (2, [*BEFORE_B, NEW, NONE], "Thought: B\nAction: g()", B, 1, True),
    ]
    assert judged(before) == ([True, False, True, True], 1, 2)


def test_an_edit_of_a_removed_step_makes_no_row() -> None:
    sample = plain((1, "action", "G()"), removed=(1,))
    assert len(sample.record.edits) == 1
    assert pairs(sample) == [(1, BEFORE_B, C, B, 1, False)]
    assert completions(sample) == ["removed"]
    assert judged(sample) == ([True, False, True, True], 1, 1)
    noise = plain((1, "thought", "b "), removed=(1,), rules=TrainingRules(min_edit_chars=5))
    assert pairs(noise) == [(1, BEFORE_B, C, B, 1, False)]


def test_a_thought_that_is_inserted_or_removed_makes_nothing_stale() -> None:
    thought = plain(inserted={0: [{"thought": "Hm."}]})
    assert pairs(thought) == [(1, BEFORE_B, "Thought: Hm.", B, 1, False)]
    assert conversation(thought)[3] is False
    steps = [STEPS[0], {"thought": "Hm.", "action": " ", "observation": "?"}, STEPS[1]]
    removed = sample_of(steps, (2, "action", "G()"), structure=Structure((1,)))
    right = "Thought: b\nAction: G()"
    assert pairs(removed) == [
        (1, BEFORE_B, right, "Thought: Hm.", 1, False),
        (1, BEFORE_B, right, B, 1, False),
    ]
    assert conversation(sample_of(steps, structure=Structure((1,))))[3] is False
    assert conversation(sample_of(steps, structure=Structure((1,)), rules=EXCLUDE))[3] is False


def test_a_hidden_act_that_is_removed_makes_what_follows_stale() -> None:
    steps = [STEPS[0], {"thought": "Hm.", "tool": {"name": "g", "observation": "x"}}, STEPS[1], STEPS[2]]
    sample = sample_of(steps, (3, "thought", "C"), structure=Structure((1,)))
    assert [pair[-1] for pair in pairs(sample)] == [False, True]


def test_what_is_written_as_nothing_is_neither_chosen_nor_rejected() -> None:
    silent = [STEPS[0], {"observation": "7"}, STEPS[1]]
    assert pairs(sample_of(silent, structure=Structure((1,)))) == ["empty"]
    assert conversation(sample_of(silent, structure=Structure((1,)))) == "invisible"
    assert judged(sample_of(silent, structure=Structure((1,)))) == ([True, True], -1, 0)
    note = {"note": "n"}
    assert pairs(plain(inserted={0: [note]})) == completions(plain(inserted={0: [note]})) == ["empty"]
    assert judged(plain(inserted={0: [note]})) == ([True] * 4, -1, 0)
    # What comes instead of the removed step says nothing.
    assert pairs(sample_of(silent, structure=Structure((0,)))) == ["empty"]


def test_stale_rows_are_left_out_and_conversations_end_before_them() -> None:
    sample = plain((2, "thought", "C"), inserted=INSERT_AFTER_0, rules=EXCLUDE)
    assert pairs(sample) == [(1, BEFORE_B, NEW, B, 1, False), "stale"]
    assert conversation(sample) == "stale"
    sample = plain((2, "thought", "C"), inserted=INSERT_AFTER_0, rules=TRUNCATE)
    assert conversation(sample) == ([*BEFORE_B, NEW], 1, 1, False)
    # Where the removed act was, the conversation ends, and shows nothing of the removal.
    assert conversation(plain(removed=(1,), rules=TRUNCATE)) == "stale"
    sample = plain((0, "thought", "A"), removed=(1,), rules=TRUNCATE)
    assert conversation(sample) == ([TASK, "Thought: A\nAction: f()"], 0, 1, False)
    # A thought that is inserted before it shows.
    sample = plain(removed=(2,), inserted={0: [{"thought": "Hm."}]}, rules=TRUNCATE)
    assert conversation(sample) == ([*BEFORE_B, "Thought: Hm.", NONE, B], 1, 1, False)


def test_a_trajectory_stands_over_as_much_of_the_original_one() -> None:
    def both(sample: Sample) -> Any:
        (row,) = rows("trl/dpo_trajectory.jsonl", sample)
        return row if isinstance(row, str) else (texts(row["prompt"]), texts(row["chosen"]), texts(row["rejected"]))

    whole = ([TASK], [A, "Observation: 1", C, "Observation: 3", DONE], [*BEFORE_ANSWER[1:], DONE])
    assert both(plain(removed=(1,))) == whole
    insertion = plain(inserted=INSERT_AFTER_0, rules=TRUNCATE)
    assert both(insertion) == ([TASK], [A, "Observation: 1", NEW], [A, "Observation: 1", B])
    replacement = plain(removed=(1,), inserted={1: [INSERTED]}, rules=TRUNCATE)
    assert both(replacement) == ([TASK], [A, "Observation: 1", NEW], [A, "Observation: 1", B])
    one_for_two = plain(removed=(0, 1), inserted={1: [INSERTED]}, rules=TRUNCATE)
    assert both(one_for_two) == ([TASK], [NEW], [A])
    # The first of two like steps is removed, and one like it inserted: both sides are the same.
    twice = [STEPS[0], STEPS[0], STEPS[1]]
    assert both(sample_of(twice, structure=Structure((0,), {1: [{"thought": "a", "action": "f()"}]}))) == "invisible"


def test_only_what_was_written_is_weighted() -> None:
    def weights(sample: Sample) -> Any:
        (row,) = rows("openai/sft.jsonl", sample)
        return row if isinstance(row, str) else [m["weight"] for m in row["messages"] if m["role"] == "assistant"]

    assert weights(plain((2, "thought", "C"), inserted=INSERT_AFTER_0)) == [0, 1, 0, 1, 0]
    assert weights(plain(removed=(1,), inserted={1: [INSERTED]})) == [0, 1, 0, 0]
    assert weights(plain(removed=(1,))) == "removed"
    assert weights(plain((None, "final_answer", "yes"), removed=(1,))) == [0, 0, 1]


def test_the_other_formats_have_the_same_pairs() -> None:
    sample = plain((2, "action", "H()"), removed=(1,))
    wanted = [(row["prompt"], row["chosen"], row["rejected"]) for row in rows("trl/dpo.jsonl", sample)]
    found = rows("openai/dpo.jsonl", sample)
    assert [(row["input"]["messages"], row["preferred_output"], row["non_preferred_output"]) for row in found] == wanted
    found = rows("llamafactory/dpo.json", sample)
    assert [
        ([turn["value"] for turn in row["conversations"]], row["chosen"]["value"], row["rejected"]["value"])
        for row in found
    ] == [(texts(prompt), *texts(chosen + rejected)) for prompt, chosen, rejected in wanted]
    assert [row["step"] for row in found] == [1, 1]
    (row,) = rows("llamafactory/sft.json", sample)
    assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"] * 3
    (row,) = rows("trajectory_dpo.jsonl", sample)
    assert (len(row["chosen"].steps), len(row["rejected"].steps)) == (2, 3)
    assert [len(rows(f"atif/{name}.jsonl", plain(removed=(1,)))[0]["steps"]) for name in ("corrected", "original")] == [
        6,
        8,
    ]


def test_structure_is_never_noise() -> None:
    rules = TrainingRules(min_edit_chars=100, ignore_whitespace_edits=True)
    assert pairs(plain((0, "thought", "A"), removed=(1,), rules=rules))[0] == "noise"
    assert pairs(plain((0, "thought", "A"), removed=(1,), rules=rules))[1][2:4] == (C, B)
    assert conversation(plain(inserted={0: [{"action": "i"}]}, rules=rules))[0][3] == "Action: i"
    white = plain(removed=(1,), inserted={1: [{"thought": "b", "action": "g() "}]})
    assert pairs(white) == ["invisible"]
    learn = TrainingRules(edge_whitespace="learn")
    white = plain(removed=(1,), inserted={1: [{"thought": "b", "action": "g() "}]}, rules=learn)
    assert pairs(white) == [(1, BEFORE_B, f"{B} ", B, 2, False)]
    exclude = TrainingRules(prm_unedited="exclude")
    assert judged(plain(removed=(1,), rules=exclude)) == ([True, False, True, True], 1, 1)


def test_a_row_ends_with_the_first_wrong_step() -> None:
    drop = TrainingRules(prm_after_error="drop")
    assert judged(plain((2, "action", "H()"), removed=(1,), rules=drop)) == ([True, False], 1, 1)
    assert judged(plain(removed=(2,), inserted=INSERT_AFTER_0, rules=drop)) == ([True, False], 1, 1)


# What annotators say of steps


WRONG, RIGHT = ["incorrect"], ["correct"]


def test_a_step_that_is_called_wrong_is_not_chosen() -> None:
    labels: LabelsOf = {(2, "correctness"): WRONG}
    sample = plain(removed=(1,), labels=labels)
    assert pairs(sample) == taught(sample) == ["incorrect"]
    assert judged(sample) == ([True, False, False, True], 1, 1)
    assert conversation(sample) == "incorrect"
    rewritten = plain((2, "action", "H()"), removed=(1,), labels=labels)
    assert [pair[2] for pair in pairs(rewritten)] == ["Thought: c\nAction: H()"] * 2


def test_a_step_that_is_called_wrong_and_removed_is_not_in_the_way() -> None:
    sample = plain(removed=(1,), labels={(1, "correctness"): WRONG})
    assert sample.steps_called_wrong == frozenset()
    assert conversation(sample)[0] == [*BEFORE_B, C, "Observation: 3", DONE]
    assert judged(sample) == ([True, False, True, True], 1, 1)


def test_a_step_that_is_called_right_and_changed_is_contradictory() -> None:
    right: LabelsOf = {(1, "correctness"): RIGHT}
    assert plain(removed=(1,), labels=right).contradictory_steps == {1}
    assert plain(inserted=INSERT_AFTER_0, labels=right).contradictory_steps == {1}
    assert plain(removed=(0,), labels=right).contradictory_steps == set()
    # Whatever its label says.
    for word in (["unsure"], ["so so"], RIGHT):
        assert judged(plain(removed=(1,), labels={(1, "correctness"): word})) == ([True, False, True, True], 1, 1)


def test_a_step_that_annotators_disagree_on_is_not_chosen() -> None:
    sample = plain(removed=(1,))
    disputed = Sample(sample.record, disputed=frozenset({2}), traces=sample.traces)
    assert pairs(disputed) == ["disputed"]
    assert judged(disputed) == "disputed"
    assert judged(Sample(sample.record, disputed=frozenset({1}), traces=sample.traces))[0][1] is False


# Calls


CALL = {"thought": "d", "action": "k(x=1)"}


def test_ids_of_calls_are_those_of_the_corrected_trace_on_both_sides() -> None:
    sample = plain((2, "action", "h(y=2)"), inserted={0: [CALL]}, rendering=TOOLS)
    first, second = rows("trl/dpo.jsonl", sample)

    def ids(messages: list[dict[str, Any]]) -> list[str]:
        return [call["id"] for message in messages for call in message.get("tool_calls", ())]

    assert (ids(first["prompt"]), ids(first["chosen"]), ids(first["rejected"])) == (
        ["s00000c00"],
        ["s00001c00"],
        ["s00001c00"],
    )
    assert ids(second["prompt"]) == ["s00000c00", "s00001c00", "s00002c00"]
    assert (ids(second["chosen"]), ids(second["rejected"])) == (["s00003c00"], ["s00003c00"])
    # Each result follows its own call.
    (row,) = rows("trl/sft.jsonl", sample)
    answers = [message["tool_call_id"] for message in row["messages"] if message["role"] == "tool"]
    assert answers == ids(row["messages"]) == [f"s0000{number}c00" for number in range(4)]
    assert '"name":"k"' in row["tools"]
    (row,) = rows("trl/dpo_trajectory.jsonl", sample)
    assert ids(row["rejected"]) == [f"s0000{number}c00" for number in range(3)]


def test_the_actions_of_the_corrected_steps_are_counted() -> None:
    assert plain(inserted={0: [CALL, {"action": "look"}]}, rendering=TOOLS).actions_as_calls_and_as_text() == (4, 1)
    assert plain(removed=(0, 1), rendering=TOOLS).actions_as_calls_and_as_text() == (1, 0)


# Conversations


def call(identity: str, name: str, text: str = "") -> dict[str, Any]:
    function = {"name": name, "arguments": "{}"}
    return {
        "role": "assistant",
        "content": text,
        "tool_calls": [{"id": identity, "type": "function", "function": function}],
    }


def result(identity: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": text}


CHAT: dict[str, Any] = {
    "id": "c1",
    "messages": [
        user("Hi."),
        said("Which day?"),
        user("Friday."),
        call("one", "f"),
        result("one", "1"),
        call("two", "g"),
        result("two", "2"),
        said("Done."),
    ],
}


def as_row(message: dict[str, Any]) -> dict[str, Any]:
    """A recorded message as rows have it: arguments are objects."""
    if "tool_calls" not in message:
        return message
    calls = [{**made, "function": {**made["function"], "arguments": {}}} for made in message["tool_calls"]]
    return {**message, "tool_calls": calls}


M = [as_row(message) for message in CHAT["messages"]]


def chat(
    corrections: dict[str, str] | None = None,
    *,
    removed: tuple[int, ...] = (),
    inserted: dict[int, list[dict[str, str]]] | None = None,
    source: dict[str, Any] = CHAT,
    **more: Any,
) -> Sample:
    return chat_sample(source, corrections or {}, structure=Structure(removed, inserted or {}), **more)


def chat_pairs(sample: Sample) -> list[Any]:
    return [
        row
        if isinstance(row, str)
        else (row["step"], row["prompt"], *row["chosen"], *row["rejected"], row["prefix_stale"])
        for row in rows("trl/dpo.jsonl", sample)
    ]


def test_in_a_conversation_a_removed_step_takes_its_results_with_it() -> None:
    sample = chat(removed=(1,))
    assert chat_pairs(sample) == [(1, M[:3], M[5], M[3], False)]
    (row,) = rows("trl/sft.jsonl", sample)
    assert (row["messages"], row["step"], row["prefix_stale"]) == ([*M[:3], *M[5:]], 1, True)
    assert judged(sample) == ([True, False, True, True], 1, 1)


def test_a_step_that_others_answered_is_in_no_pair_with_what_answers_them() -> None:
    sample = chat(removed=(0,))
    # The call answers `Friday.`, the question did not.
    assert chat_pairs(sample) == taught(sample) == ["answers_others"]
    (row,) = rows("trl/sft.jsonl", sample)
    assert (row["messages"], row["prefix_stale"]) == ([M[0], M[2], *M[3:]], True)
    assert rows("trl/dpo_trajectory.jsonl", sample) == ["answers_others"]
    assert judged(sample) == ([False, True, True, True], 0, 1)
    # `Friday.` was said to what is not there any more, so an edit after it is stale.
    edited = chat({"steps[1].tool_calls[0].arguments": '{"x": 1}'}, removed=(0,))
    assert [row if isinstance(row, str) else row[-1] for row in chat_pairs(edited)] == ["answers_others", True]


def test_what_replaces_a_step_that_others_answered_stands_where_it_stood() -> None:
    sample = chat(removed=(0,), inserted={0: [{"content": "When?"}]})
    assert chat_pairs(sample) == [(0, M[:1], said("When?"), M[1], False)]
    (row,) = rows("trl/sft.jsonl", sample)
    assert row["messages"][:3] == [M[0], said("When?"), M[2]]
    # The second one comes before `Friday.` as well, and what the agent did next answers that.
    two = chat(removed=(0,), inserted={0: [{"content": "When?"}, {"content": "Where?"}]})
    assert [row if isinstance(row, str) else row[2:4] for row in chat_pairs(two)] == [
        (said("When?"), M[1]),
        "answers_others",
    ]
    assert judged(two) == ([False, True, True, True], 0, 2)


def test_a_step_is_inserted_with_its_call_and_what_it_heard() -> None:
    sample = chat(inserted={1: [{"reasoning": "Check.", "name": "k", "arguments": '{"x": 1}', "heard": "yes"}]})
    made = {"id": "i00002c00", "type": "function", "function": {"name": "k", "arguments": {"x": 1}}}
    inserted = {"role": "assistant", "content": "", "reasoning_content": "Check.", "tool_calls": [made]}
    assert chat_pairs(sample) == [(2, M[:5], inserted, M[5], False)]
    (row,) = rows("trl/sft.jsonl", sample)
    assert row["messages"] == [*M[:5], inserted, result("i00002c00", "yes"), *M[5:]]
    assert '"name":"k"' in row["tools"]
    (row,) = rows("openai/dpo.jsonl", sample)
    assert row["preferred_output"][0]["tool_calls"][0]["id"] == "i00002c00"
    assert rows("native/corrected.jsonl", sample) == ["restructured"]


def test_a_call_to_which_nothing_was_heard_is_answered_for_openai() -> None:
    sample = chat({"steps[2].content": "x"}, inserted={1: [{"name": "k", "arguments": "{}"}]})
    (row,) = rows("openai/sft.jsonl", sample)
    answers = [message["tool_call_id"] for message in row["messages"] if message["role"] == "tool"]
    assert answers == ["one", "i00002c00", "two"]


def test_one_of_several_calls_is_not_what_is_removed() -> None:
    both = {**call("one", "f"), "tool_calls": [*call("one", "f")["tool_calls"], *call("two", "g")["tool_calls"]]}
    messages = [
        user("Go."),
        both,
        result("two", "2"),
        result("one", "1"),
        call("one", "h"),
        result("one", "3"),
        said("!"),
    ]
    sample = chat(source={"id": "c2", "messages": messages}, removed=(0,))
    m = [as_row(message) for message in messages]
    # Both results go with their calls; the id that is used again belongs to the later call.
    assert chat_pairs(sample) == [(0, m[:1], m[4], m[1], False)]
    (row,) = rows("trl/sft.jsonl", sample)
    assert row["messages"] == [m[0], *m[4:]]


def test_calls_that_differ_only_in_their_ids_are_alike() -> None:
    messages = [user("Go."), call("one", "f"), result("one", "1"), call("two", "f"), result("two", "2"), said("!")]
    assert chat_pairs(chat(source={"id": "c3", "messages": messages}, removed=(0,))) == ["invisible"]


def test_a_reasoning_that_is_inserted_or_removed_makes_nothing_stale() -> None:
    (row,) = rows("trl/sft.jsonl", chat(inserted={1: [{"reasoning": "Hm."}]}))
    assert row["prefix_stale"] is False
    messages = [user("Go."), {**said(""), "reasoning_content": "Hm."}, call("one", "f"), result("one", "1"), said("!")]
    (row,) = rows("trl/sft.jsonl", chat(source={"id": "c4", "messages": messages}, removed=(0,)))
    assert row["prefix_stale"] is False


def test_a_conversation_that_begins_with_the_agent_has_no_prompt_for_what_is_first() -> None:
    source = {"id": "c5", "messages": [said("Hello."), said("How are you?"), user("Well.")]}
    assert chat_pairs(chat(source=source, removed=(0,))) == ["no_prompt"]
    assert chat_pairs(chat(source=source, inserted={-1: [{"content": "Hi."}]})) == ["no_prompt"]
    assert rows("trl/dpo_trajectory.jsonl", chat(source=source, removed=(0,))) == ["no_prompt"]


def test_a_recorded_prompt_is_the_prompt_up_to_the_first_change() -> None:
    def prompts(sample: Sample) -> list[Any]:
        assert sample.chat is not None
        recorded = {step: (Message("user", (Text(f"prompt {step}"),)),) for step in range(4)}
        traces = replace(sample.chat, original=replace(sample.chat.original, prompts=recorded))
        found = rows("trl/dpo.jsonl", replace(sample, traces=traces))
        return [row if isinstance(row, str) else row["prompt"] for row in found]

    edit = {"steps[2].tool_calls[0].arguments": '{"x": 1}'}
    assert prompts(chat(edit, inserted={0: [{"content": "Wait."}]})) == [
        [user("prompt 1")],
        [*M[:3], said("Wait."), *M[3:5]],
    ]
    assert prompts(chat(edit, removed=(1,))) == [[user("prompt 1")], [user("prompt 1")]]
    assert prompts(chat(edit, removed=(2,))) == [[user("prompt 2")]]
    assert prompts(chat(edit, removed=(3,))) == [[user("prompt 2")], "no_next"]
    # What was recorded before the removed step lacks what a user said after it.
    first = {"steps[1].tool_calls[0].arguments": '{"x": 1}'}
    assert prompts(chat(first, removed=(0,))) == ["answers_others", [M[0], M[2]]]
    assert prompts(chat(removed=(0,), inserted={0: [{"content": "When?"}]})) == [[user("prompt 0")]]


def test_images_of_what_was_removed_are_not_in_the_rows() -> None:
    look = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    messages = [
        user("Hi."),
        call("one", "f"),
        {**result("one", ""), "content": look},
        said("A cat."),
        user("No."),
        said("!"),
    ]
    sample = chat(source={"id": "c6", "messages": messages}, removed=(0,))
    (row,) = rows("trl/dpo.jsonl", sample)
    assert "images" not in row
    assert (sample.images, sample.images_of_original) == (0, 1)


def test_as_text_a_conversation_has_the_same_pairs() -> None:
    sample = chat({"steps[2].tool_calls[0].arguments": '{"x": 2}'}, removed=(1,))
    by_steps = [
        (row["step"], row["chosen"]["value"], row["rejected"]["value"]) for row in rows("llamafactory/dpo.json", sample)
    ]
    right = '{"name":"g","arguments":{"x":2}}'
    assert by_steps == [(1, right, '{"name":"f","arguments":{}}'), (1, right, '{"name":"g","arguments":{}}')]


@pytest.mark.parametrize("file", ["trl/dpo.jsonl", "openai/dpo.jsonl", "llamafactory/dpo.json", "trl/kto.jsonl"])
def test_a_trace_without_changes_has_no_rows(file: str) -> None:
    assert rows(file, plain()) == []
