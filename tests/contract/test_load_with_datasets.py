"""What comes out of the `datasets` library, the newest and 3.6, is what the files hold; each in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.hub.card import card_text, loadable_sets
from ls_trajedit.output.manifest import read_manifest
from tests.support.environments import make_environment

VERSIONS = {"newest": "datasets", "3.6": "datasets==3.6.*"}
SCRIPT = Path(__file__).with_name("load_with_datasets.py")
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_TELEMETRY": "1"}

Load = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture(scope="session", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each of the versions of `datasets`."""
    return str(request.param)


@pytest.fixture(scope="session")
def load(version: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Loads files, or sets of a dataset card, with that version: the rows of each split, by what was asked for."""
    python = environment(VERSIONS[version], request.config.cache.mkdir(f"datasets-{version}"))
    home = tmp_path_factory.mktemp("home")

    def run(*wanted: Path | str) -> dict[str, dict[str, Any]]:
        variables = {**os.environ, **OFFLINE, "HF_HOME": str(home)}
        command = [str(python), str(SCRIPT), *map(str, wanted)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run


def environment(requirement: str, folder: Path) -> Path:
    """A Python with that requirement. It is kept in pytest's cache for as long as that and Python stay the same."""
    python, mark = folder / "venv" / "bin" / "python", folder / "made-for"
    wanted = f"{requirement} {sys.version}"
    if not mark.exists() or mark.read_text() != wanted:
        mark.unlink(missing_ok=True)
        make_environment(folder / "venv", requirement)
        mark.write_text(wanted)
    return python


def rows_in(file: Path) -> list[Any]:
    """What the lines of a file stand for."""
    lines = (line.strip().rstrip(",") for line in file.read_text(encoding="utf-8").split("\n"))
    return [json.loads(line) for line in lines if line.startswith("{")]


def corrected(number: int, wrong: list[str], right: list[str], **trace: Any) -> dict[str, Any]:
    """A task as Label Studio exports it: the trace has a step for each of `wrong`, and an annotator wrote `right`."""
    steps = [{"thought": text, "action": text, "observation": text} for text in wrong]
    data = {"id": f"t{number}", "task_description": "Go.", "steps": steps, "final_answer": wrong[0], **trace}
    results = [
        {
            "from_name": f"step_{step}__action__corrected",
            "to_name": f"step_{step}__action",
            "type": "textarea",
            "value": {"text": [text]},
        }
        for step, text in enumerate(right)
    ]
    annotation = {"id": number, "completed_by": 7, "result": results, "updated_at": "2026-11-22T12:00:00Z"}
    return {"id": number, "project": 1, "data": data, "annotations": [annotation]}


def converted(folder: Path, tasks: list[dict[str, Any]], *arguments: str, templates: str = "") -> list[Path]:
    """Every file with rows that trainers read, made of these tasks."""
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    (folder / "trajedit.yaml").write_text(f"edit_final_answer: true\n{templates}", encoding="utf-8")
    command = [sys.executable, "-m", "ls_trajedit", "convert", "export.json", "--options", "trajedit.yaml"]
    wanted = ["--format", "all", "-o", "data", "--strict", "--json", *arguments]
    done = subprocess.run([*command, *wanted], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [folder / "data" / file["file"] for file in json.loads(done.stdout)["files"] if is_for_training(file)]


def is_for_training(file: dict[str, Any]) -> bool:
    """Whether trainers read the file. Those of `atif` and `native` hold whole traces, each in a shape of its own."""
    folder, slash, _ = file["file"].partition("/")
    return bool(slash and folder not in ("atif", "native") and file["rows"])


def assert_loaded_as_meant(load: Load, files: list[Path]) -> None:
    """Compares every cell with what the JSON lines hold."""
    found = load(*files)
    for file in files:
        assert as_meant(file, found[str(file)]) == {"train": json_rows(file)}, file


def json_rows(file: Path) -> list[Any]:
    """The rows of a file, or of the JSON file beside a Parquet file, as they are meant."""
    return list(as_meant(file, rows_in(file.with_suffix(".json" if file.parent.name == "llamafactory" else ".jsonl"))))


def as_meant(file: Path, rows: Any) -> Any:
    """`rows` without nulls where the file is OpenAI's: `weight` stands in some messages only, and 3.6 fills it in."""
    return without_nulls(rows) if file.parent.name == "openai" else rows


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


TRAINING_FILES = {
    *("trl/sft", "trl/sft_prompt_completion", "trl/dpo", "trl/dpo_trajectory", "trl/kto", "prm/prm"),
    *("openai/sft", "openai/dpo", "llamafactory/sft", "llamafactory/dpo"),
}
BARE = "templates: {step: '{action}', observation: '{observation}', final_answer: '{final_answer}'}\n"
TEXTS = [
    "42",
    "null",
    "true",
    '{"a": 1}',
    "[]",
    "line\u2028line",
    "a\r\nb",
    "Grüße 🌍",
    "10:00:00",
    "half \ud83d",
    "\x00",
]
TIMES = ["2024-01-01", "2024-01-01T10:00:00Z", "2024-01-01 10:00", "2024-01-01T10:00:00+02:00"]


def test_every_text_comes_back_as_it_is_in_the_files(load: Load, tmp_path: Path) -> None:
    tasks = [corrected(number, [text], [f"{text}!"], id=text) for number, text in enumerate(TEXTS, 1)]
    files = converted(tmp_path, tasks)
    assert {str(file.relative_to(tmp_path / "data").with_suffix("")) for file in files} == TRAINING_FILES
    assert_loaded_as_meant(load, files)


def test_texts_without_a_word_of_a_template_come_back_too(load: Load, tmp_path: Path) -> None:
    tasks = [corrected(number, [text], [f"{text}!"], id=text) for number, text in enumerate(TEXTS, 1)]
    assert_loaded_as_meant(load, converted(tmp_path, tasks, templates=BARE))


def test_times_everywhere_come_back_as_texts_with_a_blank_behind(load: Load, tmp_path: Path) -> None:
    tasks = [
        corrected(number, [text], [TIMES[number % len(TIMES)]], id=text, task_description=text)
        for number, text in enumerate(TIMES, 1)
    ]
    files = converted(tmp_path, tasks, templates=BARE)
    assert_loaded_as_meant(load, files)
    dpo = tmp_path / "data" / "trl" / "dpo.jsonl"
    assert [row["rejected"][0]["content"] for row in rows_in(dpo)] == [f"{text} " for text in TIMES]
    assert [row["trace_id"] for row in rows_in(dpo)] == [f"{text} " for text in TIMES]


def test_a_file_of_many_megabytes_whose_last_rows_differ_from_the_first_loads(load: Load, tmp_path: Path) -> None:
    first = [corrected(number, ["2024-01-01" + "x" * 20_000], ["y"]) for number in range(1, 301)]
    last = corrected(999, ["a", "b", "c"], ["2024-01-01", "null", "42"], extra_key={"new": 1})
    files = converted(tmp_path, [*first, last])
    assert (tmp_path / "data" / "trl" / "sft.jsonl").stat().st_size > 11_000_000
    assert_loaded_as_meant(load, files)


CALLS = [
    ("search(queyr='x')", "search(query='x')"),
    ("search(query='x', page='2')", "open(url='y', retries=3)"),
    ("stop()", "book(room='1', nights=[1, 2], guest={'name': 'Ana'})"),
]
DATED_CALLS = [
    ("book(day='2024-01-01')", "book(day='2024-01-02')"),
    ("book(day='2024-02-01')", "book(day='2024-02-02')"),
]


def test_tool_calls_come_back_with_their_arguments_and_in_3_6_with_nulls_for_those_of_others(
    load: Load, version: str, tmp_path: Path
) -> None:
    calls = [*CALLS, *DATED_CALLS] if version == "newest" else CALLS
    tasks = [corrected(number, [wrong], [right]) for number, (wrong, right) in enumerate(calls, 1)]
    files = converted(tmp_path, tasks, "--tools")
    assert "tool_calls" in (tmp_path / "data" / "trl" / "dpo.jsonl").read_text(encoding="utf-8")
    if version == "newest":
        assert_loaded_as_meant(load, files)
    else:
        found = load(*files)
        for file in files:
            assert without_nulls(found[str(file)]) == {"train": rows_in(file)}, file


def test_parquet_files_without_tool_calls_come_back(load: Load, version: str, tmp_path: Path) -> None:
    texts = [*TEXTS, *TIMES]
    tasks = [corrected(number, [text], [f"{text}!"], id=text) for number, text in enumerate(texts, 1)]
    files = [file for file in converted(tmp_path, tasks, "--to", "parquet") if file.suffix == ".parquet"]
    assert {str(file.relative_to(tmp_path / "data").with_suffix("")) for file in files} == TRAINING_FILES
    # OpenAI's rows have columns of JSON, which is a type that 3.6 does not know.
    assert_loaded_as_meant(load, [file for file in files if version == "newest" or file.parent.name != "openai"])


def test_parquet_files_with_tool_calls_come_back_in_the_newest_even_dates_alone(
    load: Load, version: str, tmp_path: Path
) -> None:
    tasks = [corrected(number, [wrong], [right]) for number, (wrong, right) in enumerate(DATED_CALLS, 1)]
    files = [file for file in converted(tmp_path, tasks, "--tools", "--to", "parquet") if file.suffix == ".parquet"]
    trl = [file for file in files if file.parent.name == "trl"]
    if version == "newest":
        assert_loaded_as_meant(load, trl)
    else:
        assert all("arrow.json" in found["error"] for found in load(*trl).values())


def test_the_sets_that_a_card_names_load_with_their_splits(load: Load, tmp_path: Path) -> None:
    tasks = [corrected(number, ["a"], ["b"], task_description=f"Task {number}") for number in range(1, 21)]
    files = converted(tmp_path, tasks, "--split", "train=0.5,test=0.5")
    manifest = read_manifest(tmp_path / "data")
    (tmp_path / "data" / "README.md").write_text(card_text(manifest, "ana/traces", None), encoding="utf-8")
    sets = loadable_sets(manifest.files)
    assert {tmp_path / "data" / file for splits in sets.values() for file in splits.values()} == set(files)
    found = load(*(f"{tmp_path / 'data'}#{name}" for name in sets))
    for name, splits in sets.items():
        meant = {split: json_rows(tmp_path / "data" / file) for split, file in splits.items()}
        assert as_meant(tmp_path / "data" / splits["test"], found[f"{tmp_path / 'data'}#{name}"]) == meant
        assert set(meant) == {"train", "test"}


POINTS = [("click(x=9, y=1)", "click(x=0, y=1)"), ("click(x=8, y=2)", "click(x=0.5, y=2)")]


def test_what_the_manifest_says_is_loaded_as_another_value_is_and_parquet_has_it_right(
    load: Load, version: str, tmp_path: Path
) -> None:
    if version != "newest":
        return  # 3.6 does not know the type of messages with calls.
    tasks = [corrected(number, [wrong], [right]) for number, (wrong, right) in enumerate(POINTS, 1)]
    files = converted(tmp_path, tasks, "--tools", "--to", "parquet", templates=BARE)
    listed = {file.file: file for file in read_manifest(tmp_path / "data").files}
    for file in files:
        if file.parent.name != "trl":
            continue
        found = load(file)[str(file)]
        retyped = (listed[f"trl/{file.name}"].tally or {}).get("retyped_arguments", {})
        # 0 and 0.0 are equal, but not as JSON.
        same = json.dumps(as_meant(file, found), sort_keys=True) == json.dumps(
            {"train": json_rows(file)}, sort_keys=True
        )
        assert same == (not retyped), file
        assert retyped in ({}, {"x": "integers_become_floats"})
    assert listed["trl/dpo.jsonl"].tally is not None
    assert "retyped_arguments" in listed["trl/dpo.jsonl"].tally
