"""Hypothesis strategies: strings and JSON values as wild as JSON allows, and traces made of them, with options."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ls_trajedit.traces.options import Options

__all__ = ["Case", "cases", "exact", "json_values", "texts"]

Json = Any
Maker = Callable[[st.DrawFn], Json]

# What has broken programs like this one: line ends of every kind, characters beyond 16 bits, marks that combine, text
# from right to left, characters that only JSON allows, half of a surrogate pair, and strings that look like markup.
_PIECES = [
    *("\r\n", "\r", "\n", "\n\n", "\t", "  ", "\u2028", "\u2029", "\x85", "\x0b"),
    *("é", "e\u0301", "שלום", "\u202e", "😀", "👩\u200d👧", "\ufeff", "\x00", "\x1f", "\x7f", "\udc80"),
    *("<b>&amp;", "]]>", "{{idx}}", "$steps[0].action", "\\", '"', "null", "{}", "0"),
]


def texts(min_size: int = 0) -> st.SearchStrategy[str]:
    """Strings that a trace may hold, mixed from letters and from what has broken programs like this one."""
    pieces = st.sampled_from(_PIECES) | st.text(max_size=6)
    return st.lists(pieces, min_size=min_size, max_size=6).map("".join).filter(lambda text: len(text) >= min_size)


def json_values() -> st.SearchStrategy[Json]:
    """JSON values, with integers beyond 64 bits and floats of every size."""
    numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        st.none() | st.booleans() | numbers | texts(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=6,
    )


def exact(value: Json) -> str:
    """`value` as text in which types, characters and the order of keys count, unlike with `==`."""
    return json.dumps(value)


@dataclass(frozen=True)
class Case:
    """Traces, and the options under which they are traces."""

    options: Options
    traces: list[dict[str, Any]]


_EDITABLE_FIELDS = [
    ["action"],
    ["thought", "action"],
    ["args.query"],
    ["args.query", "args.limit", "action"],
    ["tool_calls[0].function.arguments"],
    ["thought", "tool_calls[0].function.arguments", "tool_calls[1].function.arguments"],
    ["args"],
]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Options and one or two traces, with fields at the top and nested, present, absent, null, or of any type."""
    options = Options(
        steps_key=draw(st.sampled_from(["steps", "run.turns"])),
        step_text_key=draw(st.sampled_from(["action", "thought", "content"])),
        editable_fields=draw(st.sampled_from(_EDITABLE_FIELDS)),
        require_reason_on_edit=draw(st.booleans()),
        edit_final_answer=draw(st.booleans()),
        final_answer_key=draw(st.sampled_from(["final_answer", "result.answer"])),
        id_key=draw(st.sampled_from(["id", "meta.id"])),
        task_key=draw(st.sampled_from(["task_description", "meta.task"])),
        context_fields=draw(st.sampled_from([None, [], ["note"]])),
        layout=draw(st.sampled_from(["unrolled", "repeater"])),
        max_steps=draw(st.sampled_from([None, None, 2])),
        allow_remove=draw(st.booleans()),
        allow_insert=draw(st.sampled_from([0, 1, 3])),
    )
    return Case(options, [_trace(draw, options.steps_key) for _ in range(draw(st.integers(1, 2)))])


def _trace(draw: st.DrawFn, steps_key: str) -> dict[str, Any]:
    makers: dict[str, Maker] = {
        "id": _identity,
        "meta": lambda draw: _some(draw, {"id": _identity, "task": _field, "more": _field}, or_else=_field),
        "task_description": _field,
        "task": _field,
        "text": _field,
        "final_answer": _field,
        "result": lambda draw: _some(draw, {"answer": _field, "more": _field}, or_else=_field),
        "odd key é": _field,
    }
    trace: dict[str, Any] = _some(draw, makers)
    steps = [_step(draw) for _ in range(draw(st.integers(1, 3)))]
    trace |= {"steps": steps} if steps_key == "steps" else {"run": {"n": _field(draw), "turns": steps}}
    return trace


def _step(draw: st.DrawFn) -> Json:
    if draw(st.integers(0, 4)) == 0:
        return draw(_TEXTS)
    makers: dict[str, Maker] = {
        "thought": _field,
        "action": _field,
        "content": _field,
        "note": _field,
        "args": lambda draw: _some(draw, {"query": _field, "limit": _field, "more": _field}, or_else=_field),
        "tool_calls": lambda draw: [_call(draw) for _ in range(draw(st.integers(0, 2)))],
        "odd key é": _field,
    }
    return _some(draw, makers)


def _call(draw: st.DrawFn) -> Json:
    function: Maker = lambda draw: _some(draw, {"name": _field, "arguments": _field}, or_else=_field)  # noqa: E731
    return _some(draw, {"id": _field, "function": function})


def _some(draw: st.DrawFn, makers: dict[str, Maker], or_else: Maker | None = None) -> Json:
    """An object that has some of the keys, in any order or, one time in five, something else instead."""
    if or_else is not None and draw(st.integers(0, 4)) == 0:
        return or_else(draw)
    keys = draw(st.lists(st.sampled_from(sorted(makers)), unique=True, max_size=len(makers)))
    return {key: makers[key](draw) for key in keys}


def _field(draw: st.DrawFn) -> Json:
    """The value of a field: most often a text."""
    return draw(_FIELDS)


def _identity(draw: st.DrawFn) -> Json:
    return draw(st.sampled_from(["t1", "é/\r\n", " ", "0", 0, 17, -(2**70)]))


# Drawing a text piece by piece takes longer than all that is done with it, so most come from a list.
_TEXTS = st.sampled_from([*_PIECES, "", "a\r\nb\r\n", "a\rb", "a\nb", "a\r\nb\nc\rd", " x ", "plain"]) | st.text(
    max_size=4
)
_FIELDS: st.SearchStrategy[Json] = st.one_of(
    _TEXTS, _TEXTS, _TEXTS, st.sampled_from([None, 0, 1.5, True, [], {}, {"q": "ü\r\n"}]), json_values()
)
