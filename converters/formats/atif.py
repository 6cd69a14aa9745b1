"""ATIF (Agent Trajectory Interchange Format), in `atif/`: one trajectory a line, edited traces as they were corrected
and as they were. Line for line the two files are about the same annotations.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.record import RecordedTrace
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.atif import to_atif
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Message, Other, Text, Trace
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS, STEPS

__all__ = ["FORMATS", "corrected_rows", "original_rows"]


def corrected_rows(sample: Sample) -> Iterator[TrainingRow]:
    """The row of `corrected.jsonl` for an edited record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = corrected_rows(example_sample())
    >>> row.values["steps"][1]["source"], row.values["steps"][1]["message"]
    ('agent', "web_search(query='SF weather')")
    """
    if sample.record.n_edits:
        chat = sample.chat
        trace = _plain(sample.record.corrected_trace, sample.record.trace_id) if chat is None else chat.corrected
        yield TrainingRow(to_atif(trace))


def original_rows(sample: Sample) -> Iterator[TrainingRow]:
    """The row of `original.jsonl` for an edited record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = original_rows(example_sample())
    >>> row.values["steps"][1]["message"]
    "web_search(queyr='SF weather')"
    """
    if sample.record.n_edits:
        chat = sample.chat
        trace = _plain(sample.record.original_trace, sample.record.trace_id) if chat is None else chat.original
        yield TrainingRow(to_atif(trace))


def _plain(recorded: RecordedTrace, trace_id: str) -> Trace:
    """A trace of the plain shape as one conversation: the thought of a step is reasoning, its action a call where it is
    one. Steps that have neither are JSON."""
    # The final answer stands under the key that the trace has for it, which may be any.
    task, answer = recorded.value()["task"], recorded.answer
    if not recorded.steps:
        asked = (Message("user", (Text(task),)),) if task else ()
        said = Text(answer) if isinstance(answer, str) else Other(answer)
        answered = (Message("assistant", (said,)),) if answer not in (None, "") else ()
        return Trace(trace_id, task, (*asked, *answered), format=STEPS)
    steps = [{"action": step} if isinstance(step, str) else step for step in recorded.steps]
    source = {"task": task, "steps": steps, "final_answer": answer, "id": trace_id}
    try:
        return read_chat(source, STEPS, NO_OPTIONS)[0]
    except ReadError:
        texts = [step if isinstance(step, str) else json_line(step).decode() for step in recorded.steps]
        return read_chat({**source, "steps": texts}, STEPS, NO_OPTIONS)[0]


FORMATS = (
    Format(
        "atif",
        (
            RowFormat("atif/corrected.jsonl", corrected_rows, has_splits=False),
            RowFormat("atif/original.jsonl", original_rows, has_splits=False),
        ),
        is_for_training=False,
    ),
)
