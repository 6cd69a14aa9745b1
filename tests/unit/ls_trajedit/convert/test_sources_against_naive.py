"""`convert` of any sources, compared with what counts by the rules as they are documented."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.branches import PLAIN_CONFIG, annotation, branch_of_plain, plain_parent, typed
from tests.support.naive_sources import Seen, World, expected, random_sources, random_world, seen_in
from tests.unit.conftest import Run

SEEDS = range(40)


def written(folder: Path, world: World) -> None:
    """Writes the sources of `world` into `folder`."""
    for name, raw in world.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


def records(folder: Path) -> Counter[Seen]:
    found = json.loads((folder / "trajectory_corrections.json").read_text(encoding="utf-8"))["records"]
    return Counter(map(seen_in, found))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_counts_is_what_the_rules_say(run: Run, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    world = random_world(random)
    written(tmp_path / "in", world)
    ran = run("convert", "in", "-o", "out")
    assert ran.exit_code == 0, ran.err

    right = expected(world.places)
    counts: dict[str, Any] = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    assert records(tmp_path / "out") == right.records
    assert counts["tasks"] == right.tasks
    assert counts["skipped"] == right.skipped
    assert counts["rejected"] == right.rejected
    assert counts["edited"] + counts["unedited"] == right.records.total()
    assert counts.get("duplicates", 0) == right.duplicates
    assert counts.get("other_objects", 0) == len(world.junk)

    names = [f"in/{name}" for name in world.files if name not in world.junk]
    random.shuffle(names)
    assert run("convert", *names, names[0], "-o", "named").exit_code == 0
    named = files(tmp_path / "named")
    if not world.junk:
        assert named == files(tmp_path / "out")
    assert records(tmp_path / "named") == right.records


@pytest.mark.parametrize("seed", range(12))
def test_a_branch_counts_while_the_newest_correction_is_the_one_that_it_continues(
    run: Run, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    texts = ["get(key='a')", "get(key='c')", "get(key='a')", "get(key='d')"]
    corrected = [
        annotation(8, typed("step_0__action", text), created_at="2026-11-19T00:00:00Z", was_cancelled=False)
        | {"updated_at": f"2026-11-20T00:00:0{version}Z"}
        for version, text in enumerate(texts)
    ]
    parents = [{**plain_parent(each), "updated_at": each["updated_at"]} for each in corrected]
    branch = branch_of_plain(parents[0], annotation(9, was_cancelled=False)) | {"updated_at": "2026-11-20T00:00:00Z"}
    known = random.sample(parents, random.randint(1, 3))
    world = random_sources(random, lambda: random.choice([branch, *known]))
    written(tmp_path / "in", world)
    (tmp_path / "config.xml").write_text(PLAIN_CONFIG, encoding="utf-8")
    ran = run("convert", "in", "--config", "config.xml", "-o", "out")
    assert ran.exit_code == 0, ran.err

    newest = max(
        (place["annotations"][0] for place in world.places if place["id"] == 5),
        key=lambda each: str(each["updated_at"]),
        default=None,
    )
    is_current = newest is not None and newest["result"][0]["value"]["text"] == [texts[0]]
    found = json.loads((tmp_path / "out" / "trajectory_corrections.json").read_text(encoding="utf-8"))["records"]
    branches = [record["source"]["branch"] for record in found if record["source"]["task_id"] == 6]
    assert [not each.get("superseded", False) for each in branches] == [is_current] * len(branches)
    assert len(branches) == any(place["id"] == 6 for place in world.places)
