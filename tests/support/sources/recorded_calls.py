"""Model calls as instrumentations record them: each with its whole prompt and its output, in the shape of some API."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["RecordedCall", "as_openai", "as_parts", "payloads", "recorded_calls", "unanswered"]


@dataclass(frozen=True)
class RecordedCall:
    """One call: the system prompt, what was said before, and the agent's turn."""

    system: str
    before: list[Ask | Turn]
    turn: Turn


@st.composite
def recorded_calls(draw: st.DrawFn) -> list[RecordedCall]:
    """The calls of one conversation in time order."""
    said = draw(turns())
    system = draw(texts())
    return [RecordedCall(system, said[:n], turn) for n, turn in enumerate(said) if isinstance(turn, Turn)]


def unanswered(turn: Turn) -> Turn:
    """The turn as it came from the model: nothing has been returned to it yet."""
    return replace(turn, calls=[replace(call, result=None) for call in turn.calls])


def payloads(draw: st.DrawFn, call: RecordedCall) -> tuple[Any, Any]:
    """The prompt and the output in the shape of some API, as JSON or as JSON text."""
    prompt, output = draw(st.sampled_from([_openai, _anthropic, _responses, _parts]))(draw, call)
    if draw(st.booleans()):
        return json.dumps(prompt), json.dumps(output)
    return prompt, output


def _openai(draw: st.DrawFn, call: RecordedCall) -> tuple[Any, Any]:
    messages = [{"role": "system", "content": call.system}, *as_openai(draw, call.before)]
    message = as_openai(draw, [unanswered(call.turn)])[0]
    prompt = draw(st.sampled_from([messages, {"model": "gpt", "messages": messages}]))
    return prompt, draw(st.sampled_from([message, {"choices": [{"index": 0, "message": message}]}]))


def _anthropic(draw: st.DrawFn, call: RecordedCall) -> tuple[Any, Any]:
    prompt = {"system": call.system, "messages": _anthropic_messages(call.before)}
    return prompt, {"type": "message", **_anthropic_messages([unanswered(call.turn)])[0]}


def _responses(draw: st.DrawFn, call: RecordedCall) -> tuple[Any, Any]:
    output = {"instructions": call.system, "output": _items(draw, [unanswered(call.turn)])}
    return _items(draw, call.before), output


def _parts(draw: st.DrawFn, call: RecordedCall) -> tuple[Any, Any]:
    system = {"role": "system", "parts": [{"type": "text", "content": call.system}]}
    return [system, *as_parts(draw, call.before)], as_parts(draw, [unanswered(call.turn)])


def as_openai(draw: st.DrawFn, said: list[Ask | Turn]) -> list[dict[str, Any]]:
    """OpenAI chat messages."""
    messages: list[dict[str, Any]] = []
    for turn in said:
        if isinstance(turn, Ask):
            messages.append({"role": "user", "content": turn.text})
            continue
        message: dict[str, Any] = {"role": "assistant", "content": turn.text}
        if turn.reasoning:
            message["reasoning_content"] = turn.reasoning
        if turn.calls:
            message["tool_calls"] = [_openai_call(draw, call) for call in turn.calls]
        messages.append(message)
        messages += [{"role": "tool", "tool_call_id": c.id, "content": c.result} for c in _answered(turn)]
    return messages


def _openai_call(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    function = {"name": call.name, "arguments": draw(json_text(call.arguments))}
    return {"id": call.id, "type": "function", "function": function}


def _anthropic_messages(said: list[Ask | Turn]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in said:
        if isinstance(turn, Ask):
            messages.append({"role": "user", "content": turn.text})
            continue
        blocks: list[dict[str, Any]] = [{"type": "thinking", "thinking": turn.reasoning}] if turn.reasoning else []
        blocks.append({"type": "text", "text": turn.text})
        blocks += [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in turn.calls]
        messages.append({"role": "assistant", "content": blocks})
        results = [{"type": "tool_result", "tool_use_id": c.id, "content": c.result} for c in _answered(turn)]
        if results:
            messages.append({"role": "user", "content": results})
    return messages


def as_parts(draw: st.DrawFn, said: list[Ask | Turn]) -> list[dict[str, Any]]:
    """Messages of OpenTelemetry's GenAI conventions."""
    messages: list[dict[str, Any]] = []
    for turn in said:
        if isinstance(turn, Ask):
            messages.append({"role": "user", "parts": [{"type": "text", "content": turn.text}]})
            continue
        parts: list[dict[str, Any]] = [{"type": "reasoning", "content": turn.reasoning}] if turn.reasoning else []
        parts.append({"type": "text", "content": turn.text})
        parts += [_part_call(draw, call) for call in turn.calls]
        messages.append({"role": "assistant", "parts": parts, "finish_reason": "stop"})
        messages += [
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": c.id, "response": c.result}]}
            for c in _answered(turn)
        ]
    return messages


def _part_call(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    written = draw(st.sampled_from([call.arguments, draw(json_text(call.arguments))]))
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": written}


def _items(draw: st.DrawFn, said: list[Ask | Turn]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for turn in said:
        if isinstance(turn, Ask):
            items.append({"role": "user", "content": turn.text})
            continue
        if turn.reasoning:
            items.append({"type": "reasoning", "summary": [{"type": "summary_text", "text": turn.reasoning}]})
        content = [{"type": "output_text", "text": turn.text}]
        items.append({"type": "message", "role": "assistant", "content": content})
        items += [
            {"type": "function_call", "call_id": c.id, "name": c.name, "arguments": draw(json_text(c.arguments))}
            for c in turn.calls
        ]
        items += [{"type": "function_call_output", "call_id": c.id, "output": c.result} for c in _answered(turn)]
    return items


def _answered(turn: Turn) -> list[CallMade]:
    return [call for call in turn.calls if call.result is not None]
