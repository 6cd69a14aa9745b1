"""What removed and inserted steps mean for a trace and for its rows, a second time: from the documentation alone, with
lists and loops, and without anything of what it is compared with.

A trace is a list of *events*: the agent's steps, and what others say between them. A change of structure makes another
list of events of it. Everything else is read off the two lists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Changes", "NaiveChat", "NaivePlain", "NaiveTrace", "distance"]

Json = Any
PLACEHOLDER = "Observation: (none recorded)"


@dataclass
class Changes:
    """What an annotator did. `edits` are texts by step and field, None being the final answer; `inserted` are the steps
    that were put after a step (-1: before the first), in order, as records show them."""

    edits: dict[tuple[int | None, str], str] = field(default_factory=dict)
    removed: dict[int, str] = field(default_factory=dict)
    inserted: dict[int, list[tuple[Json, str]]] = field(default_factory=dict)


@dataclass
class Place:
    """A step along both traces: its index in the original one, its position in the corrected one."""

    index: int | None
    position: int | None
    gap: tuple[int, int] | None = None


class NaiveTrace:
    """What is the same for both kinds of traces. `events` is a merged list of `Place`s and of the words "recorded" and
    "typed", which stand for something that others said."""

    count: int
    has_answer: bool
    changes: Changes

    # ---- what the two kinds say for themselves ----

    def recorded_others(self, index: int) -> int:
        """How many messages of others follow the step, results of calls aside."""
        raise NotImplementedError

    def typed_others(self, step: Json) -> int:
        """How many messages of others were typed for an inserted step."""
        raise NotImplementedError

    def original_said(self, index: int) -> Json:
        """What is written for the step of the original trace; None where that is nothing."""
        raise NotImplementedError

    def corrected_said(self, position: int) -> Json:
        """What is written for the step of the corrected trace."""
        raise NotImplementedError

    def original_acts(self, index: int) -> bool:
        """Whether the step of the original trace does more than think."""
        raise NotImplementedError

    def inserted_acts(self, step: Json) -> bool:
        """Whether an inserted step does more than think."""
        raise NotImplementedError

    def edit_acts(self, field_: str) -> bool:
        """Whether the field is more than a thought."""
        raise NotImplementedError

    def prompt(self, position: int) -> list[Json]:
        """All messages before the step of the corrected trace."""
        raise NotImplementedError

    def conversation(self, end: int) -> tuple[list[Json], list[int]]:
        """The corrected trace up to a position, to the last thing that the agent says, and who speaks in it."""
        raise NotImplementedError

    def original_value(self, step: int | None, field_: str) -> str:
        """The text that an edit corrects."""
        raise NotImplementedError

    # ---- the record ----

    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self)})"

    def structure(self) -> list[Json]:
        """The key `structure` of the record."""
        found: list[Json] = []
        for index in range(-1, self.count):
            if index in self.changes.removed:
                found.append({"op": "remove", "step_index": index, "reason": self.changes.removed[index]})
            for position, (step, reason) in enumerate(self.changes.inserted.get(index, [])):
                made = self.recorded_insertion(step)
                found.append({"op": "insert", "after": index, "position": position, "step": made, "reason": reason})
        return found

    def recorded_insertion(self, step: Json) -> Json:
        """An inserted step as the record holds it."""
        return step

    # ---- both traces side by side ----

    def events(self) -> list[Any]:
        """Both traces merged into one."""
        found: list[Any] = []
        position = 0
        last = self.count + (1 if self.has_answer else 0)
        for index in range(-1, last):
            is_removed = index in self.changes.removed
            if index >= 0 and is_removed:
                found.append(Place(index, None))
            elif index >= 0:
                found.append(Place(index, position))
                position += 1
                if index < self.count:
                    found += ["recorded"] * self.recorded_others(index)
            for number, (step, _) in enumerate(self.changes.inserted.get(index, [])):
                found.append(Place(None, position, (index, number)))
                position += 1
                found += ["typed"] * self.typed_others(step)
            if is_removed:
                # An inserted step stands where the removed one stood: before what was said then.
                found += ["recorded"] * self.recorded_others(index)
        return found

    def edited(self, index: int | None) -> list[str]:
        """The fields of the step that were edited; the final answer is the step after the last."""
        if index is None or index in self.changes.removed:
            return []
        key = None if index == self.count else index
        return [field_ for step, field_ in self.changes.edits if step == key]

    def wanted_pairs(self) -> list[dict[str, Any]]:
        """Each change with the step that is right and the step that is not."""
        found: list[dict[str, Any]] = []
        run: list[Place] = []
        for event in [*self.events(), None]:
            if event in ("recorded", "typed"):
                continue
            if event is None or (event.index is not None and event.position is not None):
                inserted = [place for place in run if place.index is None]
                removed = [place for place in run if place.position is None]
                for number, place in enumerate(inserted):
                    if number < len(removed):
                        found.append({"kind": "replacement", "right": place, "wrong": removed[number], "n": 2})
                    else:
                        found.append({"kind": "insertion", "right": place, "wrong": event, "n": 1})
                for place in removed[len(inserted) :]:
                    found.append({"kind": "removal", "right": event, "wrong": place, "n": 1})
                run = []
                if event is not None and self.edited(event.index):
                    found.append({"kind": "edit", "right": event, "wrong": event, "n": len(self.edited(event.index))})
            else:
                run.append(event)
        return found

    def answers_others(self, right: Place, wrong: Place) -> bool:
        """Whether the prompt of the right step has something that others said and that the wrong one did not hear, or
        the other way round."""
        events = self.events()
        at_right = next(number for number, event in enumerate(events) if event == right)
        at_wrong = next(number for number, event in enumerate(events) if event == wrong)
        between = events[min(at_right, at_wrong) : max(at_right, at_wrong)]
        # What is heard after the right step was typed into it is not in its prompt.
        return "recorded" in between or (at_wrong < at_right and "typed" in between)

    def are_alike(self, right: Place, wrong: Place) -> bool:
        """Whether both are written alike. The ids of calls are not what anybody learns."""
        assert right.position is not None
        assert wrong.index is not None
        sides = []
        for said in (self.corrected_said(right.position), self.original_said(wrong.index)):
            side = json.loads(json.dumps(said))
            for call in (side or {}).get("tool_calls", []):
                del call["id"]
            sides.append(side)
        return bool(sides[0] == sides[1])

    # ---- what is stale ----

    def staleness(self) -> tuple[set[int], set[int]]:
        """The positions whose prompt is stale, and those at which what is said is."""
        events = self.events()
        end = len([event for event in events if isinstance(event, Place) and event.position is not None])
        prompts: set[int] = set()
        contents: set[int] = set()
        for number, event in enumerate(events):
            if not isinstance(event, Place):
                continue
            if event.position is not None:
                acts = False
                if event.index is None:
                    assert event.gap is not None
                    acts = self.inserted_acts(self.changes.inserted[event.gap[0]][event.gap[1]][0])
                elif event.index < self.count:
                    acts = any(self.edit_acts(field_) for field_ in self.edited(event.index))
                if acts:
                    prompts |= set(range(event.position + 1, end))
                    contents |= set(range(event.position + 1, end))
            elif event.index is not None and self.original_acts(event.index):
                heard = False
                for later in events[number + 1 :]:
                    if later == "recorded":
                        # Said in answer to what the removed step did.
                        heard = True
                    elif isinstance(later, Place) and later.position is not None and heard:
                        prompts |= set(range(later.position, end))
                        contents |= set(range(later.position, end))
                        break
                    elif isinstance(later, Place) and later.position is not None and later.index is not None:
                        prompts |= set(range(later.position + 1, end))
                        contents |= set(range(later.position + (1 if self.edited(later.index) else 0), end))
                        break
        return prompts, contents

    # ---- rows ----

    def completions(self, stale: str) -> tuple[list[Json], list[str]]:
        """The rows of `sft_prompt_completion.jsonl`, and why others are missing."""
        rows: list[Json] = []
        missing: list[str] = []
        prompts, _ = self.staleness()
        for pair in self.wanted_pairs():
            if pair["kind"] == "removal":
                missing.append("removed")
                continue
            right, wrong = pair["right"], pair["wrong"]
            said = self.corrected_said(right.position)
            if pair["kind"] == "edit" and self.are_alike(right, wrong):
                missing.append("invisible")
            elif said is None:
                missing.append("empty")
            elif not self.prompt(right.position):
                missing.append("no_prompt")
            elif right.position in prompts and stale != "include":
                missing.append("stale")
            else:
                rows.append(
                    {
                        "prompt": self.prompt(right.position),
                        "completion": [said],
                        "step": right.position,
                        "n_edits": pair["n"],
                        "prefix_stale": right.position in prompts,
                    }
                )
        return rows, missing

    def pairs(self, stale: str) -> tuple[list[Json], list[str]]:
        """The rows of `dpo.jsonl`, and why others are missing."""
        rows: list[Json] = []
        missing: list[str] = []
        prompts, _ = self.staleness()
        for pair in self.wanted_pairs():
            right, wrong = pair["right"], pair["wrong"]
            if right is None or wrong is None:
                missing.append("no_next")
                continue
            if self.answers_others(right, wrong):
                missing.append("answers_others")
                continue
            chosen, rejected = self.corrected_said(right.position), self.original_said(wrong.index)
            if self.are_alike(right, wrong):
                missing.append("invisible")
            elif chosen is None:
                missing.append("empty")
            elif not self.prompt(right.position):
                missing.append("no_prompt")
            elif rejected is None:
                missing.append("empty")
            elif right.position in prompts and stale != "include":
                missing.append("stale")
            else:
                rows.append(
                    {
                        "prompt": self.prompt(right.position),
                        "chosen": [chosen],
                        "rejected": [rejected],
                        "step": right.position,
                        "n_edits": pair["n"],
                        "prefix_stale": right.position in prompts,
                    }
                )
        return rows, missing

    def kto(self, stale: str) -> list[Json]:
        """The rows of `kto.jsonl`: what is right once, what is wrong as often as it was done."""
        rows: list[Json] = []
        seen: list[Json] = []
        for pair in self.pairs(stale)[0]:
            for completion, label in ((pair["chosen"], True), (pair["rejected"], False)):
                key = [pair["prompt"], completion]
                if label and key in seen:
                    continue
                seen += [key] if label else []
                rest = {name: pair[name] for name in ("step", "n_edits", "prefix_stale")}
                rows.append({"prompt": pair["prompt"], "completion": completion, "label": label, **rest})
        return rows

    def trajectory(self, stale: str) -> Json:
        """The row of `sft.jsonl`; a string says why there is none, None that nothing was changed."""
        pairs = self.wanted_pairs()
        if not pairs:
            return None
        _, contents = self.staleness()
        total = len([event for event in self.events() if isinstance(event, Place) and event.position is not None])
        end = total
        if stale == "truncate" and contents:
            end = min(contents)
        shown: list[tuple[int, int]] = []
        for pair in pairs:
            right, wrong = pair["right"], pair["wrong"]
            if pair["kind"] in ("edit", "replacement") and self.are_alike(right, wrong):
                continue
            if pair["kind"] == "insertion" and self.corrected_said(right.position) is None:
                continue
            if pair["kind"] == "removal" and self.original_said(wrong.index) is None:
                continue
            shown.append((total if right is None else right.position, pair["n"]))
        inside = [(place, number) for place, number in shown if place < end or end == total]
        if not inside:
            return "stale" if shown else "invisible"
        messages, speaking = self.conversation(end)
        if not speaking:
            return "empty"
        is_stale = any(position in contents for position in speaking)
        if is_stale and stale == "exclude":
            return "stale"
        return {
            "messages": messages,
            "step": min(place for place, _ in inside),
            "n_edits": sum(number for _, number in inside),
            "prefix_stale": is_stale,
        }

    def wrong_steps(self) -> dict[int, int]:
        """The steps of the original trace that are wrong, each with how many changes say so."""
        found: dict[int, int] = {}
        for pair in self.wanted_pairs():
            right, wrong = pair["right"], pair["wrong"]
            if wrong is None:
                continue
            is_wrong = pair["kind"] in ("removal", "replacement")
            if pair["kind"] == "edit":
                is_wrong = self.corrected_text(right.position) != self.original_text(wrong.index)
            elif pair["kind"] == "insertion" and not self.answers_others(right, wrong):
                chosen = self.corrected_text(right.position)
                is_wrong = chosen is not None and chosen != self.original_text(wrong.index)
            if is_wrong:
                found[wrong.index] = found.get(wrong.index, 0) + pair["n"]
        return found

    def prm(self) -> Json:
        """The row of `prm.jsonl`."""
        wrong = self.wrong_steps()
        completions: list[str] = []
        labels: list[bool] = []
        counted: list[int] = []
        for index in range(self.count + (1 if self.has_answer else 0)):
            text = self.original_text(index)
            if text is not None:
                completions.append(text)
                labels.append(index not in wrong)
            if index in wrong and (text is not None or self.edited(index)):
                counted.append(index)
        if not completions:
            return None
        return {
            "prompt": self.prm_prompt() + "\n",
            "completions": completions,
            "labels": labels,
            "step": counted[0] if counted else -1,
            "n_edits": sum(wrong[index] for index in counted),
            "prefix_stale": False,
        }

    def original_text(self, index: int) -> str | None:
        """The step of the original trace as text."""
        raise NotImplementedError

    def corrected_text(self, position: int) -> str | None:
        """The step of the corrected trace as text."""
        raise NotImplementedError

    def prm_prompt(self) -> str:
        """What stands before the first step, as text."""
        raise NotImplementedError


class NaivePlain(NaiveTrace):
    """A trace of steps with thoughts, actions and observations, under the default templates."""

    def __init__(self, task: str, steps: list[Json], answer: str | None, changes: Changes) -> None:
        self.task = task
        self.is_bare = all(isinstance(step, str) for step in steps)
        self.steps = [{"action": step} if isinstance(step, str) else step for step in steps]
        self.answer = answer
        self.changes = changes
        self.count = len(steps)
        self.has_answer = answer is not None

    def corrected_steps(self) -> list[dict[str, str]]:
        """The steps after the corrections."""
        found = [step for step, _ in self.changes.inserted.get(-1, [])]
        for index, step in enumerate(self.steps):
            if index not in self.changes.removed:
                changed = dict(step)
                for (edited, field_), text in self.changes.edits.items():
                    if edited == index:
                        changed[field_] = text
                found.append(changed)
            found += [step for step, _ in self.changes.inserted.get(index, [])]
        return found

    def recorded_insertion(self, step: Json) -> Json:
        return step["action"] if self.is_bare and list(step) == ["action"] else step

    def recorded_steps(self) -> list[Json]:
        """The corrected steps as records hold them: bare strings where the trace has nothing else."""
        return [self.recorded_insertion(step) for step in self.corrected_steps()]

    def corrected_answer(self) -> str | None:
        """The final answer after the corrections."""
        for (step, _), text in self.changes.edits.items():
            if step is None:
                return text
        return self.answer

    def original_value(self, step: int | None, field_: str) -> str:
        """The text that an edit corrects."""
        return self.answer if step is None and self.answer is not None else self.steps[step or 0][field_]

    def recorded_others(self, index: int) -> int:
        return 0

    def typed_others(self, step: Json) -> int:
        return 0

    def _step_text(self, step: dict[str, str]) -> str | None:
        lines = []
        if step.get("thought", "").strip():
            lines.append("Thought: " + step["thought"])
        if step.get("action", "").strip():
            lines.append("Action: " + step["action"])
        return "\n".join(lines) or None

    def _answer_text(self, answer: str | None) -> str | None:
        return "Final Answer: " + answer if answer is not None and answer.strip() else None

    def original_text(self, index: int) -> str | None:
        return self._answer_text(self.answer) if index == self.count else self._step_text(self.steps[index])

    def corrected_text(self, position: int) -> str | None:
        steps = self.corrected_steps()
        if position == len(steps):
            return self._answer_text(self.corrected_answer())
        return self._step_text(steps[position])

    def original_said(self, index: int) -> Json:
        text = self.original_text(index)
        return None if text is None else {"role": "assistant", "content": text}

    def corrected_said(self, position: int) -> Json:
        text = self.corrected_text(position)
        return None if text is None else {"role": "assistant", "content": text}

    def original_acts(self, index: int) -> bool:
        return self.inserted_acts(self.steps[index])

    def inserted_acts(self, step: Json) -> bool:
        return bool(step.get("action", "").strip())

    def edit_acts(self, field_: str) -> bool:
        return field_ == "action"

    def prompt(self, position: int) -> list[Json]:
        messages = self._messages(position)[0]
        if messages[-1]["role"] == "assistant":
            messages.append({"role": "user", "content": PLACEHOLDER})
        return messages

    def conversation(self, end: int) -> tuple[list[Json], list[int]]:
        messages, speaking = self._messages(end)
        while messages and messages[-1]["role"] == "user":
            messages.pop()
        return messages, speaking

    def _messages(self, end: int) -> tuple[list[Json], list[int]]:
        steps = self.corrected_steps()
        messages: list[Json] = [{"role": "user", "content": self.task}]
        speaking: list[int] = []
        for position in range(end):
            said = self.corrected_said(position)
            if said is not None:
                if messages[-1]["role"] == "assistant":
                    messages.append({"role": "user", "content": PLACEHOLDER})
                messages.append(said)
                speaking.append(position)
            observation = steps[position].get("observation", "") if position < len(steps) else ""
            if observation.strip():
                text = "Observation: " + observation
                if messages[-1]["role"] == "user":
                    text = messages.pop()["content"] + "\n\n" + text
                messages.append({"role": "user", "content": text})
        return messages, speaking

    def prm_prompt(self) -> str:
        return self.task


class NaiveChat(NaiveTrace):
    """A conversation: messages in the plain form of chats. A step is a message of the assistant."""

    def __init__(self, messages: list[Json], changes: Changes) -> None:
        self.messages = messages
        self.changes = changes
        self.at = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
        self.count = len(self.at)
        self.has_answer = False

    def edited_message(self, index: int) -> Json:
        """The message of a step with its edits."""
        message = json.loads(json.dumps(self.messages[self.at[index]]))
        for (step, field_), text in self.changes.edits.items():
            if step != index:
                continue
            if field_ == "content":
                message["content"] = text
            elif field_ == "reasoning":
                message["reasoning_content"] = text
            else:
                number = int(field_.split("[")[1].split("]")[0])
                value = text if field_.endswith(".name") else json.loads(text)
                message["tool_calls"][number]["function"][field_.rsplit(".", 1)[1]] = value
        return message

    def original_value(self, step: int | None, field_: str) -> str:
        """The text that an edit corrects."""
        message = self.messages[self.at[step or 0]]
        if field_ == "content":
            return str(message["content"])
        if field_ == "reasoning":
            return str(message["reasoning_content"])
        function = message["tool_calls"][int(field_.split("[")[1].split("]")[0])]["function"]
        if field_.endswith(".name"):
            return str(function["name"])
        return json.dumps(function["arguments"], indent=2, ensure_ascii=False)

    def inserted_messages(self, step: Json) -> list[Json]:
        """The message of an inserted step, and what was typed that it heard."""
        message: Json = {"role": "assistant", "content": step.get("content", "")}
        if "reasoning" in step:
            message["reasoning_content"] = step["reasoning"]
        if "tool_calls" in step:
            message["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in step["tool_calls"]
            ]
        return [message, *step["heard"]]

    def corrected_messages(self) -> list[tuple[Json, int | None]]:
        """The conversation after the corrections; each message of the agent with its position."""
        found: list[Json] = []

        def put_inserted(after: int) -> None:
            for step, _ in self.changes.inserted.get(after, []):
                found.extend(self.inserted_messages(step))

        for number, message in enumerate(self.messages):
            if number in self.at:
                index = self.at.index(number)
                # What stands after the step before this one, unless that was removed: then it stands in its place.
                if index - 1 not in self.changes.removed:
                    put_inserted(index - 1)
                if index in self.changes.removed:
                    put_inserted(index)
                else:
                    found.append(self.edited_message(index))
            elif message["role"] != "tool" or self._caller(number) not in self.changes.removed:
                found.append(message)
        if self.count - 1 not in self.changes.removed:
            put_inserted(self.count - 1)
        placed: list[tuple[Json, int | None]] = []
        position = 0
        for message in found:
            is_said = message["role"] == "assistant"
            placed.append((message, position if is_said else None))
            position += is_said
        return placed

    def _caller(self, number: int) -> int:
        """The step whose call the message answers: the last one before it with a call of that id."""
        for before in range(number - 1, -1, -1):
            calls = self.messages[before].get("tool_calls", [])
            if any(call["id"] == self.messages[number]["tool_call_id"] for call in calls):
                return self.at.index(before)
        return -1

    def recorded_trace(self) -> Json:
        """The corrected trace as records hold it, without its task."""
        before: list[Json] = []
        steps: list[Json] = []
        for message, position in self.corrected_messages():
            if position is not None:
                step: Json = {}
                if "reasoning_content" in message:
                    step["reasoning"] = message["reasoning_content"]
                if message["content"] is not None and (message["content"] or not self._was_empty(position)):
                    step["content"] = message["content"]
                if "tool_calls" in message:
                    step["tool_calls"] = [{"id": call["id"], **call["function"]} for call in message["tool_calls"]]
                steps.append({**step, "heard": []})
            else:
                (steps[-1]["heard"] if steps else before).append(message)
        return {"before": before, "steps": steps}

    def _was_empty(self, position: int) -> bool:
        """Whether the step never had a text: an inserted one, or one that only calls."""
        for event in self.events():
            if isinstance(event, Place) and event.position == position:
                return event.index is None or not self.messages[self.at[event.index]]["content"]
        return False

    def recorded_others(self, index: int) -> int:
        end = self.at[index + 1] if index + 1 < self.count else len(self.messages)
        return len([message for message in self.messages[self.at[index] + 1 : end] if message["role"] != "tool"])

    def typed_others(self, step: Json) -> int:
        return len([message for message in step["heard"] if message["role"] != "tool"])

    def _said(self, message: Json) -> Json:
        said = {**message, "content": message["content"] or ""}
        if not said.get("reasoning_content", "x"):
            del said["reasoning_content"]
        if not said["content"] and "tool_calls" not in said and "reasoning_content" not in said:
            return None
        return said

    def original_said(self, index: int) -> Json:
        return self._said(self.messages[self.at[index]])

    def corrected_said(self, position: int) -> Json:
        for message, place in self.corrected_messages():
            if place == position:
                # Where the text was emptied, a reasoning alone is not something to say.
                is_emptied = not message["content"] and "tool_calls" not in message and not self._was_empty(position)
                return None if is_emptied else self._said(message)
        raise AssertionError(position)

    def _acts(self, message: Json) -> bool:
        return bool(message["content"] and message["content"].strip()) or "tool_calls" in message

    def original_acts(self, index: int) -> bool:
        return self._acts(self.messages[self.at[index]])

    def inserted_acts(self, step: Json) -> bool:
        return self._acts(self.inserted_messages(step)[0])

    def edit_acts(self, field_: str) -> bool:
        return field_ != "reasoning"

    def prompt(self, position: int) -> list[Json]:
        return self._messages(position)[0]

    def conversation(self, end: int) -> tuple[list[Json], list[int]]:
        messages, speaking = self._messages(end)
        while messages and messages[-1]["role"] != "assistant":
            messages.pop()
        return messages, speaking

    def _messages(self, end: int) -> tuple[list[Json], list[int]]:
        """Everything before the step at that position."""
        messages: list[Json] = []
        speaking: list[int] = []
        for message, position in self.corrected_messages():
            if position is not None and position >= end:
                break
            if position is None:
                messages.append(message)
            elif self.corrected_said(position) is not None:
                messages.append(self.corrected_said(position))
                speaking.append(position)
        return messages, speaking

    def _as_text(self, said: Json) -> str | None:
        if said is None:
            return None
        thought = said.get("reasoning_content", "")
        text = thought + "\n\n" + said["content"] if thought and said["content"] else thought or said["content"]
        if "tool_calls" not in said:
            return text or None
        calls = [
            call["function"]["name"]
            + "("
            + json.dumps(call["function"]["arguments"], separators=(",", ":"), ensure_ascii=False)
            + ")"
            for call in said["tool_calls"]
        ]
        return ("Thought: " + text + "\n" if text else "") + "Action: " + "\n".join(calls)

    def original_text(self, index: int) -> str | None:
        return self._as_text(self.original_said(index))

    def corrected_text(self, position: int) -> str | None:
        return self._as_text(self.corrected_said(position))

    def prm_prompt(self) -> str:
        before = self.messages[: self.at[0]]
        systems = [message["content"] for message in before if message["role"] == "system"]
        users = [message["content"] for message in before if message["role"] != "system"]
        # The task is what a user says first, wherever that is.
        tasks = [message["content"] for message in self.messages if message["role"] == "user"]
        return "\n\n".join([*systems, *(users or tasks[:1] or [PLACEHOLDER])])


def distance(one: str, other: str) -> int:
    """The Levenshtein distance of two strings."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
    return row[-1]
