"""A record as trainers see it: both traces as turns, and which of its edits count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypedDict

from ls_trajedit.converters.record import Edit, Insertion, Record, RecordedTrace, Removal
from ls_trajedit.converters.traces import ChatTraces, PlainTraces, Traces
from ls_trajedit.converters.training.acts import is_act, is_acting_step
from ls_trajedit.converters.training.alignment import AlignedStep, Alignment, Change, aligned
from ls_trajedit.converters.training.chat_turns import (
    chat_turns,
    heard_messages,
    image_urls,
    object_calls,
    system_text,
    text_messages,
    text_turns,
)
from ls_trajedit.converters.training.corrected_values import value_at
from ls_trajedit.converters.training.datasets_text import loadable
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.tool_calls import (
    Signature,
    Tool,
    ToolCall,
    declared_tools,
    inferred_tools,
    signatures,
    well_formed_json,
)
from ls_trajedit.converters.training.turns import (
    AssistantMessage,
    Message,
    Turn,
    answer_turn,
    has_action,
    numbered_calls,
    step_calls,
    step_turn,
    text_of,
    trimmed,
    user_message,
    without_call_ids,
)
from ls_trajedit.converters.training.verdicts import Verdict, step_verdicts
from ls_trajedit.traces.field_path import MISSING, get_field, parse_path
from ls_trajedit.traces.model import Result, Trace
from ls_trajedit.traces.template import is_blank

__all__ = ["Columns", "Sample", "is_noise"]


class _Origin(TypedDict):
    trace_id: str
    annotator: str
    step: int
    n_edits: int
    prefix_stale: bool


class Columns(_Origin, total=False):
    """What each training row says about its origin; `regenerated` only where the run has branches."""

    regenerated: bool


# Not made anew for each record, of which there are many.
_RENDERING, _RULES = Rendering(), TrainingRules()


@dataclass(frozen=True)
class Sample:
    """A record with the rules for its training rows. The final answer counts as the step after the last one. `disputed`
    are the steps about which annotators do not agree, when the policy asks for agreement, and `agreed_verdicts` is then
    what they all say about a step besides rewriting it.

    An *index* is that of a step in the original trace, a *position* that of one in the corrected trace. They differ
    after a step that was removed or inserted.

    `has_branches` says whether the run has branches, and `branch_point` is the position of the last step before what
    was regenerated in one that somebody judged. `is_accepted` is a branch itself that was found right as it is.

    `traces` are both traces as their reader gave them. Where that is a conversation, the rows are its messages; with
    `is_text`, these are written as text."""

    record: Record
    rendering: Rendering = _RENDERING
    rules: TrainingRules = _RULES
    disputed: frozenset[int] = frozenset()
    traces: Traces | None = None
    is_text: bool = False
    agreed_verdicts: Mapping[int, Verdict] | None = None
    has_branches: bool = False
    branch_point: int | None = None
    is_accepted: bool = False

    @cached_property
    def chat(self) -> ChatTraces | None:
        """The conversation that the record is of, None for a trace of the plain shape."""
        return self.traces if isinstance(self.traces, ChatTraces) else None

    @cached_property
    def is_recorded(self) -> bool:
        """Whether the rows are the messages of a conversation as they were recorded."""
        return self.chat is not None and not self.is_text

    @property
    def has_calls(self) -> bool:
        """Whether the rows show calls as calls."""
        return self.is_recorded if self.chat is not None else self.rendering.as_tool_calls

    @cached_property
    def before(self) -> list[Message]:
        """What is said before the first step: the task or, in a conversation, what was recorded. The system prompt of
        a conversation that is written as text is in `system`."""
        return self._before(None if self.chat is None else self.chat.corrected)

    @cached_property
    def before_original(self) -> list[Message]:
        """What is said before the first step of the original trace: less than `before`, where that step was removed and
        others spoke after it."""
        return self._before(None if self.chat is None else self.chat.original)

    @cached_property
    def system(self) -> str:
        """The system prompt of a conversation that is written as text."""
        return system_text(self.chat.corrected) if self.chat is not None and self.is_text else ""

    @cached_property
    def images(self) -> int:
        """How many images the corrected conversation holds."""
        return 0 if self.chat is None else len(image_urls(heard_messages(self.chat.corrected.messages)))

    @cached_property
    def images_of_original(self) -> int:
        """How many images the original conversation holds."""
        return 0 if self.chat is None else len(image_urls(heard_messages(self.chat.original.messages)))

    @cached_property
    def prompts(self) -> dict[int, list[Message]]:
        """The prompts that were made already, by position: each goes into the rows of several formats."""
        return {}

    def recorded_prompt(self, position: int) -> list[Message] | None:
        """What the model was really given before the step at this position, where that was recorded and nothing before
        it was corrected."""
        if self.chat is None or self.is_text or position > self._last_recorded_prompt:
            return None
        prompt = self.chat.original.prompts.get(position)
        return None if prompt is None else heard_messages(prompt, self.rules.reasoning)

    @cached_property
    def task(self) -> str:
        """The task as text."""
        return loadable(self.record.task)

    @cached_property
    def corrected(self) -> list[Turn]:
        """The corrected trace as turns, with the final answer last if there is one. Where the text of a message was
        emptied and it makes no call, a reasoning that is left is not something to say."""
        if self.chat is not None:
            turns = self._chat_turns(self.chat.corrected)
            for index, before in enumerate(self.original):
                position = self.position(index)
                if position is not None and _lost_its_words(turns[position], before):
                    turns[position] = Turn(None, turns[position].heard)
            return turns
        return self._turns(self.record.corrected_trace)

    @cached_property
    def original(self) -> list[Turn]:
        """The original trace as turns, with the final answer last if there is one."""
        if self.chat is not None:
            return self._chat_turns(self.chat.original)
        return self._turns(self.record.original_trace)

    @cached_property
    def alignment(self) -> Alignment:
        """Both traces side by side."""
        return aligned(self.record.structure, len(self.original), self._others_after, self._types_others)

    def position(self, index: int) -> int | None:
        """Where the step with this index stands in the corrected trace; None when it was removed."""
        return self.alignment.positions.get(index) if self.record.structure else index

    def index(self, position: int) -> int | None:
        """The index of the step at this position of the corrected trace; None when it was inserted."""
        return self.alignment.indices[position] if self.record.structure else position

    @cached_property
    def edits(self) -> dict[int, list[Edit]]:
        """The edits that count, by the index of the step. Those of steps that were removed do not."""
        return self._edits_that(lambda edit: not is_noise(edit, self.rules))

    @cached_property
    def noisy_steps(self) -> set[int]:
        """The indices of the steps whose edits are all noise."""
        return self._edits_that(lambda edit: is_noise(edit, self.rules)).keys() - self.edits.keys()

    @cached_property
    def changes(self) -> list[Change]:
        """Where the corrected trace goes another way than the original one, along the trace: edited steps, those with
        noise only included, and what was removed and inserted, which is never noise."""
        found = list(self.alignment.changes) if self.record.structure else []
        for index in sorted(self.noisy_steps | self.edits.keys()):
            position = self.position(index)
            if position is not None:
                found.append(Change("edit", position, index, index, position))
        return sorted(found, key=lambda change: change.place) if self.record.structure else found

    def is_written_otherwise(self, change: Change) -> bool:
        """Whether what stands there now is written otherwise than what the agent did there."""
        return not self.are_alike(self.chosen(change), self.rejected(change))

    def are_alike(self, one: AssistantMessage | None, other: AssistantMessage | None) -> bool:
        """Whether two messages are written alike, the ids of calls aside. White space at the ends of a turn is nothing
        that many chat templates write."""
        if one is None or other is None:
            return one is other
        one, other = without_call_ids(one), without_call_ids(other)
        return one == other if self.rules.edge_whitespace == "learn" else trimmed(one) == trimmed(other)

    def chosen(self, change: Change) -> AssistantMessage | None:
        """What the agent is to say there; None when that is written as nothing."""
        return None if change.chosen is None else self.corrected[change.chosen].said

    def rejected(self, change: Change) -> AssistantMessage | None:
        """What the agent said there originally; None when that is written as nothing. Calls that were recorded without
        an id have the ids that calls have at this place of the corrected trace."""
        if change.rejected is None:
            return None
        said = self.original[change.rejected].said
        is_elsewhere = self.chat is None and change.chosen not in (None, change.rejected)
        return said if said is None or not is_elsewhere else numbered_calls(said, change.place)

    def n_edits(self, change: Change) -> int:
        """How many edits, removals and insertions the change is made of."""
        if change.kind == "edit" and change.rejected is not None:
            return len(self.edits.get(change.rejected, ()))
        return 2 if change.kind == "replacement" else 1

    @cached_property
    def visible_steps(self) -> frozenset[int]:
        """The indices of the steps in which an edit that counts changes what is written."""
        edits = [change for change in self.changes if change.kind == "edit"]
        return frozenset(
            change.rejected for change in edits if change.rejected in self.edits and self.is_written_otherwise(change)
        )

    @cached_property
    def visible_changes(self) -> list[Change]:
        """The changes because of which the conversation is written otherwise."""
        return [change for change in self.changes if self._is_visible(change)]

    @cached_property
    def removed_steps(self) -> frozenset[int]:
        """The indices of the steps that were removed."""
        return frozenset(change.step_index for change in self.record.structure if isinstance(change, Removal))

    @cached_property
    def wrong_steps(self) -> dict[int, list[Change]]:
        """The indices of the steps that changes show to be wrong, with these: an edit that shows, a removal, or a step
        that was inserted before it and says something else, so that the agent took it too early."""
        found: dict[int, list[Change]] = {}
        for change in self.changes:
            if change.rejected is not None and self._shows_an_error(change):
                found.setdefault(change.rejected, []).append(change)
        return found

    @cached_property
    def half_emptied_steps(self) -> frozenset[int]:
        """The indices of the steps in which a field was emptied that stands in a line of the template with fields that
        are not, or the name of a call: what is left there is half of something."""
        found = set()
        for edit in self.record.edits:
            if edit.step_index is None or (position := self.position(edit.step_index)) is None:
                continue
            # Values, because JSON may stand for nothing (`null`, `""`) where its text does not.
            after = value_at(edit, self.record.corrected_trace, position)
            if is_blank(after) and not is_blank(value_at(edit, self.record.original_trace, edit.step_index)):
                if self.chat is not None:
                    if edit.field.endswith(".name"):
                        found.add(edit.step_index)
                elif self._has_a_neighbor(position, edit.field):
                    found.add(edit.step_index)
        return frozenset(found)

    @cached_property
    def verdicts(self) -> Mapping[int, Verdict]:
        """What annotators say about steps besides rewriting them, by step."""
        if self.agreed_verdicts is not None:
            return self.agreed_verdicts
        steps = len(self.record.original_trace.steps)
        return step_verdicts(self.record.source.step_labels, self.rules.verdict_words, steps)

    @cached_property
    def steps_called_wrong(self) -> frozenset[int]:
        """The indices of the steps that were called wrong and stand in the corrected trace as they were."""
        wrong = frozenset(step for step, verdict in self.verdicts.items() if verdict == "wrong")
        return wrong and wrong - self.visible_steps - self.removed_steps

    @cached_property
    def contradictory_steps(self) -> frozenset[int]:
        """The indices of the steps that were called right and changed, or called right and given an error."""
        return frozenset(
            step
            for step, verdict in self.verdicts.items()
            if verdict == "contradictory" or (verdict == "right" and step in self.wrong_steps)
        )

    @cached_property
    def stale_prompt_from(self) -> int | None:
        """The first position before which something was recorded in answer to an act that was corrected, removed, or
        put off by an inserted one. An act is anything but a thought and what the observation shows."""
        return min((prompt for prompt, _ in self._stale_from), default=None)

    @cached_property
    def stale_from(self) -> int | None:
        """The first position at which the step itself was recorded so. That is the one before, where a removed act has
        left the next step as it was: nothing stale precedes that, but it answers what is not there any more."""
        return min((min(places) for places in self._stale_from), default=None)

    @cached_property
    def tools(self) -> list[Tool]:
        """The tools that the trace declares, or else those that its calls show."""
        if self.chat is not None:
            declared = [_as_tool(tool) for tool in self.chat.original.tools]
            return declared or inferred_tools(object_calls(self.chat.corrected), object_calls(self.chat.original))
        if self._declared is not None:
            return self._declared
        return inferred_tools(self._calls(self.record.corrected_trace), self._calls(self.record.original_trace))

    @cached_property
    def as_text(self) -> Sample:
        """This sample without tool calls, for formats that have no place for them."""
        if self.chat is not None:
            return replace(self, is_text=True)
        if not self.rendering.as_tool_calls:
            return self
        return replace(self, rendering=replace(self.rendering, as_tool_calls=False))

    @cached_property
    def without_reasoning(self) -> Sample:
        """This sample for formats that have no place for a reasoning beside the text."""
        if self.chat is None or self.rules.reasoning != "keep":
            return self
        return replace(self, rules=replace(self.rules, reasoning="drop"))

    @cached_property
    def own_positions(self) -> range:
        """The positions of the steps that are the record's own: all but those that a branch of the plain shape has from
        its parent."""
        branch = self.record.source.branch
        locked = 0 if branch is None or self.chat is not None else branch.parent.step + 1
        return range(locked, len(self.corrected))

    @cached_property
    def no_observation(self) -> str:
        """What the assistant hears where nothing was recorded."""
        return loadable(self.rendering.no_observation)

    def is_stale_at(self, position: int) -> bool:
        """Whether something that precedes this position was recorded in answer to something that was corrected."""
        return self.stale_prompt_from is not None and position >= self.stale_prompt_from

    def actions_as_calls_and_as_text(self) -> tuple[int, int]:
        """How many of the corrected steps with an action are written as calls, and how many stay text."""
        if self.chat is not None:
            return sum(bool(step.message.calls) for step in self.chat.corrected.steps), 0
        acting = [step for step in self.record.corrected_trace.steps if has_action(step, self.rendering)]
        calls = sum(bool(step_calls(step, self.rendering, self._parameters)) for step in acting)
        return calls, len(acting) - calls

    def actions_of_unknown_order(self) -> int:
        """How many of the corrected steps with an action stay text because the database has lost the order of the
        parameters: nobody knows which of them a positional argument is for."""
        if self.chat is not None or not any(signature.others for signature in self._parameters.values()):
            return 0
        in_any_order = {name: signature.in_any_order for name, signature in self._parameters.items()}
        acting = [step for step in self.record.corrected_trace.steps if has_action(step, self.rendering)]
        return sum(
            not step_calls(step, self.rendering, self._parameters)
            and bool(step_calls(step, self.rendering, in_any_order))
            for step in acting
        )

    def columns(self, step: int, *, n_edits: int, is_stale: bool) -> Columns:
        """What a row says about its origin. `step` is -1 when no step was changed. Where the run has branches, also
        whether what is stale was regenerated."""
        columns: Columns = {
            "trace_id": loadable(self.record.trace_id),
            "annotator": loadable(self.record.annotator),
            "step": step,
            "n_edits": n_edits,
            "prefix_stale": is_stale,
        }
        if self.has_branches:
            columns["regenerated"] = is_stale and self.branch_point is not None
        return columns

    def whole_columns(self, step: int, *, n_edits: int, is_stale: bool) -> Columns:
        """The same of a row that holds the whole conversation. What followed in it may have been regenerated and be
        left out for that."""
        columns = self.columns(step, n_edits=n_edits, is_stale=is_stale)
        if self.has_branches:
            columns["regenerated"] = self.branch_point is not None
        return columns

    @cached_property
    def _declared(self) -> list[Tool] | None:
        if self.rendering.tools_path is None:
            return None
        value = get_field(self.record.source.extra, self.rendering.tools_path)
        return None if value is MISSING else declared_tools(value)

    @cached_property
    def _parameters(self) -> dict[str, Signature]:
        return signatures(self._declared or [], knows_key_order=self._knows_key_order)

    @cached_property
    def _knows_key_order(self) -> bool:
        """Whether the parameters of the declared tools are in the order in which they were declared. They are where the
        tools stand in the trace as JSON text."""
        path = self.rendering.tools_path
        if path is None or isinstance(get_field(self.record.source.extra, path), str):
            return True
        return not isinstance(self.traces, PlainTraces) or self.traces.knows_key_order(path)

    def _others_after(self, index: int) -> int:
        """How many messages were heard after a step that are not results of its calls, and did not go with a step that
        was removed."""
        return self._others_heard[index] if self.chat is not None else 0

    @cached_property
    def _others_heard(self) -> list[int]:
        """The same for each step of the original conversation. The results of a removed step's calls may stand after
        later steps."""
        assert self.chat is not None
        trace = self.chat.original
        steps = {step.position: number for number, step in enumerate(trace.steps)}
        found = [0] * len(steps)
        called_by: dict[str, int | None] = {}
        current = -1
        for position, message in enumerate(trace.messages):
            step = steps.get(position)
            # An id that is used again belongs to the later call.
            called_by.update((call.id, step) for call in message.calls)
            if step is not None:
                current = step
            elif current >= 0:
                answered = (called_by.get(part.call_id) for part in message.parts if isinstance(part, Result))
                found[current] += {current, *self.removed_steps}.isdisjoint(answered)
        return found

    def _types_others(self, insertion: Insertion) -> int:
        """How many messages of others were typed for an inserted step."""
        return 0 if self.chat is None else sum(heard["role"] != "tool" for heard in insertion.step["heard"])

    @cached_property
    def _last_recorded_prompt(self) -> int:
        """The last position of which the prompt is the recorded one: the first change stands there."""
        edited = (self.position(edit.step_index) for edit in self.record.edits if edit.step_index is not None)
        end = self.alignment.last_same_prompt if self.record.structure else len(self.corrected)
        return min([end, *(position for position in edited if position is not None)])

    @cached_property
    def _stale_from(self) -> list[tuple[int, int]]:
        """For each act that was corrected, removed or inserted the first position with a prompt that is stale, and the
        first one with a step that is."""
        edited = (self.position(index) for index, edits in self.edits.items() if any(map(self._is_act, edits)))
        found = [(position + 1, position + 1) for position in edited if position is not None]
        if self.record.structure:
            found.extend(self.alignment.stale_from(self._acts, self.edits))
        return found

    def _is_act(self, edit: Edit) -> bool:
        return is_act(edit, is_chat=self.chat is not None, rendering=self.rendering)

    def _acts(self, step: AlignedStep) -> bool:
        trace, number = self.record.corrected_trace, step.position
        if number is None:
            trace, number = self.record.original_trace, step.index
        steps = trace.steps
        return (
            number is not None
            and number < len(steps)
            and is_acting_step(steps[number], is_chat=self.chat is not None, rendering=self.rendering)
        )

    def _is_visible(self, change: Change) -> bool:
        match change.kind:
            case "edit":
                return change.rejected in self.visible_steps
            case "replacement":
                return self.is_written_otherwise(change)
            case "insertion":
                return self.chosen(change) is not None
            case "removal":
                return self.rejected(change) is not None

    def _shows_an_error(self, change: Change) -> bool:
        if change.kind == "edit":
            return change.rejected in self.visible_steps
        if change.kind != "insertion":
            return True
        return not change.answers_others and self.chosen(change) is not None and self.is_written_otherwise(change)

    def _before(self, trace: Trace | None) -> list[Message]:
        if trace is None:
            return [user_message(self.task)]
        if self.is_recorded:
            return heard_messages(trace.before, self.rules.reasoning)
        said = [message for message in trace.before if message.role != "system"]
        return text_messages(said, self.rendering, self.rules.reasoning) or [
            user_message(self.task or self.no_observation)
        ]

    def _chat_turns(self, trace: Trace) -> list[Turn]:
        if self.is_text:
            return text_turns(trace, self.rendering, self.rules.reasoning)
        return chat_turns(trace, self.rules.reasoning)

    def _turns(self, trace: RecordedTrace) -> list[Turn]:
        turns = [step_turn(step, i, self.rendering, self._parameters) for i, step in enumerate(trace.steps)]
        answer = answer_turn(trace.value(), self.rendering)
        return turns if answer is None else [*turns, answer]

    def _calls(self, trace: RecordedTrace) -> list[ToolCall]:
        return [call for step in trace.steps for call in step_calls(step, self.rendering, self._parameters)]

    def _has_a_neighbor(self, position: int, field: str) -> bool:
        """Whether a field that is not blank stands in a line with the field."""
        fields = self.record.corrected_trace.steps[position]
        neighbors = self.rendering.step.neighbors(parse_path(field))
        return not isinstance(fields, str) and any(not is_blank(get_field(fields, path)) for path in neighbors)

    def _edits_that(self, holds: Callable[[Edit], bool]) -> dict[int, list[Edit]]:
        found: dict[int, list[Edit]] = {}
        for edit in self.record.edits:
            step = len(self.record.original_trace.steps) if edit.step_index is None else edit.step_index
            if holds(edit) and step not in self.removed_steps:
                found.setdefault(step, []).append(edit)
        return found


def _lost_its_words(turn: Turn, before: Turn) -> bool:
    """Whether what the message said was emptied, so that nothing but its reasoning is left."""
    if turn.said is None or before.said is None or "tool_calls" in turn.said:
        return False
    return is_blank(turn.said["content"]) and not is_blank(text_of(before.said))


def _as_tool(tool: dict[str, Any]) -> Tool:
    """A declared tool with a description, which some chat templates cannot do without."""
    function = well_formed_json(tool["function"])
    return {"type": "function", "function": {"name": function["name"], "description": "", **function}}


def is_noise(edit: Edit, rules: TrainingRules) -> bool:
    """Whether the rules call the edit noise: too small for a model to learn anything from it. An edit of which only a
    lower bound is known is never too small.

    >>> from ls_trajedit.converters.example import example_record
    >>> edit = example_record().edits[0]
    >>> edit.edit_distance_chars, is_noise(edit, TrainingRules()), is_noise(edit, TrainingRules(min_edit_chars=3))
    (2, False, True)
    """
    is_known = "edit_distance_chars" not in edit.lower_bounds
    if is_known and edit.edit_distance_chars < rules.min_edit_chars:
        return True
    return rules.ignore_whitespace_edits and _without_whitespace(edit.original_text) == _without_whitespace(
        edit.edited_text
    )


def _without_whitespace(text: str) -> str:
    return "".join(text.split())
