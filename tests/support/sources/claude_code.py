"""Sources of Claude Code: the events of a session, with the noise around them and a side chain now and then."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.sources.pieces import Ask, Turn, turns

__all__ = ["SOURCES"]

_NOISE: list[dict[str, Any]] = [
    {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}, "isSnapshotUpdate": False},
    {"type": "queue-operation", "operation": "enqueue", "sessionId": "s1"},
    {"type": "summary", "summary": "A title", "leafUuid": "u1"},
    {"type": "system", "subtype": "turn_duration", "sessionId": "s1"},
]


@st.composite
def _session(draw: st.DrawFn) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    _say(draw, events, draw(turns()), side=False)
    if draw(st.booleans()):
        _say(draw, events, draw(turns()), side=True)
    return events


def _say(draw: st.DrawFn, events: list[dict[str, Any]], said: list[Ask | Turn], *, side: bool) -> None:
    above: str | None = None
    for number, turn in enumerate(said):
        if draw(st.booleans()):
            events.append(draw(st.sampled_from(_NOISE)))
        identity = f"{'side' if side else 'msg'}_{number}"
        if isinstance(turn, Ask):
            above = _event(events, "user", {"role": "user", "content": _content(draw, turn.text)}, above, side)
            continue
        blocks: list[dict[str, Any]] = []
        if turn.reasoning or draw(st.booleans()):
            blocks.append({"type": "thinking", "thinking": turn.reasoning, "signature": "x"})
        blocks.append({"type": "text", "text": turn.text})
        prefix = "side-" if side else ""
        blocks += [
            {"type": "tool_use", "id": prefix + call.id, "name": call.name, "input": call.arguments}
            for call in turn.calls
        ]
        for group in [[block] for block in blocks] if draw(st.booleans()) else [blocks]:
            message = {"id": identity, "type": "message", "role": "assistant", "model": "claude", "content": group}
            above = _event(events, "assistant", message, above, side)
        for call in turn.calls:
            if call.result is not None:
                result = {
                    "type": "tool_result",
                    "tool_use_id": prefix + call.id,
                    "content": _content(draw, call.result),
                }
                above = _event(events, "user", {"role": "user", "content": [result]}, above, side)


def _event(events: list[dict[str, Any]], kind: str, message: dict[str, Any], above: str | None, side: bool) -> str:
    uuid = f"u{len(events)}"
    event = {
        "type": kind,
        "message": message,
        "uuid": uuid,
        "parentUuid": above,
        "isSidechain": side,
        "sessionId": "s1",
    }
    events.append(event | ({"agentId": "a1"} if side else {}))
    return uuid


def _content(draw: st.DrawFn, text: str) -> Any:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    return draw(st.sampled_from([text, [{"type": "text", "text": text}], [{"type": "text", "text": text}, image]]))


SOURCES = {"claude-code": _session()}
