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
# A task that somebody opens from the list shows whatever predictions it has.
_EMPTY = "editors open empty for everybody who works by `Label All Tasks`"


@dataclass(frozen=True)
class Prefill:
    """What could prefill the editors of a project: its `backends` by title, and the `versions` of the predictions that
    it stores, with how many of each. `lacking` tasks have none of the version that is chosen; `expected` is the
    version that `push` would give the config's fields, None when it has none."""

    project: Project
    backends: tuple[str, ...]
    versions: Mapping[str, int]
    lacking: int
    expected: str | None


def check_prefill(prefill: Prefill) -> Iterator[Finding]:
    """What prefills the editors, and for which tasks nothing does."""
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
            f"the project is to show the predictions of `{chosen}`, and there are none: {_EMPTY}",
            _choose_advice(prefill),
        )


def _check_stored(prefill: Prefill) -> Iterator[Finding]:
    project, chosen = prefill.project, prefill.project.model_version
    if chosen.startswith(_OUR_VERSIONS) and prefill.expected and chosen != prefill.expected:
        yield warning(
            f"the predictions that prefill the editors (`{chosen}`) were made when the labeling config let correct "
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
            f"imported predictions (`{chosen}`) prefill the editors of every task, not the backend that is connected: "
            "the editors of tasks that come without predictions will open empty",
            _choose_advice(prefill),
        )


def _choose_advice(prefill: Prefill) -> str:
    names = prefill.backends or tuple(sorted(prefill.versions, key=lambda name: -prefill.versions[name]))
    return (
        f"In the project, under Settings > Annotation, switch `Use predictions to prelabel tasks` on and choose "
        f"`{names[0]}`."
    )


def _predict_advice(project: int) -> str:
    return (
        f"Push the traces again (`ls-trajedit push FILE --project {project}`): tasks that are there get predictions, "
        "too. Or run `ls-trajedit serve` where Label Studio reaches it, and push with --backend URL."
    )
