"""Sources of LangSmith: nested runs and flat ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn
from tests.support.sources.recorded_calls import RecordedCall, payloads, recorded_calls, unanswered

__all__ = ["SOURCES"]

_TYPES = {"HumanMessage": "human", "AIMessage": "ai", "ToolMessage": "tool", "SystemMessage": "system"}


@st.composite
def _root(draw: st.DrawFn) -> Any:
    root = _run("root", "chain", None, 0, {"question": "x"}, {"messages": []})
    runs = []
    for number, call in enumerate(draw(recorded_calls()), start=1):
        prompt, output = _langchain(call) if draw(st.booleans()) else _bodies(draw, call)
        runs.append(_run(f"r{number}", "llm", "root", number, prompt, output))
    if draw(st.booleans()):
        return {**root, "child_runs": runs}
    return draw(st.sampled_from([[root, *runs], {"runs": [*runs, root]}]))


def _bodies(draw: st.DrawFn, call: RecordedCall) -> tuple[Any, Any]:
    prompt, output = payloads(draw, call)
    return (prompt if isinstance(prompt, dict | str) else {"messages": prompt}), output


def _langchain(call: RecordedCall) -> tuple[Any, Any]:
    system = _constructed("SystemMessage", {"content": call.system})
    answer = _messages([unanswered(call.turn)])[0]
    generation = {"text": call.turn.text, "message": answer, "generation_info": {}}
    return {"messages": [[system, *_messages(call.before)]]}, {"generations": [[generation]], "llm_output": {}}


def _messages(said: list[Ask | Turn]) -> list[dict[str, Any]]:
    messages = []
    for turn in said:
        if isinstance(turn, Ask):
            messages.append(_constructed("HumanMessage", {"content": turn.text}))
            continue
        calls = [{"id": c.id, "name": c.name, "args": c.arguments, "type": "tool_call"} for c in turn.calls]
        messages.append(_constructed("AIMessage", {"content": turn.text, "tool_calls": calls}))
        messages += [
            _constructed("ToolMessage", {"content": call.result, "tool_call_id": call.id, "name": call.name})
            for call in turn.calls
            if call.result is not None
        ]
    return messages


def _constructed(name: str, held: dict[str, Any]) -> dict[str, Any]:
    path = ["langchain", "schema", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": {**held, "type": _TYPES[name]}}


def _run(name: str, kind: str, parent: str | None, second: int, given: Any, output: Any) -> dict[str, Any]:
    return {
        "id": name,
        "trace_id": "root",
        "parent_run_id": parent,
        "run_type": kind,
        "name": name,
        "start_time": f"2026-01-01T00:00:0{second}.000000",
        "inputs": given,
        "outputs": output,
    }


SOURCES = {"langsmith": _root()}
