"""What a labeling config, and a Repeater in it, may cost: refused before anything is made of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.label_config import schema as schema_module
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import (
    MOST_ATTRIBUTES,
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_REPEATED_TAGS,
    MOST_TAGS,
    read_config,
)
from ls_trajedit.label_config.schema import MOST_CONTROLS, Schema
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.errors import ConfigError, TooManyControlsError
from ls_trajedit.traces.options import MOST_INSERTIONS, Options, StepLabels
from ls_trajedit.traces.shape import TraceShape

EDITOR = '<Text name="t" value="$steps[0].x"/><TextArea name="b" toName="t"/>'


def nested(depth: int) -> str:
    """A config with one tag in another, `depth` in all; the editor is in the innermost View."""
    return "<View>" * (depth - 1) + EDITOR + "</View>" * (depth - 1)


def with_attributes(count: int) -> str:
    return "<View " + " ".join(f'a{number}=""' for number in range(count)) + f">{EDITOR}</View>"


def with_tags(count: int) -> str:
    return f"<View>{EDITOR}{'<View/>' * (count - 3)}</View>"


def with_characters(count: int) -> str:
    start, end = f"<View>{EDITOR}<Style>", "</Style></View>"
    return start + "x" * (count - len(start) - len(end)) + end


def repeating(tags: int) -> str:
    """A config whose Repeater has this even number of tags with a name."""
    pairs = (
        f'<Text name="t{n}_{{{{idx}}}}" value="$steps[{{{{idx}}}}].f{n}"/><TextArea name="b{n}_{{{{idx}}}}" '
        f'toName="t{n}_{{{{idx}}}}"/>'
        for n in range(tags // 2)
    )
    return f'<View><Repeater on="$steps">{"".join(pairs)}</Repeater></View>'


@pytest.mark.parametrize(
    ("config_of", "most", "beyond", "what"),
    [
        (nested, MOST_DEPTH, MOST_DEPTH + 1, "101 nested tags, and the limit is 100"),
        (nested, MOST_DEPTH, 300, "257 nested tags, and the limit is 100"),
        (with_attributes, MOST_ATTRIBUTES, MOST_ATTRIBUTES + 1, "101 attributes in one tag, and the limit is 100"),
        (with_tags, MOST_TAGS, MOST_TAGS + 1, "120001 tags, and the limit is 120000"),
        (with_characters, 9_900_000, MOST_CHARACTERS + 1, "10000001 characters, and the limit is 10000000"),
        (repeating, MOST_REPEATED_TAGS, MOST_REPEATED_TAGS + 2, "1002 tags with a name in the Repeater, and the limit"),
    ],
)
def test_a_config_with_more_than_it_may_have_is_refused_with_the_number_and_the_limit(
    config_of: Callable[[int], str], most: int, beyond: int, what: str
) -> None:
    assert read_config(config_of(most)).fields()
    with pytest.raises(ConfigError, match=f"the labeling config has {what}"):
        read_config(config_of(beyond))


def test_a_tag_with_a_hundred_thousand_attributes_is_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ls_trajedit.label_config.read_config._tag", pytest.fail)
    with pytest.raises(ConfigError, match="has 100000 attributes in one tag"):
        read_config(with_attributes(100_000))


def test_the_largest_config_that_we_write_is_far_below_the_limits() -> None:
    """A page of this takes minutes to open: each Text costs 45 ms."""
    fields = ["thought", "action", "args", "plan", "note"]
    labels = StepLabels(correctness=["a", "b", "c"], error_types=[f"e{number}" for number in range(20)])
    options = Options(editable_fields=fields, require_reason_on_edit=True, edit_final_answer=True, step_labels=labels)
    shape = TraceShape(
        longest=1_000, step_keys=(*fields, "seen"), text_keys=(*fields, "seen"), has_id=True, has_final_answer=True
    )
    config = write_config(options, shape)
    assert len(config) < MOST_CHARACTERS * 0.6
    assert config.count("<") - config.count("</") < MOST_TAGS * 0.8
    assert read_config(config).max_steps == 1_000


def test_a_config_with_boxes_for_three_inserted_steps_in_each_gap_is_below_the_limits() -> None:
    fields = ["thought", "action", "args", "plan", "note"]
    labels = StepLabels(correctness=["a", "b", "c"], error_types=[f"e{number}" for number in range(20)])
    options = Options(
        editable_fields=fields,
        require_reason_on_edit=True,
        step_labels=labels,
        allow_remove=True,
        allow_insert=MOST_INSERTIONS,
        max_steps=300,
    )
    config = write_config(options, TraceShape())
    assert len(config) < MOST_CHARACTERS * 0.6
    assert config.count("<") - config.count("</") < MOST_TAGS * 0.6
    assert len(read_config(config).fixed.structures) == 300
    repeated = read_config(write_config(replace(options, layout="repeater"), TraceShape())).repeated
    assert repeated is not None
    assert len(repeated.tags) < MOST_REPEATED_TAGS * 0.1


def test_what_is_inside_a_hyper_text_is_its_value_and_no_tags() -> None:
    """As Label Studio's editor reads it. A HyperText in a HyperText would otherwise be written out once for each."""
    inner = '<p><HyperText name="inner"/><Text name="no" value="$steps[0].y"/></p>'
    schema = read_config(f'<View><HyperText name="h">{inner}</HyperText>{EDITOR}</View>')
    assert [shown.name for shown in schema.fixed.shown] == ["t"]
    boxed = read_config(f'<View><HyperText name="h">{inner}</HyperText><TextArea name="on" toName="h"/>{EDITOR}</View>')
    (text,) = boxed.text_controls()
    assert inner in text.about


PAIR = '<Text name="t{{idx}}" value="$steps[{{idx}}].x"/><TextArea name="b{{idx}}" toName="t{{idx}}"/>'


def named(schema: Schema, name: str, steps: int) -> list[tuple[int | None, str]]:
    """What the control of that name corrects in a task with so many steps."""
    found = schema.declared({"steps": [{}] * steps}).editors_of([name])
    return [(editor.step_index, editor.field) for editor in found]


def test_a_control_outside_the_repeater_has_its_name_until_a_step_gets_it() -> None:
    fixed = '<Text name="answer" value="$answer"/><TextArea name="{}" toName="answer"/>'
    config = f'<View><Repeater on="$steps">{PAIR}</Repeater>{fixed}</View>'
    for other in ("b", "b01", "bx", "b1x", "b12"):
        schema = read_config(config.replace("{}", other))
        assert named(schema, other, 12) == [(None, "answer")]
        assert named(schema, "b11", 12) == [(11, "x")]
    with pytest.raises(ConfigError, match="the control `b12` has a name that the Repeater gives"):
        read_config(config.replace("{}", "b12")).declared({"steps": [{}] * 13})


@pytest.mark.parametrize(
    ("one", "other", "name", "step", "first_shared"),
    [
        ("b{{idx}}", "b1{{idx}}", "b10", 0, 11),
        ("b{{idx}}x", "b20{{idx}}x", "b200x", 0, 201),
        ("b{{idx}}", "b{{idx}}1", "b11", 1, 12),
    ],
)
def test_a_name_is_of_the_step_that_the_task_has_and_an_error_when_it_has_both(
    one: str, other: str, name: str, step: int, first_shared: int
) -> None:
    second = PAIR.replace("t{{idx}}", "u_{{idx}}").replace("].x", "].y").replace("b{{idx}}", other)
    schema = read_config(f'<View><Repeater on="$steps">{PAIR.replace("b{{idx}}", one)}{second}</Repeater></View>')
    assert named(schema, name, first_shared - 1) == [(step, "y")]
    with pytest.raises(ConfigError, match=f"several controls are named `{name}`"):
        schema.declared({"steps": [{}] * first_shared})
    with pytest.raises(ConfigError, match=f"several controls are named `{name}`"):
        schema.with_values({"steps": [{}] * first_shared})


def task_of(steps: int) -> dict[str, Any]:
    return {"data": {"steps": [{"f0": "a"}] * steps}}


def test_as_many_controls_as_a_task_may_have_are_made_and_more_are_refused_before_one_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = MOST_CONTROLS // 100
    assert most == 400
    config = repeating(100)
    assert len(predict(task_of(most), config)) == most
    monkeypatch.setattr(schema_module, "resolve_controls", pytest.fail)
    what = "401 steps with 100 tags in the Repeater are 40100 controls, and the limit is 40000"
    with pytest.raises(TooManyControlsError, match=what):
        predict(task_of(most + 1), config)
    with pytest.raises(TooManyControlsError, match=what):
        read_config(config).controls(task_of(most + 1)["data"])


def test_a_long_name_counts_like_many_controls() -> None:
    config = repeating(2).replace("b0_", "b" * 100_000)
    assert len(predict(task_of(10), config)) == 10
    with pytest.raises(TooManyControlsError, match=r"are names and values of [0-9]+ characters, and the limit is"):
        predict(task_of(100), config)


def test_only_the_steps_that_hold_something_get_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    schema = read_config(repeating(2))
    resolve = schema_module.resolve_controls
    monkeypatch.setattr(
        schema_module, "resolve_controls", lambda tags, key: made.append(len(tags)) or resolve(tags, key)
    )
    data = {"steps": [0, {}, {"f0": "a"}, None, "", [], {"f0": "b"}] + [0] * 10_000}
    assert [(editor.control, value) for editor, value in schema.with_values(data)] == [("b0_2", "a"), ("b0_6", "b")]
    # One step to know whether a card is about its own step, and the two that hold something.
    assert made == [2, 2, 2]


def test_a_repeater_whose_index_is_only_a_part_of_the_number_is_filled_in_the_step_that_it_shows() -> None:
    config = """<View><Repeater on="$steps"><Text name="t{{idx}}" value="$steps[1{{idx}}].x"/>
    <TextArea name="b{{idx}}" toName="t{{idx}}"/></Repeater></View>"""
    found = read_config(config).with_values({"steps": [{}, {}] + [0] * 10 + [{"x": "twelfth"}]})
    assert [(editor.control, value) for editor, value in found] == [("b2", "twelfth")]


def test_memory_does_not_grow_with_the_number_of_step_counts() -> None:
    """A memo for each number of steps took 1.5 kB for each control: here 2.4 GB."""
    schema = read_config(repeating(20))
    tracemalloc.start()
    try:
        for steps in range(1, 401):
            schema.with_values(task_of(steps)["data"])
        assert len(schema.declared({}).editors_of([f"b0_{step}" for step in range(10_000)])) == 10_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000_000


def test_the_controls_of_a_step_are_made_for_the_names_that_are_asked_about() -> None:
    declared = read_config(repeating(4)).declared({})
    names = ["b1_7", "b0_999999999", "b0_07", "b0_x", "b0_", "b2_0", "b0_1000000000", "b0_7"]
    assert [editor.control for editor in declared.editors_of(names)] == ["b0_7", "b1_7", "b0_999999999"]
    assert [name for name in names if declared.declares(name)] == ["b1_7", "b0_999999999", "b0_7"]
    assert declared.expected_results["b0_7"].path == ("steps", 7, "f0")
    with pytest.raises(KeyError):
        declared.expected_results["b0_07"]
    assert declared.place("t1_12") == (12, "f1")
    assert declared.place("t1_x") == declared.place(None) == (None, "")
