"""Runs `ls-trajedit continue` against the hostile Label Studio, with an agent that notes what it was asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from ls_trajedit.label_config.branch_note import branch_of
from ls_trajedit.label_config.chat_config import chat_shape
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.project_config import config_for
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.shape import shape_of

from .hostile_label_studio import PROJECT, corrected
from .puller import Puller, Ran

__all__ = ["OPTIONS", "Continuer", "fix", "plain_config", "trace", "use_chats"]

OPTIONS = "editable_fields: [action]\n"
_AGENT = """
import json, sys
asked = json.load(sys.stdin)
with open({asked!r}, "a") as file:
    file.write(json.dumps(asked) + chr(10))
"""
_ANSWER = """
first = asked["messages"][-1]
print(json.dumps({"messages": [
    {"role": "user", "content": "heard " + str(first["content"])},
    {"role": "assistant", "content": "then this"},
]}))
"""


def plain_config(options: Options, *traces: Mapping[str, Any]) -> str:
    """The labeling config that `push` makes for traces of the plain shape."""
    return config_for(options, shape_of(traces, options))


@dataclass
class Continuer:
    """Somebody who has an agent continue the corrections of `puller`'s Label Studio."""

    puller: Puller

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.studio.label_config = plain_config(parse_options(OPTIONS, "x"), trace("t"))
        self.asked_file = self.folder / "asked.jsonl"
        self.agent(_ANSWER)

    @property
    def studio(self) -> Any:
        return self.puller.label_studio

    @property
    def folder(self) -> Path:
        """The current folder."""
        return self.puller.folder.parent

    def agent(self, script: str) -> None:
        """Has the agent be a program that notes what it was asked and then does this; `asked` is what."""
        text = _AGENT.format(asked=str(self.asked_file)) + dedent(script)
        (self.folder / "agent.py").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Ran:
        return self.puller.run(*self.arguments(*arguments))

    def arguments(self, *more: str) -> list[str]:
        given = ["continue", "--project", str(PROJECT), "-o", str(self.puller.folder)]
        return [*given, "--agent", f"{sys.executable} agent.py", "--retries", "0", *more]

    def asked(self) -> list[Any]:
        """What the agent was asked so far, in order of their ids."""
        if not self.asked_file.exists():
            return []
        lines = self.asked_file.read_text(encoding="utf-8").splitlines()
        return sorted(map(json.loads, lines), key=lambda asked: str(asked["id"]))

    def add(self, identity: str = "t1", text: str | None = "look better") -> int:
        """A task with a trace of two steps; with a `text`, the first one of them is corrected. Returns its id."""
        number = int(self.studio.add_task(trace(identity)))
        if text is not None:
            self.correct(number, text)
        return number

    def correct(self, task: int, text: str, step: int = 0) -> int:
        return int(self.studio.annotate(task, fix(text, step)))

    def branches(self) -> dict[int, Any]:
        """The tasks of the project that are branches, by id, with what they say they continue."""
        found = ((number, branch_of(task["data"])) for number, task in self.studio.tasks.items())
        return {number: branch for number, branch in found if branch is not None}

    def data(self, number: int) -> Any:
        return self.studio.tasks[number]["data"]


def trace(identity: str) -> dict[str, Any]:
    """A trace of the plain shape with two steps."""
    steps = [{"action": "look", "observation": "nothing"}, {"action": "answer", "observation": "thanks"}]
    return {"id": identity, "task_description": "Find it.", "steps": steps}


def fix(text: str, step: int = 0) -> dict[str, Any]:
    """The result of the box for the action of a step, in the config that `push` makes."""
    return corrected(text, f"step_{step}__action__corrected", f"step_{step}__action")


def use_chats(continuer: Continuer, source: dict[str, Any]) -> int:
    """Has the project hold a conversation. Returns its task."""
    (chat,) = read_chat(source, "openai-chat", NO_OPTIONS)
    data = chat_data(chat, NO_OPTIONS)
    continuer.studio.label_config = config_for(Options(), chat_shape([data]))
    return int(continuer.studio.add_task(data))
