"""Sources of smolagents: code agents, agents that call tools, and those that write the calls in their text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn, maybe, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]


@st.composite
def _memory(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(["code", "tools"]))
    steps: list[dict[str, Any]] = []
    if draw(st.booleans()):
        steps.append({"system_prompt": draw(texts())})
    for number, said in enumerate(draw(turns(has_results=True, max_calls=2))):
        if isinstance(said, Ask):
            steps.append({"task": said.text, "task_images": None})
            continue
        if draw(st.booleans()):
            steps.append({"plan": draw(texts()), "timing": {}, "model_input_messages": None})
        step = _code(draw, said) if kind == "code" else _tools(said)
        error = {"type": "AgentExecutionError", "message": draw(texts(1))}
        steps.append({"step_number": number, "timing": {}, "error": draw(maybe(st.just(error))), **step})
    if draw(st.booleans()):
        steps.append({"output": draw(texts())})
    return draw(st.sampled_from([steps, {"output": "x", "state": "success", "steps": steps}]))


def _code(draw: st.DrawFn, said: Turn) -> dict[str, Any]:
    code = f"print({json.dumps(said.reasoning)})"
    return {
        "model_output": draw(st.sampled_from([f"Thought: {said.text}\n```py\n{code}\n```", None])),
        "code_action": code,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "python_interpreter", "arguments": code}}
        ],
        "observations": draw(maybe(texts())),
        "action_output": draw(maybe(texts())),
        "is_final_answer": draw(st.booleans()),
    }


def _tools(said: Turn) -> dict[str, Any]:
    return {
        "model_output": said.text or None,
        "code_action": None,
        "tool_calls": [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in said.calls
        ],
        "observations": "\n".join(call.result or "" for call in said.calls),
        "action_output": None,
        "is_final_answer": False,
    }


SOURCES = {"smolagents": _memory()}
