"""`ls-trajedit traces`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from ls_trajedit.commands import shared_options, trace_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.console import flush_output, print_json, print_line, say, write_data
from ls_trajedit.inputs import LoadedTraces, load_traces, named_inputs
from ls_trajedit.plural import plural
from ls_trajedit.traces.atif import to_atif
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.errors import ReadError, TraceError, UsageError
from ls_trajedit.traces.field_path import get_field
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Call, Trace
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.plain_steps import PlainShapeError, to_plain_steps, trace_of_steps
from ls_trajedit.traces.read import ChatTrace, StepTrace

__all__ = ["traces"]

_SHOWN_TOOLS = 12


def traces(
    files: trace_options.TraceFiles,
    form: Annotated[
        Literal["summary", "messages", "atif", "steps"],
        Option("--as", help="What to print: a summary, or each trace on a line of JSON in this form."),
    ] = "summary",
    options: shared_options.OptionsFile = None,
    skip_invalid: trace_options.SkipInvalid = False,
    as_json: shared_options.Json = False,
) -> None:
    """Show what ls-trajedit makes of traces.

    The summary says which format they are of and why, who speaks in them, and what is left out. Exits with 5 if there
    are invalid traces.
    """
    if as_json and form != "summary":
        raise UsageError(f"give either --json or --as {form}, which prints JSON already")
    chosen = shared_options.options_here(options)
    loaded = load_traces(named_inputs(files), chosen)
    if form == "summary":
        summary = _summary(loaded, chosen)
        if as_json:
            print_json(summary)
        else:
            for line in _summary_lines(loaded.name, summary):
                print_line(line)
        if loaded.invalid and not skip_invalid:
            loaded.refuse_invalid()
        return
    trace_options.refuse_or_skip_invalid(loaded, skip_invalid)
    failures = 0
    for trace in loaded.traces:
        try:
            data = json_line(_FORMS[form](trace, chosen))
        except (PlainShapeError, ReadError) as error:
            failures += 1
            what = "the plain shape cannot express it" if form == "steps" else "it cannot be read as messages"
            say(f"{trace.file}:{trace.line}: {what}: {error}")
            continue
        write_data(data + b"\n")
    flush_output()
    if failures:
        raise TraceError(f"{failures} of {loaded.count} {plural(loaded.count, 'trace')} not printed")


def _messages(trace: StepTrace | ChatTrace, options: Options) -> dict[str, Any]:
    found = _trace(trace, options)
    return {"id": found.id, "messages": chat_messages(found.messages), "tools": list(found.tools)}


def _atif(trace: StepTrace | ChatTrace, options: Options) -> dict[str, Any]:
    return to_atif(_trace(trace, options))


def _steps(trace: StepTrace | ChatTrace, options: Options) -> dict[str, Any]:
    return trace.data if isinstance(trace, StepTrace) else to_plain_steps(trace.trace)


_FORMS: Mapping[str, Callable[[StepTrace | ChatTrace, Options], dict[str, Any]]] = {
    "messages": _messages,
    "atif": _atif,
    "steps": _steps,
}


def _trace(trace: StepTrace | ChatTrace, options: Options) -> Trace:
    return trace.trace if isinstance(trace, ChatTrace) else trace_of_steps(trace.data, options)


def _summary(loaded: LoadedTraces, options: Options) -> dict[str, Any]:
    """What is in the files, as `--json` prints it."""
    found = [chat.trace for chat in loaded.chats]
    for steps in loaded.steps:
        try:
            found.append(trace_of_steps(steps.data, options))
        except ReadError:
            # Steps of any kind can be corrected, even where they cannot be told as messages.
            continue
    lengths = [len(chat.trace.steps) for chat in loaded.chats]
    lengths += [len(get_field(steps.data, options.steps_path)) for steps in loaded.steps]
    said = [message for trace in found for message in trace.messages]
    calls = Counter(call.name for message in said for call in message.calls)
    return {
        "formats": loaded.formats,
        "traces": loaded.count,
        "sub_agents": sum(trace.parent is not None for trace in found),
        "copies": loaded.copies,
        "steps": sum(lengths),
        "longest": max(lengths, default=0),
        "messages": dict(Counter(message.role for message in said)),
        "agents": list(dict.fromkeys(trace.agent for trace in found if trace.agent)),
        "calls": dict(calls.most_common()),
        "arguments_that_are_not_json": sum(_is_broken(call) for message in said for call in message.calls),
        "declared_tools": sorted({str(tool["function"]["name"]) for trace in found for tool in trace.tools}),
        "left_out": loaded.left_out(),
        "invalid": [{"file": broken.file, "line": broken.line, "reason": broken.reason} for broken in loaded.invalid],
    }


def _is_broken(call: Call) -> bool:
    return not isinstance(call.arguments, dict)


def _summary_lines(name: str, summary: Mapping[str, Any]) -> Iterator[str]:
    traces, copies = summary["traces"], summary["copies"]
    inner = f", {summary['sub_agents']} of them a sub-agent's" if summary["sub_agents"] else ""
    yield f"{name}: {traces} {plural(traces, 'trace')}{inner}"
    for format_, reason in summary["formats"].items():
        yield f"  format      {format_}: {reason}"
    if copies:
        yield f"  copies      {copies}, read once"
    if summary["agents"]:
        yield f"  agents      {', '.join(summary['agents'])}"
    yield f"  steps       {summary['steps']} of the agent's, at most {summary['longest']} in a trace"
    if summary["messages"]:
        yield f"  messages    {_counted(summary['messages'])}"
    if summary["calls"]:
        yield f"  calls       {_counted(summary['calls'])}"
    if summary["arguments_that_are_not_json"]:
        yield f"  broken      {summary['arguments_that_are_not_json']} of the calls have arguments that are not JSON"
    if summary["declared_tools"]:
        yield f"  tools       {_first(summary['declared_tools'])}"
    if summary["left_out"]:
        yield f"  left out    {', '.join(f'{count} {kind}' for kind, count in summary['left_out'].items())}"
    if summary["invalid"]:
        yield f"  invalid     {len(summary['invalid'])}"


def _counted(counts: Mapping[str, int]) -> str:
    return _first([f"{name} {count}" for name, count in counts.items()])


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_TOOLS} more" if len(names) > _SHOWN_TOOLS else ""
    return ", ".join(names[:_SHOWN_TOOLS]) + more
