"""Inspect logs: samples, zip members, errors of tools, attachments."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Image, Reasoning, Result, Text
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.inspect_log import FORMAT, from_eval_entries
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.inspect_log import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("inspect"), ids=lambda file: file.path.stem)
def test_the_inspect_log_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("inspect"), ids=lambda file: file.path.stem)
def test_the_inspect_log_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["inspect"])
def test_any_inspect_log_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_inspect_log() -> None:
    for value in others("inspect"):
        assert FORMAT.recognize(value) is None, value


@given(json_values())
def test_inspect_log_recognises_no_other_json_and_never_raises(value: Any) -> None:
    assert FORMAT.recognize(value) is None
    assert not FORMAT.gather or FORMAT.gather([value]) is None


def _sample(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "a", "epoch": 1, "input": "?", "target": "", "messages": list(messages), **more}


_CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": "f", "arguments": {}}]}


def _read(*messages: dict[str, Any], **more: Any) -> Any:
    (trace,) = FORMAT.read(_sample(*messages, **more), NO_OPTIONS)
    return trace


def test_a_log_is_split_into_its_samples() -> None:
    log = {"version": 2, "eval": {"task": "t"}, "samples": [_sample(), _sample(id="b")]}
    assert FORMAT.split is not None
    assert FORMAT.split(log) == log["samples"]
    assert FORMAT.split(_sample()) == [_sample()]


def test_a_log_without_its_samples_is_an_error() -> None:
    log = {"version": 2, "eval": {"task": "t"}}
    assert FORMAT.split is not None
    assert FORMAT.recognize(log)
    assert FORMAT.split(log) == [log]
    with pytest.raises(ReadError, match="a log without samples"):
        FORMAT.read(log, NO_OPTIONS)


def test_calls_that_are_not_a_list_are_an_error_with_their_place() -> None:
    with pytest.raises(ReadError, match=r"messages\[\d\]\.tool_calls is not a list"):
        _read({"role": "assistant", "content": "y", "tool_calls": True})


def test_the_members_of_an_eval_file_are_the_log() -> None:
    header = {"version": 2, "status": "success", "eval": {"task": "t"}}
    samples = [_sample(id=10), _sample(id=9), _sample(id=9, epoch=2)]
    entries = {f"samples/{s['id']}_epoch_{s['epoch']}.json": json.dumps(s).encode() for s in samples}
    journal = {"_journal/start.json": b'{"version": 2}', "summaries.json": b"[]", "reductions.json": b"[]"}
    log = from_eval_entries({**journal, **entries, "header.json": json.dumps(header).encode()})
    assert log == {**header, "samples": [samples[1], samples[0], samples[2]]}


def test_a_log_that_was_not_finished_has_only_its_journal() -> None:
    entries = {"_journal/start.json": b'{"version": 2, "eval": {"task": "t"}}'}
    assert from_eval_entries(entries) == {"version": 2, "eval": {"task": "t"}, "samples": []}


@pytest.mark.parametrize(
    "entries", [{}, {"header.json": b"[]"}, {"header.json": b"{}", "samples/1_epoch_1.json": b"{}"}]
)
def test_other_zips_are_not_inspect_logs(entries: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="is not"):
        from_eval_entries(entries)


def test_the_error_of_a_tool_is_heard_once() -> None:
    error = {"type": "timeout", "message": "Too late."}
    result = {"role": "tool", "tool_call_id": "1", "function": "f", "error": error}
    trace = _read(_CALL, {**result, "content": ""})
    assert trace.messages[1].parts == (
        Result((Text("Too late.", ("messages", 1, "error", "message")),), "1", "f", ("messages", 1)),
    )
    assert _read(_CALL, {**result, "content": "It was Too late."}).messages[1].parts[0].text == "It was Too late."
    assert _read(_CALL, {**result, "content": "Half"}).messages[1].parts[0].text == "Half\nToo late."


def test_encrypted_reasoning_is_its_summary_or_nothing() -> None:
    hidden = {"type": "reasoning", "reasoning": "gAAA", "redacted": True}
    trace = _read({"role": "assistant", "content": [{**hidden, "summary": "In short."}, hidden]})
    assert trace.messages[0].parts == (Reasoning("In short.", ("messages", 0, "content", 0, "summary")),)
    assert trace.left_out == {"reasoning without text": 1}


@pytest.mark.parametrize("kept", [{"attachments": {"x": "data:,a"}}, {"transcript": {"content": {"x": "data:,a"}}}])
@pytest.mark.parametrize("prefix", ["attachment://", "tc://"])
def test_a_picture_may_stand_among_the_attachments(kept: dict[str, Any], prefix: str) -> None:
    trace = _read({"role": "user", "content": [{"type": "image", "image": f"{prefix}x"}]}, **kept)
    assert [part.url for part in trace.messages[0].parts if isinstance(part, Image)] == ["data:,a"]


def test_the_tools_are_those_of_all_model_events() -> None:
    events = [
        {"event": "model", "tools": [{"name": "f", "description": "attachment://d", "parameters": {"type": "object"}}]},
        {"event": "tool", "tools": [{"name": "x"}]},
        {"event": "model", "tools": [{"name": "f"}, {"name": "g"}]},
    ]
    trace = _read(events=events, attachments={"d": "Does f."})
    assert [(tool["function"]["name"], tool["function"]["description"]) for tool in trace.tools] == [
        ("f", "Does f."),
        ("g", ""),
    ]
    assert trace.left_out == {"events": 3}


def test_the_id_is_that_of_sample_and_epoch() -> None:
    assert _read().id == "a-1"
    assert FORMAT.read(_sample(), ReadOptions(id_keys=(("id",),)))[0].id == "a"


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ReadError, match=r"`judge` at messages\[0\]\.role is not a role"):
        _read({"role": "judge", "content": ""})
    with pytest.raises(ReadError, match=r"the call at messages\[0\]\.tool_calls\[0\] names no function"):
        _read({"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]})
    with pytest.raises(ReadError, match=r"messages\[0\] answers the call `9`"):
        _read({"role": "tool", "content": "", "tool_call_id": "9", "function": "f"})
    assert FORMAT.read(_sample({"role": "judge", "content": ""}), ReadOptions(roles={"judge": "user"}))
