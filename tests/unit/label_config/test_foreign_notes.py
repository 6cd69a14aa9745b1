"""Something other under the reserved key than `push` writes there: everywhere the same outcome, and no traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited, Rejected, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import RejectReason
from ls_trajedit.doctor.tasks import TaskCensus
from ls_trajedit.label_config.exported_task import TaskReader
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import WrittenTrace
from tests.support.loop import text_result

CONFIG = """<View>
  <Text name="a" value="$steps[0].action"/><TextArea name="a_fixed" toName="a"/>
  <Text name="b" value="$steps[1].action"/><TextArea name="b_fixed" toName="b"/>
</View>"""
KEYS = ("json", "absent", "replaced", "bare_steps", "layout", "format", "source", "trace", "read", "parent", "tools")
PATHS = st.sampled_from(["steps[0].action", "steps[1].action", "steps", "steps[7].action", "a.b", "task", "", "?"])
LEAVES = PATHS | st.sampled_from([None, True, False, -1, 0, 1, 2**70, 0.5]) | st.text(max_size=3)
INNER_KEYS = PATHS | st.sampled_from(["steps_key", "field", "indices", *KEYS])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER_KEYS, inner, max_size=3),
    max_leaves=8,
)
NOTES = VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=4)
SOURCE = json.dumps({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]})


def task_with(notes: Any, action: Any = "go") -> dict[str, Any]:
    data = {"id": "t", "task": "Do it.", "steps": [{"action": action}, {"action": "{}"}], "ls_trajedit": notes}
    result = [text_result("a_fixed", "a", "went")]
    return {"id": 5, "project": 1, "data": data, "annotations": [{"id": 8, "completed_by": 3, "result": result}]}


def is_read(task: dict[str, Any]) -> dict[str, bool]:
    """Who can do something with the task; whoever cannot must say so in the way that is meant for that."""
    (outcome,) = convert_task(task, read_config(CONFIG), ReadingRules())
    assert isinstance(outcome, Edited | Unedited | Rejected)
    # Notes of the right types may leave no steps in the trace, or make JSON of what was text: that is another reason.
    detail = outcome.reject.detail if isinstance(outcome, Rejected) else ""
    found = {"convert": "`ls_trajedit`" not in detail}
    try:
        predict(task, CONFIG)
        found["predict"] = True
    except ValueError:
        found["predict"] = False
    try:
        TaskReader(Options())(task)
        found["exported task"] = True
    except ReadError:
        found["exported task"] = False
    return found


@given(NOTES)
@example("somebody's own")
@example({"mine": 1})
@example({"absent": 5})
@example({"absent": ["steps[0].action"]})
@example({"absent": ["steps"]})
@example({"source": SOURCE})
@example({"source": SOURCE, "format": "openai-chat"})
@example({"source": SOURCE, "format": "openai-chat", "read": {"roles": [1], "messages_key": 5, "role_key": 5}})
@example({"source": SOURCE, "format": "openai-chat", "trace": 7})
def test_everybody_reads_the_task_or_nobody_does(notes: Any) -> None:
    task = task_with(notes)
    found = is_read(task)
    assert len(set(found.values())) == 1, found
    census = TaskCensus(read_config(CONFIG))
    census.add(5, task["data"])
    assert bool(census.foreign_notes) <= (not found["convert"])


@pytest.mark.parametrize("notes", ["mine", None, 5, 0.5, True, [], {}, {"mine": {}}, {"absent": 5}, {"json": ["x.y"]}])
def test_what_is_not_ours_is_refused_by_name_everywhere(notes: Any) -> None:
    task = task_with(notes)
    (outcome,) = convert_task(task, read_config(CONFIG), ReadingRules())
    assert isinstance(outcome, Rejected)
    assert outcome.reject.reason is RejectReason.NO_TRACE
    assert outcome.reject.detail.startswith("its `ls_trajedit` ")
    assert outcome.reject.result == task["annotations"][0]["result"]
    with pytest.raises(ValueError, match="its `ls_trajedit` "):
        predict(task, CONFIG)
    with pytest.raises(ReadError, match="its `ls_trajedit` "):
        TaskReader(Options())(task)


def test_what_push_wrote_is_read_everywhere() -> None:
    task = task_with({"json": ["steps[1].action"]})
    assert is_read(task) == {"convert": True, "predict": True, "exported task": True}
    (outcome,) = convert_task(task, read_config(CONFIG), ReadingRules())
    assert isinstance(outcome, Edited)
    assert outcome.record.corrected_trace.steps == [{"action": "went"}, {"action": {}}]
    assert not isinstance(TaskReader(Options())(task), WrittenTrace)
