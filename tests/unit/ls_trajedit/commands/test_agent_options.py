"""Which agent the options name, and what is wrong with options that name none."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from ls_trajedit.branches.model import ModelAgent
from ls_trajedit.branches.program import ProgramAgent
from ls_trajedit.branches.url import UrlAgent
from ls_trajedit.commands.agent_options import AgentOptions
from ls_trajedit.traces.errors import UsageError

URL = "http://localhost:8000/v1"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_a_program() -> None:
    agent = AgentOptions(agent=f"{sys.executable} 'my agent.py'", timeout=7, retries=1).open()
    assert isinstance(agent, ProgramAgent)
    assert (agent.program.command, agent.timeout, agent.retries) == ((sys.executable, "my agent.py"), 7, 1)
    assert agent.program.hidden == ()


def test_a_service() -> None:
    agent = AgentOptions(agent_url="http://localhost:8000/agent").open()
    assert isinstance(agent, UrlAgent)
    assert (agent.service.name, agent.timeout, agent.retries) == ("http://localhost:8000/agent", 600, 2)


def test_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-Zq81mB7wLx02")
    agent = AgentOptions(model=URL, model_name="m", tools_command=sys.executable).open()
    assert isinstance(agent, ModelAgent)
    assert (agent.service.name, agent.name, agent.max_turns) == (f"{URL}/chat/completions", "m", 30)
    assert agent.service.headers == (("Authorization", "Bearer sk-proj-Zq81mB7wLx02"),)
    assert agent.tools is not None
    assert agent.tools.hidden == ("OPENAI_API_KEY",)
    assert "sk-proj" not in repr(agent)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give one of --agent, --agent-url and --model"),
        ({"agent": sys.executable, "agent_url": URL}, "give one of --agent, --agent-url and --model"),
        ({"agent": sys.executable, "model": URL, "model_name": "m"}, "give one of"),
        ({"model_name": "m"}, "give one of"),
        ({"model": URL}, "--model needs --model-name"),
        ({"model": URL, "model_name": ""}, "--model needs --model-name"),
        ({"agent": sys.executable, "model_name": "m"}, "--model-name goes with --model"),
        ({"agent_url": URL, "tools_command": sys.executable}, "--tools-command goes with --model"),
        ({"agent": sys.executable, "max_turns": 3}, "--max-turns goes with --model"),
        ({"agent": ""}, "--agent: it is empty"),
        ({"agent": "no-such-program"}, "--agent: there is no program no-such-program"),
        ({"agent_url": "localhost:8000"}, "--agent-url localhost:8000: this is not the address of a server"),
        ({"model": "api.openai.com/v1", "model_name": "m"}, "--model api.openai.com/v1: this is not the address"),
        ({"model": URL, "model_name": "m", "tools_command": "no-such-program"}, "--tools-command: there is no program"),
    ],
)
def test_options_that_name_no_agent(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as failed:
        AgentOptions(**options).open()
    assert str(failed.value).startswith(words)
    assert failed.value.exit_code == 2
