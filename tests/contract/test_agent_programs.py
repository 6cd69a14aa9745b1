"""Programs as agents: real ones, which the tests write, and which do all that a program can do."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ls_trajedit.branches import attempts
from ls_trajedit.branches.agent import AgentRequest, BranchFailed, Continuation
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.program import ProgramAgent, find_program
from ls_trajedit.branches.run import BranchFailure, Continued, run_branches
from ls_trajedit.branches.stop import Stop
from ls_trajedit.redaction import keep_token
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.errors import SetupError, UsageError
from tests.support.agents import USER, asked, called, is_running, program, said, tool_result

TOKEN = "0123456789abcdef0123456789abcdef01234567"
SECONDS = 60.0

# What most of the programs begin with.
READ = "import json, os, sys, time\nrequest = json.load(sys.stdin)\n"
ANSWER = 'print(json.dumps({"messages": [{"role": "assistant", "content": "It is a."}]}), flush=True)\n'
# A child that ignores SIGTERM and notes its number, and one of a session of its own.
CHILDREN = """
import signal
for is_apart in (False, True):
    if os.fork() == 0:
        if is_apart:
            os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        path = sys.argv[1] + ("-apart" if is_apart else "-child")
        with open(path + ".new", "w") as file:
            file.write(str(os.getpid()))
        os.rename(path + ".new", path)
        time.sleep(600)
while not (os.path.exists(sys.argv[1] + "-apart") and os.path.exists(sys.argv[1] + "-child")):
    time.sleep(0.001)
"""
NUL = r"""print('{"messages": [{"role": "assistant", "content": "a\\u0000b"}]}')"""
MANY = """print('{"messages": [' + ', '.join(['{"role": "assistant", "content": "a"}'] * 100000) + ']}')"""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_FIRST_PAUSE", 0.0)


def run(
    folder: Path,
    code: str,
    request: AgentRequest | None = None,
    *arguments: str,
    timeout: float = SECONDS,
    retries: int = 0,
) -> Continuation:
    """What the program with that code answers; its log is in `log`."""
    agent = ProgramAgent(find_program("--agent", program(folder, code, *arguments)), timeout, retries)
    with BranchLog(folder / "logs", "a branch") as log:
        return agent(request or asked(), log, Stop())


def failure(folder: Path, code: str, *arguments: str, timeout: float = SECONDS, retries: int = 0) -> BranchFailed:
    """How the program with that code fails."""
    with pytest.raises(BranchFailed) as failed:
        run(folder, code, None, *arguments, timeout=timeout, retries=retries)
    return failed.value


def logged(folder: Path) -> str:
    """The only log in the folder."""
    (path,) = (folder / "logs").iterdir()
    return path.read_text(encoding="utf-8")


def test_a_program_gets_the_request_and_gives_what_follows(tmp_path: Path) -> None:
    request = asked(
        {"role": "user", "content": "Größe 🙂?"},
        called("c1", "get", {"key": "a"}),
        identity="t/1~0123456789ab",
        tools=({"type": "function", "function": {"name": "get"}},),
        step=3,
        metadata={"round": 2},
    )
    code = (
        "import sys\n"
        "raw = sys.stdin.buffer.read()\n"
        "open(sys.argv[1], 'wb').write(raw)\n"
        'sys.stdout.buffer.write(\'{"messages": [{"role": "tool", "tool_call_id": "c1", "content": "größer"},\'\n'
        '\'{"role": "assistant", "content": "🙂"}]}\'.encode())\n'
    )
    answer = run(tmp_path, code, request, str(tmp_path / "sent"))
    assert json.loads((tmp_path / "sent").read_bytes()) == {
        "id": "t/1~0123456789ab",
        "messages": [
            {"role": "user", "content": "Größe 🙂?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "get", "arguments": {"key": "a"}}}
                ],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "get"}}],
        "step": 3,
        "metadata": {"round": 2},
    }
    assert chat_messages(answer.messages) == [tool_result("c1", "größer"), said("🙂")]
    assert answer.ending == "finished"
    assert not (tmp_path / "logs").exists()


def test_the_command_is_split_as_a_shell_does_and_no_shell_sees_it(tmp_path: Path) -> None:
    code = READ + "print(json.dumps({'messages': [{'role': 'assistant', 'content': json.dumps(sys.argv[1:])}]}))"
    answer = run(tmp_path, code, None, "a b", "$HOME", "; exit 1", "*", "")
    assert json.loads(answer.messages[0].text) == ["a b", "$HOME", "; exit 1", "*", ""]


def test_a_program_gets_our_environment_without_our_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_token("the token", TOKEN)
    ours = {
        "LABEL_STUDIO_API_KEY": "another",
        "LABEL_STUDIO_HEADERS": "X-Api-Key=abc",
        "BASIC_AUTH_PASS": "secret",
        "CI_TOKEN_OF_LABEL_STUDIO": TOKEN,
        "IN_A_LONGER_TEXT": f"Token {TOKEN}",
    }
    others = {"OPENAI_API_KEY": "sk-1", "GREETING": "Grüße", "LABEL_STUDIO_URL": "http://localhost:8080"}
    for name, value in (ours | others).items():
        monkeypatch.setenv(name, value)
    code = READ + "print(json.dumps({'messages': [{'role': 'assistant', 'content': json.dumps(dict(os.environ))}]}))"
    found = json.loads(run(tmp_path, code).messages[0].text)
    assert found.keys() & ours.keys() == set()
    assert {name: found[name] for name in others} == others
    assert found["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("code", "slug", "words"),
    [
        ("import sys\nprint('a', file=sys.stderr)\nsys.exit('no such key')", "exit_code", "it said: no such key"),
        ("import sys\nprint('{\"messages\": []}')\nsys.exit(7)", "exit_code", "ended with the exit code 7"),
        ("import os\nos.kill(os.getpid(), 9)", "exit_code", "was killed by SIGKILL"),
        ("raise RuntimeError('a bug')", "exit_code", "it said: RuntimeError: a bug"),
        ("pass", "not_json", "is empty"),
        ("print('Thinking ...')", "not_json", "begins with `Thinking ...`"),
        ("import sys\nsys.stdout.buffer.write(b'{\"messages\": \\xff\\xfe}')", "not_json", "is not JSON"),
        ("import sys\nsys.stdout.buffer.write(b'\\0' * 1000)", "not_json", "is not JSON"),
        ("import sys\nsys.stdout.buffer.write('{}'.encode('utf-16'))", "not_json", "is not JSON"),
        ("print('[]')", "wrong_shape", "not an object"),
        (NUL, "not_storable", "U+0000"),
        (MANY, "too_much", "100,000 messages"),
    ],
)  # fmt: skip
def test_a_program_that_fails_or_answers_nonsense(tmp_path: Path, code: str, slug: str, words: str) -> None:
    failed = failure(tmp_path, code)
    assert (failed.reason, words in failed.sentence) == (slug, True), failed.sentence
    assert failed.is_transient == (slug == "exit_code")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_writes_without_end(tmp_path: Path, stream: str) -> None:
    """It would be a gigabyte within a second or two, and goes on."""
    code = f"import sys\nwhile True:\n    sys.{stream}.write('x' * 1_000_000)\n"
    failed = failure(tmp_path, code, timeout=SECONDS if stream == "stdout" else 3)
    if stream == "stdout":
        assert failed.reason == "too_much"
        assert "more than 32 MiB" in failed.sentence
    else:
        assert failed.reason == "timeout"
        text = logged(tmp_path)
        assert 100_000 <= len(text) < 101_000
        assert "bytes left out" in text


@pytest.mark.parametrize(
    "code",
    [
        READ + "time.sleep(600)",
        "import time\ntime.sleep(600)",
        "import os, time\nos.close(0)\ntime.sleep(600)",
        "import os, sys, time\nprint('{}')\nsys.stdout.flush()\nos.closerange(0, 3)\ntime.sleep(600)",
        READ + "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
        "while True: pass",
    ],
)
def test_a_program_that_hangs_is_killed(tmp_path: Path, code: str) -> None:
    noting = "import os, sys\nopen(sys.argv[1], 'w').write(str(os.getpid()))\n"
    failed = failure(tmp_path, noting + code, str(tmp_path / "pid"), timeout=3)
    assert failed.reason == "timeout"
    assert failed.is_transient
    assert "had not ended after 3 s" in failed.sentence
    assert not is_running(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("ending", ["time.sleep(600)", ANSWER, "sys.exit(1)", ANSWER + "os.kill(os.getpid(), 9)"])
def test_nothing_that_a_program_started_is_left(tmp_path: Path, ending: str) -> None:
    """Two children hold all its pipes open, ignore SIGTERM, and one of them has left its group."""
    code = READ + CHILDREN + ending
    if ending == ANSWER:
        assert run(tmp_path, code, None, str(tmp_path / "pid")).messages[0].text == "It is a."
    else:
        expected, timeout = ("timeout", 5) if "sleep" in ending else ("exit_code", SECONDS)
        assert failure(tmp_path, code, str(tmp_path / "pid"), timeout=timeout).reason == expected
    for name in ("pid-child", "pid-apart"):
        assert not is_running(int((tmp_path / name).read_text()))


def test_where_a_process_has_to_be_waited_for_to_know_that_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS with Python 3.12."""
    monkeypatch.delattr(os, "waitid")
    assert run(tmp_path, READ + CHILDREN + ANSWER, None, str(tmp_path / "pid")).messages[0].text == "It is a."
    for name in ("pid-child", "pid-apart"):
        assert not is_running(int((tmp_path / name).read_text()))
    assert failure(tmp_path, READ + "time.sleep(600)", timeout=0.3).reason == "timeout"


def test_with_too_many_open_files_nothing_is_left(tmp_path: Path) -> None:
    before = {int(path.name) for path in Path("/proc/self/fd").iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    agent = ProgramAgent(find_program("--agent", program(tmp_path, READ + ANSWER)), SECONDS, 0)
    log = BranchLog(tmp_path / "logs", "a branch")
    try:
        for spare in range(12):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(before) + spare, limits[1]))
            with contextlib.suppress(BranchFailed):
                agent(asked(), log, Stop())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert {int(path.name) for path in Path("/proc/self/fd").iterdir()} <= before


@pytest.mark.parametrize("start", ["import os\nos.close(0)\n", "", "import sys\nsys.stdin.close()\n"])
def test_a_program_need_not_read_its_request(tmp_path: Path, start: str) -> None:
    """Which is larger than any pipe."""
    request = asked({"role": "user", "content": "x" * 5_000_000})
    assert run(tmp_path, f"{start}import json\n{ANSWER}", request).messages[0].text == "It is a."


def test_a_program_may_write_before_it_has_read(tmp_path: Path) -> None:
    """Both are larger than any pipe, so that each side would wait for the other."""
    code = (
        "import json, sys\n"
        'sys.stdout.write(\'{"messages": [{"role": "assistant", "content": "\' + \'y\' * 3_000_000)\n'
        "sys.stdout.flush()\n"
        "size = len(sys.stdin.read())\n"
        "sys.stdout.write(' ' + str(size) + '\"}]}')\n"
    )
    request = asked({"role": "user", "content": "x" * 3_000_000})
    text = run(tmp_path, code, request).messages[0].text
    assert text == "y" * 3_000_000 + f" {len(request.as_json()) + 1}"


def test_what_is_half_a_character_does_no_harm(tmp_path: Path) -> None:
    """In a trace that is read from a file it can stand; as UTF-8 it cannot."""
    request = asked({"role": "user", "content": "a\ud800b"}, identity="\udcff~1")
    code = READ + "assert request['messages'][0]['content'] == 'a\\ud800b'\n" + ANSWER
    assert run(tmp_path, code, request).messages[0].text == "It is a."


def test_standard_error_goes_to_the_log_as_it_may_be_shown(tmp_path: Path) -> None:
    keep_token("the token", TOKEN)
    said = (
        f"\x1b[31mred\x07\n::error::no\n{TOKEN[:20]}\n{TOKEN[20:]}\n\u202eabc\tGr\u00fc\u00dfe\r\n".encode()
        + b"\xff\xfe\0\n"
    )
    code = READ + f"sys.stderr.buffer.write({said!r})\n" + ANSWER
    run(tmp_path, code)
    assert logged(tmp_path).split("\n") == [
        "\\x1b[31mred\\x07",
        "\\x3a:error::no",
        "…",
        "\\u202eabc\\tGrüße",
        "\\xff\\xfe\\x00",
        "",
    ]


def test_a_log_is_private_and_not_named_by_a_trace(tmp_path: Path) -> None:
    agent = ProgramAgent(find_program("--agent", program(tmp_path, READ + "sys.exit('no')")), SECONDS, 0)
    logs = tmp_path / "out" / "logs"
    requests = [asked(identity=identity) for identity in ("../../etc/x~1", "a" * 10_000, "\ud800", "c\0d", "")]
    with run_branches(agent, requests, 2, logs) as outcomes:
        failures = [outcome for outcome in outcomes if isinstance(outcome, BranchFailure)]
    assert len(failures) == 5
    assert sorted(path for failed in failures if (path := failed.log)) == sorted(logs.iterdir())
    assert stat.S_IMODE(logs.stat().st_mode) == 0o700
    for path in logs.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.stem) == 16
        assert path.read_text(encoding="utf-8").startswith("no\n[ls-trajedit] failed (exit_code): ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my agent.py", "out"]


def test_a_link_in_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    log = BranchLog(tmp_path / "logs", "a branch")
    log.path.parent.mkdir()
    log.path.symlink_to(target)
    failure(tmp_path, "import sys\nsys.exit('no')")
    assert target.read_text() == "precious"
    assert logged(tmp_path) == "no\n"


def counting(folder: Path) -> str:
    """Code that counts the runs of a program in `count`."""
    path = str(folder / "runs")
    return READ + f"open({path!r}, 'a').write('x')\ncount = os.path.getsize({path!r})\n"


@pytest.mark.parametrize(
    ("code", "retries", "runs", "slug"),
    [
        ("if count < 3: sys.exit(f'no {count}')\n" + ANSWER, 2, 3, None),
        ("if count < 3: sys.exit(1)\n" + ANSWER, 1, 2, "exit_code"),
        ("sys.exit(1)\n", 0, 1, "exit_code"),
        ("time.sleep(600)\n", 1, 2, "timeout"),
        ("print('nonsense')\n", 5, 1, "not_json"),
        ("print('{\"messages\": []}')\n", 5, 1, "says_nothing"),
        ("print('x' * (33 << 20))\n", 5, 1, "too_much"),
    ],
)
def test_only_what_may_pass_is_tried_again(
    tmp_path: Path, code: str, retries: int, runs: int, slug: str | None
) -> None:
    whole = counting(tmp_path) + code
    if slug is None:
        assert run(tmp_path, whole, retries=retries).messages[0].text == "It is a."
        lines = logged(tmp_path).splitlines()
        assert [line[:4] for line in lines] == ["no 1", "[ls-", "no 2", "[ls-"]
        assert lines[1].endswith("the exit code 1; it said: no 1; retrying in 0 s")
    else:
        timeout = 3 if slug == "timeout" else SECONDS
        assert failure(tmp_path, whole, timeout=timeout, retries=retries).reason == slug
    assert len((tmp_path / "runs").read_text()) == runs


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ('python "my agent.py', "look at the quotes"),
        ("no-such-program --fast", "there is no program no-such-program"),
        ("./no/such/file", "there is no program ./no/such/file"),
    ],
)
def test_a_command_that_names_no_program(command: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_program("--agent", command)


def test_programs_are_for_systems_on_which_they_can_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        with pytest.raises(SetupError, match="needs Linux or macOS"):
            find_program("--agent", sys.executable)


def test_the_command_line_is_not_shown(tmp_path: Path) -> None:
    """It may hold what only the program is to know."""
    failed = failure(tmp_path, "import sys\nsys.exit(1)", "--token", "open-sesame")
    assert failed.sentence == "the program ended with the exit code 1"


def test_a_program_that_is_gone_when_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "agent"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    agent = ProgramAgent(find_program("--agent", str(path)), SECONDS, 0)
    with BranchLog(tmp_path / "logs", "a branch") as log, pytest.raises(BranchFailed) as failed:
        agent(asked(), log, Stop())
    assert failed.value.reason == "not_started"


def test_a_branch_that_fails_harms_no_other(tmp_path: Path) -> None:
    code = READ + (
        "number = int(request['id'].split('~')[1])\n"
        "if number % 5 == 1: sys.exit(1)\n"
        "if number % 5 == 2: time.sleep(600)\n"
        "if number % 5 == 3: sys.stdout.write('nonsense'); sys.exit()\n"
        "if number % 5 == 4: os.killpg(0, 9)\n"
        "print(json.dumps({'messages': [{'role': 'assistant', 'content': request['id']}]}))\n"
    )
    agent = ProgramAgent(find_program("--agent", program(tmp_path, code)), 6, 0)
    requests = (asked(identity=f"t~{number}") for number in range(20))
    with run_branches(agent, requests, 4, tmp_path / "logs") as outcomes:
        found = {
            outcome.request.id: outcome.continuation.messages[0].text
            if isinstance(outcome, Continued)
            else outcome.failure.reason
            for outcome in outcomes
        }
    expected = ["", "exit_code", "timeout", "not_json", "exit_code"]
    assert found == {f"t~{number}": expected[number % 5] or f"t~{number}" for number in range(20)}


def test_an_agent_with_a_bug_of_ours_ends_the_run(tmp_path: Path) -> None:
    def broken(request: AgentRequest, log: BranchLog, stop: Stop) -> Continuation:
        raise ZeroDivisionError(request.id)

    with pytest.raises(ZeroDivisionError), run_branches(broken, [asked()], 3, tmp_path) as outcomes:
        list(outcomes)


def test_requests_that_cannot_be_made_end_the_run(tmp_path: Path) -> None:
    def requests() -> Iterator[AgentRequest]:
        yield asked()
        raise KeyError("the next one")

    agent = ProgramAgent(find_program("--agent", program(tmp_path, READ + ANSWER)), SECONDS, 0)
    with run_branches(agent, requests(), 1, tmp_path / "logs") as outcomes:
        assert isinstance(next(outcomes), Continued)
        with pytest.raises(KeyError):
            next(outcomes)


def wait_for(path: Path) -> int:
    """The number in the file, once it is there."""
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(path.read_text())


def test_what_ends_the_block_kills_what_runs(tmp_path: Path) -> None:
    """The first branch is taken, the second hangs with two children."""
    code = READ + f"if request['id'] == 'first': {ANSWER.strip()}; sys.exit()\n" + CHILDREN + "time.sleep(600)"
    agent = ProgramAgent(find_program("--agent", program(tmp_path, code, str(tmp_path / "pid"))), SECONDS, 5)
    requests = [asked(identity="first"), asked(identity="second"), asked(identity="third")]
    with run_branches(agent, requests, 1, tmp_path / "logs") as outcomes:
        assert next(outcomes).request.id == "first"
        child, apart = (wait_for(tmp_path / name) for name in ("pid-child", "pid-apart"))
    assert not is_running(child)
    assert not is_running(apart)


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_signals_kill_what_runs(tmp_path: Path, number: int, code: int) -> None:
    """A process of its own, as the command line is one."""
    agent = program(tmp_path, READ + CHILDREN + "time.sleep(600)", str(tmp_path / "pid"))
    runner = tmp_path / "runner.py"
    runner.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from ls_trajedit.branches.agent import AgentRequest\n"
        "from ls_trajedit.branches.program import ProgramAgent, find_program\n"
        "from ls_trajedit.branches.run import run_branches\n"
        "from ls_trajedit.signals import end_on_signals\n"
        f"agent = ProgramAgent(find_program('--agent', {agent!r}), 600, 3)\n"
        "requests = [AgentRequest(str(n), ({'role': 'user', 'content': 'a'},), (), 0) for n in range(3)]\n"
        "with end_on_signals():\n"
        "    try:\n"
        "        with run_branches(agent, requests, 2, Path(sys.argv[1])) as outcomes:\n"
        "            list(outcomes)\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(130)\n"
    )
    process = subprocess.Popen([sys.executable, str(runner), str(tmp_path / "logs")])
    child, apart = (wait_for(tmp_path / name) for name in ("pid-child", "pid-apart"))
    process.send_signal(number)
    assert process.wait(SECONDS) == code
    assert not is_running(child)
    assert not is_running(apart)


def test_the_request_in_the_documentation_is_what_is_sent() -> None:
    assert asked(USER).as_json() == (
        b'{"id":"trace~0123456789ab","messages":[{"role":"user","content":"Which key holds 7?"}],"tools":[],"step":0,'
        b'"metadata":{}}'
    )
