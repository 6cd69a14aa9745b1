"""Sources of Codex: the lines of a rollout."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]


@st.composite
def _rollout(draw: st.DrawFn) -> list[dict[str, Any]]:
    head: dict[str, Any] = {"id": "s1", "cli_version": "0.1", "base_instructions": {"text": draw(texts())}}
    lines = [_line("session_meta", head), _line("turn_context", {"model": "gpt"})]
    for turn in draw(turns()):
        if isinstance(turn, Ask):
            _ask(draw, lines, turn.text)
            continue
        if turn.reasoning or draw(st.booleans()):
            summary = [{"type": "summary_text", "text": turn.reasoning}] if turn.reasoning else []
            lines.append(_item({"type": "reasoning", "summary": summary, "encrypted_content": "x"}))
            lines.append(_line("event_msg", {"type": "agent_reasoning", "text": turn.reasoning}))
        content = [{"type": "output_text", "text": turn.text}]
        lines.append(_item({"type": "message", "role": "assistant", "content": content}))
        lines.append(_line("event_msg", {"type": "agent_message", "message": turn.text}))
        if draw(st.booleans()):
            lines.append(_item({"type": "web_search_call", "status": "completed", "action": {"type": "search"}}))
        lines += [_item(_call(draw, call)) for call in turn.calls]
        usage = draw(st.sampled_from([None, {"last_token_usage": {"total_tokens": 1}}]))
        lines.append(_line("event_msg", {"type": "token_count", "info": usage}))
        lines += [
            _item({"type": "function_call_output", "call_id": call.id, "output": call.result})
            for call in turn.calls
            if call.result is not None
        ]
    return lines


def _ask(draw: st.DrawFn, lines: list[dict[str, Any]], text: str) -> None:
    event = _line("event_msg", {"type": "user_message", "message": text})
    item = _item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    lines += draw(st.sampled_from([[event], [item], [item, event], [event, item]]))


def _call(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    function = {"type": "function_call", "name": call.name, "arguments": draw(json_text(call.arguments))}
    custom = {"type": "custom_tool_call", "name": "apply_patch", "input": draw(texts())}
    shell = {"type": "local_shell_call", "status": "completed", "action": {"type": "exec", "command": ["ls"]}}
    return draw(st.sampled_from([function, function, custom, shell])) | {"call_id": call.id}


def _item(payload: dict[str, Any]) -> dict[str, Any]:
    return _line("response_item", payload)


def _line(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": "2026-01-01T00:00:00Z", "type": kind, "payload": payload}


SOURCES = {"codex": _rollout()}
