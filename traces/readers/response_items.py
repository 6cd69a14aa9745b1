"""The items of OpenAI's Responses API, wherever they are recorded: Codex rollouts, prompts and outputs in spans.

One response is several items (reasoning, a message, calls), so items of the assistant's that follow each other are one
message. Calls that the provider runs itself (`web_search_call`, `file_search_call`, `mcp_call`, …) have no result item
and are left out. The input of a custom tool is one text, and stands for `{"input": text}`. Facts: OpenAI's API
reference, and openai/codex (`ResponseItem`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ls_trajedit.traces.model import Call, Message, Other, Part, Result
from ls_trajedit.traces.places import Place, Under
from ls_trajedit.traces.readers.base import ReadOptions, arguments_at, role_of
from ls_trajedit.traces.readers.blocks import block_parts, blocks_in, messages_of, result_content

__all__ = ["ITEM_TYPES", "Item", "item_messages"]

Item = tuple[Any, Place] | Message | list[Part] | None
"""An item with its place; what was said and read already (a message, or parts of the assistant's); or None where one
response ends and another begins."""

# Built-in tools that the agent runs: the name of the tool, and where the arguments stand.
_BUILT_IN: Final = {
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "computer_call": ("computer", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "tool_search_call": ("tool_search", "arguments"),
}
_OUTPUTS: Final = {
    "function_call_output",
    "custom_tool_call_output",
    "local_shell_call_output",
    "shell_call_output",
    "computer_call_output",
    "apply_patch_call_output",
}
_LEFT_OUT: Final = {
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "tool_search_output",
    "item_reference",
    "ghost_snapshot",
    "compaction",
    "compaction_summary",
    "context_compaction",
}
ITEM_TYPES: Final = {"function_call", "custom_tool_call", "reasoning", *_BUILT_IN, *_OUTPUTS, *_LEFT_OUT}
"""The types of items that are not messages."""


def item_messages(items: Iterable[Item], options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    """The messages in these items."""
    said: list[Part] | None = None
    for item in items:
        match item:
            case None:
                piece: Sequence[Part] | tuple[Message, ...] | None = ()
            case Message():
                piece = (item,)
            case list():
                piece = item
            case _:
                piece = _piece(*item, options, left_out)
        if isinstance(piece, list):
            said = [*(said or ()), *piece]
        elif piece is not None:
            if said is not None:
                yield Message("assistant", tuple(said))
            said = None
            yield from piece
    if said is not None:
        yield Message("assistant", tuple(said))


def _piece(
    item: Any, place: Place, options: ReadOptions, left_out: Counter[str]
) -> list[Part] | tuple[Message, ...] | None:
    """What the assistant said (a list), what others said (a tuple of messages), or None for what is left out."""
    if not isinstance(item, dict):
        return [Other(item, place)]
    kind = item.get("type")
    if kind in _LEFT_OUT:
        left_out[f"{kind} items"] += 1
        return None
    if kind == "reasoning":
        return list(block_parts(item, place, left_out)) or None
    if kind in _OUTPUTS:
        answer = Result(result_content(item.get("output"), (*place, "output")), _id(item), None, place)
        return tuple(messages_of("tool", [answer], options))
    if kind == "function_call" and isinstance(item.get("name"), str):
        arguments, at = arguments_at(item.get("arguments"), (*place, "arguments"))
        return [Call(item["name"], arguments, _id(item), (*place, "name"), at)]
    if kind == "custom_tool_call" and isinstance(item.get("name"), str):
        under = (*place, "input", Under("input"))
        return [Call(item["name"], {"input": item.get("input")}, _id(item), (*place, "name"), under)]
    if kind in _BUILT_IN:
        name, key = _BUILT_IN[kind]
        arguments, at = arguments_at(item.get(key), (*place, key))
        return [Call(name, arguments, _id(item), None, at)]
    if "role" in item and "content" in item:
        role = role_of(item["role"], (*place, "role"), options)
        parts = list(blocks_in(item["content"], (*place, "content"), left_out))
        return parts if role == "assistant" else tuple(messages_of(role, parts, options))
    return [Other(item, place)]


def _id(item: dict[str, Any]) -> str:
    return next((item[key] for key in ("call_id", "id") if isinstance(item.get(key), str)), "")
