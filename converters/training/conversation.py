"""A trace as one conversation. A trace of the plain shape becomes one in which user and assistant strictly alternate; a
recorded conversation stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ls_trajedit.converters.training.chat_turns import has_broken_call
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import Message, Turn, text_of, trained_characters, user_message

__all__ = ["Conversation", "Trajectory", "learnable_trajectory", "prompt_before", "trajectory_of"]

_MERGED = "\n\n"


class Conversation(NamedTuple):
    """`steps` holds, for each message of the assistant, the step that says it, and None for each other message."""

    messages: list[Message]
    steps: list[int | None]

    @property
    def prompt_length(self) -> int:
        """How many messages there are before the assistant first speaks."""
        return next(number for number, step in enumerate(self.steps) if step is not None)

    @property
    def spoken_steps(self) -> frozenset[int]:
        """The steps that say something in it."""
        return frozenset(step for step in self.steps if step is not None)

    @property
    def last_step(self) -> int:
        """The last step that says something in it."""
        return next(step for step in reversed(self.steps) if step is not None)

    def trained_characters(self) -> int:
        """How many characters a model is trained on that learns every turn of the assistant."""
        return sum(trained_characters(message) for message in self.messages if message["role"] == "assistant")


@dataclass(frozen=True)
class Trajectory:
    """An edited trace from beginning to end. `first` is the position of the first change that it shows, `steps` are
    those that were edited or inserted, in order, and `n_edits` counts all of it. `original` is None when the original
    trace is written as nothing."""

    corrected: Conversation
    original: Conversation | None
    first: int
    steps: list[int]
    n_edits: int
    is_stale: bool


def trajectory_of(sample: Sample) -> Trajectory | Omission | None:
    """The whole conversation of an edited record, or why there is none; None for a record that nobody edited.

    With `--stale truncate` it ends where something would follow that answers another act; so it does with `exclude`
    where a judged branch goes on from there. A branch that was accepted is there as it was.
    """
    if sample.is_accepted:
        return _accepted_trajectory(sample)
    if not sample.changes:
        return None
    if not sample.edits and not sample.record.structure:
        return Omission.NOISE
    end = len(sample.corrected)
    if sample.stale_from is not None and sample.rules.stale == "truncate":
        end = min(end, sample.stale_from)
    is_cut = sample.stale_from is not None and sample.rules.stale == "exclude" and sample.branch_point is not None
    if is_cut and sample.stale_from is not None and sample.branch_point is not None:
        # Not before what is stale: an edit that is noise may have been continued, too.
        end = min(end, max(sample.stale_from, sample.branch_point + 1))
    visible = sample.visible_changes
    shown = [change for change in visible if change.place < end or end == len(sample.corrected)]
    if not shown:
        if not visible:
            return Omission.INVISIBLE
        return Omission.REGENERATED if is_cut else Omission.STALE
    corrected = _finished_conversation(sample, sample.before, sample.corrected[:end])
    if corrected is None or any(_position(sample, index) < end for index in sample.half_emptied_steps):
        return Omission.EMPTY
    is_stale = not is_cut and sample.stale_from is not None and corrected.last_step >= sample.stale_from
    if is_stale and sample.rules.stale == "exclude":
        return Omission.STALE
    if has_broken_call(corrected.messages):
        return Omission.BROKEN_CALL
    original = _finished_conversation(sample, sample.before_original, sample.original[: _original_end(sample, end)])
    return Trajectory(
        corrected,
        original,
        shown[0].place,
        [change.place for change in shown if change.kind != "removal"],
        sum(sample.n_edits(change) for change in shown),
        is_stale,
    )


def _accepted_trajectory(sample: Sample) -> Trajectory | Omission:
    corrected = _finished_conversation(sample, sample.before, sample.corrected)
    if corrected is None:
        return Omission.EMPTY
    if has_broken_call(corrected.messages):
        return Omission.BROKEN_CALL
    own = [position for position in sample.own_positions if position in corrected.spoken_steps]
    return Trajectory(corrected, None, -1, own, 0, is_stale=False)


def learnable_trajectory(sample: Sample) -> Trajectory | Omission | None:
    """The whole conversation, for files of which every turn is learned: no trainer that reads them has a mask for a
    step that was called wrong and left as it was."""
    found = trajectory_of(sample)
    if isinstance(found, Trajectory) and sample.steps_called_wrong:
        wrong = {_position(sample, index) for index in sample.steps_called_wrong}
        if not wrong.isdisjoint(found.corrected.spoken_steps):
            return Omission.INCORRECT
    return found


def prompt_before(sample: Sample, position: int) -> list[Message]:
    """The task and the corrected steps that precede the one at this position. It ends with what a user or a tool says,
    because the assistant speaks next; a recorded conversation stays as it is.

    >>> from ls_trajedit.converters.example import example_sample
    >>> for message in prompt_before(example_sample(), 1):
    ...     print(message["role"], "|", message["content"].replace("\\n", " / "))
    user | Find the weather in San Francisco.
    assistant | Thought: Look it up. / Action: web_search(query='SF weather')
    user | Observation: (none recorded)
    """
    if position not in sample.prompts:
        sample.prompts[position] = _prompt_before(sample, position)
    return sample.prompts[position]


def _prompt_before(sample: Sample, position: int) -> list[Message]:
    if (recorded := sample.recorded_prompt(position)) is not None:
        return recorded
    messages = _conversation(sample, sample.before, sample.corrected[:position]).messages
    if not sample.is_recorded and messages[-1]["role"] == "assistant":
        messages.append(user_message(sample.no_observation))
    return messages


def _position(sample: Sample, index: int) -> int:
    position = sample.position(index)
    assert position is not None, f"step {index} was removed"
    return position


def _original_end(sample: Sample, end: int) -> int | None:
    """How much of the original trace stands beside that much of the corrected one; None for all of it."""
    if end == len(sample.corrected):
        return None
    index = sample.index(end - 1)
    if index is None:
        index = next(change.rejected for change in sample.changes if change.chosen == end - 1)
    return None if index is None else index + 1


def _finished_conversation(sample: Sample, before: list[Message], turns: Sequence[Turn]) -> Conversation | None:
    """What was said before and all of `turns`, up to the last thing that the assistant says; None when it says
    nothing."""
    messages, steps = _conversation(sample, before, turns)
    while messages and steps[-1] is None:
        messages.pop()
        steps.pop()
    return Conversation(messages, steps) if messages else None


def _conversation(sample: Sample, before: list[Message], turns: Sequence[Turn]) -> Conversation:
    return _as_recorded(before, turns) if sample.is_recorded else _alternating(sample, before, turns)


def _as_recorded(before: list[Message], turns: Sequence[Turn]) -> Conversation:
    messages = list(before)
    steps: list[int | None] = [None] * len(messages)
    for number, turn in enumerate(turns):
        if turn.said is not None:
            messages.append(turn.said)
            steps.append(number)
        messages.extend(turn.heard)
        steps.extend([None] * len(turn.heard))
    return Conversation(messages, steps)


def _alternating(sample: Sample, before: list[Message], turns: Sequence[Turn]) -> Conversation:
    conversation = Conversation([], [])
    for message in before:
        _add(message, None, conversation, sample)
    for number, turn in enumerate(turns):
        if turn.said is not None:
            _add(turn.said, number, conversation, sample)
        for heard in turn.heard:
            _add(heard, None, conversation, sample)
    return conversation


def _add(message: Message, step: int | None, conversation: Conversation, sample: Sample) -> None:
    """Adds a message so that user and assistant alternate: what the user says twice is one message, and where the
    assistant heard nothing, the words for that stand. What is heard after a tool's answer is not part of it."""
    messages, steps = conversation
    last = messages[-1] if messages else None
    if message["role"] == "assistant" and (last is None or last["role"] == "assistant"):
        messages.append(user_message(sample.no_observation))
        steps.append(None)
    elif message["role"] == "user" and last is not None and last["role"] == "user":
        messages[-1] = user_message(text_of(last) + _MERGED + text_of(message))
        return
    messages.append(message)
    steps.append(step)
