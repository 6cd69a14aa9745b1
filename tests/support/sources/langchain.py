"""Sources of LangChain: the plain, the `messages_to_dict` and the constructor form."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_CLASSES = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage", "system": "SystemMessage"}


@st.composite
def _conversation(draw: st.DrawFn) -> Any:
    form = draw(st.sampled_from(["plain", "data", "lc"]))
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"type": "system", "content": draw(texts())})
    for said in draw(turns()):
        if isinstance(said, Ask):
            messages.append({"type": "human", "content": _content(draw, said.text), "name": None})
            continue
        messages.append(_ai(draw, said))
        messages += [
            {"type": "tool", "content": call.result, "tool_call_id": call.id, "name": call.name}
            for call in said.calls
            if call.result is not None
        ]
    written = [_in_form(message, form) for message in messages]
    return draw(st.sampled_from([written, {"id": "t1", "messages": written}, {"state": {"messages": written}}]))


def _ai(draw: st.DrawFn, said: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"type": "ai", "content": _content(draw, said.text), "additional_kwargs": {}}
    if said.reasoning:
        message["additional_kwargs"]["reasoning_content"] = said.reasoning
    if draw(st.booleans()):
        message["tool_calls"] = [_call(draw, call) for call in said.calls]
    elif said.calls:
        message["additional_kwargs"]["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": draw(json_text(c.arguments))}}
            for c in said.calls
        ]
    if not said.calls and draw(st.booleans()):
        message["invalid_tool_calls"] = [{"name": "search", "args": "{oops", "id": "bad", "error": None}]
    return message


def _call(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    return {
        "name": call.name,
        "args": call.arguments,
        "id": call.id,
        **draw(st.sampled_from([{}, {"type": "tool_call"}])),
    }


def _content(draw: st.DrawFn, text: str) -> Any:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    return draw(
        st.sampled_from([text, [{"type": "text", "text": text}], [{"type": "text", "text": text}, image], [text]])
    )


def _in_form(message: dict[str, Any], form: str) -> dict[str, Any]:
    held = {key: value for key, value in message.items() if key != "type"}
    if form == "data":
        return {"type": message["type"], "data": held}
    if form == "lc":
        path = ["langchain", "schema", "messages", _CLASSES[message["type"]]]
        return {"lc": 1, "type": "constructor", "id": path, "kwargs": held}
    return message


SOURCES = {"langchain": _conversation()}
