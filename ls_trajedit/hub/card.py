"""The dataset card that goes to the hub with the files: what they are, how many, how to load them, how they were made.

All of it comes from the manifest. Label Studio's address is left out: it may be a private one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from ls_trajedit.converters.shards import shards_pattern, whole_name
from ls_trajedit.output.manifest import Manifest, WrittenFile, shown_files

__all__ = ["CARD", "MADE_BY", "card_text", "loadable_sets"]

CARD = "README.md"
MADE_BY = "<!-- Written by ls-trajedit from manifest.json. The next push writes it anew. -->"
"""The line by which a push recognizes its own card."""

_FOLDERS = ("trl", "prm", "openai", "llamafactory")
_ROWS = (".jsonl", ".json", ".parquet")
_MARKUP = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>\\`*_[]|#~"})
_COUNTS = ("tasks", "annotations", "edited", "unedited", "rejected", "skipped", "excluded")
_RARE_COUNTS = ("removed_steps", "inserted_steps")


def loadable_sets(files: Iterable[WrittenFile]) -> dict[str, dict[str, str]]:
    """For each set of rows that a trainer reads, by the name that `load_dataset` takes, the file of each split, or a
    pattern that fits its shards.

    Of a JSON file and a Parquet file with the same rows, the latter is named. A file without rows is left out, because
    `datasets` refuses it.

    >>> loadable_sets([WrittenFile("trl/dpo.train.jsonl", 9, ""), WrittenFile("prm/prm.jsonl", 9, "")])
    {'trl-dpo': {'train': 'trl/dpo.train.jsonl'}, 'prm': {'train': 'prm/prm.jsonl'}}
    """
    sets: dict[str, dict[str, str]] = {}
    for file in files:
        path = PurePosixPath(whole_name(file.file))
        if str(path.parent) not in _FOLDERS or path.suffix not in _ROWS or not file.rows:
            continue
        stem, _, split = path.stem.partition(".")
        name = "-".join(dict.fromkeys([str(path.parent), stem])).replace("_", "-")
        splits = sets.setdefault(name, {})
        if path.suffix == ".parquet" or (split or "train") not in splits:
            splits[split or "train"] = shards_pattern(file.file)
    return sets


def card_text(manifest: Manifest, repo: str, license_: str | None) -> str:
    """The card for what `manifest` lists, in the repository `repo`. Without a licence it says that there is none."""
    sets = loadable_sets(manifest.files)
    head: dict[str, Any] = {"tags": ["ls-trajedit"]}
    if license_:
        head["license"] = license_
    if sets:
        head["configs"] = [
            {
                "config_name": name,
                "data_files": [{"split": split, "path": path} for split, path in splits.items()],
            }
            for name, splits in sets.items()
        ]
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=True, allow_unicode=True)}---\n{MADE_BY}",
        *_body(manifest, sets, repo),
    ]
    if not license_:
        parts.append("## Licence\n\nNone is given. Ask whoever published this before you use it.")
    return "\n\n".join(parts) + "\n"


def _body(manifest: Manifest, sets: dict[str, dict[str, str]], repo: str) -> Iterator[str]:
    project = manifest.origin.project
    yield f"# {_inline((project and project.title) or 'Corrected agent traces')}"
    yield (
        "What agents did, step by step, and what people made of it: they corrected thoughts, actions and answers in "
        "Label Studio. The files hold the corrected traces beside the original ones, as training data."
    )
    counts = manifest.counts.as_json()
    rare = (name for name in _RARE_COUNTS if name in counts)
    yield _table(("", ""), ((name.replace("_", " "), counts[name]) for name in (*_COUNTS, *rare)))
    files = shown_files(manifest.files, manifest.sharded)
    names = {path: name for name, splits in sets.items() for path in splits.values()}
    yield "## Files"
    yield "\n".join(
        [
            "| file | rows | name for `load_dataset` |",
            "| --- | ---: | --- |",
            *(f"| {_inline(f.name)} | {f.rows:,} | {names.get(f.name, '')} |" for f in files),
        ]
    )
    if sets:
        yield f'```python\nfrom datasets import load_dataset\n\nload_dataset("{repo}", "{next(iter(sets))}")\n```'
    yield (
        "Files without such a name hold traces as they were recorded. Their columns may differ from row to row, so "
        "read them with a JSON library. `manifest.json` has the SHA-256 of every file."
    )
    yield "## How it was made"
    yield "\n".join(f"- {line}" for line in _making(manifest))


def _making(manifest: Manifest) -> Iterator[str]:
    origin = manifest.origin
    for name, version in origin.versions.items():
        yield f"{_inline(name)} {_inline(version)}"
    if origin.project is not None:
        yield f"Label Studio project {origin.project.id}"
    fields = origin.schema.get("editable_fields") or []
    if fields:
        yield f"fields that could be corrected: {', '.join(_inline(field) for field in fields)}"
    annotators = len(manifest.counts.annotators)
    if annotators:
        yield f"{annotators} annotator{'' if annotators == 1 else 's'}"


def _table(heads: tuple[str, str], rows: Iterable[tuple[str, int]]) -> str:
    lines = [f"| {heads[0]} | {heads[1]} |", "| --- | ---: |", *(f"| {name} | {number:,} |" for name, number in rows)]
    return "\n".join(lines)


def _inline(value: Any) -> str:
    """Text on one line in which nothing is markup: titles and names of fields come from anywhere."""
    return " ".join(str(value).translate(_MARKUP).split())
