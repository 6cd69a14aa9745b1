"""`ls-trajedit demo` as a person meets it: a program that starts all it needs, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

from .command_line import COMMAND, read_json, read_lines

SECONDS = 240


class RunningDemo:
    """A demo that was started in `folder`, which its temporary files and all its processes know as TMPDIR."""

    def __init__(self, folder: Path, *arguments: str, in_background: bool = False) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        # A shell switches Ctrl-C off for what it starts in the background.
        on_ctrl_c = signal.SIG_IGN if in_background else signal.SIG_DFL
        self.process = subprocess.Popen(
            [*COMMAND, "demo", *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, on_ctrl_c),
        )
        self.lines: list[str] = []

    def wait_for(self, wanted: str) -> None:
        """Reads what it tells the person until a line holds `wanted`."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if wanted in line:
                return
        raise AssertionError(f"ended without {wanted!r}:\n{''.join(self.lines)}")

    def wait_for_label_studio(self) -> None:
        """Waits until Label Studio is a process."""
        while not any("label-studio" in line for line in self.processes().values()):
            assert self.process.poll() is None

    def processes(self) -> dict[int, str]:
        """The command lines of all processes that know this demo's temporary folder, by process id."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                if str(self.temporary).encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_text()
            except OSError:
                continue
        return found

    def stop(self, number: signal.Signals) -> int:
        """Sends the signal; returns the exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def check_nothing_is_left(self) -> None:
        assert self.processes() == {}
        assert list(self.temporary.iterdir()) == []


@contextmanager
def started_demo(folder: Path, *arguments: str, in_background: bool = False) -> Iterator[RunningDemo]:
    demo = RunningDemo(folder, *arguments, in_background=in_background)
    try:
        yield demo
    finally:
        for process in demo.processes():
            os.kill(process, signal.SIGKILL)
        demo.process.communicate()


def check_files(folder: Path) -> None:
    """The three files hold real corrections, by two annotators."""
    corrections = read_json(folder / "trajectory_corrections.json")
    edited = [record for record in corrections["records"] if record["edits"]]
    assert len(edited) == corrections["n_edited"] >= 10
    assert len({record["annotator"] for record in edited}) == 2
    assert all(record["corrected_trace"] != record["original_trace"] for record in edited)
    seed = next(record for record in edited if record["trace_id"] == "traj_001")
    assert seed["edits"][0]["edited_text"] == "web_search(query='SF weather')"
    # Ben moves the event instead of making a second one; ana takes a step away that comes twice.
    moved = next(record for record in edited if record["trace_id"] == "traj_013")
    assert [change["op"] for change in moved["structure"]] == ["remove", "insert"]
    assert "move_event" in moved["corrected_trace"]["steps"][2]["action"]
    shorter = next(record for record in edited if record["trace_id"] == "traj_009")
    assert len(shorter["corrected_trace"]["steps"]) == len(shorter["original_trace"]["steps"]) - 1
    completions = [line["completion"] for line in read_lines(folder / "trajectory_sft.jsonl")]
    assert completions == [record["corrected_trace"] for record in edited]
    pairs = [(line["chosen"], line["rejected"]) for line in read_lines(folder / "trajectory_dpo.jsonl")]
    assert pairs == [(record["corrected_trace"], record["original_trace"]) for record in edited]
    assert read_lines(folder / "rejects.jsonl") == []


def check_chats(folder: Path) -> None:
    """The pairs are the recorded messages with the correction in them."""
    records = read_json(folder / "trajectory_corrections.json")["records"]
    assert {record["trace_id"] for record in records} >= {"chat_001", "chat_002", "chat_003"}
    pair = next(row for row in read_lines(folder / "trl" / "dpo.jsonl") if row["trace_id"] == "chat_001")
    assert [message["role"] for message in pair["prompt"]] == ["system", "user"]
    (chosen,), (rejected,) = pair["chosen"], pair["rejected"]
    cities = [[call["function"]["arguments"]["city"] for call in said["tool_calls"][:2]] for said in (chosen, rejected)]
    assert cities == [["Bergen", "Oslo"], ["Bergen", "Olso"]]
    assert [call["id"] for call in chosen["tool_calls"]] == ["call_a1", "call_a2", "call_a3"]
    assert read_lines(folder / "rejects.jsonl") == []


def answers(url: str) -> bool:
    try:
        requests.get(url, timeout=30)
    except requests.ConnectionError:
        return False
    return True


def test_the_demo_ends_with_three_files_of_real_corrections(tmp_path: Path) -> None:
    with started_demo(tmp_path, "-o", "out") as demo:
        stdout, stderr = demo.process.communicate(timeout=SECONDS)
        assert demo.process.returncode == 0, stderr
        demo.check_nothing_is_left()
    check_files(tmp_path / "out")
    check_chats(tmp_path / "out" / "chats")
    assert "files in out\n" in stdout
    assert "traj_001, step 1 action: web_search(" in stdout.split("first corrections\n")[1]
    assert "chat_001, step 1 tool_calls[1].arguments: " in stdout.split("first corrections\n")[2]
    reports = [tmp_path / "out" / "report.html", tmp_path / "out" / "chats" / "report.html"]
    assert stdout.splitlines()[-2:] == [f"report: {report.as_uri()}" for report in reports]
    assert all(report.is_file() for report in reports)
    assert "Traceback" not in stderr


def test_a_kept_demo_can_be_used_and_ctrl_c_stops_all_of_it(tmp_path: Path) -> None:
    with started_demo(tmp_path, "--keep") as demo:
        demo.wait_for("Ctrl-C stops both.")
        told = "".join(demo.lines)
        (project,) = re.findall(r"Label Studio: +(\S+)", told)
        (login,) = re.findall(r"login: +(\S+)", told)
        (password,) = re.findall(r"password: +(\S+)", told)
        (backend,) = re.findall(r"backend: +(\S+)", told)
        check_files(tmp_path / "demo-output")

        assert requests.get(f"{backend}/health", timeout=30).json()["status"] == "UP"
        label_studio = "{0.scheme}://{0.netloc}".format(urlsplit(project))
        with requests.Session() as session:
            form = f"{label_studio}/user/login/"
            session.get(form, timeout=30)
            credentials = {"email": login, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
            session.post(form, data=credentials, timeout=30)
            opened = session.get(project.replace("/projects/", "/api/projects/"), timeout=30).json()
        assert opened["title"] == "Agent traces to correct"

        assert demo.stop(signal.SIGINT) == 0
        demo.check_nothing_is_left()
        assert not answers(label_studio)
        assert not answers(backend)


def test_a_demo_in_the_background_that_is_told_to_end_while_label_studio_starts_leaves_nothing(tmp_path: Path) -> None:
    with started_demo(tmp_path, "--keep", in_background=True) as demo:
        demo.wait_for("starting Label Studio")
        demo.wait_for_label_studio()
        assert demo.stop(signal.SIGTERM) == 130
        demo.check_nothing_is_left()
    assert not (tmp_path / "demo-output").exists()
