"""Where random corrections of random conversations are cut: what must hold of each prefix, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.branches import Cut, cut_of
from ls_trajedit.converters.record import Edit, Insertion, Record, Removal, Source, StructureChange, edit_sums
from ls_trajedit.converters.structure import Kept, corrected_order
from ls_trajedit.converters.traces import ChatTraces, recorded_chat
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.traces.model import Call, Message, Part, Result, Text, Trace

Gap = tuple[bool, list[tuple[bool, bool]]]
"""Whether a step is removed, and the steps that are inserted after it: with a call or not, with something heard."""

_SAID = st.tuples(st.integers(0, 2), st.booleans(), st.booleans())
_GAP = st.tuples(st.booleans(), st.lists(st.tuples(st.booleans(), st.booleans()), max_size=2))


@st.composite
def corrected_chats(draw: st.DrawFn) -> tuple[Record, ChatTraces]:
    """A conversation in which each step has up to two calls, with or without results, and perhaps an answer of a user;
    some steps are corrected, in their text or in a call, some removed, and others inserted."""
    shapes = draw(st.lists(_SAID, min_size=1, max_size=5))
    messages = [Message("user", (Text("go"),))]
    edited = list(messages)
    edits: list[Edit] = []
    for number, (calls, answered, user) in enumerate(shapes):
        said: list[Part] = [Text(f"step {number}")]
        said += [Call("run", {"n": number}, f"c{number}-{position}") for position in range(calls)]
        changed = list(said)
        if draw(st.booleans()):
            part = draw(st.integers(0, len(said) - 1))
            old = said[part]
            changed[part] = replace(old, arguments={"n": "other"}) if isinstance(old, Call) else Text("other")
            field = f"tool_calls[{part - 1}].arguments" if part else "content"
            edits.append(Edit(number, field, "", "other", 1, 1, ""))
        heard = [
            Message("tool", (Result((Text("found"),), f"c{number}-{position}"),))
            for position in range(calls)
            if answered
        ]
        heard += [Message("user", (Text(f"said after {number}"),))] * user
        messages += [Message("assistant", tuple(said)), *heard]
        edited += [Message("assistant", tuple(changed)), *heard]
    gaps = draw(st.lists(_GAP, min_size=len(shapes), max_size=len(shapes)))
    structure = tuple(_structure(gaps)) if draw(st.booleans()) else ()
    original = Trace("t", "go", tuple(messages))
    traces = ChatTraces(original, replace(original, messages=tuple(edited)), structure)
    record = Record(
        trace_id="t",
        annotator="1",
        task="go",
        original_trace=recorded_chat(original),
        corrected_trace=recorded_chat(traces.corrected),
        edits=tuple(edits),
        structure=structure,
        **edit_sums(edits, structure),
        source=Source(1, 5, 8, None, None, False, (), (), {}),
    )
    return record, traces


def _structure(gaps: list[Gap]) -> list[StructureChange]:
    found: list[StructureChange] = []
    for number, (removed, inserted) in enumerate(gaps):
        if removed:
            found.append(Removal(number, ""))
        for position, (calls, hears) in enumerate(inserted):
            identity = f"i{number}-{position}"
            made = [{"id": identity, "name": "wait", "arguments": {}}] if calls else []
            role = {"role": "tool", "tool_call_id": identity} if calls else {"role": "user"}
            heard = [{**role, "content": "typed"}] if hears else []
            step: dict[str, Any] = {"content": f"inserted {number}-{position}", "heard": heard}
            found.append(Insertion(number, position, {**step, **({"tool_calls": made} if made else {})}, ""))
    return found


def prefix_of(cut: Cut, corrected: Trace) -> int:
    """How many messages of the corrected trace stand in the prefix, without a gap, from the first one on."""
    pairs = zip(cut.messages, corrected.messages, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a is not b), len(cut.messages))


@given(corrected_chats())
def test_a_prefix_is_the_corrected_trace_without_what_is_not_true_any_more(
    corrected_chat: tuple[Record, ChatTraces],
) -> None:
    record, traces = corrected_chat
    cut = cut_of(record, traces, Rendering())
    order = corrected_order(record.structure, len(traces.original.steps))
    removed = {change.step_index for change in record.structure if isinstance(change, Removal)}
    edited = {edit.step_index for edit in record.edits} - removed
    if cut is None:
        # Nothing was changed but removed, or nothing follows what was.
        last = traces.corrected.messages[-1]
        assert not (removed or edited or record.structure) or (last.role == "assistant" and not last.calls)
        return
    corrected = traces.corrected
    whole = prefix_of(cut, corrected)
    # Everything up to the last step is there, and of the rest only results of calls that are in the prefix.
    if cut.position >= 0:
        assert whole > corrected.steps[cut.position].position
    calls = {call.id for message in cut.messages for call in message.calls}
    for message in cut.messages[whole:]:
        (part,) = message.parts
        assert isinstance(part, Result)
        assert part.call_id in calls
    # No step before the last one was changed by the annotator, unless all that it heard is true.
    for position, item in enumerate(order[: cut.position + 1]):
        step = corrected.steps[position]
        is_own = isinstance(item, Insertion) or item.index in edited
        if is_own and position < cut.position:
            assert all(message in cut.messages for message in step.heard)
        if isinstance(item, Kept) and item.index in edited:
            before = traces.original.steps[item.index].message.calls
            false = {new.id for old, new in zip(before, step.message.calls, strict=True) if old != new}
            heard = {part.call_id for message in cut.messages for part in message.parts if isinstance(part, Result)}
            assert not false & heard
    # What follows a step that was removed is not there, beyond what the annotator wrote next.
    kept = {item.index: position for position, item in enumerate(order) if isinstance(item, Kept)}
    for index in removed:
        for after, position in kept.items():
            if after > index:
                assert position > cut.position or after in edited
