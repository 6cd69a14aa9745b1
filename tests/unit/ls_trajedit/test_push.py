"""What a push sends to Label Studio, and what it says when Label Studio does not accept all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ls_trajedit.inputs import LoadedTraces
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config, shown_values
from ls_trajedit.label_config.task_data import restore_trace
from ls_trajedit.label_studio.client import ImportStarted, Project, Server
from ls_trajedit.label_studio.failures import TooLargeError
from ls_trajedit.project_config import config_for, shape_of_traces
from ls_trajedit.push import (
    Pushed,
    Sending,
    Target,
    create_project,
    prediction_version,
    push_prefilled,
    push_traces,
    update_project,
    wider_config,
)
from ls_trajedit.traces.errors import DataError, OutcomeUnknownError, ServerError, SetupError, TraceError
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options import Options, StepLabels
from ls_trajedit.traces.options_file import options_from
from ls_trajedit.traces.read import ChatTrace, StepTrace, read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.shape import shape_of
from tests.support.branches import OPTIONS, branch_of_chat, branch_of_plain, chat_parent, plain_parent

TRACES = [{"id": f"tr{n}", "task": "Do it.", "steps": [{"action": f"action {n}"}]} for n in range(600)]


@dataclass
class RecordingServer:
    """Stands for a Label Studio that keeps what it is sent; `there` are its tasks without a prediction."""

    there: list[dict[str, Any]] = field(default_factory=list)
    loses: int = 0
    fails_after: int | None = None
    failure: str = "is down"
    batches: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)
    predictions: list[Mapping[str, Any]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    accepts_bytes: int = 10**9
    refused: int = 0
    error: type[ServerError] = ServerError
    asked_imports: list[str] = field(default_factory=list)
    starts_imports: bool = False
    url: str = "http://label-studio"
    address: str = "http://label-studio"

    def create_project(self, title: str, label_config: str, description: str) -> Project:
        return Project(12, title, label_config, 0, "", shows_predictions=True)

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> int | ImportStarted:
        if self.fails_after is not None and len(self.batches) >= self.fails_after:
            raise self.error(self.failure)
        if len(json_line(tasks)) > self.accepts_bytes:
            self.refused += 1
            raise TooLargeError("too large (413)")
        self.batches.append(tasks)
        return ImportStarted(len(self.batches)) if self.starts_imports else len(tasks) - self.loses

    def ask(self, path: str, doing: str, not_found: str | None = None, **parameters: Any) -> Any:
        if "/imports/" in path and self.starts_imports:
            self.asked_imports.append(path)
            made = len(self.batches[-1])
            return SimpleNamespace(value={"status": "completed", "task_count": made}, size=1, time=None)
        return SimpleNamespace(value={"tasks": self.there, "total": len(self.there)}, size=1, time=None)

    ask_if_there = ask

    def add_predictions(self, project: int, predictions: Sequence[Mapping[str, Any]]) -> None:
        if len(json_line(predictions)) > self.accepts_bytes:
            raise TooLargeError("too large (413)")
        self.predictions.extend(predictions)

    def show_predictions(self, project: int, model_version: str) -> None:
        self.shown.append(model_version)

    @property
    def imported(self) -> list[Mapping[str, Any]]:
        return [task for batch in self.batches for task in batch]


class Push:
    """A push of traces into a new project of the server."""

    def __init__(self, recording: RecordingServer, count: int, options: Options | None = None) -> None:
        self.recording = recording
        self.server = cast(Server, recording)
        self.options = options or Options()
        self.loaded = LoadedTraces("t.jsonl", [StepTrace(n, TRACES[n]) for n in range(count)])
        self.target: Target = create_project(self.server, "Traces", self.options, self.loaded)
        self.progress: list[tuple[int, int | None]] = []
        self.sending = Sending()

    def run(self) -> Pushed:
        return push_traces(self.server, self.target, self.options, self.loaded, self._note, self.sending)

    def run_prefilled(self) -> Pushed:
        return push_prefilled(self.server, self.target, self.options, self.loaded, self._note, self.sending)

    def _note(self, done: int, total: int | None) -> None:
        self.progress.append((done, total))


def test_traces_become_tasks_without_predictions_in_batches() -> None:
    server = RecordingServer()
    push = Push(server, 600)
    pushed = push.run()
    assert [len(batch) for batch in server.batches] == [250, 250, 100]
    assert push.progress == [(250, 600), (500, 600), (600, 600)]
    assert [task["data"]["id"] for task in server.imported] == [trace["id"] for trace in TRACES]
    assert all(set(task) == {"data"} for task in server.imported)
    assert pushed == Pushed(
        project=12,
        url="http://label-studio/projects/12/",
        imported=600,
        already_there=0,
        skipped=0,
        config_changed=False,
        predicted=0,
    )
    assert (server.predictions, server.shown) == ([], [])


def test_a_batch_is_not_longer_than_a_request_may_be() -> None:
    push = Push(RecordingServer(), 3)
    large = [StepTrace(n, {**TRACES[n], "note": "x" * 3_000_000}) for n in range(3)]
    push.loaded = replace(push.loaded, steps=large)
    push.run()
    assert [len(batch) for batch in push.recording.batches] == [1, 1, 1]


def test_traces_that_are_in_the_project_are_not_imported_again() -> None:
    push = Push(RecordingServer(), 3)
    push.target = replace(push.target, known=frozenset({"tr0", "tr2"}))
    pushed = push.run()
    assert [task["data"]["id"] for task in push.recording.imported] == ["tr1"]
    assert (pushed.imported, pushed.already_there) == (1, 2)


def test_prefilled_tasks_have_the_originals_and_earlier_tasks_get_them_too() -> None:
    server = RecordingServer(there=[{"id": 5, "data": TRACES[1]}])
    push = Push(server, 1)
    version = prediction_version(push.target.config)
    pushed = push.run_prefilled()
    (task,) = server.imported
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == version
    assert [result["value"] for result in prediction["result"]] == [{"text": ["action 0"]}]
    (later,) = server.predictions
    assert (later["task"], later["model_version"]) == (5, version)
    assert [result["value"] for result in later["result"]] == [{"text": ["action 1"]}]
    assert (pushed.imported, pushed.predicted, server.shown) == (1, 1, [version])


def test_predictions_that_are_shown_already_are_not_switched_on_again() -> None:
    push = Push(RecordingServer(), 1)
    version = prediction_version(push.target.config)
    push.target = replace(push.target, project=replace(push.target.project, model_version=version))
    push.run_prefilled()
    assert push.recording.shown == []


def test_a_server_that_fails_halfway_is_an_error_that_says_how_many_are_in() -> None:
    push = Push(RecordingServer(fails_after=1), 600)
    with pytest.raises(ServerError) as error:
        push.run()
    assert str(error.value) == "is down. 250 of 600 traces are in project 12; push again with --project 12"


def test_a_server_that_accepts_fewer_tasks_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match="project 12: Label Studio accepted 1 of 2 tasks; push again with --project 12"):
        Push(RecordingServer(loses=1), 2).run()


def test_a_server_that_validates_predictions_is_an_error_that_says_what_to_do_with_a_repeater() -> None:
    server = RecordingServer(fails_after=0, failure="Prediction validation failed: no such control")
    with pytest.raises(SetupError, match=r"accepts none for a Repeater\. Set `layout: unrolled` and push with"):
        Push(server, 1, Options(layout="repeater")).run_prefilled()


# Chats.

MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
LONGER = [*MESSAGES, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]}]


def loaded_chats(*sources: dict[str, Any]) -> LoadedTraces:
    traces = [read_chat(source, "openai-chat", NO_OPTIONS)[0] for source in sources]
    return LoadedTraces("t.jsonl", chats=[ChatTrace(n, trace) for n, trace in enumerate(traces)])


class ProjectServer(RecordingServer):
    """A Label Studio in which project 12 has this config and these tasks."""

    def __init__(self, config: str, *datas: dict[str, Any]) -> None:
        super().__init__(there=[{"id": n, "data": data} for n, data in enumerate(datas, start=1)])
        self.config = config
        self.in_use: dict[tuple[str, str], int] = {}

    def project(self, number: int) -> Project:
        return Project(number, "Traces", self.config, len(self.there), "", shows_predictions=True)

    def controls_in_use(self, project: int) -> dict[tuple[str, str], int]:
        return self.in_use

    def set_label_config(self, project: int, config: str) -> None:
        self.config = config


def test_chats_become_tasks_in_their_own_form_with_the_originals_in_the_boxes() -> None:
    recording = RecordingServer()
    server, loaded = cast(Server, recording), loaded_chats({"id": "a", "messages": LONGER})
    target = create_project(server, "Chats", Options(), loaded)
    pushed = push_prefilled(server, target, Options(), loaded, lambda done, total: None)
    (task,) = recording.imported
    assert task["data"] == chat_data(loaded.chats[0].trace, NO_OPTIONS)
    (prediction,) = task["predictions"]
    assert [result["value"]["text"] for result in prediction["result"]] == [["Hello"], ['{\n  "a": 1\n}']]
    assert (pushed.imported, pushed.already_there) == (1, 0)


def test_a_config_for_chats_grows_to_fit_the_tasks_that_are_there_and_those_that_come() -> None:
    first = loaded_chats({"id": "a", "messages": LONGER})
    there = chat_data(first.chats[0].trace, NO_OPTIONS)
    old = write_chat_config(Options(), chat_shape([there]))
    recording = ProjectServer(old, there)
    server = cast(Server, recording)
    again = update_project(server, 12, Options(), first)
    assert (again.known, again.config_changed) == (frozenset({"a"}), False)
    more = loaded_chats({"id": "b", "messages": [*MESSAGES, *MESSAGES, *MESSAGES]})
    target = update_project(server, 12, Options(), more)
    assert target.config_changed
    schema = read_config(recording.config)
    assert schema.max_steps == 3
    assert set(read_config(old).fixed.editors) <= set(schema.fixed.editors)


def test_a_config_for_chats_keeps_the_steps_that_it_has() -> None:
    old = write_chat_config(Options(max_steps=5), chat_shape([]))
    recording = ProjectServer(old)
    update_project(cast(Server, recording), 12, Options(), loaded_chats({"id": "a", "messages": LONGER}))
    assert read_config(recording.config).max_steps == 5


def test_chats_are_not_pushed_into_a_project_of_plain_steps_nor_the_other_way_round() -> None:
    plain = LoadedTraces("t.jsonl", [StepTrace(1, TRACES[0])])
    chats = loaded_chats({"id": "a", "messages": LONGER})
    data = chat_data(chats.chats[0].trace, NO_OPTIONS)
    of_steps = ProjectServer(config_for(Options(), shape_of_traces(Options(), plain)), TRACES[1])
    of_chats = ProjectServer(write_chat_config(Options(), chat_shape([data])), data)
    with pytest.raises(SetupError, match="project 12: task 1 holds a trace that is not one of the chats"):
        update_project(cast(Server, of_steps), 12, Options(), chats)
    with pytest.raises(SetupError, match="project 12: task 1 holds a trace that is a chat"):
        update_project(cast(Server, of_chats), 12, Options(), plain)


def test_imports_that_are_worked_off_later_are_waited_for_one_by_one_and_then_shown() -> None:
    server = RecordingServer(starts_imports=True)
    pushed = Push(server, 600).run_prefilled()
    assert (pushed.imported, pushed.skipped) == (600, 0)
    assert server.asked_imports == [f"api/projects/12/imports/{number}/" for number in (1, 2, 3)]
    assert len(server.shown) == 1


def test_after_a_lost_answer_nobody_is_told_to_push_before_looking() -> None:
    server = RecordingServer(fails_after=1, failure="the connection broke", error=OutcomeUnknownError)
    with pytest.raises(OutcomeUnknownError) as failure:
        Push(server, 600).run()
    assert str(failure.value) == (
        "the connection broke. 250 of 600 traces are in project 12. See http://label-studio/projects/12/ before you "
        "push again: it had 250 tasks, and has 500 once the import is done. A push after that imports only "
        "what is not there"
    )


def test_a_request_that_is_too_large_is_halved_and_the_limit_remembered() -> None:
    server = RecordingServer(accepts_bytes=8_000)
    pushed = Push(server, 600).run()
    assert pushed.imported == 600
    assert [task["data"]["id"] for task in server.imported] == [trace["id"] for trace in TRACES]
    assert all(len(json_line(batch)) <= 8_000 for batch in server.batches)
    assert server.refused <= 4


def large(push: Push) -> None:
    traces = [{**TRACES[n], "note": "x" * (2_000_000 if n == 1 else 10)} for n in range(3)]
    push.loaded = replace(push.loaded, steps=[StepTrace(n, trace) for n, trace in enumerate(traces)])


def test_a_trace_that_is_too_large_alone_is_named() -> None:
    push = Push(RecordingServer(accepts_bytes=1_000_000), 3)
    large(push)
    with pytest.raises(TraceError) as failure:
        push.run()
    assert str(failure.value) == (
        "project 12: the trace 'tr1' takes 2.0 MB, more than the server accepts in a request (413); for nginx in "
        "front of Label Studio, set `client_max_body_size 4m;`. Then push again with --project 12, or leave it out "
        "with --skip-invalid"
    )
    assert [task["data"]["id"] for task in push.recording.imported] == ["tr0"]


def test_a_trace_that_is_too_large_alone_can_be_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    push = Push(RecordingServer(accepts_bytes=1_000_000), 3)
    push.sending = Sending(skips_too_large=True)
    large(push)
    pushed = push.run_prefilled()
    assert (pushed.imported, pushed.skipped, pushed.already_there) == (2, 1, 0)
    assert [task["data"]["id"] for task in push.recording.imported] == ["tr0", "tr2"]
    assert "the trace 'tr1' takes 2.0 MB" in capsys.readouterr().err


def test_predictions_that_are_added_later_are_halved_too() -> None:
    there = [{"id": n + 1, "data": TRACES[n]} for n in range(100)]
    push = Push(RecordingServer(there=there, accepts_bytes=3_000), 1)
    push.target = replace(push.target, known=frozenset({"tr0"}))
    assert push.run_prefilled().predicted == 100
    assert [prediction["task"] for prediction in push.recording.predictions] == list(range(1, 101))


def test_a_config_that_lacks_nothing_gets_the_style_of_this_version_and_keeps_the_rest() -> None:
    chats = loaded_chats({"id": "a", "messages": LONGER})
    data = chat_data(chats.chats[0].trace, NO_OPTIONS)
    current = write_chat_config(Options(), chat_shape([data])).replace("<View", '<View style="color: teal"', 1)
    # The digest is that of the one rule, so an earlier version of ls-trajedit could have written it.
    rule = "/* ls-trajedit chats 7471c4d73e7c4141 */ .trajedit { color: teal; }"
    earlier = re.sub(r"(<Style>\s*).*(\s</Style>)", rf"\g<1>{rule}\2", current, flags=re.DOTALL)
    recording = ProjectServer(earlier, data)
    target = update_project(cast(Server, recording), 12, Options(), chats)
    assert (target.config_changed, target.fields_changed) == (True, False)
    assert recording.config.split() == current.split()

    again = update_project(cast(Server, recording), 12, Options(), chats)
    assert (again.config_changed, again.config) == (False, recording.config)


def test_a_config_without_the_controls_that_remove_and_insert_steps_gets_them() -> None:
    loaded = LoadedTraces("t.jsonl", [StepTrace(1, TRACES[0])])
    recording = ProjectServer(config_for(Options(), shape_of_traces(Options(), loaded)), TRACES[0])
    server, versions = cast(Server, recording), [prediction_version(recording.config)]
    for changed in ({"allow_remove": True}, {"allow_insert": 1}, {"allow_insert": 3}, {"require_reason_on_edit": True}):
        options = options_from({"allow_remove": True, **changed}, "x")
        assert update_project(server, 12, options, loaded).config_changed
        versions.append(prediction_version(recording.config))
        again = update_project(server, 12, options, loaded)
        assert (again.config_changed, again.fields_changed) == (False, False)
    # To remove a step needs no box, unless it asks for a reason.
    assert versions[0] == versions[1]
    assert len(set(versions)) == 4


def test_options_that_allow_less_take_nothing_from_a_config() -> None:
    loaded = LoadedTraces("t.jsonl", [StepTrace(1, TRACES[0])])
    options = Options(allow_remove=True, allow_insert=3)
    recording = ProjectServer(config_for(options, shape_of_traces(options, loaded)), TRACES[0])
    for less in (Options(), Options(allow_insert=2), Options(allow_remove=True)):
        assert not update_project(cast(Server, recording), 12, less, loaded).config_changed


def test_a_config_that_grows_keeps_what_the_controls_of_a_step_point_at() -> None:
    options = Options(allow_remove=True, allow_insert=1)
    calls_only = loaded_chats({"id": "a", "messages": [MESSAGES[0], LONGER[2]]})
    data = chat_data(calls_only.chats[0].trace, NO_OPTIONS)
    recording = ProjectServer(write_chat_config(options, chat_shape([data])), data)
    recording.in_use = {("step_0__structure", "step_0__call_0__arguments"): 2}
    target = update_project(cast(Server, recording), 12, options, loaded_chats({"id": "b", "messages": LONGER}))
    assert target.config_changed
    schema = read_config(recording.config)
    assert [editor.field for editor in schema.fixed.editors][:2] == ["content", "tool_calls[0].arguments"]
    assert schema.fixed.structures[0].original == "step_0__call_0__arguments"


def test_a_config_that_grows_keeps_what_the_labels_of_a_step_point_at() -> None:
    options = Options(step_labels=StepLabels(correctness=["correct", "incorrect"]), allow_remove=True)
    calls_only = loaded_chats({"id": "a", "messages": [MESSAGES[0], LONGER[2]]})
    data = chat_data(calls_only.chats[0].trace, NO_OPTIONS)
    recording = ProjectServer(write_chat_config(options, chat_shape([data])), data)
    label = "step_0__call_0__arguments__correctness"
    recording.in_use = {(label, "step_0__call_0__arguments"): 2}
    update_project(cast(Server, recording), 12, options, loaded_chats({"id": "b", "messages": LONGER}))
    schema = read_config(recording.config)
    assert [editor.field for editor in schema.fixed.editors][:2] == ["content", "tool_calls[0].arguments"]
    assert schema.fixed.labels[0].control == label


def test_a_config_for_one_more_task_keeps_what_is_pointed_at() -> None:
    options = Options(step_labels=StepLabels(correctness=["correct", "incorrect"]), allow_insert=1)
    calls_only = loaded_chats({"id": "a", "messages": [MESSAGES[0], LONGER[2]]})
    data = chat_data(calls_only.chats[0].trace, NO_OPTIONS)
    recording = ProjectServer(write_chat_config(options, chat_shape([data])), data)
    server = cast(Server, recording)
    more = chat_data(loaded_chats({"id": "b", "messages": LONGER}).chats[0].trace, NO_OPTIONS)
    schema = read_config(wider_config(server, server.project(12), options, more, None).config)
    assert [editor.field for editor in schema.fixed.editors][:2] == ["content", "tool_calls[0].arguments"]
    assert schema.fixed.labels[0].control == "step_0__call_0__arguments__correctness"
    assert schema.fixed.structures[0].original == "step_0__call_0__arguments"


def test_a_config_whose_controls_would_point_at_another_tag_is_refused() -> None:
    loaded = LoadedTraces("t.jsonl", [StepTrace(1, {"id": "a", "steps": [{"action": "x", "thought": "y"}]})])
    options = Options(allow_remove=True)
    recording = ProjectServer(config_for(options, shape_of_traces(options, loaded)), TRACES[0])
    recording.in_use = {("step_0__structure", "step_0__action"): 2}
    other = Options(editable_fields=["thought"], context_fields=[], allow_remove=True)
    with pytest.raises(SetupError, match=r"use controls that the new labeling config lacks: `step_0__structure` \(2\)"):
        update_project(cast(Server, recording), 12, other, loaded)


def test_the_config_of_a_project_with_branches_shows_what_they_continue() -> None:
    parent, branch = plain_parent()["data"], branch_of_plain(plain_parent())["data"]
    without = config_for(OPTIONS, shape_of([restore_trace(parent)], OPTIONS))
    for layout in ("unrolled", "repeater"):
        options = replace(OPTIONS, layout=layout)
        old = config_for(options, shape_of([restore_trace(parent)], options))
        assert "branch" not in old
        recording = ProjectServer(old, parent, branch)
        loaded = LoadedTraces("t.jsonl", steps=[StepTrace(1, {**restore_trace(parent), "id": "new"})])
        target = update_project(cast(Server, recording), 12, options, loaded)
        assert target.config_changed
        assert target.known == {"t1", branch["id"]}
        assert {"$ls_trajedit.branch.shown", "$ls_trajedit.branch.notice"} <= shown_values(recording.config)
        # The branch has one new step, and the one that is locked has no card.
        assert read_config(recording.config).max_steps == (2 if layout == "unrolled" else None)
        assert read_config(recording.config).fields().keys() == read_config(without).fields().keys()
        again = update_project(cast(Server, recording), 12, options, loaded)
        assert not again.config_changed


def test_the_config_of_a_project_with_branches_has_room_for_what_was_said_before() -> None:
    parent, branch = chat_parent()["data"], branch_of_chat(chat_parent())["data"]
    options = Options(editable_fields=["reasoning", "content", "tool_calls[*].arguments"])
    old = config_for(options, chat_shape([parent]))
    assert "branch" not in old
    recording = ProjectServer(old, parent, branch)
    target = update_project(cast(Server, recording), 12, options, loaded_chats({"id": "b", "messages": MESSAGES}))
    assert target.config_changed
    assert {"$ls_trajedit.branch.notice", "$steps[0].before[2].text"} <= shown_values(recording.config)
    assert "$ls_trajedit.branch.shown" not in shown_values(recording.config)
