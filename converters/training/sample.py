"""A record as trainers see it: both traces as turns, and which of its edits count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypedDict

from ls_trajedit.converters.record import Edit, Record, RecordedTrace
from ls_trajedit.converters.traces import ChatTraces, PlainTraces, Traces
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
from ls_trajedit.converters.training.rendering import THOUGHT, Rendering, is_within
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
    Message,
    Turn,
    answer_turn,
    has_action,
    step_calls,
    step_turn,
    text_of,
    trimmed,
    user_message,
)
from ls_trajedit.converters.training.verdicts import Verdict, step_verdicts
from ls_trajedit.traces.field_path import MISSING, get_field, parse_path
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.template import is_blank

__all__ = ["Columns", "Sample", "is_noise"]


class Columns(TypedDict):
    """What each training row says about its origin."""

    trace_id: str
    annotator: str
    step: int
    n_edits: int
    prefix_stale: bool


@dataclass(frozen=True)
class Sample:
    """A record with the rules for its training rows. The final answer counts as the step after the last one. `disputed`
    are the steps about which annotators do not agree, when the policy asks for agreement, and `agreed_verdicts` is then
    what they all say about a step besides rewriting it.

    `traces` are both traces as their reader gave them. Where that is a conversation, the rows are its messages; with
    `is_text`, these are written as text."""

    record: Record
    rendering: Rendering = field(default_factory=Rendering)
    rules: TrainingRules = field(default_factory=TrainingRules)
    disputed: frozenset[int] = frozenset()
    traces: Traces | None = None
    is_text: bool = False
    agreed_verdicts: Mapping[int, Verdict] | None = None

    @property
    def chat(self) -> ChatTraces | None:
        """The conversation that the record is of, None for a trace of the plain shape."""
        return self.traces if isinstance(self.traces, ChatTraces) else None

    @property
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
        if self.chat is None:
            return [user_message(self.task)]
        if self.is_recorded:
            return heard_messages(self.chat.original.before)
        said = [message for message in self.chat.original.before if message.role != "system"]
        return text_messages(said, self.rendering) or [user_message(self.task or self.no_observation)]

    @cached_property
    def system(self) -> str:
        """The system prompt of a conversation that is written as text."""
        return system_text(self.chat.original) if self.chat is not None and self.is_text else ""

    @cached_property
    def images(self) -> int:
        """How many images the conversation holds."""
        if self.chat is None:
            return 0
        return len(image_urls(heard_messages(self.chat.original.messages)))

    def recorded_prompt(self, step: int) -> list[Message] | None:
        """What the model was really given before this step, where that was recorded and nothing before the step was
        corrected."""
        if self.chat is None or self.is_text or any(edited < step for edited in self.edited_steps):
            return None
        prompt = self.chat.original.prompts.get(step)
        return None if prompt is None else heard_messages(prompt, self.rules.reasoning)

    @cached_property
    def edited_steps(self) -> frozenset[int]:
        """All steps that were edited, those with noise only included."""
        return frozenset(edit.step_index for edit in self.record.edits if edit.step_index is not None)

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
            pairs = zip(turns, self.original, strict=True)
            return [Turn(None, turn.heard) if _lost_its_words(turn, before) else turn for turn, before in pairs]
        return self._turns(self.record.corrected_trace)

    @cached_property
    def original(self) -> list[Turn]:
        """The original trace as turns, as many as `corrected` has."""
        if self.chat is not None:
            return self._chat_turns(self.chat.original)
        return self._turns(self.record.original_trace)

    @cached_property
    def edits(self) -> dict[int, list[Edit]]:
        """The edits that count, by step."""
        return self._edits_that(lambda edit: not is_noise(edit, self.rules))

    @cached_property
    def noisy_steps(self) -> set[int]:
        """The steps whose edits are all noise."""
        return self._edits_that(lambda edit: is_noise(edit, self.rules)).keys() - self.edits.keys()

    @cached_property
    def visible_steps(self) -> frozenset[int]:
        """The steps in which an edit that counts changes what is written. White space at the ends of a turn is nothing
        that many chat templates write."""
        return frozenset(step for step in self.edits if self._is_written_otherwise(step))

    @cached_property
    def half_emptied_steps(self) -> frozenset[int]:
        """The steps in which a field was emptied that stands in a line of the template with fields that are not, or the
        name of a call: what is left there is half of something."""
        found = set()
        for edit in self.record.edits:
            # Values, because JSON may stand for nothing (`null`, `""`) where its text does not.
            after = value_at(edit, self.record.corrected_trace)
            if is_blank(after) and not is_blank(value_at(edit, self.record.original_trace)):
                step = edit.step_index
                if self.chat is not None:
                    if step is not None and edit.field.endswith(".name"):
                        found.add(step)
                elif step is not None and self._has_a_neighbor(step, edit.field):
                    found.add(step)
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
        """The steps that were called wrong and stand in the corrected trace as they were."""
        wrong = (step for step, verdict in self.verdicts.items() if verdict == "wrong")
        return frozenset(step for step in wrong if step not in self.visible_steps)

    @cached_property
    def contradictory_steps(self) -> frozenset[int]:
        """The steps that were called right and rewritten, or called right and given an error."""
        return frozenset(
            step
            for step, verdict in self.verdicts.items()
            if verdict == "contradictory" or (verdict == "right" and step in self.visible_steps)
        )

    @cached_property
    def stale_after(self) -> int | None:
        """The first step after which everything was recorded in answer to something that was corrected: any field but
        the thought and what the observation shows. None when there is no such step."""
        acted = [step for step, edits in self.edits.items() if any(self._is_an_act(edit) for edit in edits)]
        return min(acted, default=None)

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
    def no_observation(self) -> str:
        """What the assistant hears where nothing was recorded."""
        return loadable(self.rendering.no_observation)

    def is_stale_at(self, step: int) -> bool:
        """Whether what precedes this step was recorded in answer to something that was corrected."""
        return self.stale_after is not None and step > self.stale_after

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
        """What a row says about its origin. `step` is -1 when no step was edited."""
        return {
            "trace_id": loadable(self.record.trace_id),
            "annotator": loadable(self.record.annotator),
            "step": step,
            "n_edits": n_edits,
            "prefix_stale": is_stale,
        }

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

    def _is_written_otherwise(self, step: int) -> bool:
        corrected, original = self.corrected[step].said, self.original[step].said
        if self.rules.edge_whitespace == "learn":
            return corrected != original
        return trimmed(corrected) != trimmed(original)

    def _has_a_neighbor(self, step: int, field: str) -> bool:
        """Whether a field that is not blank stands in a line with the field."""
        fields = self.record.corrected_trace.steps[step]
        neighbors = self.rendering.step.neighbors(parse_path(field))
        return not isinstance(fields, str) and any(not is_blank(get_field(fields, path)) for path in neighbors)

    def _edits_that(self, holds: Callable[[Edit], bool]) -> dict[int, list[Edit]]:
        found: dict[int, list[Edit]] = {}
        for edit in self.record.edits:
            if holds(edit):
                step = len(self.record.original_trace.steps) if edit.step_index is None else edit.step_index
                found.setdefault(step, []).append(edit)
        return found

    def _is_an_act(self, edit: Edit) -> bool:
        if edit.step_index is None:
            return False
        if self.chat is not None:
            return not edit.field.startswith("reasoning")
        path = parse_path(edit.field)
        return path != THOUGHT and not any(is_within(path, other) for other in self.rendering.observation.fields)


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
