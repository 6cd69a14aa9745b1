"""`prm/prm.jsonl`, for process reward models: each original trace as steps that are right or wrong.

A step is wrong if an edit shows in it. Traces that nobody edited are included, with every step right.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
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
    """
    sample = sample.as_text
    if not sample.edits and sample.rules.prm_unedited == "exclude":
        yield Omission.UNEDITED
        return
    if sample.disputed - sample.edits.keys():
        yield Omission.DISPUTED
        return
    spoken = [(step, text_of(turn.said)) for step, turn in enumerate(sample.original) if turn.said is not None]
    if not spoken:
        yield Omission.EMPTY
        return
    wrong = sorted(sample.visible_steps)
    n_edits = sum(len(sample.edits[step]) for step in wrong)
    values = {
        "prompt": _prompt(sample) + "\n",
        "completions": [text for _, text in spoken],
        "labels": [step not in sample.visible_steps for step, _ in spoken],
        **sample.columns(wrong[0] if wrong else -1, n_edits=n_edits, is_stale=False),
    }
    yield TrainingRow(values, sum(len(text) for _, text in spoken), images_left_out=sample.images)


def _prompt(sample: Sample) -> str:
    """The task or, for a conversation, everything that was said before the first step."""
    if sample.chat is None:
        return sample.task
    return "\n\n".join(text for text in (sample.system, *map(text_of, sample.before)) if text)


FORMATS = (Format("prm", (RowFormat("prm/prm.jsonl", prm_rows),)),)
