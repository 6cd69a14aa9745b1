"""Whatever a request holds, there is a reply or a reason, and one prediction for each task."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.backend import answers
from ls_trajedit.backend.answers import Reply, answer_predict, answer_setup, predict_tasks
from ls_trajedit.backend.requests import BadRequestError
from ls_trajedit.label_config.predict import Result, each_result, predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.traces.json_text import json_line, parse_json
from tests.support.loop import project_of
from tests.support.strategies import Case, cases, exact

CONFIG = """
<View>
  <Text name="a" value="$a"/><TextArea name="a_new" toName="a"/>
  <Repeater on="$steps" indexFlag="{{i}}">
    <Text name="b{{i}}" value="$steps[{{i}}].b.c"/><TextArea name="b{{i}}_new" toName="b{{i}}"/>
  </Repeater>
</View>
"""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)
steps = st.lists(st.fixed_dictionaries({"b": st.fixed_dictionaries({"c": json_values}) | json_values}) | json_values)
tasks = st.fixed_dictionaries({"data": st.fixed_dictionaries({"a": json_values, "steps": steps | json_values})})

printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn"]), max_size=8)
attribute_values = printable | st.sampled_from(
    ["a", "$a", "$steps[0].b", "$steps[{{idx}}].b", "{{idx}}", "$", "$a..b", "$steps[99999999999999999999].b", "a,b"]
)
attributes = st.dictionaries(
    st.sampled_from(["name", "toName", "value", "on", "indexFlag", "className", "NAME"]), attribute_values
)


def element(name: str, with_attributes: dict[str, str], inside: list[str]) -> str:
    pairs = "".join(f" {key}={quoteattr(value)}" for key, value in with_attributes.items())
    return f"<{name}{pairs}>{''.join(inside)}</{name}>"


def editor(name: str, value: str) -> str:
    shown = element("Text", {"name": name, "value": value}, [])
    return shown + element("TextArea", {"name": f"{name}_new", "toName": name}, [])


names = st.sampled_from(["View", "Text", "TextArea", "Choices", "Repeater", "Style", "text", "TEXTAREA", "ö"])
invalid = st.sampled_from(["&e;", "&#0;", "<Text", "</View>", "<x:y/>", "\x01"])
harmless = st.sampled_from(["<!-- x -->", "<?x y?>", "<![CDATA[<Text>]]>"])
elements = st.recursive(
    harmless
    | printable.map(escape)
    | st.builds(element, names, attributes, st.just([]))
    | st.builds(editor, attribute_values, attribute_values),
    lambda inner: st.builds(element, names, attributes, st.lists(inner, max_size=6)),
    max_leaves=12,
)
prologues = st.sampled_from(
    ["", '<?xml version="1.0" encoding="utf-16"?>', '<!DOCTYPE View [<!ENTITY e "&#38;e;">]>', "\ufeff", " \n"]
)
inside = st.lists(elements) | st.lists(elements | invalid)
configs = st.builds(lambda prologue, parts: prologue + element("View", {}, parts), st.just("") | prologues, inside)


@given(st.lists(tasks | json_values, max_size=5))
def test_any_tasks_get_one_prediction_each(given_tasks: list[Any]) -> None:
    answer = answer_predict(json.dumps({"tasks": given_tasks, "label_config": CONFIG}).encode())
    assert len(orjson.loads(answer.content)["results"]) == answer.tasks == len(given_tasks)
    readable = [task for task in given_tasks if isinstance(task, dict) and isinstance(task.get("data"), dict)]
    assert answer.unreadable == len(given_tasks) - len(readable)


@given(cases())
def test_the_answer_is_what_is_predicted(case: Case) -> None:
    project = project_of(case.options, case.traces)
    given_tasks = [{"id": number, "data": data} for number, data in enumerate(project.data)]
    answer = answer_predict(json_line({"tasks": given_tasks, "label_config": project.config}))
    predicted = [{"result": predict(task, project.config), "model_version": "ls-trajedit"} for task in given_tasks]
    assert exact(parse_json(answer.content)) == exact({"results": predicted, "model_version": "ls-trajedit"})
    assert (answer.tasks, answer.unreadable) == (len(given_tasks), 0)


@given(configs | st.text(), tasks)
def test_any_config_is_accepted_or_refused_with_a_reason(config: str, task: Any) -> None:
    setup = json.dumps({"schema": config}).encode()
    prediction = json.dumps({"tasks": [task], "label_config": config}).encode()
    refusal = refusal_of(answer_setup, setup)
    assert refusal == refusal_of(answer_predict, prediction)
    if refusal is None:
        answer = answer_predict(prediction)
        assert (answer.tasks, answer.unreadable) == (1, 0)
    else:
        assert refusal.strip()


def refusal_of(answer: Callable[[bytes], Reply], body: bytes) -> str | None:
    try:
        answer(body)
    except BadRequestError as error:
        return str(error)
    return None


@given(st.binary())
def test_any_bytes_are_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(BadRequestError) as refused:
        answer_predict(body)
    assert str(refused.value)


ONE_EDITOR = '<View><Text name="a" value="$a"/><TextArea name="b" toName="a"/></View>'


def test_a_task_that_hits_a_bug_does_not_cost_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task: dict[str, Any], schema: Schema) -> Iterator[Result]:
        yield from each_result(task, schema)
        if task["id"] == 2:
            raise KeyError(task["data"]["a"])

    monkeypatch.setattr(answers, "each_result", broken)
    three = [{"id": number, "data": {"a": "private"}} for number in (1, 2, 3)]
    found: list[list[Result]] = []
    assert predict_tasks(three, read_config(ONE_EDITOR), found.append) == 1
    assert list(map(len, found)) == [1, 0, 1]
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 3 tasks could not be read, first number 2 (id 2): KeyError"
    ]


def test_a_config_without_editors_is_an_error_even_without_tasks() -> None:
    with pytest.raises(BadRequestError, match="no TextArea"):
        answer_predict(b'{"tasks": [], "label_config": "<View/>"}')
