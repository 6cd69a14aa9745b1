"""Whether annotators find the original texts in their editors when they open a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ls_trajedit.doctor.finding import Finding, ok, problem, warning

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project

__all__ = ["Prefill", "check_prefill"]

_OUR_VERSIONS = "ls-trajedit-"
# A task that is opened from the list shows whatever predictions it has.
_EMPTY = "editors open empty for everybody who works with `Label All Tasks`"


@dataclass(frozen=True)
class Prefill:
    """What could prefill the editors of a project: its `backends` by title, and the `versions` of its stored
    predictions with the number of each. `lacking` is the number of tasks without a prediction of the chosen version;
    `expected` is the version that `push` would use for the config's fields, None when it has no editors."""

    project: Project
    backends: tuple[str, ...]
    versions: Mapping[str, int]
    lacking: int
    expected: str | None


def check_prefill(prefill: Prefill) -> Iterator[Finding]:
    """What prefills the editors, and which tasks are not prefilled."""
    project, chosen = prefill.project, prefill.project.model_version
    if not prefill.backends and not prefill.versions:
        if project.task_count:
            yield warning(
                "nothing prefills the editors: no backend is connected, and no task has a prediction, so every editor "
                "opens empty",
                _predict_advice(project.id),
            )
        return
    if not project.shows_predictions or not chosen:
        what = "pre-annotations are switched off" if not project.shows_predictions else "no predictions are chosen"
        yield problem(f"{what} in the project: {_EMPTY}", _choose_advice(prefill))
    elif chosen in prefill.backends:
        yield ok(f"pre-annotations are on, and come from the backend `{chosen}`")
    elif chosen in prefill.versions:
        yield from _check_stored(prefill)
    else:
        yield problem(
            f"the project is set to show the predictions of `{chosen}`, and there are none: {_EMPTY}",
            _choose_advice(prefill),
        )


def _check_stored(prefill: Prefill) -> Iterator[Finding]:
    project, chosen = prefill.project, prefill.project.model_version
    if chosen.startswith(_OUR_VERSIONS) and prefill.expected and chosen != prefill.expected:
        yield warning(
            f"the predictions that prefill the editors (`{chosen}`) were made when the labeling config had editors for "
            "other fields: some editors open empty",
            _predict_advice(project.id),
        )
    elif not prefill.lacking and not prefill.backends:
        yield ok(f"pre-annotations are on, and every task has an imported prediction (`{chosen}`)")
    if prefill.lacking:
        advice = _choose_advice(prefill) if prefill.backends else _predict_advice(project.id)
        yield warning(
            f"{prefill.lacking} of {project.task_count} tasks have no prediction `{chosen}`, which the project shows: "
            "their editors open empty",
            advice,
        )
    elif prefill.backends:
        yield warning(
            f"imported predictions (`{chosen}`) prefill the editors of every task, not the connected backend: the "
            "editors of later tasks without predictions will open empty",
            _choose_advice(prefill),
        )


def _choose_advice(prefill: Prefill) -> str:
    names = prefill.backends or tuple(sorted(prefill.versions, key=lambda name: -prefill.versions[name]))
    return (
        "In the project, under Settings > Annotation, switch on `Use predictions to prelabel tasks` and choose "
        f"`{names[0]}`."
    )


def _predict_advice(project: int) -> str:
    return (
        f"Push the traces again (`ls-trajedit push FILE --project {project}`): tasks that are already there get "
        "predictions, too. Or run `ls-trajedit serve` where Label Studio can reach it, and push with --backend URL."
    )
