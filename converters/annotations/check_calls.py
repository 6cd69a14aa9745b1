"""Whether corrected calls fit the tools that their trace declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from ls_trajedit.converters.record import CheckedCall, Edit, Fit, Insertion
from ls_trajedit.converters.structure import corrected_order, corrected_position
from ls_trajedit.converters.traces import ChatTraces
from ls_trajedit.label_config.chat_data import chat_fields
from ls_trajedit.traces.json_text import canonical_json
from ls_trajedit.traces.model import Call, Tool
from ls_trajedit.traces.spelling import nearest

__all__ = ["check_calls"]


_LONGEST_MATCHED = 500
_MOST_COMPARED = 1000
# What may match any number of times; and a group that holds such a thing, or alternatives, and is repeated itself: its
# search can take time that doubles with each character.
_REPEAT = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\d*\})")
_OPTION = re.compile(r"(?<![\\(*+?}])\?")
_NESTED_REPEAT = re.compile(r"[*+}|][^()]*\)(?:[*+]|\{)")


class _Misfit(NamedTuple):
    fit: Fit
    detail: str


def check_calls(traces: ChatTraces, edits: Iterable[Edit]) -> tuple[CheckedCall, ...]:
    """Each call of the corrected trace that one of the edits corrects, or that was inserted, checked against the JSON
    Schema of its tool. A call that does not fit in several ways counts as the first of: undeclared, unknown parameter,
    missing parameter, wrong type. None when the trace declares no tools."""
    if not traces.original.tools:
        return ()
    checked = [_checked(*corrected, traces.original.tools) for corrected in _corrected_calls(traces, edits)]
    return tuple(sorted(checked, key=lambda call: call.step_index) if traces.structure else checked)


def _corrected_calls(traces: ChatTraces, edits: Iterable[Edit]) -> Iterator[tuple[int, int, Call, str]]:
    """Each with its step in the corrected trace, its number in that, and where it is, for a person."""
    fields = chat_fields(traces.edited)
    places = dict.fromkeys(
        (target.step, target.message, target.part)
        for edit in edits
        if (target := fields[edit.step_index, edit.field]).kind in ("name", "arguments")
    )
    n_steps = len(traces.original.steps)
    for step, message, part in places:
        assert step is not None
        position = corrected_position(traces.structure, n_steps, step) if traces.structure else step
        if position is not None:
            call = traces.edited.messages[message].parts[part]
            assert isinstance(call, Call)
            yield position, traces.edited.messages[message].calls.index(call), call, f"step {step + 1}"
    for position, item in enumerate(corrected_order(traces.structure, n_steps) if traces.structure else ()):
        if isinstance(item, Insertion):
            where = "a step inserted " + (f"after step {item.after + 1}" if item.after >= 0 else "before step 1")
            for number, call in enumerate(traces.corrected.steps[position].message.calls):
                yield position, number, call, where


def _checked(step: int, number: int, call: Call, where: str, tools: Iterable[Tool]) -> CheckedCall:
    misfit = _misfit(call, tools)
    detail = f"{where}, `{call.name}`: {misfit.detail}" if misfit else ""
    return CheckedCall(step, number, call.name, misfit.fit if misfit else "valid", detail)


def _misfit(call: Call, tools: Iterable[Tool]) -> _Misfit | None:
    function = next((tool["function"] for tool in tools if tool["function"]["name"] == call.name), None)
    if function is None:
        return _Misfit("undeclared", "the trace declares no such tool")
    schema = function.get("parameters")
    if not isinstance(schema, dict):
        return None
    return _unknown_parameter(call.arguments, schema) or _schema_misfit(call.arguments, schema)


def _unknown_parameter(arguments: Any, schema: dict[str, Any]) -> _Misfit | None:
    properties = schema.get("properties")
    # JSON Schema allows more keys unless it says otherwise; whoever declares a tool's parameters declares them all.
    if not isinstance(arguments, dict) or not isinstance(properties, dict) or schema.get("additionalProperties"):
        return None
    unknown = [key for key in arguments if key not in properties]
    if not unknown or "patternProperties" in schema:
        return None
    return _Misfit("unknown_parameter", f"no parameter `{unknown[0]}`{nearest(unknown[0], properties)}")


@cache
def _bounded(validator_class: Any) -> Any:
    """The validator, with checks of which none takes the square of a text or of a list, or longer. What cannot be
    checked in that time counts as fitting."""
    import jsonschema  # type: ignore[import-untyped]  # it has no types

    checks = validator_class.VALIDATORS

    def pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, str) and _is_quick(value, instance):
            yield from checks["pattern"](validator, value, instance, schema) or ()

    def of_properties(name: str) -> Callable[..., Iterator[Any]]:
        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            keys = instance if isinstance(instance, dict) else ()
            patterns = schema.get("patternProperties", {})
            if all(_is_quick(pattern, key) for pattern in patterns for key in keys):
                yield from checks[name](validator, value, instance, schema) or ()

        return check

    def unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if not isinstance(instance, list) or len(instance) <= _MOST_COMPARED:
            yield from checks["uniqueItems"](validator, value, instance, schema) or ()
        elif value and len(set(map(canonical_json, instance))) < len(instance):
            yield jsonschema.ValidationError("the list has non-unique elements")

    own = {
        "pattern": pattern,
        "patternProperties": of_properties("patternProperties"),
        "additionalProperties": of_properties("additionalProperties"),
        "uniqueItems": unique_items,
    }
    return jsonschema.validators.extend(validator_class, {name: own[name] for name in own if name in checks})


def _is_quick(pattern: str, text: str) -> bool:
    """Whether a search for the pattern takes no more than the cube of a short text."""
    repeats, options = len(_REPEAT.findall(pattern)), len(_OPTION.findall(pattern))
    if not repeats and not options:
        return True
    is_short = max(len(text), len(pattern)) <= _LONGEST_MATCHED
    return is_short and repeats <= 2 and options <= 10 and not _NESTED_REPEAT.search(pattern)


def _schema_misfit(arguments: Any, schema: dict[str, Any]) -> _Misfit | None:
    # Slow to load, and needed only where a call was corrected.
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        validator_class = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        # Without a registry of its own, the library fetches the addresses that a schema names.
        validator_class.check_schema(schema)
        found = list(_bounded(validator_class)(schema, registry=Registry()).iter_errors(arguments))
    except (jsonschema.SchemaError, Unresolvable, ValueError, TypeError, RecursionError):
        # What a trace declares need not be a JSON Schema, and nothing is fetched that it refers to.
        return None
    ordered = sorted(found, key=lambda error: (error.validator != "required", [str(part) for part in error.path]))
    for error in ordered:
        fit: Fit = "missing" if error.validator == "required" else "wrong_type"
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path).removeprefix(".")
        return _Misfit(fit, f"{f'`{place}`: ' if place else ''}{error.message[:200]}")
    return None
