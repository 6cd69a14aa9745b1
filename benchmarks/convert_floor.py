"""The floor for `convert`: reads the export that convert.py made and writes the same files, byte for byte.

It checks nothing, compares nothing and measures no distance: it knows beforehand which tasks are edited, where, and
by how much. What is left is orjson reading, orjson writing, and the objects in between.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
from made_up_traces import EDITED_FIELDS, INSERTED


def main() -> None:
    export, folder = Path(sys.argv[1]), Path(sys.argv[2])
    total = edited = 0
    with (
        export.open("rb") as lines,
        (folder / "trajectory_corrections.json").open("wb") as corrections,
        (folder / "trajectory_sft.jsonl").open("wb") as sft,
        (folder / "trajectory_dpo.jsonl").open("wb") as dpo,
    ):
        for line in lines:
            record = make_record(orjson.loads(line.removeprefix(b"[").rstrip(b",]\n")))
            corrections.write((b",\n" if total else b'{"records": [\n') + orjson.dumps(record))
            total += 1
            if not record["n_edits"]:
                continue
            edited += 1
            row = {
                "prompt": record["task"],
                "completion": record["corrected_trace"],
                "trace_id": record["trace_id"],
            }
            sft.write(orjson.dumps(row) + b"\n")
            row = {
                "prompt": record["task"],
                "chosen": record["corrected_trace"],
                "rejected": record["original_trace"],
                "trace_id": record["trace_id"],
            }
            dpo.write(orjson.dumps(row) + b"\n")
        counts = f'"n_total": {total},\n"n_edited": {edited},\n"n_unedited": {total - edited}'
        corrections.write(f"\n],\n{counts}}}\n".encode())


def make_record(task: dict[str, Any]) -> dict[str, Any]:
    """The record of the task's only annotation."""
    data, annotation = task["data"], task["annotations"][0]
    original = {"task": data["task_description"], "steps": data["steps"], "final_answer": data["final_answer"]}
    corrected, edits = original, []
    if task["id"] % 10 < 3:
        index = task["id"] // 10 % len(data["steps"])
        step = dict(data["steps"][index])
        for number, field in enumerate(EDITED_FIELDS):
            text = annotation["result"][len(EDITED_FIELDS) * index + number]["value"]["text"][0]
            edits.append(
                {
                    "step_index": index,
                    "field": field,
                    "original_text": step[field],
                    "edited_text": text,
                    "edit_distance_chars": len(INSERTED),
                    "edit_distance_words": len(INSERTED.split()),
                    "reason": "",
                }
            )
            step[field] = text
        steps = list(data["steps"])
        steps[index] = step
        corrected = {**original, "steps": steps}
    return {
        "trace_id": data["id"],
        "annotator": "1",
        "task": data["task_description"],
        "original_trace": original,
        "corrected_trace": corrected,
        "edits": edits,
        "n_edits": len(edits),
        "total_edit_distance": len(INSERTED) * len(edits),
        "source": {
            "project_id": task["project"],
            "task_id": task["id"],
            "annotation_id": annotation["id"],
            "updated_at": annotation["updated_at"],
            "lead_time": annotation["lead_time"],
            "ground_truth": False,
            "step_labels": [],
            "reasons_without_edit": [],
            "extra": {},
        },
    }


if __name__ == "__main__":
    main()
