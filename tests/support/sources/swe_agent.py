"""Sources of SWE-agent (history, or trajectory alone) and of mini-swe-agent."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]


@st.composite
def _history(draw: st.DrawFn) -> dict[str, Any]:
    items: list[dict[str, Any]] = [
        {"role": "system", "content": draw(texts()), "message_type": "system_prompt", "agent": "main"}
    ]
    if draw(st.booleans()):
        items.append({"role": "user", "content": draw(texts(1)), "is_demo": True, "agent": "main"})
    for said in draw(turns(max_calls=1)):
        if isinstance(said, Ask):
            items.append({"role": "user", "content": _content(draw, said.text), "message_type": "observation"})
            continue
        item = {"role": "assistant", "content": said.text, "message_type": "action", "agent": "main"}
        item |= {"thought": said.text, "action": draw(texts())}
        if said.reasoning:
            item["thinking_blocks"] = [{"type": "thinking", "thinking": said.reasoning, "signature": "x"}]
        item["tool_calls"] = _tool_calls(draw, said) or draw(st.sampled_from([None, []]))
        items.append(item)
        items += [
            {"role": "tool", "content": call.result, "message_type": "observation", "tool_call_ids": [call.id]}
            for call in said.calls
            if call.result is not None
        ]
    return {"environment": "swe_main", "trajectory": [], "history": items, "info": {"exit_status": "submitted"}}


@st.composite
def _trajectory(draw: st.DrawFn) -> dict[str, Any]:
    calls_functions = draw(st.booleans())
    steps = []
    for _ in range(draw(st.integers(3, 5))):
        thought, action = f"I look. {draw(texts())}".strip(), draw(texts(1))
        response = thought if calls_functions else f"{thought}\n```\n{action}\n```"
        step = {"action": action, "observation": draw(texts()), "response": response, "thought": thought, "state": {}}
        steps.append(step)
    if draw(st.booleans()):
        steps[0]["query"] = [{"role": "system", "content": draw(texts())}, {"role": "user", "content": draw(texts())}]
    return {"environment": "swe_main", "trajectory": steps, "info": {}}


@st.composite
def _mini(draw: st.DrawFn) -> Any:
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(texts())}]
    for said in draw(turns()):
        if isinstance(said, Ask):
            messages.append({"role": "user", "content": said.text, "extra": {"returncode": 0}})
            continue
        messages.append({"role": "assistant", "content": said.text, "extra": {"cost": 0.1}})
        if said.calls:
            messages[-1]["tool_calls"] = _tool_calls(draw, said)
        if said.reasoning:
            messages[-1]["reasoning_content"] = said.reasoning
        messages += [
            {"role": "tool", "content": call.result, "tool_call_id": call.id}
            for call in said.calls
            if call.result is not None
        ]
    left = {"role": "exit", "content": "", "extra": {"exit_status": "Submitted"}}
    whole = {"info": {"mini_version": "2.0.0"}, "messages": messages, "trajectory_format": "mini-swe-agent-1.1"}
    return draw(st.sampled_from([[*messages, left], whole, {**whole, "messages": [*messages, left]}]))


def _tool_calls(draw: st.DrawFn, said: Turn) -> list[dict[str, Any]]:
    return [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": draw(json_text(c.arguments))}}
        for c in said.calls
    ]


def _content(draw: st.DrawFn, text: str) -> Any:
    return draw(st.sampled_from([text, [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]]))


SOURCES = {"swe-agent": _history() | _trajectory(), "mini-swe-agent": _mini()}
