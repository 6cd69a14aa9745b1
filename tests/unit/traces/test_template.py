"""Templates of steps: what they write, what they leave out, and what is not a template."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.template import parse_template
from tests.support.strategies import json_values, texts


@pytest.mark.parametrize(
    ("template", "fields", "text"),
    [
        ("Thought: {thought}\nAction: {action}", {"thought": "hm", "action": "go"}, "Thought: hm\nAction: go"),
        ("Thought: {thought}\nAction: {action}", {"action": "go"}, "Action: go"),
        ("Thought: {thought}\nAction: {action}", {"thought": None, "action": "go"}, "Action: go"),
        ("Thought: {thought}\nAction: {action}", {"thought": "", "action": "a\nb"}, "Action: a\nb"),
        ("Thought: {thought}\nAction: {action}", {"thought": "hm", "action": ""}, "Thought: hm"),
        ("Thought: {thought}\nAction: {action}", {"thought": "hm", "action": " \n\u00a0"}, "Thought: hm"),
        ("Thought: {thought}\nAction: {action}", {"thought": "", "action": ""}, ""),
        ("Final Answer: {final_answer}", {"final_answer": ""}, ""),
        ("{tool}({args})", {"tool": "stop", "args": ""}, "stop()"),
        ("{tool}({args})", {"tool": "", "args": ""}, ""),
        ("{a}", {"a": []}, "[]"),
        ("Thought: {thought}\nAction: {action}", {}, ""),
        ("Step\n{a}({b})", {"a": "f"}, ""),
        ("Step\n{a}\nEnd", {"a": ""}, ""),
        ("Step\n{a}\n\n{b}", {"a": "1", "b": ""}, "Step\n1\n"),
        ("{a}({b})", {"a": "f", "b": "1"}, "f(1)"),
        ("{args.query}", {"args": {"query": "x"}}, "x"),
        ("{calls[1].name}", {"calls": [{"name": "a"}, {"name": "b"}]}, "b"),
        ("{calls[1].name}", {"calls": [{"name": "a"}]}, ""),
        ("{a}", {"a": {"q": "é", "n": [1, 1.0, True, None]}}, '{"q":"é","n":[1,1.0,true,null]}'),
        ("{a}", {"a": 0}, "0"),
        ("{a}", {"a": False}, "false"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{a}\r\n{b}", {"a": "1", "b": "2"}, "1\r\n2"),
        ("{a}", "a bare string", ""),
        ("{a}", None, ""),
        ("{a}", ["a"], ""),
        ("{a}", {"a": "{b} $x %s \\n"}, "{b} $x %s \\n"),
    ],
)
def test_a_step_is_written_as_the_template_says(template: str, fields: Any, text: str) -> None:
    assert parse_template(template).render(fields) == text


def test_lines_with_fields_that_are_written_elsewhere_are_left_out() -> None:
    template = parse_template("Thought: {thought}\nAction: {action} {thought}\nNote: {note}")
    fields = {"thought": "t", "action": "a", "note": "n"}
    assert template.render(fields, without=[("action",)]) == "Thought: t\nNote: n"
    assert parse_template("Step\n{action}").render({"action": "f()"}, without=[("action",)]) == "Step"


def test_the_fields_beside_a_field_are_those_in_its_lines() -> None:
    template = parse_template("{thought}: {tool}({args.query}, {args.page})\nNote: {note}\n{tool}")
    assert template.neighbors(("note",)) == frozenset()
    assert template.neighbors(("tool",)) == {("thought",), ("args", "query"), ("args", "page")}
    assert template.neighbors(("args",)) == {("thought",), ("tool",)}
    assert template.neighbors(("other",)) == frozenset()


def test_the_fields_of_a_template_are_listed_once_each_in_order() -> None:
    assert parse_template("{b} {a.x}\n{b}{c[0]}").fields == (("b",), ("a", "x"), ("c", 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n{thought", "line 2: expected '}' before end of string; write a literal brace twice"),
        ("thought}", "line 1: Single '}' encountered in format string; write a literal brace twice"),
        ("{}", "line 1: `{}` names no field; write one, such as `{action}`"),
        ("x\ny\n{action!r}", "line 3: `{action!r}`: nothing may follow the field; write `{action}`"),
        ("{action:>10}", "line 1: `{action:>10}`: nothing may follow the field; write `{action}`"),
        ("{action.}", "line 1: `action.` is not a path"),
        ("{a[b]}", r"line 1: `a[b]` is not a path"),
        ("{odd key}", "line 1: `odd key` is not a path"),
        ("{a:{b}}", "line 1: `{a:{b}}`: nothing may follow the field"),
    ],
)
def test_what_is_not_a_template_is_an_error_with_line_and_field(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"line \d") as error:
        parse_template(text)
    assert str(error.value).startswith(message)


def test_attributes_are_keys_and_reach_nothing_else() -> None:
    assert parse_template("{a.__class__}").render({"a": "x"}) == ""
    assert parse_template("{a.__class__}").render({"a": {"__class__": "mine"}}) == "mine"


@given(json_values(), texts())
def test_any_value_can_be_written_and_a_string_stays_as_it_is(value: Any, text: str) -> None:
    assert parse_template("<{a}>").render({"a": text}) == (f"<{text}>" if text.strip() else "")
    rendered = parse_template("<{a}>").render({"a": value})
    is_blank = value is None or (isinstance(value, str) and not value.strip())
    assert rendered == "" if is_blank else rendered.startswith("<")
