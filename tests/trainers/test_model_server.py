"""`ls-trajedit continue --model` against a real server of a real model: `transformers serve`, and a model of two layers
that is made here and learns four turns by heart. Nothing comes from a hub."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast

from ls_trajedit.branches.agent import AgentRequest, Continuation, RecordedCall
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.model import ModelAgent, find_endpoint
from ls_trajedit.branches.run import Continued, run_branches
from ls_trajedit.branches.stop import Stop
from ls_trajedit.traces.chat import ChatMessage, chat_messages
from ls_trajedit.traces.model import Result, Text

from .tiny_model import causal_model

SECONDS = 180
MOST_STEPS = 500
WANTED_LOSS = 0.01

# The words of a message and the names of its calls, which is all that this model has to tell its turns by.
TEMPLATE = (
    "{% for message in messages %}<s>{{ message.role }}: {{ message.content or '' }}"
    "{% for call in message.tool_calls or [] %} {{ call.function.name }}{% endfor %}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
QUESTION: ChatMessage = {"role": "user", "content": "Which key holds 7?"}
CALL = '<tool_call>{"name": "get", "arguments": {"key": "a"}}</tool_call>'
CALLED: ChatMessage = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "x", "type": "function", "function": {"name": "get", "arguments": {"key": "a"}}}],
}


def heard(text: str) -> ChatMessage:
    """What the call returned."""
    return {"role": "tool", "content": text, "tool_call_id": "x"}


TURNS: list[tuple[list[ChatMessage], str]] = [
    ([QUESTION], CALL),
    ([QUESTION, CALLED, heard("7")], "It is a."),
    ([QUESTION, CALLED, heard("5")], "It is not a."),
    ([{"role": "user", "content": "Hello!"}], "Good day."),
]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> Path:
    """A folder with the model, as `save_pretrained` writes it."""
    tokenizer = deepcopy(tokenizer)
    tokenizer.chat_template = TEMPLATE
    model = causal_model(tokenizer)
    rows = [_row(tokenizer, before, said) for before, said in TURNS]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(MOST_STEPS):
        optimizer.zero_grad()
        losses = [model(input_ids=ids, labels=labels).loss for ids, labels in rows]
        torch.stack(losses).mean().backward()
        optimizer.step()
        if max(loss.item() for loss in losses) < WANTED_LOSS:
            break
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    greedy = GenerationConfig(
        do_sample=False, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, max_new_tokens=60
    )
    greedy.save_pretrained(folder)
    return folder


def _row(tokenizer: PreTrainedTokenizerFast, before: list[ChatMessage], said: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens of a prompt and of what is said then, of which only the latter are learned."""
    prompt = tokenizer.apply_chat_template(before, tokenize=False, add_generation_prompt=True)
    first, then = (tokenizer(text, add_special_tokens=False).input_ids for text in (prompt, said + "</s>"))
    return torch.tensor([first + then]), torch.tensor([[-100] * len(first) + then])


@pytest.fixture(scope="module")
def endpoint(model_folder: Path) -> Iterator[str]:
    """The address of the server, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    command = [program, "serve", model_folder, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    log = model_folder.parent / "serve.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def continued(endpoint: str, model: Path, folder: Path, *messages: ChatMessage, **more: Any) -> Continuation:
    """What the model says after the messages."""
    agent = ModelAgent(find_endpoint(endpoint, None), str(model), SECONDS, 0, 5)
    with BranchLog(folder, "a branch") as log:
        return agent(AgentRequest("a branch", messages, (), 0, **more), log, Stop())


def test_a_model_speaks(endpoint: str, model_folder: Path, tmp_path: Path) -> None:
    found = continued(endpoint, model_folder, tmp_path, {"role": "user", "content": "Hello!"})
    assert chat_messages(found.messages) == [{"role": "assistant", "content": "Good day."}]
    assert found.ending == "finished"


@pytest.mark.parametrize(("text", "end"), [("7", "It is a."), ("5", "It is not a.")])
def test_its_call_gets_the_recorded_result_and_it_goes_on(
    endpoint: str, model_folder: Path, tmp_path: Path, text: str, end: str
) -> None:
    recorded = (RecordedCall("get", {"key": "a"}, Result((Text(text),), "c7")),)
    found = continued(endpoint, model_folder, tmp_path, QUESTION, recorded=recorded)
    call, result, last = chat_messages(found.messages)
    (called,) = call["tool_calls"]
    assert called["function"] == {"name": "get", "arguments": {"key": "a"}}
    assert (result["tool_call_id"], result["content"]) == (called["id"], text)
    assert last == {"role": "assistant", "content": end}


def test_a_call_that_nobody_executes_ends_the_branch(endpoint: str, model_folder: Path, tmp_path: Path) -> None:
    found = continued(endpoint, model_folder, tmp_path, QUESTION)
    assert found.ending == "unexecuted_call"
    assert [len(message.calls) for message in found.messages] == [1]


def test_several_branches_at_a_time_are_what_each_is_alone(endpoint: str, model_folder: Path, tmp_path: Path) -> None:
    agent = ModelAgent(find_endpoint(endpoint, None), str(model_folder), SECONDS, 0, 5)
    hello: ChatMessage = {"role": "user", "content": "Hello!"}
    requests = [AgentRequest(str(number), ((QUESTION, hello)[number % 2],), (), 0) for number in range(6)]
    with run_branches(agent, requests, 3, tmp_path) as outcomes:
        found = {outcome.request.id: outcome for outcome in outcomes}
    for number in range(6):
        outcome = found[str(number)]
        assert isinstance(outcome, Continued)
        assert outcome.continuation.ending == ("unexecuted_call", "finished")[number % 2]
