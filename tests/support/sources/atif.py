"""Sources of ATIF."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn, arguments, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_IMAGE = {"type": "image", "source": {"media_type": "image/png", "path": "https://example.com/a.png"}}


@st.composite
def _trajectory(draw: st.DrawFn, *, depth: int = 1) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    if draw(st.booleans()):
        steps.append({"source": "system", "message": draw(texts())})
    for said in draw(turns()):
        steps.append(_step(draw, said))
    for number, step in enumerate(steps, start=1):
        step["step_id"] = number
    version = draw(st.sampled_from(["1.4", "1.5", "1.6", "1.7", "1.8"]))
    source: dict[str, Any] = {
        "schema_version": f"ATIF-v{version}",
        "agent": {"name": draw(st.sampled_from(["a", "terminus-2"])), "version": "1"},
        "steps": steps,
    }
    if draw(st.booleans()):
        source["session_id"] = "s1"
    if depth and draw(st.booleans()):
        source["subagent_trajectories"] = [draw(_trajectory(depth=0)) | {"trajectory_id": "child"}]
    return source


def _step(draw: st.DrawFn, said: Ask | Turn) -> dict[str, Any]:
    if isinstance(said, Ask):
        return {"source": "user", "message": _content(draw, said.text)}
    step: dict[str, Any] = {"source": "agent", "message": _content(draw, said.text)}
    if said.reasoning:
        step["reasoning_content"] = said.reasoning
    if said.calls:
        step["tool_calls"] = [
            {"tool_call_id": call.id, "function_name": call.name, "arguments": draw(arguments())} for call in said.calls
        ]
        results = [
            {"source_call_id": call.id, **({} if call.result is None else {"content": _content(draw, call.result)})}
            for call in said.calls
            if draw(st.booleans())
        ]
        if draw(st.booleans()):
            results.append({"content": draw(texts())})
        step["observation"] = {"results": results}
    if draw(st.booleans()):
        step["is_copied_context"] = draw(st.booleans())
    return step


def _content(draw: st.DrawFn, text: str) -> Any:
    return draw(st.sampled_from([text, [{"type": "text", "text": text}], [{"type": "text", "text": text}, _IMAGE]]))


SOURCES = {"atif": _trajectory()}
