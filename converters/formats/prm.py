"""`prm/prm.jsonl`, for process reward models: each original trace as steps that are right or wrong.

A step is wrong if an edit shows in it, if it was removed, if a step was inserted before it, so that it came too early,
or if its annotator called it wrong. Traces that nobody edited are included.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.chat_turns import system_text
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import text_of

__all__ = ["FORMATS", "prm_rows"]


def prm_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = prm_rows(example_sample())
    >>> row.values["prompt"]
    'Find the weather in San Francisco.\\n'
    >>> for label, step in zip(row.values["labels"], row.values["completions"]):
    ...     print(label, "|", step.replace("\\n", " / "))
    False | Thought: Look it up. / Action: web_search(queyr='SF weather')
    True | Thought: Open it. / Action: open_url(results[0])
    False | Final Answer: It is sunny.

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Insertion, Removal
    >>> (row,) = prm_rows(example_restructured(Removal(0, ""), Insertion(1, 0, {"action": "read()"}, "")))
    >>> row.values["labels"]
    [False, True, False]
    """
    sample = sample.as_text
    is_edited = bool(sample.edits or sample.record.structure)
    if not is_edited and sample.rules.prm_unedited == "exclude" and not _is_scored(sample):
        yield Omission.UNEDITED
        return
    judged = [step for step, turn in enumerate(sample.original) if turn.said is not None]
    wrong = sample.wrong_steps.keys() | sample.steps_called_wrong
    end = len(sample.original)
    if sample.rules.prm_after_error == "drop":
        end = next((step + 1 for step in judged if step in wrong), end)
    judged = [step for step in judged if step < end]
    if (unjudged := _unjudged(sample, judged, end)) is not None:
        yield unjudged
        return
    completions = [text_of(turn.said) for turn in (sample.original[step] for step in judged) if turn.said is not None]
    # An edit may have made something of a step that said nothing; a step that said nothing and was removed is not here.
    changed = sorted(step for step in sample.wrong_steps if step < end and step in {*judged, *sample.visible_steps})
    n_edits = sum(sample.n_edits(change) for step in changed for change in sample.wrong_steps[step])
    values = {
        "prompt": _prompt(sample) + "\n",
        "completions": completions,
        "labels": [step not in wrong for step in judged],
        **sample.columns(changed[0] if changed else -1, n_edits=n_edits, is_stale=False),
    }
    yield TrainingRow(values, sum(map(len, completions)), images_left_out=sample.images_of_original)


def _is_scored(sample: Sample) -> bool:
    """Whether an annotator said of a step that it is right or wrong, which one who only clicked through does not."""
    return any(verdict in ("right", "wrong") for verdict in sample.verdicts.values())


def _unjudged(sample: Sample, judged: list[int], end: int) -> Omission | None:
    """Why nobody knows whether one of the steps before `end` is right, if that is so."""
    if any(step < end for step in sample.disputed - sample.edits.keys() - sample.wrong_steps.keys()):
        return Omission.DISPUTED
    if not judged:
        return Omission.EMPTY
    open_verdicts = {sample.verdicts.get(step) for step in judged if step not in sample.wrong_steps}
    if open_verdicts & {"unsure", "contradictory"}:
        return Omission.UNSURE
    return Omission.UNKNOWN_LABEL if "unknown" in open_verdicts else None


def _prompt(sample: Sample) -> str:
    """The task or, for a conversation, everything that was said before the first step of the original trace."""
    if sample.chat is None:
        return sample.task
    said = (system_text(sample.chat.original), *map(text_of, sample.before_original))
    return "\n\n".join(text for text in said if text)


FORMATS = (Format("prm", (RowFormat("prm/prm.jsonl", prm_rows),)),)
