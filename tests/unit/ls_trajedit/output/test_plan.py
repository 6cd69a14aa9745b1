"""From the options, the schema and the command line to the export plan."""

from __future__ import annotations

import pickle

import pytest

from ls_trajedit.convert.run import generated_schema
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.output.plan import plan_for
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.traces.errors import OptionsError, UsageError
from ls_trajedit.traces.options import Options, Templates

OPTIONS = Options(
    step_text_key="content",
    editable_fields=["content", "args.query"],
    final_answer_key="result.answer",
    tools_key="meta.tools",
)


def test_the_rendering_is_that_of_the_traces_that_the_schema_describes() -> None:
    rendering = plan_for(WantedFiles(as_tool_calls=True), OPTIONS, generated_schema(OPTIONS)).rendering
    assert rendering.step.text == ("Thought: {thought}\nAction: {action}\nContent: {content}\nArgs.query: {args.query}")
    assert (rendering.bare_step_field, rendering.final_answer_key) == ("content", "result.answer")
    assert (rendering.tools_path, rendering.as_tool_calls) == (("meta", "tools"), True)


def test_without_options_the_schema_of_any_project_is_enough() -> None:
    schema = read_config(
        """<View><Text name="a" value="$steps[0].note"/><TextArea name="b" toName="a"/>
        <Text name="c" value="$steps[1].observation"/><TextArea name="d" toName="c"/>
        <Text name="e" value="$final_answer"/><TextArea name="f" toName="e"/></View>"""
    )
    rendering = plan_for(WantedFiles(), None, schema).rendering
    assert rendering.step.text == "Thought: {thought}\nAction: {action}\nNote: {note}"


def test_a_template_of_the_options_is_taken_as_it_is() -> None:
    options = Options(templates=Templates(step="{action}", observation="{result}", final_answer="= {final_answer}"))
    rendering = plan_for(WantedFiles(), options, generated_schema(options)).rendering
    assert (rendering.step.text, rendering.observation.text) == ("{action}", "{result}")
    assert rendering.final_answer.text == "= {final_answer}"


def test_the_command_line_overrides_the_options_and_those_override_the_default() -> None:
    options = Options(formats=["prm"])
    schema = generated_schema(options)
    assert plan_for(WantedFiles(formats=("trl-dpo", "sft")), options, schema).formats == (
        FORMATS["sft"],
        FORMATS["trl-dpo"],
    )
    assert plan_for(WantedFiles(), options, schema).formats == (FORMATS["prm"],)
    assert [f.name for f in plan_for(WantedFiles(), None, schema).formats] == ["corrections", "sft", "dpo"]


def test_an_error_says_who_named_a_format_that_does_not_exist() -> None:
    schema = generated_schema(Options())
    with pytest.raises(UsageError, match="--format: `dop` is not a format; did you mean `dpo`"):
        plan_for(WantedFiles(formats=("dop",)), None, schema)
    with pytest.raises(OptionsError, match="`formats` in the options: `dop` is not a format; did you mean `dpo`"):
        plan_for(WantedFiles(), Options(formats=["dop"]), schema)


def test_an_export_plan_can_be_sent_to_another_process() -> None:
    plan = plan_for(
        WantedFiles(formats=("all",), rules=TrainingRules(stale="truncate")), OPTIONS, generated_schema(OPTIONS)
    )
    assert pickle.loads(pickle.dumps(plan)) == plan
