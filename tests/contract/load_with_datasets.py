"""Run by a Python that has `datasets`: loads what it is given, and prints the rows as JSON.

An argument is a file, or a folder with a dataset card and, behind a `#`, the name of a set in it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any


def loaded(argument: str) -> dict[str, Any]:
    """The rows of each split, or what was wrong."""
    # Not above: pytest looks for doctests here, with a Python that has no `datasets`.
    import datasets

    path, _, name = argument.partition("#")
    kind = "parquet" if path.endswith(".parquet") else "json"
    with tempfile.TemporaryDirectory() as cache:
        try:
            if name:
                found = datasets.load_dataset(path, name, cache_dir=cache)
            else:
                found = datasets.load_dataset(kind, data_files=path, cache_dir=cache)
            return {split: rows.to_list() for split, rows in found.items()}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error} ({error.__cause__})"}


if __name__ == "__main__":
    # A time, which no file of ours holds, becomes an object, so that it equals nothing.
    answers = {given: loaded(given) for given in sys.argv[1:]}
    json.dump(answers, sys.stdout, default=lambda value: {"no JSON": repr(value)})
