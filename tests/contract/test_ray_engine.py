"""A Ray cluster of three nodes gives the rows that one process gives, whatever is lost on the way, and says what is
wrong in people's words."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ls_trajedit.convert import parts as parts_module
from ls_trajedit.convert import ray_cluster, ray_engine, shard_tasks
from ls_trajedit.convert.ray_engine import RayEngine, convert_on_ray
from ls_trajedit.convert.run import convert
from ls_trajedit.convert.sources import named_sources
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats.registry import formats_named
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.shards import whole_name
from ls_trajedit.converters.training.rendering import rendering_for
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.split import parse_splits
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.output.inventory import verify
from ls_trajedit.output.manifest import Manifest, read_manifest
from ls_trajedit.output.summary import Summary
from ls_trajedit.report.write import write_report
from ls_trajedit.traces.errors import DataError, SetupError
from tests.support.branches import OPTIONS, PLAIN_CONFIG, annotation, branch_of_plain, plain_parent, typed
from tests.support.object_store import ObjectStore
from tests.support.ray_cluster import Nodes, run_nodes

SCHEMA = read_config(PLAIN_CONFIG, OPTIONS)
RULES = ReadingRules()
TRAINING = TrainingRules(
    stale="exclude", annotators_policy="agree", accept_branches=True, split=parse_splits("train=0.7,test=0.3")
)
PLAN = ExportPlan(formats_named(["all"]), rendering_for(OPTIONS, SCHEMA, True), TRAINING, with_parquet=True)
SMALL = ExportPlan(formats_named(["corrections", "trl-dpo"]), rendering_for(OPTIONS, SCHEMA, False))


@pytest.fixture(scope="session")
def nodes(object_store: ObjectStore) -> Iterator[Nodes]:
    """Three nodes, for all tests."""
    with run_nodes(3, object_store.environment) as running:
        yield running


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few tasks, as large sources have many."""
    monkeypatch.setattr(ray_engine, "_PART_BYTES", 5_000)
    monkeypatch.setattr(ray_engine, "_PIECE_BYTES", 500)
    monkeypatch.setattr(parts_module, "_LEAST_BYTES", 1000)


def on_ray(
    nodes: Nodes, names: list[str], place: Path, plan: ExportPlan = PLAN, shards: int = 5, **more: Any
) -> Summary:
    engine = RayEngine(nodes.address, shards)
    return convert_on_ray(named_sources(names), SCHEMA, RULES, place, lambda _, __: None, plan, engine=engine, **more)


def in_one_process(names: list[str], place: Path, plan: ExportPlan = PLAN, **more: Any) -> Summary:
    return convert(named_sources(names), SCHEMA, RULES, place, lambda _, __: None, plan, **more)


def some_tasks(random: Random, count: int) -> list[dict[str, Any]]:
    """Tasks of one project: several annotators who agree or not, texts that many have, ids of every kind, parents and
    their branches, some of which are superseded."""
    found: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        fixes = random.sample(["get(key='a')", "get(key='c')", "get(key='a') ", "get(key='b')"], random.randint(1, 3))
        typed_by = [
            annotation(
                100 * number + person,
                typed(f"step_{random.randint(0, 1)}__action", fix),
                completed_by=random.choice([person, {"id": person, "email": f"{person}@x.org"}]),
                updated_at=f"2026-11-2{random.randint(0, 9)}T10:00:00Z",
            )
            for person, fix in enumerate(fixes, 1)
        ]
        task = plain_parent(*typed_by, task=random.choice([number, number, f"t{number}"]))
        task["data"] = {**task["data"], "task": random.choice(["Double a.", f"Double {number}."])}
        if random.random() < 0.1:
            del task["id"]
        found.append(task)
        if random.random() < 0.4 and isinstance(task.get("id"), int):
            fix = typed("step_0__action", "get(key='a')")
            parent = plain_parent(annotation(8000 + number, fix), task=5000 + number)
            given = random.choice([(), (annotation(9000 + number),), (annotation(9000 + number),)])
            branch = branch_of_plain(parent, *given, task=6000 + number)
            if random.random() < 0.4:
                parent["annotations"][0]["result"] = [typed("step_0__action", "get(key='z')")]
            found += [parent, branch]
    return found


def write_sources(folder: Path, tasks: list[dict[str, Any]], random: Random) -> list[str]:
    """The tasks in every form, some of them in several places, newer and older."""
    folder.mkdir()
    copies = random.sample(tasks, len(tasks) // 4)
    newer = [
        {**task, "annotations": [{**one, "updated_at": "2027-01-01T00:00:00Z"} for one in task["annotations"]]}
        for task in random.sample(copies, len(copies) // 2)
    ]
    half = len(tasks) // 2
    lines = b"\n".join(json.dumps(task).encode() for task in [*tasks[half:], *copies])
    (folder / "a.json").write_bytes(gzip.compress(json.dumps(tasks[:half]).encode()))
    (folder / "b.jsonl").write_bytes(lines)
    storage = folder / "storage"
    storage.mkdir()
    (storage / "README").write_text("nothing of ours")
    for number, task in enumerate(newer):
        for one in task["annotations"]:
            bare = {key: value for key, value in task.items() if key != "annotations"}
            (storage / f"{number}-{one['id']}").write_text(json.dumps({**one, "task": bare}))
    return [str(folder)]


def rows_of(folder: Path, manifest: Manifest) -> dict[str, list[bytes]]:
    """The rows of each file as they stand there, sorted; of Parquet, as values. Those of shards are together."""
    found: dict[str, list[bytes]] = {}
    for file in manifest.files:
        rows = found.setdefault(whole_name(file.file), [])
        if file.file.endswith(".parquet"):
            import pyarrow.parquet

            values = pyarrow.parquet.read_table(folder / file.file).to_pylist()
            texts = [{key: value for key, value in row.items() if value is not None} for row in values]
            rows += [json.dumps(text, sort_keys=True).encode() for text in texts]
        else:
            lines = [line.rstrip(b",") for line in (folder / file.file).read_bytes().splitlines()]
            rows += [line for line in lines if line.startswith(b"{") and line != b'{"records": [']
    return {name: sorted(rows) for name, rows in found.items()}


def assert_the_same(folder: Path, other: Path) -> None:
    """That a folder with shards and one without hold the same."""
    sharded, whole = read_manifest(folder), read_manifest(other)
    assert rows_of(folder, sharded) == rows_of(other, whole)
    assert sharded.counts.as_json() == whole.counts.as_json()
    assert sharded.training == whole.training
    told = {file.file: (file.rows, file.tally) for file in whole.files}
    about_all = {file.file: (file.rows, file.tally) for file in sharded.files if whole_name(file.file) == file.file}
    assert {rows.file: (rows.rows, rows.tally) for rows in sharded.sharded} | about_all == told
    assert [found for found in verify(folder) if found.problem] == []
    assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == {".ls-trajedit"}


def test_the_rows_are_those_of_one_process(nodes: Nodes, tmp_path: Path) -> None:
    random = Random(1)
    names = write_sources(tmp_path / "in", some_tasks(random, 60), random)
    done = on_ray(nodes, names, tmp_path / "ray")
    expected = in_one_process(names, tmp_path / "one")
    assert done.counts == expected.counts
    assert {"duplicates", "superseded"} <= done.counts.keys()
    assert done.counts["other_objects"] == 1
    assert_the_same(tmp_path / "ray", tmp_path / "one")


def test_the_same_again_is_the_same_bytes_however_it_is_taken_apart(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(3)
    # Where tasks have no number, the report has them in the order in which they come.
    tasks = [task for task in some_tasks(random, 40) if isinstance(task.get("id"), int)]
    names = write_sources(tmp_path / "in", tasks, random)
    on_ray(nodes, names, tmp_path / "many", SMALL)
    monkeypatch.setattr(ray_engine, "_PART_BYTES", 1 << 26)
    monkeypatch.setattr(ray_engine, "_PIECE_BYTES", 1 << 17)
    on_ray(nodes, names, tmp_path / "few", SMALL)
    many, few = read_manifest(tmp_path / "many"), read_manifest(tmp_path / "few")
    assert many.digests() == few.digests()
    # What is read by people is that of one process, too.
    in_one_process(names, tmp_path / "one", SMALL)
    pages = [write_report(tmp_path / name, tmp_path / f"{name}.html").path.read_bytes() for name in ("many", "one")]
    assert pages[0] == pages[1]


def some_sources(folder: Path, count: int = 40) -> list[str]:
    random = Random(4)
    return write_sources(folder, some_tasks(random, count), random)


def dying_once(function: Callable[..., Any], mark: Path) -> Callable[..., Any]:
    """The function, whose worker is killed in the middle of the first time that it is done; any other time is whole."""

    # It is sent to workers by value, for being inside of a function.
    def die_once(*arguments: Any, **more: Any) -> Any:

        result = function(*arguments, **more)
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return result
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return die_once


def reading_and_dying_once(mark: Path) -> Callable[..., Any]:
    """The same of `read_part`, whose worker is killed when it has given the first of its pieces."""

    def read(*arguments: Any, **more: Any) -> Iterator[Any]:

        from ls_trajedit.convert.shard_tasks import read_part

        for number, piece in enumerate(read_part(*arguments, **more)):
            yield piece
            if number == 2:
                try:
                    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)

    return read


def test_a_killed_worker_changes_nothing(nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = some_sources(tmp_path / "in")
    marks = [tmp_path / name for name in ("read", "branches", "write", "parquet")]
    monkeypatch.setattr(ray_engine, "read_part", reading_and_dying_once(marks[0]))
    monkeypatch.setattr(ray_engine, "_find_branches", dying_once(ray_engine._find_branches, marks[1]))
    monkeypatch.setattr(ray_engine, "_write_shard", dying_once(ray_engine._write_shard, marks[2]))
    monkeypatch.setattr(ray_engine, "write_parquet_files", dying_once(shard_tasks.write_parquet_files, marks[3]))
    on_ray(nodes, names, tmp_path / "ray")
    assert all(mark.exists() for mark in marks)
    in_one_process(names, tmp_path / "one")
    assert_the_same(tmp_path / "ray", tmp_path / "one")


def test_a_killed_node_changes_nothing(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    names = some_sources(tmp_path / "in")
    has_begun, is_gone = tmp_path / "begun", tmp_path / "gone"
    write = ray_engine._write_shard

    def wait_and_write(*arguments: Any) -> Any:
        import time

        has_begun.touch()
        # All pieces are made, and some of them are on the node that is killed now.
        while not is_gone.exists():
            time.sleep(0.01)  # until the node is killed
        return write(*arguments)

    def kill() -> None:
        while not has_begun.exists() and running.is_alive():
            running.join(0.01)
        nodes.kill()
        is_gone.touch()

    monkeypatch.setattr(ray_engine, "_write_shard", wait_and_write)
    # Ray connects in the main thread alone.
    running = threading.main_thread()
    killing = threading.Thread(target=kill)
    killing.start()
    try:
        on_ray(nodes, names, tmp_path / "ray", shards=7)
    finally:
        has_begun.touch()
        killing.join()
        nodes.add()
    in_one_process(names, tmp_path / "one")
    assert_the_same(tmp_path / "ray", tmp_path / "one")
    # Nothing of what Ray has to say about it is on our standard error.
    assert "recover" not in capfd.readouterr().err


def test_a_source_that_is_another_one_when_it_is_read_again_ends_the_run(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = some_sources(tmp_path / "in", 5)

    def read_another(*arguments: Any, **more: Any) -> Iterator[Any]:
        from ls_trajedit.convert.shard_tasks import Piece, read_part

        for given in read_part(*arguments, **more):
            # As if each piece had been lost and made again.
            yield Piece(b"of another state", given.blocks) if isinstance(given, Piece) else given

    monkeypatch.setattr(ray_engine, "read_part", read_another)
    with pytest.raises(DataError, match="a source has changed since it was read"):
        on_ray(nodes, names, tmp_path / "ray", SMALL)
    assert {path.name for path in (tmp_path / "ray").iterdir()} == {".ls-trajedit"}


def test_objects_are_read_from_an_address_and_written_to_one(
    nodes: Nodes, tmp_path: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    some_sources(tmp_path / "in", 20)
    bucket = object_store.new_bucket()
    for path in sorted((tmp_path / "in").rglob("*")):
        if path.is_file():
            key = f"in/{path.relative_to(tmp_path / 'in')}"
            object_store.client.put_object(Bucket=bucket.name, Key=key, Body=path.read_bytes())
    from ls_trajedit.output.remote_folder import verify_remote
    from ls_trajedit.storage.address import place_named

    place = place_named(f"{bucket.url}/out")
    engine = RayEngine(nodes.address, 3)
    convert_on_ray(named_sources([f"{bucket.url}/in"]), SCHEMA, RULES, place, lambda _, __: None, PLAN, engine=engine)
    assert [found for found in verify_remote(place) if found.problem] == []  # type: ignore[arg-type] # an address
    listed = object_store.client.list_objects_v2(Bucket=bucket.name, Prefix="out/")["Contents"]
    for item in listed:
        target = tmp_path / item["Key"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(object_store.client.get_object(Bucket=bucket.name, Key=item["Key"])["Body"].read())
    in_one_process([str(tmp_path / "in")], tmp_path / "one")
    assert_the_same(tmp_path / "out", tmp_path / "one")


def test_a_part_that_cannot_be_read_ends_the_run_with_its_name_or_is_counted(nodes: Nodes, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    some_sources(folder, 20)
    whole = (folder / "a.json").read_bytes()
    (folder / "a.json").write_bytes(whole[: len(whole) // 2])
    # The third part of it is broken, and so the whole file is left out.
    lines = (folder / "b.jsonl").read_bytes().split(b"\n")
    broken = len(lines) * 2 // 3
    lines[broken] = lines[broken][:-10]
    (folder / "b.jsonl").write_bytes(b"\n".join(lines))
    assert (folder / "b.jsonl").stat().st_size > 2 * ray_engine._PART_BYTES
    place = tmp_path / "ray"
    with pytest.raises(DataError, match=rf"{folder}/(a.json: the gzip is damaged|b.jsonl:{broken + 1}: not JSON)"):
        on_ray(nodes, [str(folder)], place, SMALL)
    assert {path.name for path in place.iterdir()} == {".ls-trajedit"}
    done = on_ray(nodes, [str(folder)], place, SMALL, skip_invalid=True)
    expected = in_one_process([str(folder)], tmp_path / "one", SMALL, skip_invalid=True)
    assert done.counts == expected.counts
    assert done.counts["unreadable_sources"] == 2
    assert done.unreadable_sources == expected.unreadable_sources
    assert_the_same(place, tmp_path / "one")


def test_a_node_that_cannot_work_is_named(nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = some_sources(tmp_path / "in", 5)
    with monkeypatch.context() as context:
        context.setattr(ray_cluster, "__version__", "0.0.7")
        with pytest.raises(SetupError, match=r"it has ls-trajedit .*, and this is 0\.0\.7"):
            on_ray(nodes, names, tmp_path / "ray", SMALL)
    monkeypatch.setattr(ray_cluster, "mark_staging", lambda staging: tmp_path / "ray" / "x" / "not there")
    with pytest.raises(SetupError, match=f"{tmp_path}/ray is not the same folder there"):
        on_ray(nodes, names, tmp_path / "ray", SMALL)
    assert {path.name for path in (tmp_path / "ray").iterdir()} == {".ls-trajedit"}


def test_ray_started_here_listens_on_loopback_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(180)
        # A source that never comes, so that a worker reads when the signal arrives.
        source = f"http://127.0.0.1:{server.getsockname()[1]}/export.json"
        command = [sys.executable, "-m", "ls_trajedit", "convert", source, "-o", "data", "--engine", "ray"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            asked, _ = server.accept()
            with asked:
                started = descendants(process.pid)
                folders = {word for pid in started for word in arguments_of(pid) if "/ls-ray-" in word}
                assert listening_addresses(started) == {"127.0.0.1"}
                process.send_signal(signal.SIGTERM)
                printed, said = process.communicate(timeout=120)
    assert (process.returncode, printed, said) == (143, "", "ls-trajedit: terminated\n")
    assert [path.name for path in (tmp_path / "data").iterdir()] == [".ls-trajedit"]
    assert len(started) > 3
    assert [pid for pid in started if Path("/proc", str(pid), "exe").exists()] == []
    folder = next(folder for folder in folders).partition("/ls-ray-")
    assert not Path(folder[0].rpartition("=")[2], f"ls-ray-{folder[2].split('/')[0]}").exists()


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def arguments_of(pid: int) -> list[str]:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def listening_addresses(pids: set[int]) -> set[str]:
    """The addresses on which these processes take connections over IP."""
    inodes: set[str] = set()
    for pid in pids:
        for path in Path("/proc", str(pid), "fd").glob("*"):
            with suppress(OSError):
                inodes.add(path.readlink().name)
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in inodes:
                # Words of four bytes, the last byte of each first; IPv4 is the last word of an address of IPv6.
                found.add(socket.inet_ntoa(bytes.fromhex(local.partition(":")[0][-8:])[::-1]))
    return found
