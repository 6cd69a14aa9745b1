"""Output folders at an address, at an S3 interface over HTTP: what a reader sees at any moment, what is left by a run
that fails, is killed or meets another one, and what the next run makes of that."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from ls_trajedit.cli import main
from ls_trajedit.output.inventory import CheckedFile, LeftFile
from ls_trajedit.output.manifest import parse_manifest
from ls_trajedit.output.publication import Publication
from ls_trajedit.output.remote_folder import verify_remote
from ls_trajedit.output.staging import (
    move_staged,
    open_output,
    publish_output,
    publish_staged,
    staging_work,
    work_folder,
)
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.errors import DataError, ServerError, SetupError, TrajeditError
from tests.support.exports import EDIT, SAME, annotation, export, task
from tests.support.faulty_storage import SECRET, FaultyStorage, Refusal, reach_storage, run_faulty_storage
from tests.support.manifests import listed, manifest_of

BUCKET = "corrections"
PLACE = Address("s3", f"{BUCKET}/data")
WRITTEN = ".ls-trajedit/written.json"

OLD = {"same.jsonl": b"same\n", "trl/dpo.jsonl": b"old\n", "gone.jsonl": b"gone\n"}
NEW = {"same.jsonl": b"same\n", "trl/dpo.jsonl": b"new\n", "prm/prm.jsonl": b"more\n"}
THIRD = {"trl/dpo.jsonl": b"third\n"}
SECOND = {"dpo.jsonl": b"second\n"}

Files = Mapping[str, bytes]


@pytest.fixture(scope="module")
def running_storage() -> Iterator[FaultyStorage]:
    """A storage without buckets."""
    with run_faulty_storage() as storage:
        yield storage


@pytest.fixture
def storage(running_storage: FaultyStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStorage]:
    """The storage with an empty bucket."""
    running_storage.add_bucket(BUCKET)
    with reach_storage(running_storage, monkeypatch):
        yield running_storage


def write(files: Files, place: Address = PLACE) -> Publication:
    """Writes these files as `convert` on one machine does."""
    with open_output(place) as output, work_folder(output) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return publish_output(output, folder, manifest_for(files))


def manifest_for(files: Files) -> object:
    return manifest_of(*(listed(name, content) for name, content in files.items()))


def data(storage: FaultyStorage) -> dict[str, bytes]:
    """All that somebody could take for data."""
    objects = storage.objects(BUCKET, "data/")
    return {name: content for name, content in objects.items() if not name.startswith(".ls-trajedit/")}


def whole(files: Files) -> dict[str, bytes]:
    return {**files, "manifest.json": manifest_for(files).to_bytes()}


def check_reader(storage: FaultyStorage, *sets: Files) -> bool:
    """That whoever finds a manifest finds all that it lists, and that each object is one that a run meant to put there.
    Returns whether there is a manifest."""
    found = data(storage)
    for name, content in found.items():
        assert content in [whole(files).get(name) for files in sets], name
    raw = found.get("manifest.json")
    for file in parse_manifest(raw).files if raw else ():
        assert hashlib.sha256(found[file.file]).hexdigest() == file.sha256, file.file
    return raw is not None


def private(storage: FaultyStorage) -> list[str]:
    return [name for name in storage.objects(BUCKET, "data/") if name.startswith(".ls-trajedit/")]


def test_files_are_those_of_a_folder(storage: FaultyStorage, tmp_path: Path) -> None:
    with open_output(tmp_path / "data") as output, work_folder(output) as folder:
        for name, content in OLD.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        publish_output(output, folder, manifest_for(OLD))
    local = {str(path.relative_to(tmp_path / "data")): path for path in (tmp_path / "data").rglob("*")}
    assert write(OLD) == Publication([], is_up_to_date=False)
    assert data(storage) == {
        name: path.read_bytes() for name, path in local.items() if path.is_file() and name[0] != "."
    }
    assert private(storage) == [WRITTEN]
    assert (
        json.loads(storage.objects(BUCKET, "data/")[WRITTEN])["files"]
        == json.loads(local[WRITTEN].read_bytes())["files"]
    )


def test_same_files_again_are_not_written_and_not_read(storage: FaultyStorage) -> None:
    write(OLD)
    storage.requests.clear()
    assert write(OLD).is_up_to_date
    assert storage.writes() == []
    assert not [request for request in storage.requests if request.startswith("GET") and ".jsonl" in request]
    storage.requests.clear()
    assert not write(NEW).is_up_to_date
    copied = {request.rpartition("/data/")[2] for request in storage.writes() if request.startswith("COPY")}
    assert copied == {"trl/dpo.jsonl", "prm/prm.jsonl", "manifest.json"}


def test_staging_of_a_killed_run_is_removed_even_if_nothing_changed(storage: FaultyStorage) -> None:
    write(OLD)
    storage.put(BUCKET, {"data/.ls-trajedit/staging-0123abcd/trl/dpo.jsonl": b"new"})
    storage.requests.clear()
    assert write(OLD).is_up_to_date
    assert private(storage) == [WRITTEN]
    assert {request.split()[1].split("/")[3] for request in storage.writes()} == {".ls-trajedit"}
    assert data(storage) == whole(OLD)


def test_storage_that_gives_no_etags_is_read_again(storage: FaultyStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ls_trajedit.storage.objects._VERSIONS", ())
    write(OLD)
    storage.requests.clear()
    assert write(OLD).is_up_to_date
    assert storage.writes() == []
    storage.put(BUCKET, {"data/same.jsonl": b"lame\n"})
    assert not write(OLD).is_up_to_date
    assert data(storage) == whole(OLD)


def test_reader_who_finds_a_manifest_finds_all_of_it_between_any_two_requests(storage: FaultyStorage) -> None:
    write(OLD)
    seen = []
    storage.after = lambda _: seen.append(check_reader(storage, OLD, NEW))
    write(NEW)
    assert data(storage) == whole(NEW)
    assert seen[0]
    assert seen[-1]
    assert not all(seen)


def cut_off(storage: FaultyStorage, writes: int, run: Callable[[], object]) -> bool:
    """Runs it until it has changed the storage so many times, and refuses everything after that, as if it had been
    killed. Returns whether it came to its end."""
    count = 0

    def refuse(request: str) -> Refusal | None:
        nonlocal count
        count += not request.startswith(("GET", "HEAD"))
        return Refusal(403, "AccessDenied") if count > writes else None

    with storage.interfering(refuse), suppress(TrajeditError):
        run()
    return count <= writes


@pytest.mark.parametrize("engine", [False, True])
def test_whatever_a_run_that_is_cut_off_leaves_the_next_one_puts_right(storage: FaultyStorage, engine: bool) -> None:
    write(OLD)
    start = storage.objects(BUCKET)
    truths = set()
    for number in count():
        storage.set(BUCKET, start)
        is_done = cut_off(storage, number, lambda: write_staged_files(NEW) if engine else write(NEW))
        has_manifest = check_reader(storage, OLD, NEW)
        found = data(storage)
        truth = says_all_is_well()
        assert truth == (found in (whole(OLD), whole(NEW)))
        assert truth <= has_manifest
        truths.add(truth)
        write(THIRD)
        assert data(storage) == whole(THIRD)
        assert private(storage) == [WRITTEN]
        assert says_all_is_well()
        if is_done:
            break
    assert found == whole(NEW)
    assert truths == {True, False}
    assert number > 8


def says_all_is_well() -> bool:
    try:
        return not any(file.problem for file in verify_remote(PLACE))
    except DataError:
        return False


def write_staged_files(files: Files) -> Publication:
    """Writes these files as an engine does: each is put into the staging by a worker."""
    with open_output(PLACE) as output:
        for name, content in files.items():
            with staging_work(output.staging) as work:
                (work / "file").write_bytes(content)
                move_staged(output.staging, name, work / "file")
        return publish_staged(output, manifest_for(files))


def test_objects_of_others_are_not_touched(storage: FaultyStorage) -> None:
    others = {"data/notes.txt": b"mine", "data/trl/dpo.jsonl.bak": b"mine", "data-2/gone.jsonl": b"mine", "x": b"mine"}
    storage.put(BUCKET, others)
    write(OLD)
    write(NEW)
    objects = storage.objects(BUCKET)
    assert {name: objects.get(name) for name in others} == others
    assert data(storage) == {**whole(NEW), "notes.txt": b"mine", "trl/dpo.jsonl.bak": b"mine"}


def test_changed_objects_of_ours_are_replaced_if_listed_and_kept_if_not(storage: FaultyStorage) -> None:
    write(OLD)
    storage.put(BUCKET, {"data/same.jsonl": b"changed", "data/gone.jsonl": b"changed"})
    assert [file.problem for file in verify_remote(PLACE)] == ["changed", None, "changed"]
    assert write(NEW) == Publication([LeftFile("gone.jsonl", None)])
    assert data(storage) == {**whole(NEW), "gone.jsonl": b"changed"}
    assert [file for file in verify_remote(PLACE) if file.problem] == [CheckedFile("gone.jsonl", "kept")]
    storage.remove(BUCKET, "data/gone.jsonl")
    storage.remove(BUCKET, "data/same.jsonl")
    assert [file for file in verify_remote(PLACE) if file.problem] == [CheckedFile("same.jsonl", "missing")]
    write(NEW)
    assert not [file for file in verify_remote(PLACE) if file.problem]


# What fails, at which request, what is said of it, and whether there is a manifest then.
FAILURES = [
    (r"PUT .*/staging-\w+/trl/dpo", Refusal(403, "AccessDenied"), SetupError, "denied|refuse", True),
    (r"DELETE .*/manifest\.json", Refusal(403, "AccessDenied"), SetupError, "denied|refuse", True),
    (r"COPY .*/trl/dpo", Refusal(403, "AccessDenied"), SetupError, "There is no manifest there until", False),
    (r"COPY .*/manifest", Refusal(503, "SlowDown"), ServerError, "There is no manifest there until", False),
    (r"GET .*list-type", Refusal(404, "NoSuchBucket"), DataError, "[Bb]ucket", True),
]


@pytest.mark.parametrize(("request_", "refusal", "error", "said", "has_manifest"), FAILURES)
def test_failures_leave_the_old_files_or_no_manifest(
    storage: FaultyStorage, request_: str, refusal: Refusal, error: type[TrajeditError], said: str, has_manifest: bool
) -> None:
    write(OLD)
    pattern = re.compile(request_)
    with (
        storage.interfering(lambda request: refusal if pattern.match(request) else None),
        pytest.raises(error, match=said),
    ):
        write(NEW)
    assert check_reader(storage, OLD, NEW) == has_manifest
    write(NEW)
    assert data(storage) == whole(NEW)
    assert private(storage) == [WRITTEN]


@pytest.mark.parametrize("refusal", [Refusal(503, "SlowDown"), Refusal(0, "")])
def test_transient_failures_are_retried(storage: FaultyStorage, refusal: Refusal) -> None:
    failed: set[str] = set()

    def fail_once(request: str) -> Refusal | None:
        name = re.sub("staging-[0-9a-f]+", "", request)
        if name in failed or request.startswith("HEAD"):
            return None
        failed.add(name)
        return refusal

    with storage.interfering(fail_once):
        write(NEW)
    assert len(failed) > 10
    assert data(storage) == whole(NEW)


def test_storage_that_cannot_copy_gets_each_file_once_more(storage: FaultyStorage) -> None:
    write(OLD)

    def cannot_copy(request: str) -> Refusal | None:
        return Refusal(501, "NotImplemented") if request.startswith("COPY") else None

    seen = []
    storage.after = lambda _: seen.append(check_reader(storage, OLD, NEW))
    with storage.interfering(cannot_copy):
        write(NEW)
    assert data(storage) == whole(NEW)
    assert private(storage) == [WRITTEN]


def test_leftovers_that_cannot_be_removed_are_said_and_removed_next_time(storage: FaultyStorage) -> None:
    write(OLD)
    with storage.interfering(
        lambda request: Refusal(403, "AccessDenied") if re.match("DELETE .*/gone", request) else None
    ):
        left = write(NEW).left
    assert [file.file for file in left] == ["gone.jsonl"]
    assert left[0].failure
    assert [file for file in verify_remote(PLACE) if file.problem] == [CheckedFile("gone.jsonl", "unlisted")]
    assert write(NEW) == Publication([], is_up_to_date=True)
    assert data(storage) == whole(NEW)


def test_rights_are_tried_before_anything_is_read_where_nothing_is_yet(storage: FaultyStorage) -> None:
    for method in ("PUT", "DELETE"):
        with (
            storage.interfering(
                lambda request, method=method: Refusal(403, "AccessDenied") if request.startswith(method) else None
            ),
            pytest.raises(SetupError),
            open_output(PLACE),
        ):
            raise AssertionError("the input is read here")


@dataclass
class Intrusion:
    """Another run, which writes SECOND from its beginning to its end at the request with that number of a first one."""

    storage: FaultyStorage
    number: int
    count: int = 0
    request: str = ""

    def __call__(self, request: str) -> None:
        self.count += 1
        if self.count - 1 == self.number:
            self.request = request
            with self.storage.interfering(lambda _: None):
                write(SECOND)


def test_runs_at_once_never_mix(storage: FaultyStorage) -> None:
    first = {"same.jsonl": b"same\n", "dpo.jsonl": b"first\n"}
    write({"same.jsonl": b"same\n"})
    start = storage.objects(BUCKET)
    storage.requests.clear()
    write(first)
    requests = list(storage.requests)
    # Around whatever changes something, and at every third of the others.
    changing = [number for number, request in enumerate(requests) if not request.startswith(("GET", "HEAD"))]
    numbers = {*changing, *(number + 1 for number in changing), *range(0, len(requests), 3)}
    ends = set()
    for number in sorted(numbers):
        storage.set(BUCKET, start)
        intrusion = Intrusion(storage, number)
        with storage.interfering(intrusion):
            says = write_or_make_way(first)
        found = data(storage)
        # A removal that was on its way takes away what the other run has just put there, and `verify` says so.
        if says_all_is_well() or not intrusion.request.startswith("DELETE"):
            assert found == whole(SECOND) or (found == whole(first) and not says), (number, intrusion.request)
            assert says_all_is_well()
        ends.add("made way" in says)
    assert ends == {True, False}
    assert len(changing) > 8


def write_or_make_way(files: Files) -> str:
    """What is said of it when the run makes way for another."""
    try:
        write(files)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGKILL, -signal.SIGKILL, r"COPY .*/trajectory_sft"),
        (signal.SIGTERM, 143, r"PUT .*/staging-\w+/rejects"),
        (signal.SIGINT, 130, r"COPY .*/trajectory_sft"),
    ],
)
def test_signals(storage: FaultyStorage, tmp_path: Path, number: int, code: int, moment: str) -> None:
    write(OLD)
    name = export(tmp_path, task(1, annotation(10, EDIT)))
    command = [sys.executable, "-m", "ls_trajedit", "convert", name, "-o", str(PLACE)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)

    def send(request: str) -> None:
        if re.match(moment, request):
            process.send_signal(number)

    storage.before = send
    _, said = process.communicate(timeout=60)
    storage.before = None
    assert process.returncode == code, said
    assert "Traceback" not in said
    raw = data(storage).get("manifest.json")
    assert (raw == whole(OLD)["manifest.json"]) == moment.startswith("PUT")
    assert says_all_is_well() == moment.startswith("PUT")
    if number != signal.SIGKILL:
        assert private(storage) == [WRITTEN]
    write(NEW)
    assert data(storage) == whole(NEW)
    assert private(storage) == [WRITTEN]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    storage: FaultyStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command where there is an export, and returns its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    export(tmp_path, task(1, annotation(10, EDIT)), task(2, annotation(20, SAME)))

    def run_command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ls-trajedit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        for text in (printed.out, printed.err):
            assert SECRET not in text
            assert "Traceback" not in text
        return int(ended.value.code or 0), printed.out, printed.err

    return run_command


def test_convert_and_verify(storage: FaultyStorage, run: Run, tmp_path: Path) -> None:
    assert run("convert", "export.json", "-o", "data", "--format", "trl-dpo", "--format", "sft")[0] == 0
    local = {str(path.relative_to(tmp_path / "data")): path for path in (tmp_path / "data").rglob("*.json*")}
    code, out, _ = run("convert", "export.json", "-o", f"{PLACE}/", "--format", "trl-dpo", "--format", "sft")
    assert code == 0
    assert f"files in {PLACE}" in out
    assert data(storage) == {name: path.read_bytes() for name, path in local.items() if not name.startswith(".")}
    assert "trl/dpo.jsonl" in local
    code, out, _ = run("verify", str(PLACE), "--json")
    assert code == 0
    assert {"file": "trl/dpo.jsonl", "problem": None} in json.loads(out)["files"]

    storage.requests.clear()
    code, out, _ = run("convert", "export.json", "-o", str(PLACE), "--format", "trl-dpo", "--format", "sft", "--json")
    assert (json.loads(out)["up_to_date"], json.loads(out)["folder"]) == (True, str(PLACE))
    code, out, _ = run("convert", "export.json", "-o", str(PLACE), "--format", "trl-dpo", "--format", "sft")
    assert out.startswith("up to date: nothing had to be written\n")
    assert storage.writes() == []

    storage.put(BUCKET, {"data/trl/dpo.jsonl": b"changed"})
    code, out, said = run("verify", str(PLACE))
    assert (code, "changed  trl/dpo.jsonl\n" in out) == (5, True)
    assert said == f"ls-trajedit: {PLACE}: not what the manifest says: trl/dpo.jsonl; pull again, or convert again\n"
    assert storage.writes() == []
    storage.put(BUCKET, {"data/.ls-trajedit/staging-1234/manifest.json": b""})
    assert "another ls-trajedit is writing there, or was killed" in run("verify", str(PLACE))[2]
    storage.remove(BUCKET, "data/manifest.json")
    assert "not there, as while a run puts its files there" in run("verify", str(PLACE))[2]


def test_limits_name_the_address_after_all_is_written(storage: FaultyStorage, run: Run) -> None:
    code, _, said = run("convert", "export.json", "-o", str(PLACE), "--fail-under", "7")
    assert (code, f"the files in {PLACE} are written" in said) == (5, True)
    assert "manifest.json" in data(storage)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["convert", "export.json", "-o", "https://user:password@example.com/data?sig=abcdef"],
            2,
            "cannot be written to",
        ),
        (["convert", "export.json", "-o", "hf://datasets/ana/data"], 2, "--push-to-hub OWNER/NAME, which makes one"),
        (["convert", "export.json", "-o", "ftp://example.com/data"], 2, "not a kind of address"),
        (["convert", "export.json", "-o", "s3://"], 2, "names nothing"),
        (
            ["convert", "export.json", "-o", str(PLACE), "--push-to-hub", "ana/data"],
            2,
            "give one with -o",
        ),
        (["convert", "export.json", "-o", "s3://no-such-bucket/data"], 5, "there is no such bucket"),
        (["verify", f"{PLACE}"], 5, f"not found; convert into {PLACE} first"),
        (["pull", "--project", "1", "-o", str(PLACE)], 2, "only `convert` writes to one; give a folder"),
        (["continue", "--project", "1", "--agent", "x", "-o", str(PLACE)], 2, "only `convert` writes to one"),
        (["demo", "-o", str(PLACE)], 2, "only `convert` writes to one"),
        (["report", str(PLACE)], 2, "copy its files into a folder first"),
        (["report", "data", "-o", f"{PLACE}/report.html"], 2, "must be on this machine"),
    ],
)
def test_what_cannot_be_is_said(storage: FaultyStorage, run: Run, arguments: list[str], code: int, said: str) -> None:
    ended, _, err = run(*arguments)
    assert (ended, said in " ".join(err.split())) == (code, True), err
    assert "password" not in err
    assert "abcdef" not in err
    assert storage.objects(BUCKET) == {}


def test_failures_have_the_exit_codes_of_all_commands(
    storage: FaultyStorage, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for refusal, code, expected in (
        (Refusal(403, "InvalidAccessKeyId"), 3, "reading was denied (403)"),
        (Refusal(503, "SlowDown"), 4, "the server failed (503), after retries"),
    ):
        with storage.interfering(lambda _, refusal=refusal: refusal):
            ended, _, said = run("convert", "export.json", "-o", str(PLACE))
        assert (ended, expected in said) == (code, True), said
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    S3FileSystem.clear_instance_cache()
    ended, _, said = run("convert", "export.json", "-o", str(PLACE))
    assert (ended, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said) == (3, True)
    assert storage.objects(BUCKET) == {}


def test_large_files_are_sent_in_parts(storage: FaultyStorage, tmp_path: Path) -> None:
    large = bytes(51 << 20)
    write({"large.jsonl": large})
    assert [request for request in storage.requests if "partNumber=2" in request]
    assert data(storage)["large.jsonl"] == large
    assert says_all_is_well()


def test_damaged_memory_is_said(storage: FaultyStorage) -> None:
    write(OLD)
    storage.put(BUCKET, {f"data/{WRITTEN}": b"{"})
    with pytest.raises(DataError, match=r"written\.json: is damaged"):
        write(NEW)
    storage.put(BUCKET, {"data/manifest.json": b"{}"})
    storage.remove(BUCKET, f"data/{WRITTEN}")
    with pytest.raises(DataError, match="is not a manifest of ls-trajedit; convert again"):
        verify_remote(PLACE)
