"""Sources of OpenHands: events with the model's answer, without it, and the framework's own between them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_CHATTER = [
    {
        "source": "environment",
        "observation": "agent_state_changed",
        "content": "",
        "extras": {"agent_state": "running"},
    },
    {"source": "environment", "action": "change_agent_state", "args": {"agent_state": "init"}},
    {"source": "user", "observation": "null", "content": "", "extras": {}},
    {"source": "user", "action": "recall", "args": {"query": "x"}},
]


@st.composite
def _events(draw: st.DrawFn) -> Any:
    events: list[dict[str, Any]] = []
    if draw(st.booleans()):
        events.append({"source": "agent", "action": "system", "args": {"content": draw(texts()), "tools": []}})
    for number, said in enumerate(draw(turns())):
        if isinstance(said, Ask):
            args = {
                "content": said.text,
                "image_urls": draw(st.sampled_from([None, [], ["https://example.com/a.png"]])),
            }
            events.append({"source": "user", "message": said.text, "action": "message", "args": args})
        elif said.calls:
            events += _answered(draw, said, number)
        else:
            events += _unanswered(draw, said, number)
        events += draw(st.lists(st.sampled_from(_CHATTER), max_size=2))
    events = [{"id": number, **event} for number, event in enumerate(events)]
    return draw(st.sampled_from([events, {"instance_id": "i1", "history": events}]))


def _answered(draw: st.DrawFn, said: Turn, number: int) -> list[dict[str, Any]]:
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": draw(json_text(c.arguments))}}
        for c in said.calls
    ]
    message = {"role": "assistant", "content": said.text or None, "tool_calls": calls}
    response = {"id": f"r{number}", "choices": [{"message": message}]}
    events: list[dict[str, Any]] = []
    for call in said.calls:
        metadata = {"function_name": call.name, "tool_call_id": call.id, "model_response": response}
        args = {"command": "ls", "thought": said.text}
        events.append({"source": "agent", "action": "run", "args": args, "tool_call_metadata": metadata})
        if call.result is not None:
            events.append(
                {"source": "agent", "observation": "run", "content": call.result, "tool_call_metadata": metadata}
            )
    return events


def _unanswered(draw: st.DrawFn, said: Turn, number: int) -> list[dict[str, Any]]:
    if draw(st.booleans()):
        return [{"source": "agent", "action": "message", "args": {"content": said.text, "wait_for_response": True}}]
    args = {"command": draw(texts()), "thought": said.text, "blocking": False}
    event = 1000 + number
    return [
        {"id": event, "source": "agent", "action": "run", "args": args},
        {"source": "agent", "observation": "run", "content": draw(texts()), "cause": event, "extras": {}},
    ]


SOURCES = {"openhands": _events()}
