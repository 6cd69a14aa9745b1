"""Sources of Anthropic's messages."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_IMAGES = [
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    {"type": "image", "source": {"type": "file", "file_id": "f1"}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
]
_SEARCH = [
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
]
# What makes a conversation one of this API for certain.
_LAST = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]}


@st.composite
def _source(draw: st.DrawFn) -> Any:
    messages: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for said in draw(turns()):
        if isinstance(said, Ask):
            messages.append(_asked(draw, said, answers))
            answers = []
            continue
        if answers:
            messages.append({"role": "user", "content": answers})
        messages.append(_spoken(draw, said))
        answers = [_result(draw, call) for call in said.calls if call.result is not None]
    messages += [{"role": "user", "content": answers}] if answers else []
    messages.append(_LAST)
    system = draw(st.sampled_from([None, "Be brief.", [{"type": "text", "text": "Be brief."}]]))
    beside = {} if system is None else {"system": system}
    match draw(st.integers(0, 3)):
        case 0:
            return messages
        case 1:
            answer = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": draw(texts())}]}
            return {"request": {**beside, "messages": messages}, "response": answer}
        case _:
            return {"id": draw(texts()), **beside, draw(st.sampled_from(["messages", "history"])): messages}


def _asked(draw: st.DrawFn, said: Ask, answers: list[dict[str, Any]]) -> dict[str, Any]:
    text = {"type": "text", "text": said.text, "cache_control": {"type": "ephemeral"}}
    blocks: list[dict[str, Any]] = [text, *draw(st.lists(st.sampled_from(_IMAGES), max_size=2))]
    if answers:
        return {"role": "user", "content": draw(st.sampled_from([[*answers, *blocks], [*blocks, *answers]]))}
    return {"role": "user", "content": draw(st.sampled_from([said.text, blocks]))}


def _spoken(draw: st.DrawFn, said: Turn) -> dict[str, Any]:
    if not said.calls and draw(st.booleans()):
        return {"role": "assistant", "content": said.text}
    blocks: list[dict[str, Any]] = []
    if draw(st.booleans()):
        blocks.append({"type": "thinking", "thinking": said.reasoning, "signature": "s"})
    if draw(st.booleans()):
        blocks.append({"type": "redacted_thinking", "data": "x"})
    blocks += _SEARCH if draw(st.booleans()) else []
    blocks += [{"type": "text", "text": said.text}] if said.text or draw(st.booleans()) else []
    blocks += [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in said.calls]
    return {"role": "assistant", "content": blocks}


def _result(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    blocks = [{"type": "text", "text": call.result}, *draw(st.lists(st.sampled_from(_IMAGES), max_size=1))]
    content = draw(st.sampled_from([{"content": call.result}, {"content": blocks}, {"content": []}, {}]))
    error = draw(st.sampled_from([{}, {"is_error": True}]))
    return {"type": "tool_result", "tool_use_id": call.id, **content, **error}


SOURCES = {"anthropic": _source()}
