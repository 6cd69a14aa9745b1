"""Removed and inserted steps, against a second implementation that knows nothing of the first.

A random trace gets random removals, insertions and edits, submitted as Label Studio would submit them, on the page that
the options ask for. Its record, its corrected trace and its rows must be those that `tests.support.naive_structure`
makes of the same changes.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Rejected, Unedited
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.prm import prm_rows
from ls_trajedit.converters.formats.trl import completion_rows, conversation_rows, dpo_rows, kto_rows
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import Stale, TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.predict import predict
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from tests.support.loop import choices_result, one_outcome, project_of, text_result
from tests.support.naive_structure import Changes, NaiveChat, NaivePlain, NaiveTrace, distance

Json = Any
Draw = st.DrawFn

ORDINALS = ("", "second ", "third ")
STALE: tuple[Stale, ...] = ("include", "exclude", "truncate")
# Few words, so that an inserted step often says what another one says.
THOUGHTS, ACTIONS, HEARD, REASONS = ("Look.", "Wait."), ("ls", "cat a", "rm a"), ("a", "b"), ("", "It rushes.")
NAMES, ARGUMENTS = ("look", "write"), ({}, {"q": "a"}, {"q": 1})


class Page:
    """The page of a trace, as its labeling config says, and what is submitted there."""

    def __init__(self, config: str, data: Json) -> None:
        self.config, self.data = config, data
        root = ET.fromstring(config)
        self.shown = {text.get("name"): text.get("value", "") for text in root.iter("Text")}
        self.points = {tag.get("name", ""): tag.get("toName", "") for tag in root.iter() if tag.get("toName")}
        self.results = {result["from_name"]: result for result in predict({"data": data}, config)}

    def type(self, control: str, text: str) -> None:
        """What somebody types into a box that the prediction has opened."""
        assert control in self.results, control
        self.results[control] = text_result(control, self.points[control], text)

    def correct(self, path: str, text: str) -> None:
        """Rewrites what the page shows of the task's data at `path`."""
        (control,) = [
            name
            for name in self.results
            if name.endswith("__corrected") and self.shown[self.points[name]] == f"${path}"
        ]
        self.type(control, text)

    def choose(self, control: str, choices: list[str]) -> None:
        """Ticks these choices."""
        self.results[control] = choices_result(control, self.points[control], choices)

    def forget(self, names: str) -> None:
        """Boxes that are not on the screen are not submitted."""
        for name in [name for name in self.results if names in name]:
            del self.results[name]

    def outcome(self) -> Outcome:
        """What becomes of it when it is submitted."""
        return one_outcome(self.config, self.data, list(self.results.values()))


Insertion = Callable[[int, int], tuple[Json, dict[str, str]]]
"""Makes a step, as records show it, and the texts of its boxes, given the step that it follows and its place there."""


def tick(
    draw: Draw, page: Page, changes: Changes, count: int, most: int, insertion: Callable[[], Insertion | None]
) -> None:
    """Removes steps and inserts others on the page, and notes in `changes` what that means. `insertion` draws one; None
    leaves all boxes blank."""
    keeps_hidden = draw(st.booleans())
    for index in range(count):
        chosen = []
        if draw(st.integers(0, 3)) == 0:
            chosen.append("Remove this step")
            changes.removed[index] = draw(st.sampled_from(REASONS))
            page.type(f"step_{index}__structure_reason", changes.removed[index])
        for word, place in (("insert", "after"), ("before", "before")) if index == 0 else (("insert", "after"),):
            gap = -1 if word == "before" else index
            for number in range(1, most + 1):
                name = f"step_{index}__{word}_{number}_"
                if draw(st.integers(0, 3)):
                    if not keeps_hidden:
                        page.forget(name)
                    continue
                chosen.append(f"Insert a {ORDINALS[number - 1]}step {place} it")
                made = insertion()
                if made is None:
                    continue
                step, texts = made(gap, len(changes.inserted.get(gap, [])))
                for box, text in texts.items():
                    page.type(f"{name}_{box}", text)
                reason = draw(st.sampled_from(REASONS))
                page.type(f"{name}reason", reason)
                changes.inserted.setdefault(gap, []).append((step, reason))
        if chosen:
            page.choose(f"step_{index}__structure", draw(st.permutations(chosen)))


def options_of(most: int, *fields: str) -> Options:
    """The options of a page for these fields, on which up to `most` steps may be inserted in one place."""
    return Options(
        editable_fields=list(fields),
        require_reason_on_edit=True,
        edit_final_answer=True,
        allow_remove=True,
        allow_insert=most,
    )


@st.composite
def plain_cases(draw: Draw) -> tuple[NaivePlain, Page]:
    """A trace of steps and what was done on its page."""
    most = draw(st.integers(1, 3))
    if draw(st.integers(0, 4)) == 0:
        steps: list[Json] = draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=4))
    else:
        steps = [_plain_step(draw) for _ in range(draw(st.integers(1, 5)))]
    answer = draw(st.none() | st.sampled_from(("done", "failed")))
    trace = {"id": "t", "task_description": "Do it.", "steps": steps}
    # Another trace sees to it that the page shows every field, whatever this one has.
    other = {
        "task_description": "x",
        "steps": [{"thought": "x", "action": "x", "observation": "x"}] * len(steps),
        "final_answer": "x",
    }
    traces = [{**trace, **({} if answer is None else {"final_answer": answer})}, other]
    project = project_of(options_of(most, "thought", "action"), traces)
    page, changes = Page(project.config, project.data[0]), Changes()
    for index, step in enumerate(steps):
        fields = {"action": step} if isinstance(step, str) else step
        for field in ("thought", "action"):
            if field in fields:
                _edit(
                    draw, page, changes, index, field, fields[field], f"steps[{index}].{field}", (*THOUGHTS, *ACTIONS)
                )
    if answer is not None:
        _edit(draw, page, changes, None, "final_answer", answer, "final_answer", ("done", "failed"))

    def insertion() -> Insertion | None:
        texts = {field: text for field, text in _plain_step(draw).items() if text}
        if texts.keys() <= {"observation"}:
            return None
        return lambda gap, position: (texts, texts)

    tick(draw, page, changes, len(steps), most, insertion)
    return NaivePlain("Do it.", steps, answer, changes), page


def _plain_step(draw: Draw) -> dict[str, str]:
    step = {"action": draw(st.sampled_from(("", *ACTIONS, *ACTIONS)))}
    if draw(st.booleans()):
        step = {"thought": draw(st.sampled_from(THOUGHTS)), **step}
    if draw(st.booleans()):
        step["observation"] = draw(st.sampled_from(("", *HEARD)))
    return step


def _edit(
    draw: Draw,
    page: Page,
    changes: Changes,
    step: int | None,
    field: str,
    original: str,
    path: str,
    texts: tuple[str, ...],
) -> None:
    if draw(st.integers(0, 3)):
        return
    text = draw(st.sampled_from(("", *texts)))
    if text != original:
        changes.edits[step, field] = text
        page.correct(path, text)


@st.composite
def chat_cases(draw: Draw) -> tuple[NaiveChat, Page]:
    """A conversation, with calls at once and users in between, and what was done on its page."""
    most = draw(st.integers(1, 3))
    messages: list[Json] = []
    if draw(st.integers(0, 5)):
        if draw(st.booleans()):
            messages.append({"role": "system", "content": "Be brief."})
        messages.append({"role": "user", "content": "Look at a."})
    for number in range(draw(st.integers(1, 5))):
        messages += _turn(draw, number)
        messages += [
            {"role": "user", "content": draw(st.sampled_from(("Go on.", "No.")))}
            for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2))))
        ]
    (trace,) = read_chat({"id": "c", "messages": _as_openai(messages)}, "openai-chat", NO_OPTIONS)
    data = json.loads(json_line(chat_data(trace, NO_OPTIONS)))
    page = Page(
        write_chat_config(
            options_of(most, "reasoning", "content", "tool_calls[*].name", "tool_calls[*].arguments"),
            chat_shape([data]),
        ),
        data,
    )
    changes = Changes()
    steps = [message for message in messages if message["role"] == "assistant"]
    for index, message in enumerate(steps):
        if "reasoning_content" in message:
            path = f"steps[{index}].reasoning"
            _edit(draw, page, changes, index, "reasoning", message["reasoning_content"], path, THOUGHTS)
        if message["content"]:
            _edit(draw, page, changes, index, "content", message["content"], f"steps[{index}].content", ACTIONS)
        for number, call in enumerate(message.get("tool_calls", [])):
            name, arguments = call["function"]["name"], _indented(call["function"]["arguments"])
            field = f"tool_calls[{number}]"
            for part, original, texts in (
                ("name", name, NAMES),
                ("arguments", arguments, tuple(map(_indented, ARGUMENTS))),
            ):
                text = draw(st.sampled_from((original, original, original, *texts)))
                if text != original:
                    changes.edits[index, f"{field}.{part}"] = text
                    page.correct(f"steps[{index}].{field}.{part}", text)

    def insertion() -> Insertion | None:
        said = {}
        if draw(st.integers(0, 2)) == 0:
            said["reasoning"] = draw(st.sampled_from(THOUGHTS))
        if draw(st.booleans()):
            said["content"] = draw(st.sampled_from(ACTIONS))
        name = draw(st.none() | st.sampled_from(NAMES))
        arguments = draw(st.none() | st.sampled_from(ARGUMENTS)) if name else None
        heard = draw(st.none() | st.sampled_from(HEARD)) if name or "content" in said else None
        if not said and not name:
            return None

        def made(gap: int, position: int) -> tuple[Json, dict[str, str]]:
            identity = f"i{gap + 1:05}c{position:02}"
            step: Json = dict(said)
            texts = dict(said)
            if name:
                step["tool_calls"] = [{"id": identity, "name": name, "arguments": arguments or {}}]
                texts["call_0__name"] = name
                if arguments is not None:
                    texts["call_0__arguments"] = json.dumps(arguments)
            answer = {"role": "tool", "tool_call_id": identity} if name else {"role": "user"}
            step["heard"] = [] if heard is None else [{**answer, "content": heard}]
            return step, texts if heard is None else {**texts, "heard": heard}

        return made

    tick(draw, page, changes, len(steps), most, insertion)
    return NaiveChat(messages, changes), page


def _turn(draw: Draw, number: int) -> list[Json]:
    """A message of the agent with the results of its calls, in any order, and not of all."""
    kind = draw(st.sampled_from(("text", "calls", "both")))
    message: Json = {"role": "assistant", "content": draw(st.sampled_from(ACTIONS)) if kind != "calls" else None}
    if draw(st.integers(0, 2)) == 0:
        message["reasoning_content"] = draw(st.sampled_from(THOUGHTS))
    if kind == "text":
        return [message]
    # The id of an earlier call may come again.
    ids = [f"call_{draw(st.sampled_from((number, 0)))}_{place}" for place in range(draw(st.integers(1, 2)))]
    message["tool_calls"] = [
        {
            "id": identity,
            "type": "function",
            "function": {"name": draw(st.sampled_from(NAMES)), "arguments": draw(st.sampled_from(ARGUMENTS))},
        }
        for identity in ids
    ]
    answered = draw(st.permutations(ids))[: draw(st.integers(0, 2))]
    results = [
        {"role": "tool", "content": draw(st.sampled_from(HEARD)), "tool_call_id": identity} for identity in answered
    ]
    return [message, *results]


def _as_openai(messages: list[Json]) -> list[Json]:
    """The messages as OpenAI's API has them: arguments are JSON text."""
    found = json.loads(json.dumps(messages))
    for message in found:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return list(found)


def _indented(value: Json) -> str:
    return json.dumps(value, indent=2)


def check_record(naive: NaiveTrace, outcome: Outcome) -> Sample | None:
    """Checks the record but for its corrected trace. None where the annotation is rejected, as it should be."""
    changes = naive.changes
    if len(changes.removed) == naive.count and not changes.inserted:
        assert isinstance(outcome, Rejected)
        assert outcome.reject.reason == "no_steps"
        return None
    assert isinstance(outcome, Edited if changes.edits or naive.structure() else Unedited), outcome
    record = outcome.record
    assert json.loads(json_line(record)).get("structure", []) == naive.structure()
    found = {(edit.step_index, edit.field): edit.edited_text for edit in record.edits}
    assert found == changes.edits
    assert record.n_edits == len(changes.edits) + len(naive.structure())
    original = naive.original_value
    assert record.total_edit_distance == sum(distance(original(*at), text) for at, text in changes.edits.items())
    return Sample(record, Rendering(), traces=outcome.traces)


def check_rows(naive: NaiveTrace, sample: Sample) -> None:
    """Checks the rows of each file, and why others are missing, for each treatment of what is stale."""
    for stale in STALE:
        ruled = Sample(sample.record, sample.rendering, TrainingRules(stale=stale), traces=sample.traces)
        rows, missing = naive.completions(stale)
        assert found(completion_rows(ruled)) == (in_order(rows), Counter(missing))
        rows, missing = naive.pairs(stale)
        assert found(dpo_rows(ruled)) == (in_order(rows), Counter(missing))
        assert found(kto_rows(ruled)) == (in_order(naive.kto(stale)), Counter(missing))
        whole = naive.trajectory(stale)
        rows, missing = ([], [whole]) if isinstance(whole, str) else ([whole] if whole else [], [])
        assert found(conversation_rows(ruled)) == (in_order(rows), Counter(missing))
    judged = naive.prm()
    assert found(prm_rows(sample))[0] == ([] if judged is None else in_order([judged]))


def found(rows: Iterator[TrainingRow | Omission]) -> tuple[list[str], Counter[str]]:
    """The rows without what says where they come from and which tools there are, and why others are missing."""
    here, missing = [], Counter[str]()
    for row in rows:
        if isinstance(row, Omission):
            missing[row.value] += 1
        else:
            values = json.loads(json_line(row.values))
            here.append({key: value for key, value in values.items() if key not in ("trace_id", "annotator", "tools")})
    steps = [row["step"] for row in here]
    assert steps == sorted(steps)
    return in_order(here), missing


def in_order(rows: list[Json]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@given(plain_cases())
def test_a_trace_of_steps(case: tuple[NaivePlain, Page]) -> None:
    naive, page = case
    note(repr(naive))
    sample = check_record(naive, page.outcome())
    if sample is None:
        return
    corrected = sample.record.corrected_trace.value()
    assert corrected["steps"] == naive.recorded_steps()
    assert corrected.get("final_answer") == naive.corrected_answer()
    check_rows(naive, sample)


@given(chat_cases())
def test_a_conversation(case: tuple[NaiveChat, Page]) -> None:
    naive, page = case
    note(repr(naive))
    sample = check_record(naive, page.outcome())
    if sample is None:
        return
    corrected = sample.record.corrected_trace.value()
    expected = naive.recorded_trace()
    assert json.loads(json_line(corrected["before"])) == expected["before"]
    assert json.loads(json_line(corrected["steps"])) == expected["steps"]
    check_rows(naive, sample)
