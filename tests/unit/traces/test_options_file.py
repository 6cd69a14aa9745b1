"""trajedit.yaml: every default, and errors that name the key, what it takes and the nearest spelling."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import yaml

from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.options import CHAT_FIELDS, DEFAULT_CHAT_FIELDS, Options
from ls_trajedit.traces.options_file import option_names, parse_options
from ls_trajedit.traces.read_options import STEPS, ReadOptions
from ls_trajedit.traces.readers.registry import FORMATS

ALL_OPTIONS = (
    "options: name, description, steps_key, step_text_key, editable_fields, show_diff, show_edit_distance, "
    "allow_reset, require_reason_on_edit, edit_final_answer, final_answer_key, id_key, task_key, context_fields, "
    "layout, max_steps, allow_remove, allow_insert, step_labels, remark_controls, formats, templates, tools_key, from, "
    "messages_key, role_key, roles, agent"
)


FORMAT_NAMES = ", ".join(sorted({*FORMATS, STEPS}))


def values_of(options: Options) -> dict[str, Any]:
    """The options under the names that they have in the file."""
    values = asdict(options)
    del values["given"]
    return {"from" if name == "from_" else name: value for name, value in values.items()}


def error_of(text: str) -> str:
    with pytest.raises(OptionsError) as error:
        parse_options(text, "trajedit.yaml")
    assert error.value.exit_code == 3
    return str(error.value)


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert values_of(parse_options("", "x")) == {
        "name": "trajectory_edit",
        "description": "",
        "steps_key": "steps",
        "step_text_key": "action",
        "editable_fields": ["action"],
        "show_diff": True,
        "show_edit_distance": True,
        "allow_reset": True,
        "require_reason_on_edit": False,
        "edit_final_answer": False,
        "final_answer_key": "final_answer",
        "id_key": "id",
        "task_key": "task_description",
        "context_fields": None,
        "layout": "unrolled",
        "max_steps": None,
        "allow_remove": False,
        "allow_insert": 0,
        "step_labels": {"correctness": [], "error_types": [], "right": [], "wrong": [], "unsure": []},
        "remark_controls": [],
        "formats": ["corrections", "sft", "dpo"],
        "templates": {
            "step": None,
            "observation": "Observation: {observation}",
            "no_observation": "Observation: (none recorded)",
            "final_answer": "Final Answer: {final_answer}",
        },
        "tools_key": None,
        "from": None,
        "messages_key": None,
        "role_key": None,
        "roles": {"user": [], "assistant": [], "tool": [], "system": []},
        "agent": None,
    }


def test_without_editable_fields_the_text_of_the_step_is_editable() -> None:
    assert parse_options("step_text_key: content", "x").editable_fields == ["content"]
    assert parse_options("step_text_key: content\neditable_fields: [args.q]", "x").editable_fields == ["args.q"]


def test_every_option_can_be_set() -> None:
    given: dict[str, Any] = {
        "name": "fix",
        "description": "Fix what is wrong.\nLeave the rest, «alone» 😀.",
        "steps_key": "run.turns",
        "step_text_key": "content",
        "editable_fields": ["content", "tool_calls[0].function.arguments"],
        "show_diff": False,
        "show_edit_distance": False,
        "allow_reset": False,
        "require_reason_on_edit": True,
        "edit_final_answer": True,
        "final_answer_key": "result.answer",
        "id_key": "meta.id",
        "task_key": "meta.task",
        "context_fields": ["thought"],
        "layout": "repeater",
        "max_steps": 40,
        "allow_remove": True,
        "allow_insert": 3,
        "step_labels": {
            "correctness": ["correct", "incorrect", "unsure"],
            "error_types": ["wrong tool"],
            "right": ["fine"],
            "wrong": ["off"],
            "unsure": ["hm"],
        },
        "remark_controls": ["comment", "step_*__note"],
        "formats": ["all"],
        "templates": {
            "step": "{content}\n{tool_calls[0].function}",
            "observation": "{result.text}",
            "no_observation": "(nothing {here})",
            "final_answer": "{final_answer}",
        },
        "tools_key": "meta.tools",
        "from": "openai-chat",
        "messages_key": "run.messages",
        "role_key": "who",
        "roles": {"user": ["customer"], "assistant": ["bot", "planner"], "tool": [], "system": ["policy"]},
        "agent": "planner",
    }
    assert list(given) == option_names()
    assert values_of(parse_options(yaml.safe_dump(given, allow_unicode=True), "x")) == given


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("show_dif: true", f"`show_dif` is not an option; did you mean `show_diff`? ({ALL_OPTIONS})"),
        (
            "edit_final_answers: true",
            f"`edit_final_answers` is not an option; did you mean `edit_final_answer`? ({ALL_OPTIONS})",
        ),
        ("colour: red", f"`colour` is not an option ({ALL_OPTIONS})"),
        ("1: 2", f"`1` is not an option ({ALL_OPTIONS})"),
        ("name: 5", "`name` is 5; it takes a string"),
        ("description: [a]", "`description` is ['a']; it takes a string"),
        ("steps_key:", "`steps_key` is None; it takes a string"),
        ('show_diff: "no"', "`show_diff` is 'no'; it takes true or false"),
        ("show_edit_distance: 1", "`show_edit_distance` is 1; it takes true or false"),
        ("allow_reset: maybe", "`allow_reset` is 'maybe'; it takes true or false"),
        ("require_reason_on_edit: []", "`require_reason_on_edit` is []; it takes true or false"),
        ("edit_final_answer: 0", "`edit_final_answer` is 0; it takes true or false"),
        ("editable_fields: action", "`editable_fields` is 'action'; it takes a list of strings"),
        ("editable_fields:", "`editable_fields` is None; it takes a list of strings"),
        ("editable_fields: [action, 5]", "`editable_fields.1` is 5; it takes a string"),
        (
            "editable_fields: []",
            "`editable_fields`: it is empty; name at least one field of the steps, such as [action]",
        ),
        ("editable_fields: [action, action]", "`editable_fields`: `action` is listed twice"),
        ("context_fields: yes", "`context_fields` is True; it takes a list of strings"),
        ("layout: repeated", "`layout` is 'repeated'; it takes 'unrolled' or 'repeater'; did you mean `repeater`?"),
        ("layout: 3", "`layout` is 3; it takes 'unrolled' or 'repeater'"),
        (
            "from: openai_chat",
            f"`from`: `openai_chat` is not a format of traces; did you mean `openai-chat`? (formats: {FORMAT_NAMES})",
        ),
        ("from: 5", "`from` is 5; it takes a string"),
        ("messages_key: a[0]", "`messages_key`: `a[0]` is inside a list; only a field of a step can have an index"),
        ("role_key: ''", "`role_key`: it is empty"),
        ("agent: ''", "`agent`: it is empty"),
        ("roles: [user]", "`roles` is ['user']; it takes an object with any of user, assistant, tool, system"),
        (
            "roles: {users: [a]}",
            "`roles.users` is not an option; did you mean `user`? (options: user, assistant, tool, system)",
        ),
        ("roles: {user: [a], tool: [a]}", "`roles`: `a` is listed twice"),
        ("roles: {user: customer}", "`roles.user` is 'customer'; it takes a list of strings"),
        ("id_key: 5", "`id_key`: it is 5; it takes a string or a list of strings"),
        ("id_key: []", "`id_key`: it is empty; name at least one key"),
        ("id_key: [a, a]", "`id_key`: `a` is listed twice"),
        (
            "id_key: [a, steps.id]",
            "`steps_key` (steps) and `id_key` (steps.id) overlap; each must name a separate part of the trace",
        ),
        (
            'editable_fields: ["tool_calls[*].argument"]',
            "`editable_fields`: `tool_calls[*].argument` is not a path that Label Studio can show: keys are ASCII "
            "letters, digits and _, joined by dots, with [0] for the first element of a list",
        ),
        ("allow_remove: 1", "`allow_remove` is 1; it takes true or false"),
        ("allow_insert: 4", "`allow_insert` is 4; it takes a whole number from 0 to 3"),
        ("allow_insert: -1", "`allow_insert` is -1; it takes a whole number from 0 to 3"),
        ("allow_insert: true", "`allow_insert` is True; it takes a whole number"),
        ("max_steps: 0", "`max_steps` is 0; it takes a whole number above 0"),
        ("max_steps: -1", "`max_steps` is -1; it takes a whole number above 0"),
        ('max_steps: "5"', "`max_steps` is '5'; it takes a whole number"),
        ("max_steps: 2.5", "`max_steps` is 2.5; it takes a whole number"),
        ("max_steps: true", "`max_steps` is True; it takes a whole number"),
        (
            "step_labels: [correct]",
            "`step_labels` is ['correct']; "
            "it takes an object with any of correctness, error_types, right, wrong, unsure",
        ),
        ("step_labels: {right: [Gut], wrong: [gut]}", "`step_labels`: `gut` is listed twice"),
        ("step_labels: {correctness: yes}", "`step_labels.correctness` is True; it takes a list of strings"),
        ("step_labels: {correctness: [yes]}", "`step_labels.correctness.0` is True; it takes a string"),
        ("step_labels: {correctness: [a, a]}", "`step_labels.correctness`: `a` is listed twice"),
        ("formats: []", "`formats`: it is empty; name at least one format"),
        ("formats: trl-dpo", "`formats` is 'trl-dpo'; it takes a list of strings"),
        ("formats: [dpo, dpo]", "`formats`: `dpo` is listed twice"),
        (
            "tools_key: steps",
            "`steps_key` (steps) and `tools_key` (steps) overlap; each must name a separate part of the trace",
        ),
        ("tools_key: a[0]", "`tools_key`: `a[0]` is inside a list; only a field of a step can have an index"),
        (
            "templates: x",
            "`templates` is 'x'; it takes an object with any of step, observation, no_observation, final_answer",
        ),
        (
            "templates: {stap: x}",
            "`templates.stap` is not an option; did you mean `step`? "
            "(options: step, observation, no_observation, final_answer)",
        ),
        (
            'templates: {step: "Thought: {thought}\\n{action!r}"}',
            "`templates.step`: line 2: `{action!r}`: nothing may follow the field; write `{action}`",
        ),
        ("templates: {step: Go}", "`templates.step`: it names no field, so every trace would get the same text"),
        (
            "templates: {final_answer: '{answer}'}",
            "`templates.final_answer`: `{answer}` is not a field here; only `{final_answer}` is allowed",
        ),
        (
            "templates: {no_observation: ' '}",
            "`templates.no_observation`: it is blank; it stands in for a missing observation, so it needs some text",
        ),
        (
            "step_labels: {error_type: [a]}",
            "`step_labels.error_type` is not an option; did you mean `error_types`? "
            "(options: correctness, error_types, right, wrong, unsure)",
        ),
        (
            "editable_fields: [args, args.query]",
            "`args` and `args.query` overlap; a field is either editable or context, and shown once",
        ),
        (
            "editable_fields: ['a[0].b']\ncontext_fields: [a]",
            "`a[0].b` and `a` overlap; a field is either editable or context, and shown once",
        ),
        ("step_text_key: a.b", "`step_text_key`: it names a single key of a step; paths belong in `editable_fields`"),
        (
            "final_answer_key: answers[0]",
            "`final_answer_key`: `answers[0]` is inside a list; only a field of a step can have an index",
        ),
        (
            "steps_key: steps\ntask_key: steps",
            "`steps_key` (steps) and `task_key` (steps) overlap; each must name a separate part of the trace",
        ),
        (
            "id_key: meta\ntask_key: meta.task",
            "`id_key` (meta) and `task_key` (meta.task) overlap; each must name a separate part of the trace",
        ),
        (
            'description: "a\\x01"',
            "`description`: it contains the character '\\x01', which a labeling config cannot hold",
        ),
    ],
)
def test_an_error_names_the_key_and_what_it_takes(text: str, message: str) -> None:
    assert error_of(text) == f"trajedit.yaml: {message}"


@pytest.mark.parametrize("key", ["steps_key", "id_key", "task_key", "final_answer_key", "step_text_key"])
@pytest.mark.parametrize("value", ["a b", "", "é", "a-b", "$steps"])
def test_a_key_that_label_studio_cannot_show_is_refused(key: str, value: str) -> None:
    # step_text_key is also the default of editable_fields, which is then wrong for the same reason.
    assert (
        error_of(f'{key}: "{value}"')
        .splitlines()[0]
        .startswith(f"trajedit.yaml: `{key}`: `{value}` is not a path that Label Studio can show")
    )


@pytest.mark.parametrize("key", ["editable_fields", "context_fields"])
def test_a_field_that_label_studio_cannot_show_is_refused(key: str) -> None:
    assert error_of(f"{key}: [fine, 'not fine']").startswith(
        f"trajedit.yaml: `{key}`: `not fine` is not a path that Label Studio can show"
    )


def test_all_errors_are_reported_at_once() -> None:
    assert error_of("show_dif: true\nmax_steps: many\nlayout: unroled").splitlines() == [
        "trajedit.yaml: `layout` is 'unroled'; it takes 'unrolled' or 'repeater'; did you mean `unrolled`?",
        "trajedit.yaml: `max_steps` is 'many'; it takes a whole number",
        f"trajedit.yaml: `show_dif` is not an option; did you mean `show_diff`? ({ALL_OPTIONS})",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "trajedit.yaml:1: not YAML: "),
        ("name: x\n\tlayout: y", "trajedit.yaml:2: not YAML: "),
        ("name: x\nname: {[a]: 1}", "trajedit.yaml:2: not YAML: "),
        ("name: !!python/object:os.system x", "trajedit.yaml:1: not YAML: "),
        ("name: 2026-02-30", "trajedit.yaml: not YAML: day is out of range for month"),
        ("[" * 3000, "trajedit.yaml: not YAML: "),
        ("\x07", "trajedit.yaml: not YAML: "),
        ("- name", "trajedit.yaml: expected options as `key: value`, found a list"),
        ("name", "trajedit.yaml: expected options as `key: value`, found a str"),
    ],
)
def test_what_is_not_an_options_file_is_an_error_with_its_line(text: str, message: str) -> None:
    assert error_of(text).startswith(message)


POTATO = """
port: 8000
annotation_task_name: Agent Traces
item_properties:
  id_key: trace_id
  text_key: task
annotation_schemes:
  - annotation_type: radio
    name: quality
    labels: [good, bad]
  - annotation_type: trajectory_edit
    annotation_id: 1
    name: fix
    description: Fix the wrong steps.
    steps_key: steps
    step_text_key: action
    editable_fields: [action, thought]
    show_diff: false
    show_edit_distance: false
    allow_reset: false
    require_reason_on_edit: true
    edit_final_answer: true
    final_answer_key: answer
    label_requirement: {required: true}
    layout: {grid_columns: 2}
"""


def test_a_potato_configuration_is_read_unchanged() -> None:
    assert parse_options(POTATO, "config.yaml") == Options(
        name="fix",
        description="Fix the wrong steps.",
        steps_key="steps",
        step_text_key="action",
        editable_fields=["action", "thought"],
        show_diff=False,
        show_edit_distance=False,
        allow_reset=False,
        require_reason_on_edit=True,
        edit_final_answer=True,
        final_answer_key="answer",
        id_key="trace_id",
    )


def test_a_bare_potato_entry_has_the_defaults() -> None:
    text = "annotation_schemes: [{annotation_type: trajectory_edit, name: trajectory_edit, editable_fields: []}]"
    assert parse_options(text, "x") == Options()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("annotation_schemes: []", "none"),
        ("annotation_schemes:", "none"),
        ("annotation_schemes: [{annotation_type: radio, name: q}]", "none"),
        (
            "annotation_schemes: [{annotation_type: trajectory_edit, name: a}, "
            "{annotation_type: trajectory_edit, name: b}]",
            "a, b",
        ),
    ],
)
def test_a_potato_configuration_needs_one_entry_for_editing(text: str, found: str) -> None:
    assert error_of(text) == (
        "trajedit.yaml: `annotation_schemes` must hold one entry with `annotation_type: trajectory_edit`; "
        f"found {found}"
    )


def test_a_misspelt_option_of_a_potato_entry_is_not_ignored() -> None:
    text = "annotation_schemes: [{annotation_type: trajectory_edit, editable_feilds: [a]}]"
    assert error_of(text) == "trajedit.yaml: `editable_feilds` is not an option; did you mean `editable_fields`?"


def test_a_wrong_value_in_a_potato_entry_is_reported_like_any_other() -> None:
    text = "annotation_schemes: [{annotation_type: trajectory_edit, show_diff: 5}]"
    assert error_of(text) == "trajedit.yaml: `show_diff` is 5; it takes true or false"


def test_without_options_about_chats_nothing_is_said_about_how_they_were_recorded() -> None:
    assert Options().read_options == ReadOptions()
    assert parse_options("id_key: id\ntask_key: goal", "x").read_options == ReadOptions(
        id_keys=(("id",),), task_key=("goal",)
    )
    assert not Options(editable_fields=["content"], steps_key="turns").is_about_chats
    assert not parse_options("from: steps", "x").is_about_chats


def test_readers_get_what_the_options_say_about_how_chats_were_recorded() -> None:
    text = """
from: openai-chat
messages_key: run.messages
role_key: who
roles: {user: [customer], assistant: [bot]}
agent: planner
id_key: [task_id, meta.trial]
"""
    options = parse_options(text, "x")
    assert options.is_about_chats
    assert options.read_options == ReadOptions(
        format="openai-chat",
        messages_key=("run", "messages"),
        role_key="who",
        roles={"customer": "user", "bot": "assistant"},
        agent="planner",
        id_keys=(("task_id",), ("meta", "trial")),
    )
    assert options.id_keys == ("task_id", "meta.trial")
    assert options.id_path == ("task_id",)


def test_the_fields_of_chats_are_those_that_are_named_else_text_and_arguments() -> None:
    assert Options().chat_fields == DEFAULT_CHAT_FIELDS
    assert parse_options("step_text_key: content", "x").chat_fields == DEFAULT_CHAT_FIELDS
    assert parse_options("editable_fields: [action]", "x").chat_fields == ("action",)
    chosen = parse_options(f"editable_fields: {list(CHAT_FIELDS)}", "x")
    assert chosen.chat_fields == CHAT_FIELDS
    assert chosen.editable_paths[2] == ("tool_calls", "*", "arguments")
