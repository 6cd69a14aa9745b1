"""A record as trainers see it: both traces as turns, and which of its edits count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ls_trajedit.converters.training.conversation import prompt_after
from ls_trajedit.converters.training.datasets_text import loadable
from ls_trajedit.converters.training.noise import is_noise
from ls_trajedit.converters.training.rendering import THOUGHT, Rendering, is_within
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.tool_calls import ToolCall
from ls_trajedit.converters.training.tools import Tool, declared_tools, inferred_tools, parameter_names
from ls_trajedit.converters.training.turns import Message, Turn, answer_turn, has_action, step_calls, step_turn
from ls_trajedit.traces.field_path import MISSING, get_field, parse_path

__all__ = ["Sample"]

Edit = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """`record` is what `record.build_record` makes. The final answer counts as the step behind the last one.
    `disputed` are steps that an annotator changed and no other changed alike, where that is asked for."""

    record: dict[str, Any]
    rendering: Rendering = field(default_factory=Rendering)
    rules: TrainingRules = field(default_factory=TrainingRules)
    disputed: frozenset[int] = frozenset()

    @cached_property
    def task(self) -> str:
        """The task as text."""
        return loadable(self.record["task"])

    @cached_property
    def corrected(self) -> list[Turn]:
        """The corrected trace as turns, the final answer last when it has one."""
        return self._turns(self.record["corrected_trace"])

    @cached_property
    def original(self) -> list[Turn]:
        """The original trace, likewise. It has as many turns."""
        return self._turns(self.record["original_trace"])

    @cached_property
    def edits(self) -> dict[int, list[Edit]]:
        """The edits that count, under their step."""
        return self._edits_that(lambda edit: not is_noise(edit, self.rules))

    @cached_property
    def noisy_steps(self) -> set[int]:
        """The steps with no edits but noise."""
        return self._edits_that(lambda edit: is_noise(edit, self.rules)).keys() - self.edits.keys()

    @cached_property
    def visible_steps(self) -> frozenset[int]:
        """The steps that are written differently than before because of an edit that counts."""
        return frozenset(step for step in self.edits if self.corrected[step].said != self.original[step].said)

    @cached_property
    def stale_after(self) -> int | None:
        """The first step behind which everything was recorded in answer to something that was corrected: any field
        but the thought and what the observation shows. None when there is no such step."""
        acted = [step for step, edits in self.edits.items() if any(self._is_an_act(edit) for edit in edits)]
        return min(acted, default=None)

    @cached_property
    def tools(self) -> list[Tool]:
        """The tools, declared by the trace or inferred from the calls in it."""
        if self._declared is not None:
            return self._declared
        return inferred_tools(self._calls("corrected_trace"), self._calls("original_trace"))

    @cached_property
    def as_text(self) -> Sample:
        """The same without tool calls, for formats that have no place for them."""
        if not self.rendering.as_tool_calls:
            return self
        return replace(self, rendering=replace(self.rendering, as_tool_calls=False))

    def is_stale_at(self, step: int) -> bool:
        """Whether what stands before this step was recorded in answer to something that was corrected."""
        return self.stale_after is not None and step > self.stale_after

    def prompt(self, step: int) -> list[Message]:
        """The task and the corrected steps before this one."""
        return prompt_after(self.task, self.corrected[:step], self.no_observation)

    @cached_property
    def no_observation(self) -> str:
        """What the assistant hears where nothing was recorded."""
        return loadable(self.rendering.no_observation)

    def actions_as_calls_and_as_text(self) -> tuple[int, int]:
        """How many of the corrected steps with an action are written as calls, and how many stay text."""
        steps = self.record["corrected_trace"]["steps"]
        acting = [step for step in steps if has_action(step, self.rendering)]
        calls = sum(bool(step_calls(step, self.rendering, self._parameters)) for step in acting)
        return calls, len(acting) - calls

    def columns(self, step: int, n_edits: int, is_stale: bool) -> dict[str, Any]:
        """What each row says of where it comes from. `step` is -1 where no step was edited."""
        return {
            "trace_id": loadable(self.record["trace_id"]),
            "annotator": loadable(self.record["annotator"]),
            "step": step,
            "n_edits": n_edits,
            "prefix_stale": is_stale,
        }

    @property
    def _step_count(self) -> int:
        return len(self.record["original_trace"]["steps"])

    @cached_property
    def _declared(self) -> list[Tool] | None:
        if self.rendering.tools_path is None:
            return None
        value = get_field(self.record["source"]["extra"], self.rendering.tools_path)
        return None if value is MISSING else declared_tools(value)

    @cached_property
    def _parameters(self) -> dict[str, list[str]]:
        return parameter_names(self._declared or [])

    def _turns(self, trace: dict[str, Any]) -> list[Turn]:
        turns = [step_turn(step, i, self.rendering, self._parameters) for i, step in enumerate(trace["steps"])]
        answer = answer_turn(trace, self.rendering)
        return turns if answer is None else [*turns, answer]

    def _calls(self, trace: str) -> list[ToolCall]:
        steps = self.record[trace]["steps"]
        return [call for step in steps for call in step_calls(step, self.rendering, self._parameters)]

    def _edits_that(self, holds: Callable[[Edit], bool]) -> dict[int, list[Edit]]:
        found: dict[int, list[Edit]] = {}
        for edit in self.record["edits"]:
            if holds(edit):
                step = self._step_count if edit["step_index"] is None else edit["step_index"]
                found.setdefault(step, []).append(edit)
        return found

    def _is_an_act(self, edit: Edit) -> bool:
        if edit["step_index"] is None:
            return False
        path = parse_path(edit["field"])
        return path != THOUGHT and not any(is_within(path, other) for other in self.rendering.observation.fields)
