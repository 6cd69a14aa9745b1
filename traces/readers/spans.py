"""OpenTelemetry spans as files have them, before anybody asks what they mean.

Spans come in three shapes: OTLP JSON (`resourceSpans` > `scopeSpans` > `spans`, attributes as a list of keys and typed
values), dictionaries with flat attributes (what SDKs print and back ends export: `context` or `trace_id`/`traceId`,
`parent_id` or `parentSpanId`, `attributes`), and the attributes of one span alone. A file may hold several traces, and
an exporter writes one trace in several batches: `gather_spans` and `split_spans` make one source of each trace.

Instrumentations flatten lists into keys (`gen_ai.prompt.0.content`, `llm.input_messages.0.message.role`). `Node` opens
them again and keeps for each value its place. Facts: opentelemetry-proto (`trace.proto`, OTLP/JSON).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field, set_field
from ls_trajedit.traces.model import Call, Message, Part, Result
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.readers.base import first_text
from ls_trajedit.traces.readers.blocks import json_at

__all__ = [
    "Attribute",
    "Attributes",
    "Node",
    "RawSpan",
    "find_spans",
    "gather_spans",
    "is_bare_attributes",
    "part_of_spans",
    "split_spans",
    "with_real_places",
]

_RESOURCES: Final = ("resourceSpans", "resource_spans")
_SCOPES: Final = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
_LISTS: Final[tuple[FieldPath, ...]] = (("spans",), ("data",), ("data", "spans"))
_TRACE: Final[tuple[FieldPath, ...]] = (("traceId",), ("trace_id",), ("context", "trace_id"), ("context", "traceId"))
_SPAN: Final[tuple[FieldPath, ...]] = (
    ("spanId",),
    ("span_id",),
    ("context", "span_id"),
    ("context", "spanId"),
    ("id",),
)
_PARENT: Final[tuple[FieldPath, ...]] = (
    ("parentSpanId",),
    ("parent_span_id",),
    ("parent_id",),
    ("parentId",),
    ("parent", "span_id"),
)
_START: Final = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "start_time_ns")
_SCALARS: Final = (
    "stringValue",
    "string_value",
    "intValue",
    "int_value",
    "doubleValue",
    "double_value",
    "boolValue",
    "bool_value",
    "bytesValue",
)
_BARE: Final = ("gen_ai.", "llm.", "openinference.")


@dataclass(frozen=True)
class Attribute:
    """One attribute and its place. `typed` is OTLP's value where that is a list or an object: its places go through
    `with_real_places`."""

    value: Any
    place: Place
    typed: Any = None


@dataclass(frozen=True)
class Node:
    """What stands under a key that may be flattened: a value of its own, what its longer keys say, or both."""

    value: Any = MISSING
    place: Place = ()
    longer: Mapping[str, Node] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.value not in (MISSING, None) or bool(self.longer)

    def at(self, *path: str) -> Node:
        """The node further down."""
        node = self
        for key in path:
            node = node._child(key)
        return node

    def items(self) -> list[Node]:
        """The nodes of a list, in order."""
        value, place = json_at(self.value, self.place)
        inner = enumerate(value) if isinstance(value, list) else ()
        found = {number: Node(item, (*place, number)) for number, item in inner}
        found |= {int(key): node for key, node in self.longer.items() if key.isdecimal()}
        return [found[number] for number in sorted(found)]

    def plain(self) -> Any:
        """What stands here as JSON, its longer keys as an object."""
        if self.value is not MISSING:
            return self.value
        return {key: node.plain() for key, node in self.longer.items()}

    @property
    def text(self) -> str | None:
        """The value where it is a string with something in it."""
        return self.value if isinstance(self.value, str) and self.value else None

    def _child(self, key: str) -> Node:
        if key in self.longer:
            return self.longer[key]
        value, place = json_at(self.value, self.place)
        if isinstance(value, dict) and key in value:
            return Node(value[key], (*place, key))
        return Node()


class Attributes:
    """The attributes of a span or an event."""

    def __init__(self, raw: Any, place: Place) -> None:
        self._known = dict(_attributes(raw, place))

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def get(self, key: str) -> Attribute | None:
        """The attribute of that name, flat or nested; None where it is missing or null."""
        found = self._known.get(key)
        if found is None and (node := self.node(key)).value is not MISSING:
            found = Attribute(node.value, node.place)
        return found if found is not None and found.value is not None else None

    def text(self, *keys: str) -> str | None:
        """The first of these attributes that is a string with something in it."""
        found = (self.get(key) for key in keys)
        return next((item.value for item in found if item and isinstance(item.value, str) and item.value), None)

    def node(self, key: str) -> Node:
        """What stands under the key, its longer keys opened."""
        return self._tree.at(*key.split("."))

    @property
    def root(self) -> Node:
        """All of them as one node."""
        return self._tree

    @cached_property
    def _tree(self) -> Node:
        return _tree([(key.split("."), found) for key, found in self._known.items()])


@dataclass(frozen=True)
class RawSpan:
    """One span: its data, its place in the source and its number in it."""

    data: dict[str, Any]
    place: Place
    number: int
    is_bare: bool = False

    @property
    def identity(self) -> str:
        return first_text(self.data, *_SPAN) or f"span-{self.number}"

    @property
    def trace(self) -> str | None:
        return first_text(self.data, *_TRACE)

    @property
    def parent(self) -> str | None:
        return first_text(self.data, *_PARENT)

    @property
    def start(self) -> Any:
        time = next((self.data[key] for key in _START if self.data.get(key) is not None), None)
        # OpenTelemetry's SDK for JavaScript prints [seconds, nanoseconds].
        if isinstance(time, list) and len(time) == 2 and all(isinstance(item, int) for item in time):
            return time[0] * 10**9 + time[1]
        return time

    @property
    def name(self) -> str | None:
        return first_text(self.data, ("name",), ("span_name",))

    @cached_property
    def attributes(self) -> Attributes:
        if self.is_bare:
            return Attributes(self.data, self.place)
        return Attributes(self.data.get("attributes"), (*self.place, "attributes"))

    def events(self) -> Iterator[tuple[str, Attributes, dict[str, Any], Place]]:
        """The name of each event, its attributes, and the event itself with its place."""
        listed = self.data.get("events")
        for number, event in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(event, dict) and isinstance(event.get("name"), str):
                place = (*self.place, "events", number)
                yield event["name"], Attributes(event.get("attributes"), (*place, "attributes")), event, place


def find_spans(source: Any) -> list[RawSpan]:
    """Every span in the source, in the order in which it stands there."""
    return [RawSpan(data, place, number, is_bare_attributes(data)) for number, (data, place) in enumerate(_all(source))]


def is_bare_attributes(value: Any) -> bool:
    """Whether the value is the attributes of one span, alone or with its ids beside them."""
    return isinstance(value, dict) and "attributes" not in value and any(key.startswith(_BARE) for key in value)


def gather_spans(values: Sequence[Any]) -> list[Any] | None:
    """One source for each trace in these values: bare spans, or batches of OTLP JSON. None when they are neither."""
    if values and all(_resources(value) is not None for value in values):
        return _batches_by_trace(values)
    if not values or not all(_is_span(value) or is_bare_attributes(value) for value in values):
        return None
    traces: dict[Any, list[Any]] = {}
    for number, value in enumerate(values):
        # Spans that name no trace have nothing to do with each other.
        traces.setdefault(first_text(value, *_TRACE) or number, []).append(value)
    return list(traces.values())


def split_spans(source: Any) -> list[Any]:
    """One source for each trace in the source."""
    ids: dict[str | None, set[str]] = {}
    for span in find_spans(source):
        ids.setdefault(span.trace, set()).add(span.identity)
    if len(ids) < 2:
        return [source]
    return [_of_trace(source, trace) for trace in ids]


def _of_trace(source: Any, trace: str | None) -> Any:
    return _kept(source, lambda span: first_text(span, *_TRACE) == trace)


def part_of_spans(source: Any, ids: Iterable[str]) -> Any:
    """The source with only the spans of these ids."""
    known = frozenset(ids)
    wanted = {id(span.data) for span in find_spans(source) if span.identity in known}
    return _kept(source, lambda span: id(span) in wanted)


def with_real_places(messages: Iterable[Message], attribute: Attribute) -> list[Message]:
    """Messages that were read from the plain value of an attribute, with their places in OTLP's typed value. An object
    there is a list of keys, so what is one has no place to be corrected at."""
    if attribute.typed is None:
        return list(messages)
    length = len(attribute.place)

    def real(place: Place | None) -> Place | None:
        return None if place is None else _typed_place(attribute.typed, attribute.place, place[length:])

    def moved(part: Part) -> Part:
        match part:
            case Call():
                return replace(part, name_place=real(part.name_place), arguments_place=real(part.arguments_place))
            case Result():
                inner = tuple(replace(item, place=real(item.place)) for item in part.content)
                return replace(part, content=inner, place=real(part.place))
            case _:
                return replace(part, place=real(part.place))

    return [replace(message, parts=tuple(moved(part) for part in message.parts)) for message in messages]


def _all(source: Any) -> Iterator[tuple[dict[str, Any], Place]]:
    resources = _resources(source)
    if resources is not None:
        for n, resource in enumerate(source[resources]):
            scopes = next((key for key in _SCOPES if isinstance(resource, dict) and key in resource), None)
            if scopes is None or not isinstance(resource[scopes], list):
                continue
            for m, scope in enumerate(resource[scopes]):
                listed = scope.get("spans") if isinstance(scope, dict) else None
                for number, span in enumerate(listed if isinstance(listed, list) else ()):
                    if isinstance(span, dict):
                        yield span, (resources, n, scopes, m, "spans", number)
        return
    if _is_span(source) or is_bare_attributes(source):
        yield source, ()
        return
    for path in ((), *_LISTS):
        listed = get_field(source, path)
        if isinstance(listed, list) and listed and all(_is_span(item) or is_bare_attributes(item) for item in listed):
            for number, span in enumerate(listed):
                yield span, (*path, number)
            return


def _resources(source: Any) -> str | None:
    if not isinstance(source, dict):
        return None
    return next((key for key in _RESOURCES if isinstance(source.get(key), list)), None)


def _is_span(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("attributes"), dict | list)
        and "name" in value
        and first_text(value, *_SPAN) is not None
    )


def _kept(source: Any, wanted: Callable[[dict[str, Any]], bool]) -> Any:
    """The source with only some of its spans, and without the batches that are empty then."""
    resources = _resources(source)
    if resources is not None:
        kept = (_kept_below(resource, _SCOPES, wanted) for resource in source[resources])
        return {**source, resources: [resource for resource in kept if resource is not None]}
    for path in _LISTS:
        listed = get_field(source, path)
        if isinstance(listed, list):
            return set_field(source, path, [span for span in listed if wanted(span)])
    return [span for span in source if wanted(span)] if isinstance(source, list) else source


def _kept_below(holder: Any, keys: Sequence[str], wanted: Callable[[dict[str, Any]], bool]) -> Any:
    """A resource or a scope with only some spans, or None when it has none of them."""
    key = next((key for key in keys if isinstance(holder, dict) and isinstance(holder.get(key), list)), None)
    if key is None:
        return None
    if key == "spans":
        rest = [span for span in holder[key] if isinstance(span, dict) and wanted(span)]
    else:
        rest = [found for scope in holder[key] if (found := _kept_below(scope, ("spans",), wanted)) is not None]
    return {**holder, key: rest} if rest else None


def _batches_by_trace(values: Sequence[Any]) -> list[Any]:
    """The spans of each trace out of several batches, in one."""
    if len(values) == 1:
        return split_spans(values[0])
    key = _resources(values[0]) or _RESOURCES[0]
    lists = (value[_resources(value)] for value in values)
    return split_spans({**values[0], key: [resource for listed in lists for resource in listed]})


def _attributes(raw: Any, place: Place) -> Iterator[tuple[str, Attribute]]:
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield key, Attribute(value, (*place, key))
    elif isinstance(raw, list):
        for number, item in enumerate(raw):
            if isinstance(item, dict) and isinstance(item.get("key"), str) and isinstance(item.get("value"), dict):
                at: Place = (*place, number, "value")
                scalar = _scalar(item["value"])
                if scalar is None:
                    yield item["key"], Attribute(_plain(item["value"]), at, item["value"])
                else:
                    yield item["key"], Attribute(item["value"][scalar], (*at, scalar))


def _tree(pairs: Sequence[tuple[Sequence[str], Attribute]]) -> Node:
    own = next((found for path, found in pairs if not path), None)
    longer: dict[str, list[tuple[Sequence[str], Attribute]]] = {}
    for path, found in pairs:
        if path:
            longer.setdefault(path[0], []).append((path[1:], found))
    below = {key: _tree(group) for key, group in longer.items()}
    return Node(longer=below) if own is None else Node(own.value, own.place, below)


def _scalar(typed: Mapping[str, Any]) -> str | None:
    return next((key for key in _SCALARS if key in typed), None)


def _list_in(typed: Any, name: str) -> tuple[str, list[Any]] | None:
    """The key of an array or of a list of keys in OTLP's typed value, and what is in it."""
    for key in (f"{name}Value", f"{name}_value"):
        if isinstance(typed, dict) and isinstance(typed.get(key), dict):
            values = typed[key].get("values")
            return key, values if isinstance(values, list) else []
    return None


def _plain(typed: Any) -> Any:
    """OTLP's typed value as JSON."""
    if not isinstance(typed, dict):
        return None
    scalar = _scalar(typed)
    if scalar is not None:
        value = typed[scalar]
        is_number = scalar.startswith("int") and isinstance(value, str) and value.lstrip("-").isdecimal()
        return int(value) if is_number else value
    if (array := _list_in(typed, "array")) is not None:
        return [_plain(item) for item in array[1]]
    if (keys := _list_in(typed, "kvlist")) is not None:
        return {item["key"]: _plain(item.get("value")) for item in keys[1] if isinstance(item, dict) and "key" in item}
    return None


def _typed_place(typed: Any, place: Place, rest: Place) -> Place | None:
    """The place in a typed value that stands for `rest` in the plain one."""
    if not isinstance(typed, dict):
        return None
    scalar = _scalar(typed)
    if scalar is not None:
        return (*place, scalar, *rest)
    if not rest:
        return None
    head = rest[0]
    if isinstance(head, int) and (array := _list_in(typed, "array")) is not None:
        return _typed_place(array[1][head], (*place, array[0], "values", head), rest[1:])
    if isinstance(head, str) and (keys := _list_in(typed, "kvlist")) is not None:
        # The last of several, as in the plain value.
        named = [n for n, item in enumerate(keys[1]) if isinstance(item, dict) and item.get("key") == head]
        at: Place = (*place, keys[0], "values", named[-1], "value")
        return _typed_place(keys[1][named[-1]].get("value"), at, rest[1:])
    return None
