"""New steps are spelled as those of the trace are. What branches make of it is in `label_config/test_branch_data`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.training.tool_calls import parse_calls
from ls_trajedit.traces.step_spelling import spelling_of
from tests.support.strategies import exact

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["key", "value", "z", "_a"]), VALUES, max_size=3))
def test_a_call_as_text_is_read_as_that_call(arguments: dict[str, Any]) -> None:
    spelling = spelling_of([{"action": "get(key='a')"}], (), "action")
    text = spelling.spelled({"action": {"name": "kv.put", "arguments": arguments}}, "step 2")["action"]
    found = parse_calls(text, {})
    assert found is not None
    assert [call.name for call in found] == ["kv.put"]
    assert exact(found[0].arguments) == exact(arguments)


def test_the_last_call_of_the_trace_is_the_pattern() -> None:
    steps = [{"action": {"tool": "a", "args": {}}}, {"action": "look"}, {"action": {"name": "b", "arguments": {}}}]
    call = {"action": {"name": "put", "arguments": {"key": 1}}}
    assert spelling_of(steps, (), "action").spelled(call, "step 4") == call
    assert spelling_of(steps[:2], (), "action").spelled(call, "step 4") == {
        "action": {"tool": "put", "args": {"key": 1}}
    }
