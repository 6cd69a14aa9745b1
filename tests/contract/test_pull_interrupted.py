"""A pull that is stopped, killed, or out of room: every file is whole, the old one or the new one."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import threading

import pytest

from .misbehaviour import hanging
from .puller import OUTPUTS, Puller
from .reply import Reply


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled, before all tasks changed."""
    puller.pull_before_all_change(20)
    return puller


@pytest.fixture
def new(puller: Puller) -> dict[str, bytes]:
    """The files that the pull writes when nobody stops it."""
    fresh = puller.folder.parent / "fresh"
    assert puller.pull(into=fresh).exit_code == 0
    return puller.outputs(fresh)


def started_and_held_at(puller: Puller, kind: str) -> subprocess.Popen[str]:
    """A pull in a process of its own that waits for an answer."""
    reached = threading.Event()

    def hold(reply: Reply) -> Reply:
        reached.set()
        return hanging(reply)

    puller.label_studio.misbehave(hold, on=kind)
    process = puller.start()
    assert reached.wait(60)
    return process


@pytest.mark.parametrize("kind", ["changed", "version", "drafts"])
@pytest.mark.parametrize(
    ("number", "code", "message"),
    [(signal.SIGINT, 130, "ls-trajedit: interrupted\n"), (signal.SIGTERM, 143, "ls-trajedit: terminated\n")],
)
def test_ctrl_c_and_sigterm_change_nothing_at_all(
    puller: Puller, new: dict[str, bytes], kind: str, number: int, code: int, message: str
) -> None:
    before, times = puller.outputs(), puller.times()
    state = (puller.folder / ".ls-trajedit" / "state.sqlite").read_bytes()
    process = started_and_held_at(puller, kind)
    process.send_signal(number)
    ran = puller.end(process)
    assert (ran.exit_code, ran.out, ran.err) == (code, "", message)
    # No `.writing-` folder either.
    assert (puller.outputs(), puller.times()) == (before, times)
    assert (puller.folder / ".ls-trajedit" / "state.sqlite").read_bytes() == state
    assert puller.pull().exit_code == 0
    assert puller.outputs() == new


@pytest.mark.parametrize("kind", ["changed", "version", "drafts"])
def test_a_killed_pull_changes_nothing_and_the_next_one_cleans_up(
    puller: Puller, new: dict[str, bytes], kind: str
) -> None:
    before = puller.outputs()
    process = started_and_held_at(puller, kind)
    leftovers = list(puller.folder.glob(".writing-*"))
    assert len(leftovers) == 1
    process.kill()
    assert puller.end(process).exit_code == -signal.SIGKILL
    shutil.rmtree(leftovers[0])
    assert puller.outputs() == before
    leftovers[0].mkdir()
    (leftovers[0] / "trajectory_sft.jsonl").write_text("half a li")
    assert puller.pull().exit_code == 0
    assert puller.outputs() == new


@pytest.mark.parametrize("renames", range(4))
def test_a_pull_that_is_killed_between_two_renames_is_completed_by_the_next_one(
    puller: Puller, new: dict[str, bytes], renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends the process there, which a test that sends SIGKILL cannot hit on purpose."""
    old = puller.outputs()
    process = puller.start_with(f"""
        import os, pathlib
        from pathlib import Path
        real, done = Path.replace, []
        def replace(self, target):
            if ".ls-trajedit" in target.parts:
                return real(self, target)
            if len(done) == {renames}:
                os._exit(9)
            done.append(real(self, target))
        Path.replace = replace
    """)
    assert puller.end(process).exit_code == 9
    now = {name: (puller.folder / name).read_bytes() for name in OUTPUTS}
    assert all(now[name] in (old[name], new[name]) for name in OUTPUTS)
    changed = [name for name in OUTPUTS if old[name] != new[name]]
    assert len(changed) == 4
    assert [name for name in changed if now[name] == new[name]] == changed[:renames]

    # The manifest comes last, so what is ahead of it does not fit the old one.
    verified = puller.run("verify", str(puller.folder))
    assert verified.exit_code == (5 if renames else 0)
    for name in changed[:renames]:
        assert f"changed  {name}\n" in verified.out
        assert name in verified.err

    assert puller.pull().exit_code == 0
    assert puller.outputs() == new
    assert puller.run("verify", str(puller.folder)).exit_code == 0


def test_a_pull_that_is_killed_before_the_state_is_kept_is_done_again(puller: Puller, new: dict[str, bytes]) -> None:
    process = puller.start_with("""
        import os
        from ls_trajedit.pull.state import PullState
        PullState.commit = lambda self: os._exit(9)
    """)
    assert puller.end(process).exit_code == 9
    times = puller.times()
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "version", "drafts"]
    # All files were in place, so there is nothing to write; the state learns of them.
    assert ran.out.startswith("up to date")
    assert puller.times() == times
    assert {name: (puller.folder / name).read_bytes() for name in OUTPUTS} == new


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_old_file_among_new_ones_is_recognised_and_replaced(puller: Puller, name: str) -> None:
    old = puller.outputs()
    puller.pull()
    new = puller.outputs()
    if old[name] == new[name]:
        old[name] = b"older still\n"
    (puller.folder / name).write_bytes(old[name])
    if name != "manifest.json":
        verified = puller.run("verify", str(puller.folder))
        assert verified.exit_code == 5
        assert f"not what the manifest says: {name}; pull again" in verified.err
        assert f"changed  {name}\n" in verified.out
    assert puller.run("verify", str(puller.folder)).exit_code == 5
    puller.label_studio.pass_time()
    assert puller.pull("--check").exit_code == 1
    assert puller.pull().exit_code == 0
    assert puller.outputs() == new


def test_a_missing_file_is_named(puller: Puller) -> None:
    (puller.folder / "rejects.jsonl").unlink()
    verified = puller.run("verify", str(puller.folder), "--json")
    assert verified.exit_code == 5
    problems = {file["file"]: file["problem"] for file in verified.json()["files"]}
    assert problems == {**dict.fromkeys(OUTPUTS[:-1]), "rejects.jsonl": "missing"}
    assert "rejects.jsonl" in verified.err


def test_a_signal_among_the_renames_waits_until_all_is_in_place(puller: Puller, new: dict[str, bytes]) -> None:
    process = puller.start_with("""
        import os, signal
        from pathlib import Path
        real = Path.replace
        def replace(self, target):
            os.kill(os.getpid(), signal.SIGTERM)
            return real(self, target)
        Path.replace = replace
    """)
    ran = puller.end(process)
    assert ran.exit_code == 143
    assert puller.outputs() == new
    puller.label_studio.pass_time()
    assert puller.pull().out.startswith("up to date")


@pytest.mark.parametrize(
    ("bytes_left", "code", "words"),
    [
        (0, 3, "cannot write there: "),
        (1_000, 5, "writing failed: "),
        (5_000, 5, "writing failed: "),
        (12_000, 5, "writing failed: "),
        # The files fit, the state of them does not.
        (20_000, 5, "writing failed: "),
    ],
)
def test_a_full_disk_cuts_no_file_and_is_an_error(
    puller: Puller, new: dict[str, bytes], bytes_left: int, code: int, words: str
) -> None:
    old, times = puller.outputs(), puller.times()

    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, resource.RLIM_INFINITY))

    ran = puller.end(puller.start("--full", preexec_fn=limit_files))
    assert ran.exit_code == code
    assert ran.err.startswith(f"ls-trajedit: {puller.folder}: {words}")
    if bytes_left < 20_000:
        assert (puller.outputs(), puller.times()) == (old, times)
    assert puller.outputs() in (old, new)
    assert puller.run("verify", str(puller.folder)).exit_code == 0
    assert puller.pull().exit_code == 0
    assert puller.outputs() == new


def test_a_failure_to_talk_to_the_server_is_not_called_a_failure_to_write(puller: Puller) -> None:
    """One that the client of Label Studio has no words for, such as certificates that cannot be read."""
    old, times = puller.outputs(), puller.times()
    process = puller.start_with("""
        from ls_trajedit.label_studio.client import Server
        real = Server.ask
        def ask(self, path, *arguments, **parameters):
            if path == "api/tasks/":
                raise PermissionError(13, "Permission denied", "/etc/ssl/certs")
            return real(self, path, *arguments, **parameters)
        Server.ask = ask
    """)
    ran = puller.end(process)
    assert (ran.exit_code, "make room" in ran.err, "/etc/ssl/certs" in ran.err) == (5, False, True)
    assert (puller.outputs(), puller.times()) == (old, times)
