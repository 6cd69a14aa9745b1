"""Whether corrected calls fit the tools that their trace declares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ls_trajedit.converters.record import CheckedCall, Edit, Fit
from ls_trajedit.label_config.chat_data import chat_fields
from ls_trajedit.traces.model import Call, Tool, Trace

__all__ = ["check_calls"]


class _Misfit(NamedTuple):
    fit: Fit
    detail: str


def check_calls(corrected: Trace, edits: Iterable[Edit]) -> tuple[CheckedCall, ...]:
    """Each call that one of the edits corrects, checked against the JSON Schema of its tool. A call that does not fit
    in several ways counts as the first of: undeclared, unknown parameter, missing parameter, wrong type. None when the
    trace declares no tools."""
    if not corrected.tools:
        return ()
    fields = chat_fields(corrected)
    places = dict.fromkeys(
        (target.step, target.message, target.part)
        for edit in edits
        if (target := fields[edit.step_index, edit.field]).kind in ("name", "arguments")
    )
    checked = []
    for step, message, part in places:
        call = corrected.messages[message].parts[part]
        assert isinstance(call, Call)
        assert step is not None
        number = corrected.messages[message].calls.index(call)
        misfit = _misfit(call, corrected.tools)
        where = f"step {step + 1}, `{call.name}`: {misfit.detail}" if misfit else ""
        checked.append(CheckedCall(step, number, call.name, misfit.fit if misfit else "valid", where))
    return tuple(checked)


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
    # Slow to load, and needed for this alone.
    from ls_trajedit.traces.options import nearest

    return _Misfit("unknown_parameter", f"no parameter `{unknown[0]}`{nearest(unknown[0], properties)}")


def _schema_misfit(arguments: Any, schema: dict[str, Any]) -> _Misfit | None:
    # Slow to load, and needed only where a call was corrected.
    import jsonschema  # type: ignore[import-untyped]
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        validator_class = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        # Without a registry of its own, the library fetches the addresses that a schema names.
        validator_class.check_schema(schema)
        found = list(validator_class(schema, registry=Registry()).iter_errors(arguments))
    except (jsonschema.SchemaError, Unresolvable, ValueError, TypeError, RecursionError):
        # What a trace declares need not be a JSON Schema, and nothing is fetched that it refers to.
        return None
    ordered = sorted(found, key=lambda error: (error.validator != "required", [str(part) for part in error.path]))
    for error in ordered:
        fit: Fit = "missing" if error.validator == "required" else "wrong_type"
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path).removeprefix(".")
        return _Misfit(fit, f"{f'`{place}`: ' if place else ''}{error.message[:200]}")
    return None
