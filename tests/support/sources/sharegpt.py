"""Sources of ShareGPT: function calls as turns, as tags, and thinking in tags."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]


@st.composite
def _conversation(draw: st.DrawFn) -> Any:
    in_tags = draw(st.booleans())
    said: list[dict[str, Any]] = []
    for turn in draw(turns(has_results=True)):
        if isinstance(turn, Ask):
            said.append({"from": draw(st.sampled_from(["human", "user"])), "value": turn.text})
        else:
            said += _in_tags(draw, turn) if in_tags else _as_turns(draw, turn)
    source: dict[str, Any] = {"conversations": said}
    if draw(st.booleans()):
        source["system"] = draw(texts())
    if draw(st.booleans()):
        source["tools"] = json.dumps([{"name": "search", "description": "", "parameters": {"type": "object"}}])
    return draw(st.sampled_from([source, said]))


def _as_turns(draw: st.DrawFn, turn: Turn) -> list[dict[str, Any]]:
    if not turn.calls:
        return [{"from": "gpt", "value": _thought(turn) + _words(turn.text)}]
    calls = [{"name": call.name, "arguments": call.arguments} for call in turn.calls]
    called = _thought(turn) + draw(json_text(calls[0] if len(calls) == 1 else calls))
    results = [call.result for call in turn.calls]
    heard = (
        [{"from": "observation", "value": draw(json_text(results))}]
        if len(calls) > 1 and draw(st.booleans())
        else [{"from": "observation", "value": result} for result in results]
    )
    return [{"from": "function_call", "value": called}, *heard]


def _in_tags(draw: st.DrawFn, turn: Turn) -> list[dict[str, Any]]:
    called = [
        f"<tool_call>\n{draw(json_text({'name': call.name, 'arguments': call.arguments}))}\n</tool_call>"
        for call in turn.calls
    ]
    said = _thought(turn) + _words(turn.text) + "\n".join(["", *called])
    heard = [f"<tool_response>\n{json.dumps(call.result)}\n</tool_response>" for call in turn.calls]
    return [{"from": "gpt", "value": said}, *([{"from": "tool", "value": "\n".join(heard)}] if heard else [])]


def _thought(turn: Turn) -> str:
    thought = turn.reasoning.strip()
    return f"<think>\n{thought}\n</think>\n\n" if thought and "<" not in thought else ""


def _words(text: str) -> str:
    return text.strip().replace("<", "")


SOURCES = {"sharegpt": _conversation()}
