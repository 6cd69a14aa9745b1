"""Sources of Gemini's contents, and of sessions of Google's Agent Development Kit, which hold the same parts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_CAMEL = {
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "inline_data": "inlineData",
    "file_data": "fileData",
    "mime_type": "mimeType",
    "file_uri": "fileUri",
    "executable_code": "executableCode",
    "code_execution_result": "codeExecutionResult",
}
_FILES = [
    {"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo="}},
    {"inline_data": {"mime_type": "audio/wav", "data": "UklG"}},
    {"file_data": {"mime_type": "image/png", "file_uri": "https://example.com/a.png"}},
]
_CODE = [
    {"executable_code": {"language": "PYTHON", "code": "1 + 1"}},
    {"code_execution_result": {"outcome": "OUTCOME_OK", "output": "2"}},
]


@st.composite
def _contents(draw: st.DrawFn) -> Any:
    with_ids = draw(st.booleans())
    contents = []
    for said in draw(turns()):
        if isinstance(said, Ask):
            contents.append({"role": "user", "parts": _asked(draw, said)})
            continue
        contents.append({"role": "model", "parts": _spoken(draw, said, with_ids)})
        if answers := _answers(draw, said, with_ids):
            role = draw(st.sampled_from([{"role": "user"}, {"role": "function"}, {}]))
            contents.append({**role, "parts": answers})
    system = {"parts": [{"text": draw(texts())}]}
    match draw(st.integers(0, 4)):
        case 0:
            source: Any = contents
        case 1:
            source = {"contents": contents, "system_instruction": system}
        case 2:
            source = {"contents": contents, "config": {"system_instruction": draw(texts(1)), "tools": []}}
        case 3:
            answer = {"content": {"role": "model", "parts": [{"text": draw(texts(1))}]}, "finish_reason": "STOP"}
            source = {"request": {"contents": contents}, "response": {"candidates": [answer]}}
        case _:
            source = {"id": draw(texts()), "history": contents}
    return _camel(source) if draw(st.booleans()) else source


@st.composite
def _session(draw: st.DrawFn) -> Any:
    with_ids = draw(st.booleans())
    events: list[dict[str, Any]] = []
    for said in draw(turns()):
        if isinstance(said, Ask):
            events.append({"author": "user", "content": {"role": "user", "parts": _asked(draw, said)}})
            continue
        spoken = {"role": "model", "parts": _spoken(draw, said, with_ids)}
        if draw(st.booleans()):
            events.append({"author": "shop", "partial": True, "content": {"role": "model", "parts": [{"text": "Th"}]}})
        events.append({"author": "shop", "content": spoken, "invocation_id": "e-1"})
        if answers := _answers(draw, said, with_ids):
            events.append({"author": "shop", "content": {"role": "user", "parts": answers}})
        if draw(st.booleans()):
            events.append({"author": "shop", "actions": {"state_delta": {"n": 1}}})
    source = draw(st.sampled_from([events, {"id": "s1", "app_name": "shop", "state": {}, "events": events}]))
    return _camel(source) if draw(st.booleans()) else source


def _asked(draw: st.DrawFn, said: Ask) -> list[dict[str, Any]]:
    return [{"text": said.text}, *draw(st.lists(st.sampled_from(_FILES), max_size=2))]


def _spoken(draw: st.DrawFn, said: Turn, with_ids: bool) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if draw(st.booleans()):
        parts.append({"text": said.reasoning, "thought": True})
    parts += _CODE if draw(st.booleans()) else []
    parts.append({"text": said.text, "thought": None, "function_call": None})
    for call in said.calls:
        identity = {"id": call.id} if with_ids else {}
        arguments = {} if draw(st.integers(0, 9)) == 0 else {"args": call.arguments}
        parts.append({"function_call": {**identity, "name": call.name, **arguments}})
    return parts


def _answers(draw: st.DrawFn, said: Turn, with_ids: bool) -> list[dict[str, Any]]:
    return [_answer(draw, call, with_ids) for call in said.calls if with_ids is False or call.result is not None]


def _answer(draw: st.DrawFn, call: CallMade, with_ids: bool) -> dict[str, Any]:
    response = draw(st.sampled_from([{"result": call.result}, {"error": "no"}, call.result, {}]))
    identity = {"id": call.id} if with_ids else {}
    return {"function_response": {**identity, "name": call.name, "response": response}}


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {_CAMEL.get(key, key): _camel(inner) for key, inner in value.items()}
    return [_camel(inner) for inner in value] if isinstance(value, list) else value


SOURCES = {"gemini": _contents(), "adk": _session()}
