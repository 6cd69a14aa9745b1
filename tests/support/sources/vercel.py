"""Sources of the Vercel AI SDK's UI messages, of its versions 4 to 6."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_OTHERS = [
    {"type": "data-progress", "data": {"percent": 50}},
    {"type": "source-url", "sourceId": "s1", "url": "https://example.com"},
    {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,iVBORw0KGgo="},
    {"type": "file", "mediaType": "application/pdf", "url": "https://example.com/a.pdf"},
]


@st.composite
def _source(draw: st.DrawFn) -> Any:
    old = draw(st.booleans())
    messages: list[dict[str, Any]] = []
    for number, said in enumerate(draw(turns())):
        if isinstance(said, Ask):
            parts = [{"type": "text", "text": said.text}, *draw(st.lists(st.sampled_from(_OTHERS), max_size=1))]
            messages.append({"id": f"m{number}", "role": "user", "parts": parts})
            continue
        parts = [] if old and draw(st.booleans()) else [{"type": "step-start"}]
        parts += [*_said(draw, said, old), *(_call(draw, call, old) for call in said.calls)]
        if messages[-1]["role"] == "assistant" and draw(st.booleans()):
            messages[-1]["parts"] += parts
        else:
            messages.append({"id": f"m{number}", "role": "assistant", "parts": parts})
    match draw(st.integers(0, 2)):
        case 0:
            return messages
        case 1:
            return [{**message, "chatId": "c1", "createdAt": "2025-01-01T00:00:00Z"} for message in messages]
        case _:
            return {"id": draw(texts()), "system": draw(texts()), "messages": messages}


def _said(draw: st.DrawFn, said: Turn, old: bool) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if draw(st.booleans()):
        parts.append({"type": "reasoning", "reasoning" if old else "text": said.reasoning})
    parts.append({"type": "text", "text": said.text, "state": "done"})
    return parts + draw(st.lists(st.sampled_from(_OTHERS), max_size=1))


def _call(draw: st.DrawFn, call: CallMade, old: bool) -> dict[str, Any]:
    named = {"toolCallId": call.id}
    if old:
        invocation = {**named, "toolName": call.name, "args": call.arguments, "state": "call"}
        if call.result is not None:
            invocation |= {"state": "result", "result": draw(st.sampled_from([call.result, {"r": 1}]))}
        return {"type": "tool-invocation", "toolInvocation": invocation}
    part = draw(
        st.sampled_from(
            [{"type": f"tool-{call.name}", **named}, {"type": "dynamic-tool", "toolName": call.name, **named}]
        )
    )
    answers: list[dict[str, Any]] = [
        {"state": "output-available", "output": call.result},
        {"state": "output-available", "output": {"result": call.result}},
        {"state": "output-error", "errorText": "no"},
        {"state": "output-denied", "approval": {"id": "a", "approved": False}},
        {"state": "output-available", "output": 1, "providerExecuted": True},
    ]
    waiting: list[dict[str, Any]] = [{"state": "input-available"}, {"state": "input-streaming"}]
    return {**part, "input": call.arguments, **draw(st.sampled_from(waiting if call.result is None else answers))}


SOURCES = {"vercel": _source()}
