"""Sources of Amazon Bedrock's Converse API."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, CallMade, Turn, turns
from tests.support.strategies import texts

__all__ = ["SOURCES"]

_FILES = [
    {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
    {"image": {"format": "png", "source": {"bytes": {"__bytes_encoded__": True, "data": "iVBORw0KGgo="}}}},
    {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.jpg"}}}},
    {"document": {"format": "txt", "name": "a", "source": {"text": "x"}}},
    {"guardContent": {"text": {"text": "guarded"}}},
    {"cachePoint": {"type": "default"}},
]


@st.composite
def _source(draw: st.DrawFn) -> Any:
    messages: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for said in draw(turns()):
        if isinstance(said, Ask):
            files = draw(st.lists(st.sampled_from(_FILES), max_size=2))
            messages.append({"role": "user", "content": [*answers, {"text": said.text}, *files]})
        else:
            messages += [{"role": "user", "content": answers}] if answers else []
            messages.append({"role": "assistant", "content": _spoken(draw, said)})
        calls = said.calls if isinstance(said, Turn) else []
        answers = [_result(draw, call) for call in calls if call.result is not None]
    request = {"modelId": "m", "messages": messages, "system": [{"text": draw(texts())}, {"cachePoint": {}}]}
    answer = {"message": {"role": "assistant", "content": [{"text": draw(texts(1))}]}}
    match draw(st.integers(0, 4)):
        case 0:
            return messages
        case 1:
            return {"request": request, "response": {"output": answer, "stopReason": "end_turn"}}
        case 2:
            return {"input": {"inputBodyJson": request}, "output": {"outputBodyJson": {"output": answer}}}
        case _:
            return {"id": draw(texts()), **request}


def _spoken(draw: st.DrawFn, said: Turn) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if draw(st.booleans()):
        blocks.append({"reasoningContent": {"reasoningText": {"text": said.reasoning, "signature": "s"}}})
    if draw(st.booleans()):
        blocks.append({"reasoningContent": {"redactedContent": "x"}})
    text = {"text": said.text}
    blocks.append(draw(st.sampled_from([text, {"citationsContent": {"content": [text], "citations": []}}])))
    blocks += [{"toolUse": {"toolUseId": c.id, "name": c.name, "input": c.arguments}} for c in said.calls]
    return blocks


def _result(draw: st.DrawFn, call: CallMade) -> dict[str, Any]:
    blocks = draw(st.lists(st.sampled_from([{"text": call.result}, {"json": {"a": [1]}}, *_FILES[:2]]), max_size=2))
    return {
        "toolResult": {"toolUseId": call.id, "content": blocks, "status": draw(st.sampled_from(["success", "error"]))}
    }


SOURCES = {"bedrock": _source()}
