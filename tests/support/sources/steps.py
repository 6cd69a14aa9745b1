"""Sources of steps without roles, and of Potato's conversations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import arguments, json_text, maybe
from tests.support.strategies import json_values, texts

__all__ = ["SOURCES"]

# Text that is no call by chance.
_WORDS = texts().filter(lambda text: not text.lstrip().startswith("{"))


@st.composite
def _steps(draw: st.DrawFn) -> Any:
    steps = [_step(draw) for _ in range(draw(st.integers(1, 4)))]
    source: dict[str, Any] = {draw(st.sampled_from(["steps", "trace"])): steps}
    if draw(st.booleans()):
        source["task_description"] = draw(texts())
    if draw(st.booleans()):
        source["final_answer"] = draw(maybe(texts()))
    return draw(st.sampled_from([source, {"id": "t1", **source}]))


def _step(draw: st.DrawFn) -> dict[str, Any]:
    step: dict[str, Any] = {"action": _action(draw)}
    if draw(st.booleans()):
        step["thought"] = draw(texts())
    if draw(st.booleans()):
        step["observation"] = draw(maybe(texts()) | json_values())
    if draw(st.booleans()):
        step["score"] = draw(st.integers(0, 5))
    if isinstance(step["action"], str) and draw(st.booleans()):
        step["action"] = "search"
        step["action_input"] = draw(arguments() | _WORDS.filter(lambda text: text != ""))
    return step


def _action(draw: st.DrawFn) -> Any:
    call = {"name": "search", "arguments": draw(arguments())}
    return draw(
        st.one_of(
            _WORDS,
            st.just(call),
            st.just({"tool": "search", "args": draw(arguments())}),
            st.just({"id": "c1", "type": "function", "function": call}),
            json_text(call),
            st.none(),
        )
    )


@st.composite
def _potato(draw: st.DrawFn) -> Any:
    speakers = ["Agent (Thought)", "Agent (Action)", "Agent", "Environment", "User"]
    turns = [{"speaker": "Agent (Action)", "text": draw(texts())}]
    turns += [
        {"speaker": draw(st.sampled_from(speakers)), "text": draw(texts())} for _ in range(draw(st.integers(1, 6)))
    ]
    return {"id": "demo_1", "task_description": draw(texts()), "conversation": turns}


SOURCES = {"steps": _steps(), "potato": _potato()}
