"""A branch that comes, and is judged, between two pulls changes what the trace that it continues says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.branches import PLAIN_CONFIG, branch_of_plain, plain_parent, typed

from .puller import Puller

FORMATS = ("--format", "trl-sft", "--format", "corrections")


def rows(puller: Puller) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (puller.folder / "trl" / "sft.jsonl").read_text().splitlines()]


def written(folder: Path) -> dict[str, bytes]:
    """All output files but the manifest, which says where the annotations come from."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if name != "manifest.json" and not name.startswith(".ls-trajedit")
    }


def branch_data(puller: Puller, task: int) -> dict[str, Any]:
    data: dict[str, Any] = branch_of_plain(dict(puller.label_studio.tasks[task]))["data"]
    return data


def test_each_step_of_a_branch_is_in_the_next_pull(puller: Puller) -> None:
    server = puller.label_studio
    server.label_config = PLAIN_CONFIG
    parent = server.add_task(plain_parent()["data"])
    server.annotate(parent, typed("step_0__action", "get(key='a')"))
    server.pass_time()
    assert puller.pull(*FORMATS).exit_code == 0
    assert ["regenerated" in row for row in rows(puller)] == [False]

    server.pass_time()
    branch = server.add_task(branch_data(puller, parent))
    server.pass_time()
    assert puller.pull(*FORMATS).exit_code == 0
    assert [(row["trace_id"], row["prefix_stale"], row["regenerated"]) for row in rows(puller)] == [("t1", True, False)]

    server.pass_time()
    server.annotate(branch)
    server.pass_time()
    assert puller.pull(*FORMATS).exit_code == 0
    assert [(row["trace_id"], row["prefix_stale"], row["regenerated"]) for row in rows(puller)] == [("t1", True, True)]
    server.pass_time()
    assert puller.pull(*FORMATS).out.startswith("up to date")

    server.pass_time()
    accepting = puller.pull(*FORMATS, "--accept-branches")
    assert "1 trace continued and accepted without a correction" in accepting.out
    assert [row["n_edits"] for row in rows(puller)] == [1, 0]

    server.pass_time()
    server.change_annotation(parent, 0, result=[typed("step_0__action", "get(key='A')")])
    server.pass_time()
    ran = puller.pull(*FORMATS, "--accept-branches", "--json").json()
    assert ran["superseded"] == 1
    assert [(row["trace_id"], row["regenerated"]) for row in rows(puller)] == [("t1", False)]


def test_pull_and_convert_write_the_same_rows(puller: Puller) -> None:
    server = puller.label_studio
    server.label_config = PLAIN_CONFIG
    for number in range(3):
        parent = server.add_task({**plain_parent()["data"], "id": f"t{number}"})
        server.annotate(parent, typed("step_0__action", "get(key='a')"))
        branch = server.add_task(branch_data(puller, parent))
        if number:
            server.annotate(branch, *([typed("step_0__thought", "Fine.")] if number == 2 else []))
    server.pass_time()
    options = ("--stale", "exclude", "--accept-branches", "--format", "all")
    assert puller.pull(*options).exit_code == 0
    export, config = puller.folder.parent / "export.json", puller.folder.parent / "config.xml"
    export.write_text(json.dumps(list(server.tasks.values()), default=lambda time: time.isoformat()))
    config.write_text(PLAIN_CONFIG)
    converted = puller.folder.parent / "converted"
    ran = puller.run("convert", str(export), "--config", str(config), "-o", str(converted), *options)
    assert ran.exit_code == 0
    assert written(converted) == written(puller.folder)
    assert "trl/dpo.jsonl" in written(converted)
    assert len(rows(puller)) == 4
