"""What all readers share: how a trace is put together."""

from __future__ import annotations

from ls_trajedit.traces.model import Call, Message, Result, Text
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.base import build_trace


def test_a_prompt_with_more_calls_than_the_trace_has_no_id_twice() -> None:
    def call(name: str) -> Message:
        return Message("assistant", (Call(name, {}, ""),))

    def result(text: str) -> Message:
        return Message("tool", (Result((Text(text),), ""),))

    # The agent saw a call that its trace does not hold, before the one that it made.
    prompt = [Message("user", (Text("Go"),)), call("shown"), result("1")]
    trace = build_trace(
        {}, "made-up", [Message("user", (Text("Go"),)), call("made"), result("2")], NO_OPTIONS, prompts={0: prompt}
    )
    (made,) = (c.id for message in trace.messages for c in message.calls)
    (shown,) = (c.id for message in trace.prompts[0] for c in message.calls)
    assert made != shown
    assert [part.call_id for part in trace.prompts[0][2].parts if isinstance(part, Result)] == [shown]
