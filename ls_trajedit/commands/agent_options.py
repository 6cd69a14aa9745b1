"""Options that say which agent continues branches, and how long it may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.traces.errors import UsageError

if TYPE_CHECKING:
    from ls_trajedit.branches.agent import Agent

__all__ = ["AgentOptions"]

_MAX_TURNS = 30


@dataclass(frozen=True, kw_only=True)
class AgentOptions:
    """Which agent continues branches, how many at a time, and within which bounds."""

    agent: Annotated[
        str | None,
        Option("--agent", help="A program that reads a request and writes what follows.", metavar="COMMAND"),
    ] = None
    agent_url: Annotated[
        str | None,
        Option("--agent-url", help="A service that does the same over HTTP.", metavar="URL"),
    ] = field(default=None, repr=False)
    model: Annotated[
        str | None,
        Option(
            "--model",
            help="An OpenAI-compatible endpoint, such as http://localhost:8000/v1; its key is read from "
            "OPENAI_API_KEY.",
            metavar="URL",
        ),
    ] = field(default=None, repr=False)
    model_name: Annotated[
        str | None, Option("--model-name", help="The model that --model is asked for.", metavar="NAME")
    ] = None
    tools_command: Annotated[
        str | None,
        Option(
            "--tools-command",
            help="A program that executes the calls of --model that have no recorded result.",
            metavar="COMMAND",
        ),
    ] = None
    max_turns: Annotated[
        int | None,
        Option(
            "--max-turns",
            help=f"How many turns --model may have in each branch ({_MAX_TURNS} if not given).",
            metavar="N",
            min=1,
        ),
    ] = None
    jobs: Annotated[
        int, Option("--jobs", help="How many branches to continue at a time.", metavar="N", min=1, max=256)
    ] = 1
    timeout: Annotated[
        float,
        Option(
            "--timeout",
            help="How long the agent, one request to it, or one tool may take.",
            metavar="SECONDS",
            min=0.001,
            check=shared_options.check_finite,
        ),
    ] = 600
    retries: Annotated[
        int,
        Option(
            "--retries", help="How often to retry an agent that fails or does not answer in time.", metavar="N", min=0
        ),
    ] = 2

    def open(self) -> Agent:
        """The agent.

        Raises UsageError when the options do not name exactly one, for an option that does nothing beside it, and for
        what is neither a program that is there nor an address; SetupError for a key that cannot be sent, and when the
        environment names a proxy or certificates that cannot be used.
        """
        self._check()
        from ls_trajedit.branches.program import ProgramAgent, find_program
        from ls_trajedit.branches.url import Service, UrlAgent, find_service

        if self.agent is not None:
            return ProgramAgent(find_program("--agent", self.agent), self.timeout, self.retries)
        if self.agent_url is not None:
            return UrlAgent(Service(find_service("--agent-url", self.agent_url)), self.timeout, self.retries)
        assert self.model is not None
        assert self.model_name is not None
        from ls_trajedit.branches.model import KEY_VARIABLE, ModelAgent, find_endpoint

        tools = None
        if self.tools_command is not None:
            # A model decides what its tools do, and one of them may well print its environment.
            tools = find_program("--tools-command", self.tools_command, hidden=(KEY_VARIABLE,))
        endpoint = find_endpoint(self.model, os.environ.get(KEY_VARIABLE))
        turns = _MAX_TURNS if self.max_turns is None else self.max_turns
        return ModelAgent(endpoint, self.model_name, self.timeout, self.retries, turns, tools)

    def _check(self) -> None:
        if sum(given is not None for given in (self.agent, self.agent_url, self.model)) != 1:
            raise UsageError("give one of --agent, --agent-url and --model: it says who continues the branches")
        if self.model is not None and not self.model_name:
            raise UsageError("--model needs --model-name, the name by which the endpoint knows the model")
        of_model = {
            "--model-name": self.model_name,
            "--tools-command": self.tools_command,
            "--max-turns": self.max_turns,
        }
        for option, given in of_model.items():
            if given is not None and self.model is None:
                raise UsageError(f"{option} goes with --model")
