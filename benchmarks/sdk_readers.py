"""The two ways in which Label Studio's SDK reads a project with its annotations, which pull.py compares with `pull`.

    python sdk_readers.py list|as_json PROJECT TASKS

Reads PROJECT from the server in LABEL_STUDIO_URL, discards what it reads, and fails unless there were TASKS tasks.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from label_studio_sdk import LabelStudio


def main() -> None:
    way, project, expected = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    make_client: Any = LabelStudio  # its constructor is the one thing in the SDK that has no types
    client = make_client(base_url=os.environ["LABEL_STUDIO_URL"], api_key=os.environ["LABEL_STUDIO_API_KEY"])
    if way == "list":
        tasks = sum(len(task.annotations) == 1 for task in client.tasks.list(project=project, fields="all"))
    else:
        tasks = sum(len(task["annotations"]) == 1 for task in client.projects.exports.as_json(project))
    if tasks != expected:
        sys.exit(f"{way}: {tasks} tasks with an annotation instead of {expected}")


if __name__ == "__main__":
    main()
