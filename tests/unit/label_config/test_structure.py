"""The controls that remove a step or insert others, read from a labeling config."""

from __future__ import annotations

import pytest

from ls_trajedit.label_config.controls import Controls, Editor, ExpectedResult, LabelControl, Tag, resolve_controls
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.structure import (
    CHAT_WORDS,
    INSERT_AFTER,
    INSERT_BEFORE,
    REMOVE,
    InsertedBox,
    InsertionSlot,
    StructureControl,
)
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.options import MOST_INSERTIONS


def text(name: str, value: str) -> Tag:
    return Tag("text", name, None, value)


def area(name: str, to_name: str = "a__do") -> Tag:
    return Tag("textarea", name, to_name, None)


def choices(name: str, *values: str, to_name: str = "a__do") -> Tag:
    return Tag("choices", name, to_name, None, choices=values)


SHOWN = (text("a__do", "$steps[2].action"), area("fix", "a__do"), text("a__saw", "$steps[2].observation"))


def resolved(*tags: Tag) -> Controls:
    return resolve_controls((*SHOWN, *tags), "action")


def test_as_many_steps_can_be_inserted_as_there_are_choices() -> None:
    assert len(INSERT_AFTER) == len(INSERT_BEFORE) == MOST_INSERTIONS


def test_choices_belong_to_the_step_that_their_text_shows_and_boxes_to_the_choices() -> None:
    controls = resolved(
        choices("a__structure", REMOVE, *INSERT_AFTER[:2], INSERT_BEFORE[0]),
        area("a__structure_reason"),
        area("a__insert_1__do"),
        area("a__insert_1__saw"),
        area("a__insert_1_reason"),
        area("a__insert_2__do"),
        area("a__before_1__do"),
    )
    assert controls.structures == (
        StructureControl(
            control="a__structure",
            original="a__do",
            step=("steps", 2),
            step_index=2,
            choices=frozenset({REMOVE, *INSERT_AFTER[:2], INSERT_BEFORE[0]}),
            reason="a__structure_reason",
            slots=(
                InsertionSlot(
                    "Insert a step after it",
                    is_before=False,
                    number=1,
                    boxes=(InsertedBox("a__insert_1__do", "action"), InsertedBox("a__insert_1__saw", "observation")),
                    reason="a__insert_1_reason",
                ),
                InsertionSlot(
                    "Insert a second step after it", False, 2, (InsertedBox("a__insert_2__do", "action"),), None
                ),
                InsertionSlot("Insert a step before it", True, 1, (InsertedBox("a__before_1__do", "action"),), None),
            ),
        ),
    )
    assert controls.editors == (Editor("fix", "a__do", ("steps", 2, "action"), 2, "action"),)
    assert (controls.labels, controls.texts, controls.others) == ((), (), frozenset())
    typed = ExpectedResult("a__do", "textarea", "text")
    assert controls.expected_results == {
        "fix": ExpectedResult("a__do", "textarea", "text", ("steps", 2, "action")),
        "a__structure": ExpectedResult("a__do", "choices", "choices"),
        "a__structure_reason": typed,
        "a__insert_1__do": typed,
        "a__insert_1__saw": typed,
        "a__insert_1_reason": typed,
        "a__insert_2__do": typed,
        "a__before_1__do": typed,
    }
    assert controls.names == set(controls.expected_results)
    assert controls.structures_of(["a__before_1__do", "fix"]) == list(controls.structures)
    assert controls.structures_of(["fix", "a__do", "nothing"]) == []


def test_a_box_without_a_tag_of_its_word_fills_a_part_of_a_step_of_a_conversation() -> None:
    controls = resolve_controls(
        (
            text("step_4__title", "$steps[4].title"),
            text("step_4__content", "$steps[4].content"),
            choices("step_4__structure", *INSERT_AFTER, to_name="step_4__title"),
            *(area(f"step_4__insert_3__{word}", "step_4__title") for word in CHAT_WORDS),
        ),
        "action",
    )
    (structure,) = controls.structures
    assert [(slot.number, [box.field for box in slot.boxes]) for slot in structure.slots] == [
        (1, []),
        (2, []),
        (3, ["reasoning", "content", "tool_calls[0].name", "tool_calls[0].arguments", "heard"]),
    ]
    assert controls.texts == ()


@pytest.mark.parametrize("values", [(), ("good", "bad"), ("remove this step",)])
def test_choices_that_offer_nothing_of_it_are_labels_and_boxes_without_them_correct_fields(
    values: tuple[str, ...],
) -> None:
    controls = resolve_controls(
        (
            text("a__do", "$steps[2].action"),
            choices("a__structure", *values),
            area("a__insert_1__do"),
            text("b", "$steps[2].thought"),
            area("b__insert_1_reason", "b"),
        ),
        "action",
    )
    assert controls.structures == ()
    assert controls.labels == (LabelControl("a__structure", "a__do", ("steps", 2), 2, "a__structure"),)
    assert [(editor.control, editor.field) for editor in controls.editors] == [
        ("a__insert_1__do", "action"),
        ("b__insert_1_reason", "thought"),
    ]


def test_choices_on_the_final_answer_or_about_regions_remove_nothing() -> None:
    tags = (text("a__do", "$final_answer"), choices("a__structure", REMOVE))
    assert resolve_controls(tags, "action").structures == ()
    controls = resolved(Tag("choices", "a__structure", "a__do", None, is_about_regions=True, choices=(REMOVE,)))
    assert (controls.structures, controls.others) == ((), {"a__structure"})


def test_a_box_that_the_options_name_as_a_remark_is_one() -> None:
    controls = resolved(
        choices("a__structure", REMOVE), Tag("textarea", "a__insert_1__do", "a__do", None, is_remark=True)
    )
    assert [(found.control, found.is_remark) for found in controls.texts] == [("a__insert_1__do", True)]
    assert controls.structures[0].slots == ()


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ((area("a__insert_4__do"),), "inserted step number 4 beside `a__structure`; they are numbered from 1 to 3"),
        ((area("a__insert_0_reason"),), "inserted step number 0"),
        ((area("a__before_01__do"),), "inserted step number 01"),
        (
            (area("a__insert_1__what"),),
            "does not say which field of an inserted step it fills: there is no tag `a__what`",
        ),
        ((area("a__insert_1__do", "a__saw"),), "has to point at the same tag, `a__do`; it points at `a__saw`"),
        ((area("a__insert_1__do"), area("a__insert_1__do")), "several controls are named `a__insert_1__do`"),
        ((area("a__structure"),), "several controls are named `a__structure`"),
        (
            (text("a__again", "$steps[2].action"), area("a__insert_1__do"), area("a__insert_1__again")),
            "both fill `action` of an inserted step",
        ),
        (
            (text("a__part", "$steps[2].action.name"), area("a__before_2__part"), area("a__before_2__do")),
            "the TextAreas `a__before_2__do` and `a__before_2__part` both fill `action`",
        ),
        (
            (choices("b__structure", REMOVE, to_name="a__saw"),),
            "the Choices `a__structure` and `b__structure` both remove `steps[2]`",
        ),
    ],
)
def test_what_does_not_say_which_field_or_step_it_is_about_is_an_error(tags: tuple[Tag, ...], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        resolved(choices("a__structure", REMOVE), *tags)
    assert message in str(error.value)


def test_a_tag_of_another_step_does_not_say_what_a_box_fills() -> None:
    with pytest.raises(ConfigError, match="there is no tag `a__other`"):
        resolved(choices("a__structure", REMOVE), text("a__other", "$steps[3].x"), area("a__insert_1__other"))


def test_what_is_typed_beside_an_item_of_another_list_belongs_to_no_step() -> None:
    schema = read_config(
        """<View><Text name="x" value="$steps[0].action"/><TextArea name="fix" toName="x"/>
        <Text name="n" value="$notes[0].text"/><Choices name="n__structure" toName="n">
        <Choice value="Remove this step"/></Choices><TextArea name="n__insert_1__content" toName="n"/></View>"""
    )
    assert schema.fixed.structures == ()
    assert schema.fixed.others == {"n__structure"}
    assert [(found.control, found.about, found.is_remark) for found in schema.fixed.texts] == [
        ("n__insert_1__content", "is about `notes[0]`, which is not a step of the trace", False)
    ]


CONFIG = """<View><Text name="s__title" value="$run.turns[1].title"/>
    <choices name="s__structure" toName="s__title" choice="multiple"><View><Choice value="Weg damit"
    alias="Remove this step"/></View></choices></View>"""


def test_choices_are_known_by_their_alias_and_a_config_may_have_nothing_else() -> None:
    schema = read_config(CONFIG)
    assert (schema.steps_path, schema.max_steps) == (("run", "turns"), 2)
    assert [structure.step for structure in schema.fixed.structures] == [("run", "turns", 1)]
    with pytest.raises(ConfigError, match="no TextArea that corrects a field"):
        read_config(CONFIG.replace("Remove this step", "Weg"))


REPEATED = """<View><Repeater on="$steps" indexFlag="{{idx}}">
    <Text name="step_{{idx}}__action" value="$steps[{{idx}}].action"/>
    <TextArea name="step_{{idx}}__action__corrected" toName="step_{{idx}}__action"/>
    <Choices name="step_{{idx}}__structure" toName="step_{{idx}}__action">
    <Choice value="Remove this step"/><Choice value="Insert a step after it"/></Choices>
    <TextArea name="step_{{idx}}__insert_1__action" toName="step_{{idx}}__action"/></Repeater></View>"""


def test_a_repeater_has_them_for_each_step() -> None:
    schema = read_config(REPEATED)
    slot = InsertionSlot(INSERT_AFTER[0], False, 1, (InsertedBox("step_1__insert_1__action", "action"),), None)
    offered = frozenset({REMOVE, INSERT_AFTER[0]})
    of_second = StructureControl("step_1__structure", "step_1__action", ("steps", 1), 1, offered, None, (slot,))
    data = {"steps": [{"action": "a"}, {"action": "b"}]}
    assert schema.structures_in(data) == list(schema.controls(data).structures)
    assert schema.structures_in(data)[1:] == [of_second]
    assert [structure.step_index for structure in schema.structures_in(data)] == [0, 1]
    declared = schema.declared(data)
    names = ["step_7__structure", "step_1__insert_1__action", "step_1__action__corrected"]
    assert declared.structures_of(names)[0] == of_second
    assert [structure.step_index for structure in declared.structures_of(names)] == [1, 7]
    assert declared.structures_of(["step_1__action__corrected"]) == []
    assert declared.expected_results["step_1__insert_1__action"] == ExpectedResult("step_1__action", "textarea", "text")
    assert [editor.control for editor in declared.editors_of(names)] == ["step_1__action__corrected"]
    assert schema.has_control("step_1__structure", "step_1__action", 2)
    assert not schema.has_control("step_1__structure", "step_1__thought", 2)
    assert not schema.has_control("step_2__structure", "step_2__action", 2)


def test_only_steps_that_the_data_has_are_in_it() -> None:
    schema = read_config(REPEATED.replace("<Repeater", "<View").replace("</Repeater", "</View").replace("{{idx}}", "1"))
    assert schema.structures_in({"steps": [{}]}) == []
    assert schema.structures_in({}) == []
    assert [structure.step_index for structure in schema.structures_in({"steps": [{}, {}]})] == [1]


def test_names_in_a_repeater_that_do_not_tell_steps_apart_are_an_error() -> None:
    with pytest.raises(ConfigError, match="several controls are named `all__structure`"):
        read_config(REPEATED.replace("step_{{idx}}__structure", "all__structure"))
