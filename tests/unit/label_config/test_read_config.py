"""Any labeling config whose TextAreas point at Texts can be read, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.label_config.read_config import read_config, shown_values
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.options import Options, StepLabels
from ls_trajedit.traces.options_file import options_from
from ls_trajedit.traces.shape import shape_of
from tests.support.strategies import Case, cases

FOREIGN = """
<View>
  <Header value="Please correct the assistant"/>
  <Text name="q" value="$question"/>
  <Text name="hint" value="$meta.hint"/>
  <View className="col">
    <Text name="third" value="$turns[3].content"/>
    <TextArea name="thirdFixed" toName="third" rows="3"/>
    <TextArea name="thirdReason" toName="third"/>
    <Text name="first" value="$turns[0].content"/>
    <Choices name="firstOk" toName="first"><Choice value="yes"/><Choice value="no"/></Choices>
    <TextArea name="firstFixed" toName="first"/>
  </View>
  <Text name="end" value="$reply"/>
  <TextArea name="betterEnd" toName="end"/>
  <Rating name="stars" toName="q"/>
</View>
"""


def corrections(schema: Schema, data: dict[str, Any] | None = None) -> list[tuple[str, int | None, str, str | None]]:
    return [(e.control, e.step_index, e.field, e.reason) for e in schema.controls(data or {}).editors]


def test_a_config_by_somebody_else_says_itself_what_it_corrects() -> None:
    schema = read_config(FOREIGN)
    assert corrections(schema) == [
        ("firstFixed", 0, "content", None),
        ("thirdFixed", 3, "content", "thirdReason"),
        ("betterEnd", None, "reply", None),
    ]
    assert [(label.control, label.step_index, label.name) for label in schema.fixed.labels] == [
        ("firstOk", 0, "firstOk")
    ]
    assert schema.fixed.others == {"stars"}
    assert schema.steps_path == ("turns",)
    assert schema.final_answer_path == ("reply",)
    assert schema.task_paths == (("question",), ("task",), ("text",))
    assert schema.id_path == ("id",)
    assert schema.max_steps == 4
    assert schema.as_json() == {
        "layout": "unrolled",
        "editable_fields": ["content", "reply"],
        "max_steps": 4,
        "steps_key": "turns",
        "id_key": "id",
        "task_key": "question",
        "final_answer_key": "reply",
    }


def test_the_task_is_the_first_text_outside_the_steps_that_no_editor_points_at() -> None:
    config = """<View><Text name="a" value="$answer"/><TextArea name="b" toName="a"/>
    <Text name="s" value="$steps[0].x"/><Text name="c" value="not a variable"/>
    <Text name="t" value="$goal"/><Text name="u" value="$more"/></View>"""
    assert read_config(config).task_paths[0] == ("goal",)


def test_a_config_without_a_text_for_the_task_leaves_the_usual_keys() -> None:
    config = '<View><Text name="a" value="$s[0].x"/><TextArea name="b" toName="a"/></View>'
    schema = read_config(config)
    assert schema.task_paths == (("task_description",), ("task",), ("text",))
    assert (schema.id_path, schema.final_answer_path) == (("id",), ("final_answer",))


def test_a_final_answer_under_a_usual_name_of_the_task_is_not_the_task() -> None:
    config = '<View><Text name="a" value="$text"/><TextArea name="b" toName="a"/></View>'
    assert read_config(config).task_paths == (("task_description",), ("task",))


def test_attributes_and_tags_in_odd_case_comments_and_instructions_do_not_matter() -> None:
    config = """<?xml version="1.0"?><!-- ours --><view>
    <!-- <TextArea name="old" toName="a"/> --><?page break?>
    <TEXT Name="a" VALUE="$steps[1].action"/><textarea NAME="b" tonamE="a"/></view>"""
    assert corrections(read_config(config)) == [("b", 1, "action", None)]


def test_our_config_means_the_same_after_somebody_moved_and_styled_its_tags() -> None:
    options = Options(edit_final_answer=True, require_reason_on_edit=True, editable_fields=["thought", "action"])
    trace = {"id": 1, "task": "t", "steps": [{"thought": "x", "action": "y"}] * 3, "final_answer": "z"}
    config = write_config(options, shape_of([trace], options))
    lines = [line.strip() for line in config.splitlines()]
    tags = [line for line in lines if line.startswith(("<Text ", "<TextArea "))]
    restyled = f'<View className="trajedit trajedit-show-diff trajedit-show-edit-distance trajedit-allow-reset \
trajedit-require-reason mine" style="color: red"><Header value="&lt;b&gt;"/>{"".join(reversed(tags))}</View>'
    before, after = read_config(config), read_config(restyled)
    assert set(after.fixed.editors) == set(before.fixed.editors)
    assert [e.step_index for e in after.fixed.editors] == [0, 0, 1, 1, 2, 2, None]
    assert (after.steps_path, after.final_answer_path, after.task_paths, after.id_path) == (
        before.steps_path,
        before.final_answer_path,
        before.task_paths,
        before.id_path,
    )
    assert after.require_reason_on_edit


@given(cases(), st.booleans())
def test_what_a_written_config_corrects_is_what_the_options_say(case: Case, labels: bool) -> None:
    scored = StepLabels(correctness=["ok", "wrong"], error_types=["tool", "ärger &<"])
    options = replace(case.options, step_labels=scored if labels else StepLabels())
    shape = shape_of(case.traces, options)
    schema = read_config(write_config(options, shape))
    steps = options.max_steps or shape.longest
    data = {"steps": [{}] * steps, "run": {"turns": [{}] * steps}}
    wanted: list[tuple[int | None, str]] = [(i, field) for i in range(steps) for field in options.editable_fields]
    wanted += [(None, options.final_answer_key)] * options.edit_final_answer
    found = schema.controls(data).editors
    assert [(editor.step_index, editor.field) for editor in found] == wanted
    assert [editor.reason is not None for editor in found] == [options.require_reason_on_edit] * len(wanted)
    assert [(label.step_index, label.name) for label in schema.controls(data).labels] == [
        (i, name) for i in range(steps) for name in ("correctness", "error_type") if labels
    ]
    assert schema.max_steps == (None if options.layout == "repeater" else steps)


@pytest.mark.parametrize("flag", ["show_diff", "show_edit_distance", "allow_reset", "require_reason_on_edit"])
@pytest.mark.parametrize("value", [True, False])
def test_the_flags_travel_in_the_config(flag: str, value: bool) -> None:
    options = options_from({flag: value}, "x")
    config = write_config(options, shape_of([{"steps": ["go"]}], options))
    assert getattr(read_config(config), flag) is value


def test_a_config_by_somebody_else_has_the_default_flags() -> None:
    schema = read_config(FOREIGN)
    assert (schema.show_diff, schema.show_edit_distance, schema.allow_reset, schema.require_reason_on_edit) == (
        True,
        True,
        True,
        False,
    )


REPEATER = """<View><Text name="t" value="$goal"/><Repeater on="$turns" {flag_attribute}>
<Text name="o_{flag}" value="$turns[{flag}].content"/><TextArea name="n_{flag}" toName="o_{flag}"/>
<Choices name="c_{flag}" toName="o_{flag}"><Choice value="ok"/></Choices></Repeater></View>"""


@pytest.mark.parametrize(
    ("flag", "attribute"),
    [("{{idx}}", ""), ("{{idx}}", 'indexFlag="{{idx}}"'), ("#N#", 'indexflag="#N#"'), ("(i)", 'indexFlag="(i)"')],
)
def test_a_repeater_repeats_its_editors_for_each_step_of_the_task(flag: str, attribute: str) -> None:
    schema = read_config(REPEATER.replace("{flag_attribute}", attribute).replace("{flag}", flag))
    assert corrections(schema, {"turns": [{}, {}, {}]}) == [
        ("n_0", 0, "content", None),
        ("n_1", 1, "content", None),
        ("n_2", 2, "content", None),
    ]
    assert corrections(schema, {"turns": "broken"}) == []
    assert (schema.steps_path, schema.max_steps) == (("turns",), None)
    names = [f"{letter}_{index}" for letter in "nco" for index in ("0", "1", "2", "01", "x")]
    assert [name for name in names if schema.has_control(name, f"o{name[1:]}", 2)] == ["n_0", "n_1", "c_0", "c_1"]
    assert schema.as_json()["layout"] == "repeater"


def test_a_repeater_replaces_only_the_first_flag_as_label_studio_does() -> None:
    config = """<View><Repeater on="$steps"><Text name="a_{{idx}}_{{idx}}" value="$steps[{{idx}}].x"/>
    <TextArea name="b_{{idx}}" toName="a_{{idx}}_{{idx}}"/></Repeater></View>"""
    (editor,) = read_config(config).controls({"steps": [{}]}).editors
    assert editor.original == "a_0_{{idx}}"


NO_EDITOR = "has no TextArea that corrects a field"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "is not XML"),
        ("not XML", "is not XML"),
        ("<View>", "is not XML"),
        ("<View>\ud800</View>", "is not XML"),
        ("<View/>", NO_EDITOR),
        ('<View><Text name="a" value="$steps[0].x"/></View>', NO_EDITOR),
        ('<View><Text name="a" value="constant"/><TextArea name="b" toName="a"/></View>', NO_EDITOR),
        ('<View><Text name="a" value="$steps[0].x"/><TextArea name="b" toName="other"/></View>', NO_EDITOR),
        ('<View><HyperText name="a" value="$html" valueType="url"/><TextArea name="b" toName="a"/></View>', NO_EDITOR),
        (
            '<View><Paragraphs name="a" value="$steps"/><TextArea name="b" toName="a"/></View>',
            "`b` points at the Paragraphs `a`, which does not show one field as text",
        ),
        (
            '<View><Text name="a" value="$x"/><TextArea name="b" toName="a"/>'
            '<HyperText name="c" value="$x"/><TextArea name="d" toName="c"/></View>',
            "`b` and `d` both correct `x`; give each field one of them; a TextArea that asks for a reason needs a name "
            "that ends in `__reason`, and one for remarks is named in `remark_controls` in trajedit.yaml",
        ),
        (
            '<View><Text name="a" value="$s[0].x"/><TextArea name="b" toName="a"/>'
            '<TextArea name="c" toName="a"/></View>',
            "`b` and `c` both correct `s[0].x`",
        ),
        (
            '<View><Text name="a" value="$s[0].x"/><TextArea name="b" toName="a"/>'
            '<Text name="c" value="$t[0].x"/><TextArea name="d" toName="c"/></View>',
            "correct steps of several lists: `s`, `t`",
        ),
        (
            '<View><Text name="a" value="$one"/><TextArea name="b" toName="a"/>'
            '<Text name="c" value="$two"/><TextArea name="d" toName="c"/></View>',
            "several TextAreas correct fields outside the steps: `b` (one), `d` (two)",
        ),
        ('<View><Repeater on="steps"/></View>', 'the Repeater has on="steps"'),
        ('<View><Repeater on="$a"/><Repeater on="$b"/></View>', "more than one Repeater"),
        (
            '<View><Repeater on="$s"><Text name="a" value="$s[{{idx}}].x"/><TextArea name="b" toName="a"/>'
            "</Repeater></View>",
            "several controls are named `b`",
        ),
        (
            '<View><Repeater on="$s"><Text name="a{{idx}}" value="$y"/><TextArea name="b{{idx}}" toName="a{{idx}}"/>'
            "</Repeater></View>",
            "`b0` and `b1` both correct `y`",
        ),
    ],
)
def test_a_config_that_cannot_be_read_is_an_error_that_says_why(config: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_config(config)
    assert message in str(error.value)


ANSWERS = (
    '<View><Text name="s" value="$steps[0].x"/><TextArea name="fix" toName="s"/>'
    '<Text name="a" value="$one"/><TextArea name="b" toName="a"/><TextArea name="b__reason" toName="a"/>'
    '<Text name="c" value="$two"/><TextArea name="d" toName="c"/></View>'
)


def test_the_options_say_which_of_several_fields_is_the_final_answer() -> None:
    schema = read_config(ANSWERS, Options(final_answer_key="two"))
    assert corrections(schema) == [("fix", 0, "x", None), ("d", None, "two", None)]
    assert [(text.control, text.about, text.is_remark) for text in schema.fixed.texts] == [
        ("b", "corrects `one`, and the final answer is `two`", False),
        ("b__reason", "corrects `one`, and the final answer is `two`", True),
    ]


def test_a_final_answer_that_no_editor_corrects_is_not_chosen_over_one_that_is() -> None:
    answer = '<Text name="a" value="$answer"/><TextArea name="a2" toName="a"/>'
    with pytest.raises(ConfigError, match=r"`final_answer_key` is result, which no TextArea .* corrects: answer\."):
        read_config(f"<View>{answer}</View>", Options(final_answer_key="result"))
    # Where the config corrects no answer at all, the options say where the trace keeps it.
    step = '<Text name="s" value="$steps[0].action"/><TextArea name="s2" toName="s"/>'
    assert read_config(f"<View>{step}</View>", Options(final_answer_key="result")).final_answer_path == ("result",)


def test_a_text_that_shows_the_id_is_not_the_task() -> None:
    step = '<Text name="s" value="$steps[0].action"/><TextArea name="s2" toName="s"/>'
    config = f'<View><Text name="which" value="$id"/><Text name="what" value="$goal"/>{step}</View>'
    assert read_config(config).task_paths[0] == ("goal",)
    shown = config.replace("$id", "$number")
    assert read_config(shown, Options(id_key="number")).task_paths[0] == ("goal",)


def test_a_box_for_remarks_on_the_task_is_neither_the_answer_nor_hides_the_task() -> None:
    config = """<View><Text name="t" value="$goal"/><TextArea name="remark" toName="t"/>
    <Text name="a" value="$answer"/><TextArea name="fix" toName="a"/></View>"""
    schema = read_config(config, Options(final_answer_key="answer"))
    assert corrections(schema) == [("fix", None, "answer", None)]
    assert schema.task_paths[0] == ("goal",)
    assert [(text.control, text.is_remark) for text in schema.fixed.texts] == [("remark", False)]
    schema = read_config(config, Options(remark_controls=["remark"]))
    assert corrections(schema) == [("fix", None, "answer", None)]
    assert [(text.control, text.is_remark) for text in schema.fixed.texts] == [("remark", True)]


def test_only_keys_that_the_options_set_explicitly_override_the_config() -> None:
    assert read_config(FOREIGN, Options()) == read_config(FOREIGN)
    schema = read_config(FOREIGN, Options(id_key="meta.uid", task_key="meta.hint"))
    assert schema.id_path == ("meta", "uid")
    assert schema.task_paths == (("meta", "hint"), ("task",), ("text",))
    whole_step = '<View><Text name="a" value="$steps[0]"/><TextArea name="b" toName="a"/></View>'
    assert corrections(read_config(whole_step, Options(step_text_key="said"))) == [("b", 0, "said", None)]


def test_a_text_inside_a_list_is_neither_the_id_nor_the_answer() -> None:
    config = """<View><Text name="trace_id" value="$ids[0]"/><Text name="final_answer" value="$answers[0]"/>
    <Text name="s" value="$steps[0].x"/><TextArea name="f" toName="s"/></View>"""
    schema = read_config(config)
    assert (schema.id_path, schema.final_answer_path) == (("id",), ("final_answer",))


def test_a_document_type_is_refused_as_label_studio_does_and_no_entity_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text('<Text name="a" value="$steps[0].leaked"/>', encoding="utf-8")
    entity = f'<!DOCTYPE View [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    for doctype in ("<!DOCTYPE View>", "<!DOCTYPE View SYSTEM 'view.dtd'>", entity):
        with pytest.raises(ConfigError, match="the labeling config has a DOCTYPE"):
            read_config(doctype + '<View><Text name="c" value="$steps[0].x"/><TextArea name="b" toName="c"/></View>')
    with pytest.raises(ConfigError, match="the labeling config has a DOCTYPE"):
        read_config(entity + '<View>&x;<TextArea name="b" toName="a"/></View>')
    with pytest.raises(ConfigError, match="is not XML"):
        read_config(entity + '<View><Text name="a" value="&x;"/><TextArea name="b" toName="a"/></View>')


def test_the_document_type_of_a_page_inside_is_text() -> None:
    page = "<HyperText name='p'><![CDATA[<!DOCTYPE html><p>Read this</p>]]></HyperText>"
    config = f'<View>{page}<Text name="c" value="$steps[0].x"/><TextArea name="b" toName="c"/></View>'
    assert corrections(read_config(config)) == [("b", 0, "x", None)]


def test_entities_that_grow_without_end_are_refused() -> None:
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    config = f"""<!DOCTYPE View [<!ENTITY e0 "lol">{entities}]><View><Text name="a" value="&e11;"/></View>"""
    with pytest.raises(ConfigError):
        read_config(config)


def test_an_encoding_that_the_xml_declares_is_ignored() -> None:
    for encoding in ("UTF-16", "ISO-8859-1", "utf-8"):
        config = f'<?xml version="1.0" encoding="{encoding}"?>' + (
            '<View><Text name="é" value="$steps[0].x"/><TextArea name="ü" toName="é"/></View>'
        )
        assert corrections(read_config(config)) == [("ü", 0, "x", None)]


def test_a_config_shows_the_value_of_every_text() -> None:
    assert shown_values(FOREIGN) == {"$question", "$meta.hint", "$turns[3].content", "$turns[0].content", "$reply"}
    assert shown_values('<View><Text name="a"/></View>') == {""}


def test_a_schema_counts_in_how_many_steps_a_field_can_be_corrected() -> None:
    assert read_config(FOREIGN).fields() == {"content": 2, "reply": 0}
    flag = "{{idx}}"
    assert read_config(REPEATER.replace("{flag_attribute}", "").replace("{flag}", flag)).fields() == {"content": 0}
