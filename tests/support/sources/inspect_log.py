"""Sources of Inspect: one sample of a log."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]


@st.composite
def _sample(draw: st.DrawFn) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(texts())})
    for turn in draw(turns()):
        if isinstance(turn, Ask):
            messages.append({"role": "user", "content": _content(draw, turn.text), "source": "input"})
            continue
        content: Any = turn.text
        if turn.reasoning:
            hidden = draw(st.sampled_from([{}, {"redacted": True, "summary": turn.reasoning}]))
            reasoning = {"type": "reasoning", "reasoning": turn.reasoning, **hidden}
            content = [reasoning, {"type": "text", "text": turn.text}]
        message: dict[str, Any] = {"role": "assistant", "content": content, "source": "generate"}
        if turn.calls:
            message["tool_calls"] = [
                {"id": call.id, "function": call.name, "arguments": call.arguments, "type": "function"}
                for call in turn.calls
            ]
        messages.append(message)
        messages += [
            {"role": "tool", "tool_call_id": call.id, "function": call.name, "content": call.result, **_error(draw)}
            for call in turn.calls
            if call.result is not None
        ]
    return {"id": draw(st.sampled_from([1, "a"])), "epoch": 1, "input": "?", "target": "", "messages": messages}


def _error(draw: st.DrawFn) -> dict[str, Any]:
    error = {"error": {"type": "timeout", "message": draw(texts())}}
    return draw(st.sampled_from([{}, error]))


def _content(draw: st.DrawFn, text: str) -> Any:
    image = {"type": "image", "image": "https://example.com/a.png", "detail": "auto"}
    return draw(st.sampled_from([text, [{"type": "text", "text": text}, image]]))


SOURCES = {"inspect": _sample()}
