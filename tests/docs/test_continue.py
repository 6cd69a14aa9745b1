"""What the page on continuing a trace says about agents."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import get_args

from ls_trajedit.branches.agent import AgentRequest, FailureReason
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.program import ProgramAgent, find_program
from ls_trajedit.branches.stop import Stop
from ls_trajedit.traces.chat import chat_messages

from .pages import blocks, table_rows

PAGE = "docs/continue.md"


def test_the_program_on_the_page_answers_the_request_on_the_page(tmp_path: Path) -> None:
    (sent,) = [json.loads(block.text) for block in blocks("json") if block.page == PAGE]
    (code,) = [block for block in blocks("python") if block.page == PAGE]
    path = tmp_path / code.title
    path.write_text(code.text, encoding="utf-8")
    request = AgentRequest(sent["id"], tuple(sent["messages"]), tuple(sent["tools"]), sent["step"], sent["metadata"])
    assert json.loads(request.as_json()) == sent
    agent = ProgramAgent(find_program("--agent", shlex.join([sys.executable, str(path)])), 60, 0)
    with BranchLog(tmp_path / "logs", request.id) as log:
        answer = agent(request, log, Stop())
    assert chat_messages(answer.messages) == [
        {"role": "tool", "tool_call_id": "c1", "content": "7"},
        {"role": "assistant", "content": "It is 7."},
    ]
    assert log.path.read_text() == "tr1~1f0c54ad2e9b: 2 messages\n"


def test_every_reason_is_in_the_table_in_its_order() -> None:
    assert [row[0].strip("`") for row in table_rows(PAGE, "What fails")] == list(get_args(FailureReason))
