"""Sources of OpenAI chat messages."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, json_text, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
_AUDIO = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}


@st.composite
def _source(draw: st.DrawFn) -> Any:
    messages = [message for said in draw(turns()) for message in _messages(draw, said)]
    if draw(st.booleans()):
        messages.insert(0, {"role": draw(st.sampled_from(["system", "developer"])), "content": draw(texts())})
    return _placed(draw, messages)


@st.composite
def _tagged(draw: st.DrawFn) -> Any:
    messages: list[dict[str, Any]] = []
    for said in draw(turns(has_results=True)):
        if isinstance(said, Ask):
            messages.append({"role": "user", "content": said.text})
            continue
        thought = f"<think>{said.reasoning}</think>" if draw(st.booleans()) else ""
        tags = [f"<tool_call>\n{draw(_call_text(call))}\n</tool_call>" for call in said.calls]
        messages.append({"role": "assistant", "content": "\n".join((thought + said.text, *tags))})
        answers = [f"<tool_response>\n{call.result}\n</tool_response>" for call in said.calls]
        if answers and draw(st.booleans()):
            messages.append({"role": draw(st.sampled_from(["user", "tool"])), "content": "\n".join(answers)})
    return _placed(draw, messages)


@st.composite
def _call_text(draw: st.DrawFn, call: CallMade) -> str:
    made = {"name": call.name, "arguments": call.arguments}
    return draw(st.sampled_from([repr(made), draw(json_text(made))]))


def _placed(draw: st.DrawFn, messages: list[dict[str, Any]]) -> Any:
    match draw(st.integers(0, 6)):
        case 0:
            return messages
        case 1:
            return {"request": {"messages": messages, "model": "m"}, "id": draw(texts())}
        case 2:
            return {"instance_id": "i", "messages": draw(json_text(messages))}
        case 3:
            answer = {"role": "assistant", "content": draw(texts(1))}
            return {"messages": messages, "response": {"choices": [{"index": 0, "message": answer}]}}
        case _:
            key = draw(st.sampled_from(["messages", "traj", "history", "größe"]))
            beside = draw(st.sampled_from([{}, {"system": "Be brief."}, {"reward": 0.5, "tools": []}]))
            return {**beside, key: messages}


def _messages(draw: st.DrawFn, said: Ask | Turn) -> list[dict[str, Any]]:
    if isinstance(said, Ask):
        name = draw(st.sampled_from([{}, {"name": "ann"}]))
        return [{"role": draw(st.sampled_from(["user", "User"])), "content": _content(draw, said.text), **name}]
    message: dict[str, Any] = {"role": "assistant"}
    if said.text or not said.calls or draw(st.booleans()):
        message["content"] = _content(draw, said.text) if said.text else draw(st.sampled_from(["", None]))
    if draw(st.booleans()):
        message[draw(st.sampled_from(["reasoning_content", "reasoning", "thinking"]))] = said.reasoning
    if draw(st.booleans()):
        message["refusal"] = draw(st.sampled_from([None, "No."]))
    with_ids = draw(st.booleans())
    if len(said.calls) == 1 and draw(st.booleans()):
        [call] = said.calls
        message["function_call"] = _function(draw, call)
        answered = [{"role": "function", "name": call.name, "content": call.result}]
    else:
        message["tool_calls"] = [_call(draw, call, with_ids) for call in said.calls]
        answered = [
            {
                "role": "tool",
                "content": _content(draw, call.result) if call.result else call.result,
                **({"tool_call_id": call.id} if with_ids else {"name": call.name}),
            }
            for call in said.calls
            # Without ids only what answers all calls finds them when one has been renamed.
            if call.result is not None or not with_ids
        ]
    return [message, *answered]


def _call(draw: st.DrawFn, call: CallMade, with_ids: bool) -> dict[str, Any]:
    identity = {"id": call.id} if with_ids else {}
    match draw(st.integers(0, 4)):
        case 0:
            return {**identity, "type": "custom", "custom": {"name": call.name, "input": draw(texts())}}
        case 1:
            return {**identity, **_function(draw, call)}
        case _:
            return {**identity, "type": "function", "function": _function(draw, call)}


def _function(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    written = st.sampled_from([call.arguments, "", " ", None, '{"q": "broken', "[1]"]) | json_text(call.arguments)
    arguments = {} if draw(st.integers(0, 9)) == 0 else {"arguments": draw(written)}
    return {"name": call.name, **arguments}


def _content(draw: st.DrawFn, text: str) -> Any:
    part = {"type": "text", "text": text}
    return draw(st.sampled_from([text, text, [part], [part, _IMAGE], [text, part], [part, _AUDIO, part]]))


SOURCES = {"openai-chat": st.one_of(_source(), _source(), _tagged())}
