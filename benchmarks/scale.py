"""How `ls-trajedit convert` goes on with more annotations: in one process, and on Ray clusters of one to three nodes.

The nodes are on this machine and listen on 127.0.0.1 only, so they share its cores: what can be seen here is what each
way costs, and not how fast machines are together.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from made_up_traces import OPTIONS, make_results, make_trace
from measure import LS_TRAJEDIT, machine, note_peaks

_PART_BYTES = 64 << 20
_POLL = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")
_CLUSTER = """
import sys
from ray.cluster_utils import Cluster
nodes, cpus = int(sys.argv[1]), int(sys.argv[2])
alike = {"num_cpus": cpus, "node_ip_address": "127.0.0.1", "object_store_memory": 300_000_000}
cluster = Cluster(initialize_head=True, head_node_args={**alike, "include_dashboard": False})
for _ in range(nodes - 1):
    cluster.add_node(**alike)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
# With the second, Ray listens on 127.0.0.1 only, and with the first it tells nobody that it is used.
_RAY_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@dataclass
class Usage:
    """Peak memory in MB and CPU seconds of some processes and of all that they started."""

    peaks: dict[int, float] = field(default_factory=dict)
    cpu: dict[int, float] = field(default_factory=dict)

    def look(self, pid: int) -> None:
        """Notes what the process `pid` and those that it started have used so far."""
        note_peaks(pid, self.peaks)
        for each in self.peaks:
            try:
                fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended; what was noted last counts
            self.cpu[each] = (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--nodes", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--folder", type=Path, help="where to put the parts and what is made of them")
    asked = parser.parse_args()
    print(machine("orjson", "ray"))
    print(
        f"{'annotations':>11} {'way':16}{'wall':>9}{'rows/s':>9}{'CPU':>9}{'CPU/row':>12}{'driver':>9}{'largest':>9}"
        f"{'all':>9}"
    )
    # One annotation shows what the start costs.
    for number in (1, *asked.annotations):
        with tempfile.TemporaryDirectory(prefix="ls-trajedit-scale-", dir=asked.folder) as name:
            measure_size(Path(name), number, asked.steps, asked.nodes)


def measure_size(folder: Path, annotations: int, steps: int, nodes: list[int]) -> None:
    """Makes the parts, and prints a line for each way to convert them."""
    parts = folder / "parts"
    parts.mkdir()
    write_parts(parts, annotations, steps)
    (folder / "trajedit.yaml").write_text(OPTIONS)
    counts = [measure_way(folder, annotations, "one process", None)]
    for count in nodes:
        with ray_cluster(count) as cluster:
            counts.append(measure_way(folder, annotations, f"ray, {count} nodes", cluster))
    if any(found != counts[0] for found in counts):
        sys.exit("two ways counted different things, so the figures would mean nothing")
    size = sum(part.stat().st_size for part in parts.iterdir())
    print(f"{'':11} {len(list(parts.iterdir()))} parts, {size / 1e6:,.0f} MB")


def measure_way(folder: Path, annotations: int, way: str, cluster: tuple[str, int] | None) -> dict[str, object]:
    """Converts all parts, prints what it cost, and returns what was counted."""
    out = folder / "out"
    engine = [] if cluster is None else ["--engine", "ray", "--ray-address", cluster[0]]
    options = ["--options", folder / "trajedit.yaml", "-o", out]
    usage, before = Usage(), Usage()
    if cluster is not None:
        before.look(cluster[1])
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [LS_TRAJEDIT, "convert", folder / "parts", *options, *engine],
            env={**os.environ, **_RAY_SETTINGS},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        while process.poll() is None:
            usage.look(process.pid)
            if cluster is not None:
                usage.look(cluster[1])
            time.sleep(_POLL)  # between two looks at the processes
        wall = time.monotonic() - started
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{way} ended with {process.returncode}: {errors.read().decode()}")
    cpu = sum(usage.cpu.values()) - sum(before.cpu.values())
    driver = usage.peaks.pop(process.pid, 0.0)
    others = list(usage.peaks.values())
    speed = f"{wall:7.1f} s{annotations / wall:9,.0f}{cpu:7.1f} s{cpu / annotations * 1e6:9.0f} µs"
    memory = f"{driver:6.0f} MB{max(others, default=0):6.0f} MB{driver + sum(others):6.0f} MB"
    print(f"{annotations:11,} {way:16}{speed}{memory}", flush=True)
    counts: dict[str, object] = json.loads((out / "manifest.json").read_bytes())["counts"]
    shutil.rmtree(out)
    return counts


@contextmanager
def ray_cluster(nodes: int) -> Iterator[tuple[str, int]]:
    """The address of a cluster on this machine, and the process that started it."""
    cpus = max(1, (os.cpu_count() or 1) // nodes)
    with subprocess.Popen(
        [sys.executable, "-c", _CLUSTER, str(nodes), str(cpus)],
        env={**os.environ, **_RAY_SETTINGS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip(), process.pid
        finally:
            process.stdin.close()
            process.wait()


def write_parts(folder: Path, annotations: int, steps: int) -> None:
    """Writes tasks with one annotation each as JSON lines, in files of at most _PART_BYTES. Three in ten have an edit
    in two fields."""
    number = part = 0
    while number < annotations:
        with (folder / f"part-{part:05}.jsonl").open("wb") as file:
            while number < annotations and file.tell() < _PART_BYTES:
                number += 1
                file.write(orjson.dumps(make_task(number, steps)) + b"\n")
        part += 1


def make_task(number: int, steps: int) -> dict[str, object]:
    """A task as target storage and exports have it."""
    trace = make_trace(number, steps)
    results = make_results(trace, number // 10 % steps if number % 10 < 3 else None)
    annotation = {"id": number, "completed_by": 1, "result": results, "updated_at": "2026-01-02T03:04:05.678901Z"}
    return {"id": number, "project": 1, "data": trace, "annotations": [annotation], "drafts": []}


if __name__ == "__main__":
    main()
