"""Requests to agents, and programs that are agents, written by the tests."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from ls_trajedit.branches.agent import AgentRequest
from ls_trajedit.traces.chat import ChatMessage

__all__ = ["USER", "asked", "called", "is_running", "program", "said", "tool_result"]

USER: ChatMessage = {"role": "user", "content": "Which key holds 7?"}


def said(text: str) -> ChatMessage:
    """A message of the assistant."""
    return {"role": "assistant", "content": text}


def called(identity: str, name: str, arguments: Any, text: str = "") -> ChatMessage:
    """A message of the assistant with one call."""
    return {
        "role": "assistant",
        "content": text,
        "tool_calls": [{"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}],
    }


def tool_result(identity: str, text: str) -> ChatMessage:
    """What a call returned."""
    return {"role": "tool", "content": text, "tool_call_id": identity}


def asked(*messages: ChatMessage, identity: str = "trace~0123456789ab", **more: Any) -> AgentRequest:
    """A request to continue these messages."""
    return AgentRequest(identity, messages or (USER,), **{"tools": (), "step": 0, **more})


def program(folder: Path, code: str, *arguments: str) -> str:
    """The command line of a Python program with that code. It starts quickly, because it has no packages."""
    path = folder / "my agent.py"
    path.write_text(code, encoding="utf-8")
    return shlex.join([sys.executable, "-S", "-E", str(path), *arguments])


def is_running(pid: int) -> bool:
    """Whether the process is there, and not merely one that nobody has waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
