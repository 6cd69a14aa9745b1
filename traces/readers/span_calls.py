"""Which spans are model calls and what they say, by the two conventions for it: OpenTelemetry's GenAI semantic
conventions (`gen_ai.*`) and OpenInference (`llm.*`, `openinference.span.kind`).

Both have a history, and files hold all of it:

- `gen_ai.input.messages` and `gen_ai.output.messages`, with `gen_ai.system_instructions` and `gen_ai.tool.definitions`:
  JSON text or structured attributes of a span, or of its event `gen_ai.client.inference.operation.details`;
- events `gen_ai.user.message`, `gen_ai.choice`, …, one a message;
- `gen_ai.prompt` and `gen_ai.completion`, JSON text; or flattened (`gen_ai.prompt.0.role`, once `llm.prompts.0.role`),
  as Traceloop wrote them;
- `ai.prompt.messages`, `ai.response.text`, `ai.response.toolCalls` of the Vercel AI SDK;
- `llm.input_messages.0.message.role`, …, flat or nested; `input.value` and `output.value` where there is no more.

Facts: open-telemetry/semantic-conventions-genai, traceloop/openllmetry, Arize-ai/openinference (`spec/`,
`js/packages/openinference-genai/test/__fixtures__/`), Arize-ai/phoenix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Tool
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import arguments_at, declared_tools, role_of
from ls_trajedit.traces.readers.blocks import blocks_in, json_at
from ls_trajedit.traces.readers.model_calls import ModelCall, Span, start_key
from ls_trajedit.traces.readers.payloads import Payload, message_at, prompt_at, said_at
from ls_trajedit.traces.readers.spans import Attribute, Attributes, Node, RawSpan, with_real_places
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, result_parts, turns

__all__ = ["is_genai_call", "is_openinference", "span_of"]

_NO_CALL: Final = {"invoke_agent", "create_agent", "execute_tool", "embeddings", "invoke_workflow", "retrieval"}
_PROMPT_KEYS: Final = ("gen_ai.input.messages", "gen_ai.prompt", "ai.prompt.messages")
_OUTPUT_KEYS: Final = ("gen_ai.output.messages", "gen_ai.completion")
_FLAT_PROMPTS: Final = ("gen_ai.prompt", "llm.prompts")
_FLAT_OUTPUTS: Final = ("gen_ai.completion", "llm.completions", "llm.choices")
_AI_SDK: Final = ("ai.response.reasoning", "ai.response.text", "ai.response.toolCalls")
# Events that hold the prompt, the output or both, as a span would.
_WHOLE_EVENTS: Final = {
    "gen_ai.client.inference.operation.details",
    "gen_ai.content.prompt",
    "gen_ai.content.completion",
}
_CHOICE: Final = "gen_ai.choice"
_EVENT_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    _CHOICE: "assistant",
}


def is_openinference(span: RawSpan) -> bool:
    """Whether a span follows OpenInference."""
    attributes = span.attributes
    return bool(
        attributes.text("openinference.span.kind")
        or attributes.node("llm.input_messages")
        or attributes.node("llm.output_messages")
    )


def is_genai_call(span: RawSpan) -> bool:
    """Whether a span records messages by OpenTelemetry's conventions, new or old."""
    attributes = span.attributes
    keys = (*_PROMPT_KEYS, *_OUTPUT_KEYS, *_FLAT_PROMPTS, *_FLAT_OUTPUTS)
    return any(attributes.node(key) for key in keys) or any(
        name in _EVENT_ROLES or name in _WHOLE_EVENTS for name, *_ in span.events()
    )


def span_of(raw: RawSpan, options: ReadOptions, is_agent_call: bool = False) -> Span:
    """The span. `is_agent_call` says that the work of an agent counts as a model call, where no call in it was
    recorded."""
    attributes = raw.attributes
    operation = attributes.text("gen_ai.operation.name")
    kind = attributes.text("openinference.span.kind") or raw.data.get("span_kind")
    agent = attributes.text("gen_ai.agent.name", "agent.name")
    if agent is None and (kind == "AGENT" or operation == "invoke_agent"):
        agent = raw.name

    def call(heard: Counter[str], said: Counter[str]) -> ModelCall:
        return _model_call(raw, options, heard, said)

    return Span(
        raw.identity,
        raw.parent,
        start_key(raw.start, raw.number),
        agent,
        is_border=kind in ("AGENT", "TOOL") or operation in ("invoke_agent", "execute_tool"),
        read=call if _is_model_call(raw, operation, kind) or is_agent_call else None,
    )


def _is_model_call(raw: RawSpan, operation: str | None, kind: Any) -> bool:
    if operation in _NO_CALL:
        return False
    if isinstance(kind, str) and raw.attributes.text("openinference.span.kind"):
        return kind == "LLM"
    return is_genai_call(raw) or (kind == "LLM" and is_openinference(raw))


def _model_call(raw: RawSpan, options: ReadOptions, heard: Counter[str], said: Counter[str]) -> ModelCall:
    sources = [raw.attributes, *(attributes for name, attributes, *_ in raw.events() if name in _WHOLE_EVENTS)]
    prompt = next((found for source in sources if (found := _prompt(source, options, heard))), None)
    output = next((found for source in sources if (found := _output(source, options, said))), None)
    if prompt is None:
        prompt = _of_events(raw, options, heard, is_choice=False)
    if output is None:
        output = _of_events(raw, options, said, is_choice=True)
    whole_prompt, whole_output = raw.attributes.get("input.value"), raw.attributes.get("output.value")
    if prompt is None and whole_prompt is not None:
        prompt = prompt_at(whole_prompt.value, whole_prompt.place, options, heard)
    if output is None and whole_output is not None:
        output = said_at(whole_output.value, whole_output.place, options, said)
    system = [message for source in sources for message in _system(source, heard)]
    prompt = prompt or Payload()
    recorded = {message.text for message in prompt.messages if message.role == "system"}
    system = [message for message in system if message.text not in recorded]
    tools = next((tools for source in sources if (tools := _tools(source))), prompt.tools)
    return ModelCall.of(
        prompt._replace(messages=(*system, *prompt.messages), tools=tools),
        output or Payload(),
        raw.attributes.text("gen_ai.conversation.id"),
    )


def _prompt(attributes: Attributes, options: ReadOptions, left_out: Counter[str]) -> Payload | None:
    for key in _PROMPT_KEYS:
        found = attributes.get(key)
        if found is not None:
            payload = prompt_at(found.value, found.place, options, left_out)
            return payload._replace(messages=tuple(with_real_places(payload.messages, found)))
    for key in _FLAT_PROMPTS:
        if items := attributes.node(key).items():
            return Payload(_flat_messages(items, "user", options, left_out))
    if items := attributes.node("llm.input_messages").items():
        return Payload(_flat_messages([item.at("message") for item in items], None, options, left_out))
    return None


def _output(attributes: Attributes, options: ReadOptions, left_out: Counter[str]) -> Payload | None:
    for key in _OUTPUT_KEYS:
        found = attributes.get(key)
        if found is not None:
            payload = said_at(found.value, found.place, options, left_out)
            messages = with_real_places(payload.messages, found)
            if all(message.role == "assistant" for message in messages):
                # Each is an answer to the same prompt.
                left_out["further answers to one prompt"] += max(len(messages) - 1, 0)
                messages = messages[:1]
            return Payload(tuple(messages), payload.tools)
    for key in _FLAT_OUTPUTS:
        if items := attributes.node(key).items():
            left_out["further answers to one prompt"] += len(items) - 1
            return Payload(_flat_messages(items[:1], "assistant", options, left_out))
    if items := attributes.node("llm.output_messages").items():
        left_out["further answers to one prompt"] += len(items) - 1
        return Payload(_flat_messages([items[0].at("message")], "assistant", options, left_out))
    parts = [part for key in _AI_SDK if (found := attributes.get(key)) for part in _ai_sdk_parts(key, found, left_out)]
    return Payload((Message("assistant", tuple(parts)),)) if parts else None


def _ai_sdk_parts(key: str, found: Attribute, left_out: Counter[str]) -> Iterator[Part]:
    if not isinstance(found.value, str) or not found.value:
        return
    if key.endswith("toolCalls"):
        payload = said_at(found.value, found.place, ReadOptions(), left_out)
        yield from (part for message in payload.messages for part in message.parts)
    else:
        yield Reasoning(found.value, found.place) if key.endswith("reasoning") else Text(found.value, found.place)


def _of_events(raw: RawSpan, options: ReadOptions, left_out: Counter[str], *, is_choice: bool) -> Payload | None:
    """The messages that stand in events of their own: those of the prompt, or the model's choice."""
    found: list[Message] = []
    for name, attributes, event, place in raw.events():
        if name not in _EVENT_ROLES or (name == _CHOICE) != is_choice or (is_choice and found):
            left_out["further answers to one prompt"] += is_choice and name == _CHOICE
            continue
        content = attributes.get("gen_ai.event.content")
        value, at = (content.value, content.place) if content else (event.get("body"), (*place, "body"))
        value, at = json_at(value, at)
        if isinstance(value, dict):
            if is_choice and isinstance(value.get("message"), dict):
                value, at = value["message"], (*at, "message")
            found += message_at(value, at, options, left_out, _EVENT_ROLES[name])
        else:
            node = attributes.node("message") or attributes.root
            found += _flat_message(node, _EVENT_ROLES[name], options, left_out)
    return Payload(tuple(found)) if found else None


def _flat_messages(
    nodes: Sequence[Node], default: str | None, options: ReadOptions, left_out: Counter[str]
) -> tuple[Message, ...]:
    return tuple(message for node in nodes for message in _flat_message(node, default, options, left_out))


def _flat_message(node: Node, default: str | None, options: ReadOptions, left_out: Counter[str]) -> list[Message]:
    """The messages in one whose fields may be flattened. Calls are OpenInference's (`tool_call.function.name`) or
    Traceloop's (`name`)."""
    text = node.at("prompt", "text") or node.at("completion", "text")
    spoken = node.at("role")
    role = role_of(spoken.value if spoken else default, spoken.place, options)
    calls = list(_flat_calls(node))
    content = list(_flat_content(node, left_out)) if not text else _texts(text)
    if role == "tool":
        identity = node.at("tool_call_id").text or node.at("id").text or ""
        heard = result_parts(content)
        place = node.at("content").place or spoken.place
        return list(turns(role, [Result(heard, identity, node.at("name").text, place)], options))
    recorded = {call.id for call in calls if call.id}
    said = [part for part in content if not (isinstance(part, Call) and part.id in recorded)]
    thought = node.at("reasoning_content") or node.at("reasoning")
    thoughts = [Reasoning(thought.text, thought.place)] if thought.text else []
    name = node.at("name").text if role != "assistant" else None
    return list(turns(role, [*thoughts, *said, *calls], options, name=name))


def _texts(node: Node) -> list[Part]:
    return [Text(node.text, node.place)] if node.text else []


def _flat_content(node: Node, left_out: Counter[str]) -> Iterator[Part]:
    items = node.at("contents").items()
    parts = [part for item in items for part in _content_part(item, left_out)]
    yield from parts
    whole = node.at("content")
    if not whole or whole.value is None or any(isinstance(part, Text) for part in parts):
        return
    value, place = json_at(whole.value, whole.place)
    # Traceloop writes content that is not a string as JSON text; anything else in JSON is what was said.
    is_blocks = isinstance(value, list) and all(isinstance(item, dict) and "type" in item for item in value)
    if is_blocks or not isinstance(whole.value, str):
        yield from blocks_in(value, place, left_out)
    else:
        yield from _texts(whole)


def _content_part(item: Node, left_out: Counter[str]) -> Iterator[Part]:
    content = item.at("message_content")
    kind, text = content.at("type").text, content.at("text")
    image = content.at("image", "image", "url")
    if item.at("tool_call"):
        yield from _flat_call(item.at("tool_call"))
    elif kind == "reasoning" or content.at("encrypted_content"):
        if text.text:
            yield Reasoning(text.text, text.place)
        else:
            left_out[EMPTY_REASONING] += 1
    elif image.text:
        yield Image(image.text, image.place)
    elif isinstance(text.value, str):
        yield from _texts(text)
    elif content:
        yield Other(content.plain(), content.place or None)


def _flat_calls(node: Node) -> Iterator[Call]:
    for item in node.at("tool_calls").items():
        yield from _flat_call(item.at("tool_call") or item)
    older = node.at("function_call")
    if older:
        yield from _flat_call(older)
    elif name := node.at("function_call_name").text:
        arguments = node.at("function_call_arguments_json")
        yield _call(name, node.at("function_call_name"), arguments, "")


def _flat_call(call: Node) -> Iterator[Call]:
    function = call.at("function") or call
    name = function.at("name")
    if name.text is None:
        raise ReadError("a call in the span names no function")
    yield _call(name.text, name, function.at("arguments"), call.at("id").text or "")


def _call(name: str, node: Node, arguments: Node, identity: str) -> Call:
    if not arguments:
        return Call(name, {}, identity, node.place)
    value, at = arguments_at(arguments.value, arguments.place)
    return Call(name, value, identity, node.place, at)


def _system(attributes: Attributes, left_out: Counter[str]) -> list[Message]:
    found = attributes.get("gen_ai.system_instructions")
    if found is None:
        return []
    value, place = json_at(found.value, found.place)
    parts = tuple(blocks_in(value, place, left_out))
    return with_real_places([Message("system", parts)], found) if parts else []


def _tools(attributes: Attributes) -> tuple[Tool, ...]:
    """The declared tools, wherever one of the conventions has them."""
    for key in ("gen_ai.tool.definitions", "ai.prompt.tools"):
        if found := attributes.get(key):
            listed, _ = json_at(found.value, ())
            return declared_tools([_opened(item) for item in listed] if isinstance(listed, list) else listed)
    tools = [_opened((item.at("tool", "json_schema") or item).plain()) for item in attributes.node("llm.tools").items()]
    functions = [item.plain() for item in attributes.node("llm.request.functions").items()]
    declared = [*tools, *({**item, "parameters": _opened(item.get("parameters"))} for item in functions)]
    if not declared and (found := attributes.get("llm.invocation_parameters")):
        body = _opened(found.value)
        return declared_tools(body.get("tools")) if isinstance(body, dict) else ()
    return declared_tools(declared)


def _opened(value: Any) -> Any:
    return json_at(value, ())[0]
