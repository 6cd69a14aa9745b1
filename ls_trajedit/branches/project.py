"""Continues the corrections of a project: reads which there are, has an agent go on from each, and brings the answers
into the project as tasks.

Nothing is ever deleted from a project. A task is imported once its agent is done, so that whatever ends a run costs
only the branches that are under way; the next run asks for these again. Right before, the project is asked for tasks
that came meanwhile, so that no branch is there twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ls_trajedit.branches.agent import Agent, AgentRequest, BranchFailed, Ending, RecordedCall
from ls_trajedit.branches.corrections import Correction, HowToRead, Plan, Survey, corrections_of
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.run import BranchFailure, Continued, run_branches
from ls_trajedit.converters.branches import branch_id
from ls_trajedit.converters.traces import ChatTraces, PlainTraces
from ls_trajedit.label_config.branch_data import (
    BranchDataError,
    chat_branch_data,
    current_data,
    plain_branch_data,
    superseded_data,
)
from ls_trajedit.label_config.branch_note import Parent, branch_of
from ls_trajedit.label_config.chat_data import is_chat_data
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.written_options import written_chat_options, written_step_options
from ls_trajedit.label_studio.failures import NotTakenError, TooLargeError
from ls_trajedit.label_studio.imports import (
    ImportJob,
    StillRunningError,
    wait_for_import,
    wait_for_running_imports,
)
from ls_trajedit.label_studio.tasks import annotation_counts, data_pages, task_with_id
from ls_trajedit.output.folder import PRIVATE, lock_branches
from ls_trajedit.progress import Progress
from ls_trajedit.project_config import Shape
from ls_trajedit.pull.snapshot import with_all_tasks
from ls_trajedit.push import is_prefilled, renew_predictions, wider_config
from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.errors import DataError, OutcomeUnknownError, SetupError, TooManyControlsError
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.model import Message, Text
from ls_trajedit.traces.options import Options

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = ["Continuing", "FailedBranch", "ProjectRequest", "continue_project", "requests_of"]

_TITLE = re.compile("Step ([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class ProjectRequest:
    """What to continue: the corrections of this project, as they are read, the first `limit` of those that no branch
    continues. `options` are what somebody says instead of what its labeling config says. Logs go into `folder`."""

    project: Project
    how: HowToRead
    options: Options | None
    folder: Path
    limit: int | None
    max_wait: float

    @property
    def logs(self) -> Path:
        """The folder for the logs of the branches that a run continues."""
        return self.folder / PRIVATE / "continue-logs"


@dataclass(frozen=True)
class FailedBranch:
    """A branch that is not in the project, and why: `reason` is a slug, `sentence` for a person."""

    id: str
    parent: Parent
    reason: str
    sentence: str
    log: Path | None


@dataclass
class Continuing:
    """What a run did: the ids of the branches that it `made`, how they end, those that failed, and how many it `left`
    for the next one. `changed` are corrections that were changed, and branches that somebody else made, while it ran.
    """

    made: list[str] = field(default_factory=list)
    failed: list[FailedBranch] = field(default_factory=list)
    endings: Counter[Ending] = field(default_factory=Counter)
    there: int = 0
    superseded: int = 0
    restored: int = 0
    changed: int = 0
    left: int = 0
    recorded: int = 0

    @property
    def failures(self) -> dict[str, int]:
        """How many branches failed, by reason."""
        return dict(sorted(Counter(failure.reason for failure in self.failed).items()))


def continue_project(
    server: Server,
    request: ProjectRequest,
    agent: Agent,
    jobs: int,
    progress: Progress,
    on_failure: Callable[[FailedBranch], None],
) -> Continuing:
    """Has the agent continue the corrections, `jobs` at a time, and brings each answer into the project as it comes.

    Raises what `server` raises; DataError when it returns fewer tasks than it reports; SetupError when another run uses
    the folder, and when the project cannot show a branch under these options. Whatever is in the project by then stays,
    and the next run goes on from there.
    """
    with lock_branches(request.folder):
        survey, plan = _plan(server, request, progress)
        mark_superseded(server, request.project.id, plan)
        ordered = _in_turn(request, plan)
        wanted = ordered[: request.limit]
        done = Continuing(
            there=plan.there,
            superseded=len(plan.superseded),
            restored=len(plan.restored),
            left=len(plan.wanted) - len(wanted),
            recorded=plan.recorded,
        )
        left = {_log(request, parent) for parent in ordered[len(wanted) :]}
        for path in request.logs.glob("*.log"):
            if path not in left:
                path.unlink()
        destination = _Destination(server, request, request.project, survey.last_task)
        asked: dict[str, Correction] = {}
        requests = _asked(server, request, wanted, asked, destination)
        total = len(wanted)
        progress(0, total)
        with run_branches(agent, requests, jobs, request.logs) as outcomes:
            for number, outcome in enumerate(outcomes, start=1):
                correction = asked.pop(outcome.request.id)
                try:
                    match outcome:
                        case BranchFailure(_, failure, _):
                            raise failure
                        case Continued(_, continuation, _):
                            if destination.bring(correction, continuation.messages):
                                done.made.append(correction.id)
                                done.endings[continuation.ending] += 1
                            else:
                                done.changed += 1
                except BranchFailed as failure:
                    parent = correction.branch.parent
                    log = outcome.log if isinstance(outcome, BranchFailure) else _logged(request, outcome, failure)
                    failed = FailedBranch(correction.id, parent, failure.reason, failure.sentence, log)
                    done.failed.append(failed)
                    on_failure(failed)
                progress(number, total)
        done.changed += total - len(done.made) - len(done.failed) - done.changed
        return done


def requests_of(server: Server, request: ProjectRequest, progress: Progress) -> tuple[Plan, list[AgentRequest]]:
    """What a run would do, and what it would ask an agent. Changes nothing. Raises what `continue_project` raises."""
    _, plan = _plan(server, request, progress)
    wanted = _in_turn(request, plan)[: request.limit]
    found = (_correction_now(server, request, parent) for parent in wanted)
    return plan, [_request(correction, request) for correction in found if correction is not None]


def _logged(request: ProjectRequest, outcome: Continued, failure: BranchFailed) -> Path:
    """The log of a branch whose agent had done its part, with why it failed afterwards."""
    before = b"" if outcome.log is None else outcome.log.read_bytes()
    with BranchLog(request.logs, outcome.request.id) as log:
        log.write(before)
        log.say(f"failed ({failure.reason}): {failure.sentence}")
    return log.path


def _in_turn(request: ProjectRequest, plan: Plan) -> list[Parent]:
    """What is wanted, in the order of the project, but what failed before at the end: it shall not take the turn of
    everything else under a limit."""
    return sorted(plan.wanted.values(), key=lambda parent: _log(request, parent).exists())


def _log(request: ProjectRequest, parent: Parent) -> Path:
    return BranchLog(request.logs, branch_id(parent)).path


def mark_superseded(server: Server, project: int, plan: Plan) -> None:
    """Notes in the data of branches that nobody says any more what they continue, or that somebody says it again.
    Nothing else of their tasks is touched. Raises what `server` raises."""
    for changed, data_of in ((plan.superseded, superseded_data), (plan.restored, current_data)):
        for found in changed:
            # As it is now: somebody may have changed it since it was read.
            task = task_with_id(server, project, found.task)
            if task is not None and isinstance(task["data"], dict) and branch_of(task["data"]) == found.branch:
                server.set_task_data(found.task, data_of(task["data"]))


def _plan(server: Server, request: ProjectRequest, progress: Progress) -> tuple[Survey, Plan]:
    project = request.project
    wait_for_running_imports(server, project.id, request.max_wait)

    def surveyed(tasks: Iterator[bytes]) -> Survey:
        survey = Survey()
        for raw in tasks:
            survey.add(parse_json(raw), request.how)
        return survey

    survey = with_all_tasks(server, project, request.folder, progress, surveyed)
    hiding: set[int] = set()
    if survey.has_deleted:
        # An annotation may be there that this token is not shown.
        counts = annotation_counts(server, project.id, project.task_count)
        hiding = {task for task, count in counts if count is None or count > survey.annotations.get(task, count)}
    return survey, survey.plan(hiding)


def _asked(
    server: Server,
    request: ProjectRequest,
    wanted: list[Parent],
    asked: dict[str, Correction],
    destination: _Destination,
) -> Iterator[AgentRequest]:
    """What an agent is asked, for each of the corrections that is still as it was when its turn comes. What is asked is
    kept in `asked`. The first one shows whether the project can show branches at all."""
    for parent in wanted:
        correction = _correction_now(server, request, parent)
        if correction is not None:
            destination.check(correction)
            asked[correction.id] = correction
            yield _request(correction, request)


def _correction_now(server: Server, request: ProjectRequest, parent: Parent) -> Correction | None:
    """The correction as it is now; None when it is another one than before."""
    assert isinstance(parent.task_id, int)
    task = task_with_id(server, request.project.id, parent.task_id)
    found = () if task is None else corrections_of(dict(task), request.how)
    return next((correction for correction in found if correction.branch.parent == parent), None)


def _request(correction: Correction, request: ProjectRequest) -> AgentRequest:
    parent, cut = correction.branch.parent, correction.cut
    return AgentRequest(
        id=correction.id,
        messages=tuple(chat_messages(cut.messages)),
        tools=cut.tools,
        step=cut.position + 1,
        metadata={
            "project": request.project.id,
            "parent": vars(parent),
            "round": correction.branch.round,
            "task": correction.task,
        },
        recorded=tuple(RecordedCall(known.name, known.arguments, known.result) for known in cut.results),
        is_agents_turn=cut.is_agents_turn,
    )


@dataclass
class _Destination:
    """The project that branches are brought into. `last_task` is the newest of its tasks that was looked at; `shape` is
    that of all its tasks, once it was needed."""

    server: Server
    request: ProjectRequest
    project: Project
    last_task: int
    shape: Shape | None = None
    _brought: int = 0
    _seen: set[str] = field(default_factory=set)
    _is_checked: bool = False

    def check(self, correction: Correction) -> None:
        """Raises SetupError when the project cannot show what stands before a branch, under the options at hand. Asked
        before the first agent runs, because what it takes to run them may be much."""
        if not self._is_checked:
            self._is_checked = True
            said = Message("assistant", (Text("…"),))
            try:
                self._wider(self._data(correction, (said,)))
            except BranchFailed:
                # It says something about this branch alone.
                return

    def bring(self, correction: Correction, new: tuple[Message, ...]) -> bool:
        """Imports the branch that goes on with `new`; False when somebody else has, meanwhile. Raises BranchFailed when
        it cannot be a task of the project, and what `server` raises."""
        data = self._data(correction, new)
        self._fit(data)
        self._look()
        if correction.id in self._seen:
            return False
        task: dict[str, Any] = {"data": data}
        if is_prefilled(self.project):
            task["predictions"] = [self._prediction(data)]
        with defer_signals():
            self._import(task)
        self._brought += 1
        return True

    def _data(self, correction: Correction, new: tuple[Message, ...]) -> dict[str, Any]:
        branch, cut = correction.branch, correction.cut
        try:
            match correction.traces:
                case ChatTraces() as chat:
                    first = _first_step(correction.data) + cut.position + 1
                    return chat_branch_data(correction.id, chat.corrected, cut.messages, new, branch, first_step=first)
                case PlainTraces() as plain:
                    schema = read_config(self.project.label_config, self.request.options)
                    return plain_branch_data(correction.id, plain.corrected, cut.steps or (), new, branch, schema)
        except BranchDataError as error:
            raise BranchFailed("no_task", f"what the agent said cannot be a task: {error}") from None

    def _wider(self, data: dict[str, Any]) -> str:
        """The labeling config that the project needs for a task with this data."""
        options = self.request.options or _written_options(self.project, data)
        wider = wider_config(self.server, self.project, options, data, self.shape)
        self.shape = wider.shape
        return wider.config

    def _fit(self, data: dict[str, Any]) -> None:
        try:
            config = self._wider(data)
        except SetupError as error:
            raise BranchFailed("no_boxes", str(error)) from None
        if config != self.project.label_config and self.shape is not None:
            self.server.set_label_config(self.project.id, config)
            version = renew_predictions(self.server, self.project, config, self.shape)
            self.project = replace(self.project, label_config=config, model_version=version)

    def _prediction(self, data: dict[str, Any]) -> dict[str, Any]:
        config = self.project.label_config
        try:
            return {"model_version": self.project.model_version, "result": predict({"data": data}, config)}
        except TooManyControlsError as error:
            raise BranchFailed("too_large", str(error)) from None

    def _look(self) -> None:
        """Notes the branches that came into the project since it was looked at."""
        for page in data_pages(self.server, self.project.id, after=self.last_task):
            for task in page.tasks:
                self.last_task = task["id"]
                if (branch := branch_of(task["data"])) is not None:
                    self._seen.add(branch_id(branch.parent))

    def _import(self, task: dict[str, Any]) -> None:
        project = self.project.id
        try:
            answer = self.server.import_tasks(project, [task])
            if not isinstance(answer, int):
                before = self.request.project.task_count + self._brought
                job = ImportJob(answer.id, project, 1, before)
                answer = wait_for_import(self.server, job, self.request.max_wait, lambda made: None)
        except TooLargeError:
            size = len(json_line(task)) / 1_000_000
            raise BranchFailed("too_large", f"it takes {size:.1f} MB, more than the server accepts (413)") from None
        except (NotTakenError, DataError) as error:
            raise BranchFailed("not_imported", str(error)) from None
        except StillRunningError:
            raise
        except OutcomeUnknownError as error:
            raise OutcomeUnknownError(
                f"{error}. Run the command again: it imports nothing that is in the project"
            ) from None
        if answer < 1:
            raise BranchFailed("not_imported", f"project {project}: Label Studio accepted the import and made no task")


def _written_options(project: Project, data: dict[str, Any]) -> Options:
    """The options with which the labeling config of the project was written, for tasks like the one with this data."""
    if is_chat_data(data):
        return written_chat_options(project.label_config)
    return written_step_options(project.label_config)


def _first_step(data: Any) -> int:
    """What the page calls the first step of a conversation; a branch goes on counting."""
    steps = data.get("steps")
    title = steps[0].get("title") if steps else None
    found = _TITLE.match(title) if isinstance(title, str) else None
    return int(found[1]) if found else 1
