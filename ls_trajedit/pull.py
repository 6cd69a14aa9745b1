"""Pulls the annotations of a project and writes the training files: the main job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ls_trajedit import __version__
from ls_trajedit.converters.convert_task import convert_task
from ls_trajedit.converters.formats import FORMATS
from ls_trajedit.converters.reading_rules import ReadingRules
from ls_trajedit.converters.writer import writing_outputs
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.summary import Summary

if TYPE_CHECKING:
    from ls_trajedit.label_studio import Project, Server

__all__ = ["pull"]


def pull(
    server: Server,
    project: Project,
    schema: Schema,
    rules: ReadingRules,
    folder: Path,
    progress: Callable[[int, int | None], None],
) -> Summary:
    """Reads every task of `project` and writes the output files into `folder`.

    Raises what `server` raises (DataError when it sends fewer tasks than it counts); the files in `folder` are then
    as they were.
    """
    with writing_outputs(folder, FORMATS.values()) as outputs:
        expected = None
        for page in server.pages(project.id):
            expected = page.total if expected is None else expected
            for task in page.tasks:
                outputs.counts.tasks += 1
                for outcome in convert_task(task, schema, rules):
                    outputs.add(outcome)
            progress(outputs.counts.tasks, expected)
        outputs.counts.drafts = server.tasks_with_drafts(project.id)
        files = outputs.publish(_origin(server, project, schema))
    return Summary(outputs.counts, files, folder)


def _origin(server: Server, project: Project, schema: Schema) -> dict[str, Any]:
    return {
        "host": server.url,
        "project": {"id": project.id, "title": project.title},
        "schema": schema.as_json(),
        "versions": {"ls-trajedit": __version__, "label-studio": server.version()},
    }
