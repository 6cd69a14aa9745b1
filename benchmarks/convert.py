"""How fast `ls-trajedit convert` is, against reading and writing the same bytes with orjson and nothing else."""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import sys
import tempfile
from pathlib import Path

import orjson
from made_up_traces import OPTIONS, make_results, make_trace
from measure import LS_TRAJEDIT, Command, Cost, machine, median, run

STEPS = 10
FILES = ("trajectory_corrections.json", "trajectory_sft.jsonl", "trajectory_dpo.jsonl")
TIME = "2026-01-02T03:04:05.678901Z"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(machine("orjson"))
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name:
        folder = Path(name)
        export, options = folder / "export.json", folder / "trajedit.yaml"
        write_export(export, asked.annotations)
        options.write_text(OPTIONS)
        floor_out, our_out = folder / "floor", folder / "ours"
        floor: Command = [sys.executable, Path(__file__).with_name("convert_floor.py"), export, floor_out]
        ours: Command = [LS_TRAJEDIT, "convert", export, "--options", options, "-o", our_out, "--strict"]
        cores = os.sched_getaffinity(0)
        one = {max(cores)}
        ways = {
            "floor": (floor_out, floor, one),
            "convert, 1 core": (our_out, ours, one),
            f"convert, {len(cores)} cores": (our_out, ours, cores),
        }
        costs: dict[str, list[Cost]] = {way: [] for way in ways}
        for _ in range(asked.rounds):
            for way, (out, command, its_cores) in ways.items():
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                costs[way].append(run(command, its_cores))
        for file in FILES:
            if not filecmp.cmp(floor_out / file, our_out / file, shallow=False):
                sys.exit(f"{file}: the floor and `convert` write different bytes, so the ratio would mean nothing")
        size = export.stat().st_size, sum((our_out / file).stat().st_size for file in FILES)
    print(f"{asked.annotations} annotations, {size[0] / 1e6:.0f} MB in, {size[1] / 1e6:.0f} MB out, the same from both")
    show({way: median(measured) for way, measured in costs.items()}, asked.annotations)


def show(costs: dict[str, Cost], annotations: int) -> None:
    """Prints what each way costs, and its ratio to the floor, which comes first."""
    floor = next(iter(costs.values()))
    print(
        f"{'':18}{'wall':>10}{'CPU':>10}{'peak memory':>14}{'annotations/s':>16}{'wall / floor':>14}{'CPU / floor':>13}"
    )
    for way, cost in costs.items():
        figures = f"{cost.wall:8.2f} s{cost.cpu:8.2f} s{cost.peak:11.0f} MB{annotations / cost.wall:16,.0f}"
        print(f"{way:18}{figures}{cost.wall / floor.wall:14.2f}{cost.cpu / floor.cpu:13.2f}")


def write_export(path: Path, annotations: int) -> None:
    """Writes what Label Studio exports of a project in which every task has one annotation, and three in ten have an
    edit in two fields. One task per line, so that the floor need not find where a task ends."""
    with path.open("wb") as file:
        for number in range(1, annotations + 1):
            trace = make_trace(number, STEPS)
            results = make_results(trace, number // 10 % STEPS if number % 10 < 3 else None)
            annotation = {
                "id": number,
                "completed_by": 1,
                "result": results,
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": TIME,
                "updated_at": TIME,
                "draft_created_at": None,
                "lead_time": 12.5,
                "prediction": {},
                "result_count": len(results),
                "unique_id": f"00000000-0000-0000-0000-{number:012}",
                "task": number,
                "project": 1,
                "parent_prediction": None,
                "parent_annotation": None,
            }
            task = {
                "id": number,
                "annotations": [annotation],
                "drafts": [],
                "predictions": [],
                "data": trace,
                "meta": {},
                "created_at": TIME,
                "updated_at": TIME,
                "inner_id": number,
                "total_annotations": 1,
                "project": 1,
            }
            file.write((b"[" if number == 1 else b",\n") + orjson.dumps(task))
        file.write(b"]\n")


if __name__ == "__main__":
    main()
