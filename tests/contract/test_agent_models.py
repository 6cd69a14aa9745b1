"""Models as agents: a real HTTP server that answers as OpenAI-compatible servers do, and as they should not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ls_trajedit.branches import attempts
from ls_trajedit.branches.agent import AgentRequest, BranchFailed, Continuation, RecordedCall
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.model import ModelAgent, find_endpoint
from ls_trajedit.branches.program import find_program
from ls_trajedit.branches.run import run_branches
from ls_trajedit.branches.stop import Stop
from ls_trajedit.redaction import redact
from ls_trajedit.traces.chat import ChatMessage, chat_messages
from ls_trajedit.traces.errors import SetupError, UsageError
from ls_trajedit.traces.model import Image, Result, Text
from tests.support.agents import USER, asked, called, is_running, program, said, tool_result
from tests.support.http_service import Service, serve

KEY = "sk-proj-Zq81mB7wLx02"
SECONDS = 60.0
TOOLS = ({"type": "function", "function": {"name": "get", "description": "", "parameters": {"type": "object"}}},)


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy, and without pauses between attempts."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(attempts, "_FIRST_PAUSE", 0.0)


def chosen(message: dict[str, Any], finish_reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    """An answer with the message, as such servers give it."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason, **more}
    return {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": {"total_tokens": 9}}


def calling(*calls: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """An answer with calls, each of an id, a name and the text of its arguments."""
    listed = [
        {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
        for identity, name, arguments in calls
    ]
    return chosen({"content": None, "tool_calls": listed, **more}, "tool_calls")


END = chosen({"content": "It is a."})


def answering(*answers: dict[str, Any] | Response) -> Callable[[Request, bytes], Response]:
    """These answers, one after the other; the last one for ever."""
    left = list(answers)

    def answer(request: Request, body: bytes) -> Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found if isinstance(found, Response) else JSONResponse(found)

    return answer


def ask(
    folder: Path,
    url: str,
    request: AgentRequest | None = None,
    *,
    key: str | None = None,
    tools: str | None = None,
    retries: int = 0,
    max_turns: int = 30,
    timeout: float = SECONDS,
) -> Continuation:
    """What the model at that address says."""
    executing = None if tools is None else find_program("--tools-command", tools, hidden=("OPENAI_API_KEY",))
    agent = ModelAgent(find_endpoint(url, key), "m", timeout, retries, max_turns, executing)
    with BranchLog(folder / "logs", "a branch") as log:
        return agent(request or asked(tools=TOOLS), log, Stop())


def failure(folder: Path, url: str, request: AgentRequest | None = None, **more: Any) -> BranchFailed:
    """How it fails."""
    with pytest.raises(BranchFailed) as failed:
        ask(folder, url, request, **more)
    return failed.value


def sent(service: Service, number: int = -1) -> Any:
    """The body of a request that came."""
    return json.loads(service.seen[number].body)


def recorded(name: str, arguments: Any, text: str) -> RecordedCall:
    """A call of the original trace."""
    return RecordedCall(name, arguments, Result((Text(text),), "from the original"))


def test_a_model_is_asked_for_the_next_turn(tmp_path: Path) -> None:
    with serve(answering(END)) as service:
        found = ask(tmp_path, f"{service.url}/v1", key=KEY)
    assert (chat_messages(found.messages), found.ending) == ([said("It is a.")], "finished")
    (seen,) = service.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert sent(service) == {"model": "m", "messages": [USER], "tools": [dict(TOOLS[0])]}


def test_without_a_key_and_without_tools(tmp_path: Path) -> None:
    with serve(answering(END)) as service:
        ask(tmp_path, f"{service.url}/v1/", asked())
        ask(tmp_path, f"{service.url}/openai?api-version=7", asked(), key=" ")
        ask(tmp_path, f"{service.url}/v1/chat/completions/", asked())
    assert [(seen.path, seen.query) for seen in service.seen] == [
        ("/v1/chat/completions", ""),
        ("/openai/chat/completions", "api-version=7"),
        ("/v1/chat/completions", ""),
    ]
    assert "authorization" not in service.seen[0].headers
    assert sent(service) == {"model": "m", "messages": [USER]}


def test_equal_calls_get_the_recorded_results_in_their_order(tmp_path: Path) -> None:
    """`get a` was recorded twice, and is made three times. Of `put`, the arguments have another order of keys."""
    request = asked(
        tools=TOOLS,
        recorded=(
            recorded("get", {"key": "a"}, "5"),
            recorded("put", {"key": "a", "value": 1}, "done"),
            recorded("get", {"key": "a"}, "1"),
            recorded("get", {"key": "b"}, "unused"),
        ),
    )
    turns = (
        calling(("x", "get", '{"key": "a"}'), reasoning_content="Look first."),
        calling(("x", "put", '{"value":1,"key":"a"}')),
        calling(("", "get", '{"key": "a"}')),
        calling(("x", "get", '{"key": "a"}')),
        END,
    )
    with serve(answering(*turns)) as service:
        found = ask(tmp_path, service.url, request)
    assert found.ending == "unexecuted_call"
    assert chat_messages(found.messages) == [
        called("x", "get", {"key": "a"}) | {"reasoning_content": "Look first."},
        tool_result("x", "5"),
        called("call00001", "put", {"value": 1, "key": "a"}),
        tool_result("call00001", "done"),
        called("call00002", "get", {"key": "a"}),
        tool_result("call00002", "1"),
        called("call00003", "get", {"key": "a"}),
    ]
    assert len(service.seen) == 4
    assert sent(service)["messages"][1:3] == [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Look first.",
            "tool_calls": [{"id": "x", "type": "function", "function": {"name": "get", "arguments": '{"key":"a"}'}}],
        },
        tool_result("x", "5"),
    ]


@pytest.mark.parametrize(
    ("arguments", "made", "is_equal"),
    [
        ({"key": "a", "n": 1}, '{"n": 1, "key": "a"}', True),
        ({"n": 1}, '{"n": 1.0}', False),
        ({"n": 1}, '{"n": true}', False),
        ({"n": 1}, '{"n": "1"}', False),
        ({}, "", True),
        ({}, "{}", True),
        ({"key": None}, "{}", False),
        ({"keys": ["a", "b"]}, '{"keys": ["b", "a"]}', False),
        ('{"key": ', '{"key": ', True),
        ({"key": "é"}, '{"key": "\\u00e9"}', True),
    ],
)
def test_which_calls_are_equal(tmp_path: Path, arguments: Any, made: str, is_equal: bool) -> None:
    request = asked(recorded=(recorded("get", arguments, "5"),))
    with serve(answering(calling(("x", "get", made)), END)) as service:
        found = ask(tmp_path, service.url, request)
    assert found.ending == ("finished" if is_equal else "unexecuted_call")
    with serve(answering(calling(("x", "got", made)), END)) as service:
        assert ask(tmp_path, service.url, request).ending == "unexecuted_call"


def test_what_the_conversation_has_used_is_used(tmp_path: Path) -> None:
    """The first `get a` stands before the cut with its result; the second was recorded after it."""
    before = (USER, called("c1", "get", {"key": "a"}), tool_result("c1", "5"))
    both = (recorded("get", {"key": "a"}, "5"), recorded("get", {"key": "a"}, "7"))
    again = calling(("x", "get", '{"key": "a"}'))
    with serve(answering(again, END)) as service:
        found = ask(tmp_path, service.url, asked(*before, recorded=both))
        assert chat_messages(found.messages)[1] == tool_result("x", "7")
    with serve(answering(again, END)) as service:
        assert ask(tmp_path, service.url, asked(*before, recorded=both[:1])).ending == "unexecuted_call"


def test_an_id_that_is_used_again_is_that_of_the_later_call(tmp_path: Path) -> None:
    """Only the first `get a` has its result; the second one waits for the second result that was recorded."""
    again = (called("c1", "get", {"key": "a"}), tool_result("c1", "5"), called("c1", "get", {"key": "a"}))
    both = (recorded("get", {"key": "a"}, "5"), recorded("get", {"key": "a"}, "7"))
    with serve(answering(END)) as service:
        found = ask(tmp_path, service.url, asked(USER, *again, recorded=both))
    assert chat_messages(found.messages) == [tool_result("c1", "7"), said("It is a.")]


def test_a_recorded_result_with_an_image(tmp_path: Path) -> None:
    url = "data:image/png;base64,AA=="
    result = Result((Text("Look:"), Image(url)), "c7", "get")
    request = asked(recorded=(RecordedCall("get", {}, result),))
    with serve(answering(calling(("x", "get", "{}")), END)) as service:
        ask(tmp_path, service.url, request)
    assert sent(service)["messages"][-1] == {
        "role": "tool",
        "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": url}}],
        "tool_call_id": "x",
        "name": "get",
    }


def test_parallel_calls_of_which_one_is_not_recorded(tmp_path: Path) -> None:
    """No model can go on without all of its results, so none is given and the branch ends there."""
    request = asked(recorded=(recorded("get", {"key": "a"}, "5"),))
    with serve(answering(calling(("x", "get", '{"key": "a"}'), ("y", "put", "{}")), END)) as service:
        found = ask(tmp_path, service.url, request)
    assert found.ending == "unexecuted_call"
    assert [len(message.calls) for message in found.messages] == [2]
    twice = calling(("x", "get", '{"key": "a"}'), ("y", "get", '{"key": "a"}'))
    with serve(answering(twice, END)) as service:
        assert ask(tmp_path, service.url, request).ending == "unexecuted_call"


ECHO = (
    "import json, os, sys\n"
    "call = json.load(sys.stdin)\n"
    "open(sys.argv[1], 'a').write(json.dumps(call) + '\\n')\n"
    "print(json.dumps({'content': f\"{call['name']} {os.environ.get('OPENAI_API_KEY')}\"}))\n"
)


def test_a_program_executes_what_was_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    request = asked(recorded=(recorded("get", {"key": "a"}, "5"),))
    turns = (
        calling(("x", "put", '{"key": "é"}'), ("y", "get", '{"key": "a"}'), ("z", "put", "{not json")),
        calling(("", "ls", "")),
        END,
    )
    with serve(answering(*turns)) as service:
        tools = program(tmp_path, ECHO, str(tmp_path / "calls"))
        found = ask(tmp_path, service.url, request, key=KEY, tools=tools)
    assert found.ending == "finished"
    assert chat_messages(found.messages)[1:4] == [
        tool_result("x", "put None"),
        tool_result("y", "5"),
        tool_result("z", "put None"),
    ]
    assert [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()] == [
        {"id": "x", "name": "put", "arguments": {"key": "é"}},
        {"id": "z", "name": "put", "arguments": "{not json"},
        {"id": "call00001", "name": "ls", "arguments": {}},
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys\nsys.exit('no such tool')", "the exit code 1; it said: no such tool"),
        ("print('nonsense')", "is not JSON"),
        ("print('{\"content\": 7}')", "has to have `content`"),
        ('print(\'{"content": "a", "is_error": true}\')', "has to have `content`"),
        ('print(\'{"content": "a\\\\u0000"}\')', "U+0000"),
        ("import time\ntime.sleep(600)", "had not ended after 3 s"),
        (f'print(\'{{"content": "{KEY}"}}\')', "holds OPENAI_API_KEY"),
    ],
)
def test_a_tool_that_fails_fails_the_branch_and_is_not_tried_again(tmp_path: Path, code: str, words: str) -> None:
    counting = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
    with serve(answering(calling(("x", "put", "{}")), END)) as service:
        tools = program(tmp_path, counting + code)
        timeout = 3 if "sleep" in code else SECONDS
        failed = failure(tmp_path, service.url, key=KEY, tools=tools, retries=3, timeout=timeout)
    assert failed.reason == "tool_failed"
    assert failed.sentence.startswith("the call of `put`: ")
    assert words in failed.sentence
    assert not failed.is_transient
    assert (tmp_path / "runs").read_text() == "x"


def test_a_conversation_that_ends_with_a_call_begins_with_its_result(tmp_path: Path) -> None:
    """The corrected call has none of its own. An equal one was recorded later, or a program executes it."""
    corrected = called("c1", "get", {"key": "a"})
    expected = [tool_result("c1", "7"), said("It is a.")]
    with serve(answering(END)) as service:
        request = asked(USER, corrected, recorded=(recorded("get", {"key": "a"}, "7"),))
        assert chat_messages(ask(tmp_path, service.url, request).messages) == expected
        assert sent(service)["messages"][2:] == expected[:1]
        tools = program(tmp_path, 'print(\'{"content": "7"}\')')
        assert chat_messages(ask(tmp_path, service.url, asked(USER, corrected), tools=tools).messages) == expected
        failed = failure(tmp_path, service.url, asked(USER, corrected))
        assert failed.reason == "unexecuted_call"
        assert "a call without a result (get)" in failed.sentence
        assert len(service.seen) == 2


def test_only_what_lacks_its_result_is_executed(tmp_path: Path) -> None:
    two = called("c1", "get", {"key": "a"})
    two["tool_calls"].append({"id": "c2", "type": "function", "function": {"name": "put", "arguments": {}}})
    tools = program(tmp_path, ECHO, str(tmp_path / "calls"))
    with serve(answering(END)) as service:
        found = ask(tmp_path, service.url, asked(USER, two, tool_result("c1", "5")), tools=tools)
    assert chat_messages(found.messages) == [tool_result("c2", "put None"), said("It is a.")]
    assert [json.loads(line)["id"] for line in (tmp_path / "calls").read_text().splitlines()] == ["c2"]


def test_a_model_does_not_know_what_a_user_answers(tmp_path: Path) -> None:
    with serve(answering(END)) as service:
        request = asked(USER, said("Which store?"), is_agents_turn=False)
        assert failure(tmp_path, service.url, request).reason == "not_its_turn"
        assert service.seen == []


def test_the_number_of_turns_has_a_limit(tmp_path: Path) -> None:
    tools = program(tmp_path, 'print(\'{"content": "7"}\')')
    with serve(answering(calling(("x", "get", "{}")))) as service:
        found = ask(tmp_path, service.url, tools=tools, max_turns=3)
        assert len(service.seen) == 3
    assert found.ending == "max_turns"
    assert [message.role for message in found.messages] == ["assistant", "tool"] * 3


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "a", "reasoning_content": "b"}, said("a") | {"reasoning_content": "b"}),
        ({"content": "a", "reasoning": "b"}, said("a") | {"reasoning_content": "b"}),
        ({"content": "a", "reasoning": "b", "reasoning_content": "b"}, said("a") | {"reasoning_content": "b"}),
        ({"content": "<think>b</think>\n\na"}, said("\n\na") | {"reasoning_content": "b"}),
        ({"content": [{"type": "text", "text": "a"}]}, said("a")),
        ({"content": "a", "refusal": None, "tool_calls": [], "function_call": None, "audio": None}, said("a")),
        ({"content": "a", "role": None}, said("a")),
    ],
)
def test_how_servers_write_a_message(tmp_path: Path, message: dict[str, Any], expected: ChatMessage) -> None:
    with serve(answering(chosen(message))) as service:
        (found,) = chat_messages(ask(tmp_path, service.url).messages)
    assert {**found, "content": str(found["content"]).strip()} == {**expected, "content": "a"}


@pytest.mark.parametrize(
    ("answer", "slug", "words"),
    [
        (chosen({"content": None}), "says_nothing", ""),
        (chosen({"content": ""}), "says_nothing", ""),
        (chosen({"content": " \n"}), "says_nothing", ""),
        (chosen({"content": "", "reasoning_content": "Hm."}), "says_nothing", "only thought"),
        (chosen({"content": "It is"}, "length"), "cut_off", "`finish_reason: length`"),
        (calling(("x", "get", '{"key'))["choices"][0] | {"finish_reason": "length"}, "cut_off", "length"),
        (chosen({"content": None, "refusal": "I cannot help."}), "refused", "I cannot help."),
        (chosen({"content": ""}, "content_filter"), "refused", "content_filter"),
        (chosen({"content": "a"}, "error"), "model_error", "`finish_reason: error`"),
        ({"error": {"message": "The model is loading", "code": None}}, "model_error", "The model is loading"),
        ({"error": "overloaded"}, "model_error", "overloaded"),
        (chosen({"content": ""}, "stop", error={"code": 400, "message": "No."}), "model_error", "No."),
        ({"choices": []}, "wrong_shape", "no `choices`"),
        ({"choices": [{"text": "a", "finish_reason": "stop"}]}, "wrong_shape", "no `choices`"),
        ({"choices": None}, "wrong_shape", "no `choices`"),
        ({"object": "error", "message": "a"}, "wrong_shape", "no `choices`"),
        (calling(("x", "", "{}")), "bad_call", "has no name"),
        (chosen({"content": {"text": "a"}}), "wrong_shape", "neither a string nor a list"),
        (chosen({"content": "a\0"}), "not_storable", "U+0000"),
        (Response(b'data: {"choices": []}\n\n'), "not_json", "data: "),
        (Response(b"<html>404</html>"), "not_json", "<html>"),
        (Response(b"", 404), "http_status", "answers with 404"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_turn(tmp_path: Path, answer: Any, slug: str, words: str) -> None:
    if isinstance(answer, dict) and "finish_reason" in answer:
        answer = {"choices": [answer]}
    with serve(answering(answer)) as service:
        failed = failure(tmp_path, service.url, retries=3)
        assert len(service.seen) == 1
    assert (failed.reason, words in failed.sentence) == (slug, True), failed.sentence


def test_a_failure_in_a_later_turn_fails_the_branch(tmp_path: Path) -> None:
    request = asked(recorded=(recorded("get", {}, "5"),))
    with serve(answering(calling(("x", "get", "{}")), chosen({"content": "It"}, "length"))) as service:
        assert failure(tmp_path, service.url, request).reason == "cut_off"


@pytest.mark.parametrize(
    "busy",
    [Response("", 500), Response("", 429), JSONResponse({"error": {"code": 503, "message": "Overloaded"}})],
)
def test_each_request_is_tried_again_by_itself(tmp_path: Path, busy: Response) -> None:
    """With one retry, a branch of two turns gets through two such answers."""
    request = asked(recorded=(recorded("get", {}, "5"),))
    with serve(answering(busy, calling(("x", "get", "{}")), busy, END)) as service:
        assert ask(tmp_path, service.url, request, retries=1).ending == "finished"
        assert len(service.seen) == 4
    with serve(answering(busy)) as service:
        assert failure(tmp_path, service.url, request, retries=1).is_transient
        assert len(service.seen) == 2


def test_a_server_that_takes_no_reasoning_gets_none(tmp_path: Path) -> None:
    """OpenAI's own and others refuse a key that they do not know; DeepSeek and Kimi ask for this one."""
    before = (USER, said("Wait.") | {"reasoning_content": "Hm."}, {"role": "user", "content": "Well?"})

    def strict(request: Request, body: bytes) -> Response:
        if b"reasoning_content" in body:
            return JSONResponse({"error": {"message": "messages.1.reasoning_content: unknown property"}}, 400)
        return JSONResponse(END)

    with serve(strict) as service:
        agent = ModelAgent(find_endpoint(service.url, None), "m", SECONDS, 0, 3)
        with BranchLog(tmp_path, "a branch") as log:
            for _ in range(2):
                assert agent(asked(*before), log, Stop()).messages[0].text == "It is a."
        assert [b"Hm." in seen.body for seen in service.seen] == [True, False, False]
    assert "from here on, no reasoning is sent" in log.path.read_text()
    with serve(answering(Response("bad request", 400))) as service:
        assert failure(tmp_path, service.url, asked(*before)).reason == "http_status"
        assert len(service.seen) == 1


@pytest.mark.parametrize("where", ["content", "arguments", "error", "status", "nonsense", "header"])
def test_the_key_is_never_shown_or_kept(tmp_path: Path, where: str) -> None:
    def echo(request: Request, body: bytes) -> Response:
        key = request.headers["authorization"]
        return {
            "content": JSONResponse(chosen({"content": f"My key is {key}."})),
            "arguments": JSONResponse(calling(("x", "get", json.dumps({"key": key})))),
            "error": JSONResponse({"error": {"message": f"Incorrect API key provided: {key}"}}),
            "status": JSONResponse({"error": {"message": f"Incorrect API key provided: {key}"}}, 401),
            "nonsense": Response(f"What is {key}?"),
            "header": Response("", 307, {"Location": f"https://example.com/{key.split()[1]}"}),
        }[where]

    with serve(echo) as service:
        agent = ModelAgent(find_endpoint(service.url, KEY), "m", SECONDS, 1, 3)
        assert KEY not in repr(agent)
        with run_branches(agent, [asked()], 1, tmp_path) as outcomes:
            (outcome,) = outcomes
    assert hasattr(outcome, "failure")
    assert outcome.failure.reason in ("holds_secret", "http_status", "redirect")
    texts = [outcome.failure.sentence, str(outcome.failure), repr(outcome)]
    texts += [path.read_text() for path in tmp_path.iterdir()]
    assert len(texts) == 4
    assert not [text for text in texts if KEY in text or KEY[3:] in text]


def test_a_word_for_a_key_may_stand_in_an_answer(tmp_path: Path) -> None:
    """Local servers want any key at all, and people give them words."""
    with serve(answering(chosen({"content": "A key is not needed."}))) as service:
        assert ask(tmp_path, service.url, key="not-needed").messages[0].text == "A key is not needed."
        assert service.seen[0].headers["authorization"] == "Bearer not-needed"
    assert redact("Bearer not-needed") == "Bearer …"


@pytest.mark.parametrize("key", ["sk-\n1", "sk 1 2", "schlüssel"])
def test_a_key_that_no_header_can_hold(key: str) -> None:
    with pytest.raises(SetupError, match="OPENAI_API_KEY holds characters") as failed:
        find_endpoint("http://localhost:8000/v1", key)
    assert key not in str(failed.value)


def test_a_password_in_the_address(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="either a password in the address or OPENAI_API_KEY"):
        find_endpoint("http://ana:open-sesame@localhost:8000/v1", KEY)
    with serve(answering(END)) as service:
        ask(tmp_path, service.url.replace("//", "//ana:open-sesame@"))
        assert service.seen[0].headers["authorization"].startswith("Basic ")


def test_what_ends_the_run_kills_a_tool(tmp_path: Path) -> None:
    code = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    tools = find_program("--tools-command", program(tmp_path, code, str(tmp_path / "pid")))
    with serve(answering(calling(("x", "get", "{}")))) as service:
        agent = ModelAgent(find_endpoint(service.url, None), "m", SECONDS, 0, 3, tools)
        with run_branches(agent, [asked()], 1, tmp_path / "logs"):
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
                time.sleep(0.01)
        assert not is_running(int((tmp_path / "pid").read_text()))
