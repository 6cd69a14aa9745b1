"""Sources of group chats in their three layouts. `OPTIONS` says whose turns are the steps."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ls_trajedit.traces.read_options import ReadOptions
from tests.support.sources.pieces import Ask, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["OPTIONS", "SOURCES"]

OPTIONS = {"group-chat": ReadOptions(agent="coder")}


@st.composite
def _chat(draw: st.DrawFn) -> Any:
    layout = draw(st.sampled_from(["name", "role", "speaker"]))
    said: list[dict[str, Any]] = [
        _says("planner", draw(texts(1)), layout, draw),
        _says("critic", draw(texts()), layout, draw),
    ]
    for turn in draw(turns()):
        if isinstance(turn, Ask):
            said.append(_says(draw(st.sampled_from(["planner", "critic"])), turn.text, layout, draw))
            continue
        message = _says("coder", turn.text, layout, draw)
        said.append(message)
        if layout == "name" and turn.calls:
            message["tool_calls"] = [
                {
                    "id": c.id,
                    "type": "function",
                    "function": {"name": c.name, "arguments": draw(json_text(c.arguments))},
                }
                for c in turn.calls
            ]
            message["role"] = "assistant"
            said += _results(draw, turn)
    key = draw(st.sampled_from(["history", "messages", "chat"]))
    return draw(st.sampled_from([said, {"question": "What?", key: said}]))


def _says(speaker: str, text: str, layout: str, draw: st.DrawFn) -> dict[str, Any]:
    match layout:
        case "name":
            return {"role": draw(st.sampled_from(["user", "assistant"])), "name": speaker, "content": text}
        case "role":
            aside = draw(st.sampled_from(["", " (thought)", " (-> coder)"]))
            return {"role": speaker + aside, "content": text}
        case _:
            return {"speaker": speaker, "text": text}


def _results(draw: st.DrawFn, turn: Turn) -> list[dict[str, Any]]:
    found = [(call.id, call.result) for call in turn.calls if call.result is not None]
    if draw(st.booleans()) and found:
        responses = [{"tool_call_id": known, "role": "tool", "content": text} for known, text in found]
        return [{"role": "tool", "name": "executor", "content": "", "tool_responses": responses}]
    return [{"role": "tool", "name": "executor", "content": text, "tool_call_id": known} for known, text in found]


SOURCES = {"group-chat": _chat()}
