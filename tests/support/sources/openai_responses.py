"""Sources of the items of OpenAI's Responses API."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
_FILE = {"type": "input_file", "file_id": "f1"}
_SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
_LAST = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}


@st.composite
def _source(draw: st.DrawFn) -> Any:
    items = [item for said in draw(turns()) for item in _items(draw, said)]
    match draw(st.integers(0, 4)):
        case 0:
            return [*items, _LAST]
        case 1:
            return {"id": "t1", "items": [*items, _LAST], "instructions": draw(texts())}
        case 2:
            return {"id": "r1", "object": "response", "instructions": None, "output": [_LAST]}
        case 3:
            given = draw(st.sampled_from([items, "Only a question."]))
            return {"instructions": draw(texts()), "input": given, "output": [_LAST], "tools": []}
        case _:
            response = {"id": "r1", "object": "response", "output": [_reasoning(draw, "Hm."), _LAST]}
            return {"request": {"model": "m", "instructions": draw(texts()), "input": items}, "response": response}


def _items(draw: st.DrawFn, said: Ask | Turn) -> list[dict[str, Any]]:
    if isinstance(said, Ask):
        return [_message(draw, draw(st.sampled_from(["user", "developer"])), said.text, "input_text")]
    items = []
    if draw(st.booleans()):
        items.append(_reasoning(draw, said.reasoning))
    if draw(st.booleans()):
        items.append(_SEARCH)
    if said.text:
        items.append(_message(draw, "assistant", said.text, "output_text"))
    items += [_call(draw, call) for call in said.calls]
    if draw(st.booleans()):
        items.append({"type": "from_the_future", "value": 1})
    return items + [_output(draw, call, items) for call in said.calls if call.result is not None]


def _message(draw: st.DrawFn, role: str, text: str, kind: str) -> dict[str, Any]:
    part = {"type": kind, "text": text}
    others = [{"type": "refusal", "refusal": "No."}] if role == "assistant" else [_IMAGE, _FILE]
    content = draw(st.sampled_from([text, [part], [part, *others], []]))
    return {**draw(st.sampled_from([{}, {"type": "message"}])), "role": role, "content": content}


def _reasoning(draw: st.DrawFn, text: str) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    match draw(st.integers(0, 2)):
        case 0:
            item["summary"] = [{"type": "summary_text", "text": text}, {"type": "summary_text", "text": "And so."}]
        case 1:
            item["content"] = [{"type": "reasoning_text", "text": text}]
    return item


def _call(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    named = {"call_id": call.id, "name": call.name}
    match draw(st.integers(0, 4)):
        case 0:
            return {"type": "custom_tool_call", **named, "input": draw(texts())}
        case 1:
            action = {"type": "exec", "command": ["ls", draw(texts())], "env": {}}
            return {"type": "local_shell_call", "id": f"i_{call.id}", "call_id": call.id, "action": action}
        case 2:
            patch = {"type": "update_file", "path": "a.py", "diff": draw(texts())}
            return {"type": "apply_patch_call", "call_id": call.id, "operation": patch}
        case _:
            written = draw(json_text(call.arguments) | st.sampled_from(["", '{"broken']))
            return {"type": "function_call", "id": f"i_{call.id}", **named, "arguments": written}


def _output(draw: st.DrawFn, call: CallMade, items: list[dict[str, Any]]) -> dict[str, Any]:
    made = next(item for item in items if item.get("call_id") == call.id)
    kind = f"{made['type']}_output"
    if kind == "local_shell_call_output":
        return {"type": kind, "id": made["id"], "output": call.result}
    if kind == "apply_patch_call_output" and draw(st.booleans()):
        return {"type": kind, "call_id": call.id, "status": "completed"}
    parts = [{"type": "input_text", "text": call.result}, _IMAGE]
    return {"type": kind, "call_id": call.id, "output": draw(st.sampled_from([call.result, parts, {"ok": True}]))}


SOURCES = {"openai-responses": _source()}
