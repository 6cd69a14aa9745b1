"""`trl/kto.jsonl`: for TRL's KTO trainer, two rows for each edited step: the correction is good, the original bad."""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.tools_column import tools_column
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.converters.training.turns import trained_characters

__all__ = ["FORMAT", "kto_rows"]


def kto_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> for row in kto_rows(example_sample()):
    ...     print(row.values["label"], row.values["completion"][0]["content"].splitlines()[-1])
    True Action: web_search(query='SF weather')
    False Action: web_search(queyr='SF weather')
    True Final Answer: I have not read a forecast yet.
    False Final Answer: It is sunny.
    """
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        pair, rejected = found
        for completion, label in ((pair.chosen, True), (rejected, False)):
            values = {
                "prompt": pair.prompt,
                "completion": [completion],
                "label": label,
                **tools_column(sample),
                **sample.columns(pair.step, pair.n_edits, pair.is_stale),
            }
            yield TrainingRow(values, trained_characters(completion), is_stale=pair.is_stale)


FORMAT = Format("trl-kto", (RowFormat("trl/kto.jsonl", kto_rows),))
