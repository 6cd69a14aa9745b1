"""`ls-trajedit continue`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.agent_options import AgentOptions
from ls_trajedit.commands.output_options import ReadingOptions
from ls_trajedit.commands.parameters import Option
from ls_trajedit.commands.shared_options import ServerOptions
from ls_trajedit.console import print_json, print_line, say
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.plural import plural
from ls_trajedit.progress import show_progress
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.options import Options

if TYPE_CHECKING:
    from ls_trajedit.branches.agent import AgentRequest, Ending
    from ls_trajedit.branches.corrections import Plan
    from ls_trajedit.branches.project import Continuing, FailedBranch, ProjectRequest

__all__ = ["continue_"]

_UNFINISHED: dict[str, Ending] = {"up to a call": "unexecuted_call", "up to --max-turns": "max_turns"}


def continue_(
    *,
    project: Annotated[int, Option("--project", help="The project's id.", metavar="ID")],
    output: shared_options.OutputFolder = Path("data"),
    options: shared_options.OptionsFile = None,
    server: ServerOptions,
    agents: AgentOptions,
    reading: ReadingOptions,
    tools: Annotated[
        bool, Option("--tools", help="Give the agent actions that are calls as tool calls instead of text.")
    ] = False,
    limit: Annotated[int | None, Option("--limit", help="Continue at most N corrections.", metavar="N", min=1)] = None,
    max_failures: Annotated[
        int, Option("--max-failures", help="Exit with 5 if more than N branches fail.", metavar="N", min=0)
    ] = 0,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Say what an agent would be asked; ask none, and change nothing.")
    ] = False,
    max_wait: Annotated[
        float,
        shared_options.max_wait(
            "How long to keep retrying a request that fails, and to wait for an import that makes no progress."
        ),
    ] = 600,
    as_json: shared_options.Json = False,
) -> None:
    """Have an agent go on from each corrected step, and bring what it does into the project.

    What it does becomes a new task, whose beginning is locked. A correction that a branch continues already is not
    continued again; one that was changed is, and its old branch is marked as superseded.
    """
    agent = None if dry_run else agents.open()
    overrides = shared_options.options_in(options)
    label_studio = server.open(max_wait)
    source = label_studio.project(project)
    from ls_trajedit.branches.corrections import HowToRead
    from ls_trajedit.branches.project import ProjectRequest, continue_project, requests_of
    from ls_trajedit.converters.training.rendering import rendering_for

    schema = read_config(source.label_config, overrides)
    how = HowToRead(
        schema,
        reading.annotation_rules(overrides),
        rendering_for(overrides or Options(), schema, tools),
    )
    request = ProjectRequest(source, how, overrides, output, limit, max_wait)
    if agent is None:
        with show_progress(f"reading project {project}") as progress:
            plan, requests = requests_of(label_studio, request, progress)
        _print_plan(plan, requests, request, as_json=as_json)
        return
    with show_progress(f"continuing project {project}") as progress:
        done = continue_project(label_studio, request, agent, agents.jobs, progress, _say_failure)
    address = f"{label_studio.address}/projects/{project}/"
    if as_json:
        print_json({"project": project, "url": address, **_as_json(done)})
    else:
        _print_for_person(done, address, project)
    if len(done.failed) > max_failures:
        allowed = f" (--max-failures {max_failures})" if max_failures else ""
        raise DataError(
            f"{len(done.failed)} {plural(len(done.failed), 'correction')} not continued{allowed}; the next run asks "
            "the agent again"
        )


def _say_failure(failed: FailedBranch) -> None:
    parent = failed.parent
    log = "" if failed.log is None else f"; log: {failed.log}"
    say(
        f"{failed.id} (task {parent.task_id}, annotation {parent.annotation_id}): {failed.reason}: "
        f"{failed.sentence}{log}"
    )


def _as_json(done: Continuing) -> dict[str, object]:
    return {
        "made": done.made,
        "endings": dict(sorted(done.endings.items())),
        "already_there": done.there,
        "superseded": done.superseded,
        "restored": done.restored,
        "changed_meanwhile": done.changed,
        "not_pushed": done.recorded,
        "left": done.left,
        "failed": done.failures,
        "failures": [
            {
                "id": failed.id,
                "parent": vars(failed.parent),
                "reason": failed.reason,
                "detail": failed.sentence,
                "log": None if failed.log is None else str(failed.log),
            }
            for failed in done.failed
        ],
    }


def _print_for_person(done: Continuing, address: str, project: int) -> None:
    print_line(f"project {project}: {address}")
    print_line(f"  continued      {len(done.made)}")
    for name, ending in _UNFINISHED.items():
        if done.endings[ending]:
            print_line(f"    {name:<11}  {done.endings[ending]}")
    print_line(f"  already there  {done.there}")
    for name, count in (
        ("superseded", done.superseded),
        ("restored", done.restored),
        ("changed", done.changed),
        ("failed", len(done.failed)),
        ("left", done.left),
    ):
        if count:
            print_line(f"  {name:<13}  {count}")
    for reason, count in done.failures.items():
        print_line(f"    {reason:<15}  {count}")
    _say_recorded(done.recorded)


def _print_plan(plan: Plan, requests: list[AgentRequest], request: ProjectRequest, *, as_json: bool) -> None:
    left = len(plan.wanted) - len(requests)
    if as_json:
        print_json(
            {
                "project": request.project.id,
                "requests": [parse_json(asked.as_json()) for asked in requests],
                "already_there": plan.there,
                "superseded": len(plan.superseded),
                "restored": len(plan.restored),
                "not_pushed": plan.recorded,
                "left": left,
            }
        )
        return
    for asked in requests:
        messages, calls = len(asked.messages), len(asked.tools)
        print_line(
            f"{asked.id}: {messages} {plural(messages, 'message')} before step {asked.step + 1}, "
            f"{calls} {plural(calls, 'tool')}"
        )
    print_line(f"to continue    {len(requests)}")
    print_line(f"already there  {plan.there}")
    for name, count in (("superseded", len(plan.superseded)), ("restored", len(plan.restored)), ("left", left)):
        if count:
            print_line(f"{name:<13}  {count}")
    _say_recorded(plan.recorded)


def _say_recorded(count: int) -> None:
    if count:
        say(
            f"{count} {plural(count, 'correction')} of conversations that `push` did not bring into the project: the "
            "page cannot show a branch of one; push the traces to continue them"
        )
