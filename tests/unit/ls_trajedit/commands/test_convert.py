"""`ls-trajedit convert` with formats for trainers: which files there are, and what the choices change in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.formats.registry import FORMATS
from tests.support.exports import EDIT, SAME, annotation, export, read_rows, task
from tests.support.loop import text_result

Run = Callable[..., Any]

THOUGHT = text_result("step_0__thought__corrected", "step_0__thought", "hm!")
STOP = text_result("step_1__action__corrected", "step_1__action", "stop()")
ANSWER = text_result("final_answer__corrected", "final_answer", "nearly done")
BLANK = text_result("step_0__action__corrected", "step_0__action", "queyr ")


def files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != ".ls-trajedit"}


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def entry(folder: Path, file: str) -> dict[str, Any]:
    (found,) = [item for item in manifest(folder)["files"] if item["file"] == file]
    return dict(found)


ALWAYS = {"rejects.jsonl", "manifest.json"}
INTERCHANGE = {"trajectory_corrections.json", "trajectory_sft.jsonl", "trajectory_dpo.jsonl"}


def test_only_the_formats_that_are_asked_for_are_written(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    assert run("convert", name).exit_code == 0
    assert files(tmp_path / "data") == ALWAYS | INTERCHANGE
    assert manifest(tmp_path / "data")["training"] is None
    assert run("convert", name, "--format", "trl-dpo", "--format", "sft", "-o", "two").exit_code == 0
    assert files(tmp_path / "two") == ALWAYS | {"trl/dpo.jsonl", "trajectory_sft.jsonl"}
    assert run("convert", name, "--format", "all", "-o", "all").exit_code == 0
    every = {file.file for format_ in FORMATS.values() for file in format_.files}
    assert files(tmp_path / "all") == ALWAYS | every


def test_the_options_say_which_formats_and_templates_unless_the_command_line_does(run: Run, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(
        'formats: [trl-dpo]\ntemplates: {step: "DO {action}", no_observation: "..."}\n', encoding="utf-8"
    )
    name = export(tmp_path, task(1, annotation(1, EDIT, STOP)))
    assert run("convert", name, "--options", "o.yaml").exit_code == 0
    assert files(tmp_path / "data") == ALWAYS | {"trl/dpo.jsonl"}
    _, second = read_rows(tmp_path / "data" / "trl" / "dpo.jsonl")
    assert [message["content"] for message in second["prompt"]] == ["Do it.", "DO query", "..."]
    assert manifest(tmp_path / "data")["training"]["templates"]["step"] == "DO {action}"
    assert run("convert", name, "--options", "o.yaml", "--format", "trl-kto").exit_code == 0
    assert files(tmp_path / "data") == ALWAYS | {"trl/kto.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "message", "exit_code"),
    [
        (["--format", "trl_dpo"], "`trl_dpo` is not a format; did you mean `trl-dpo`? (formats: corrections, sft,", 2),
        (["--format", ""], "`` is not a format (formats: corrections,", 2),
        (["--split", "train=0.9"], "'train=0.9': the shares add up to 0.9, not to 1; give shares such as", 2),
        (["--stale", "drop"], "'drop' is not one of 'include', 'exclude', 'truncate'", 2),
        (["--pairs", "last"], "'last' is not one of 'every', 'first'", 2),
        (["--annotators-policy", "vote"], "'vote' is not one of 'all', 'latest', 'agree'", 2),
        (["--min-edit-chars", "-1"], "Invalid value for '--min-edit-chars'", 2),
        (["--options", "formats.yaml"], "`formats` in the options: `dop` is not a format; did you mean `dpo`?", 3),
        (
            ["--options", "bad.yaml"],
            "bad.yaml: `templates.step`: line 2: `{action!r}`: nothing may follow the field",
            3,
        ),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is(
    run: Run, tmp_path: Path, arguments: list[str], message: str, exit_code: int
) -> None:
    (tmp_path / "formats.yaml").write_text("formats: [dop]\n", encoding="utf-8")
    (tmp_path / "bad.yaml").write_text('templates: {step: "{thought}\\n{action!r}"}\n', encoding="utf-8")
    ran = run("convert", export(tmp_path, task(1, annotation(1, EDIT))), *arguments)
    assert ran.exit_code == exit_code
    assert message in " ".join(ran.err.split())
    assert not (tmp_path / "data").exists()


def test_the_manifest_says_what_is_in_each_training_file_and_how_it_was_made(run: Run, tmp_path: Path) -> None:
    edits = (EDIT, STOP, ANSWER)
    name = export(tmp_path, task(1, annotation(1, *edits)), task(2, annotation(2, SAME)))
    chosen = ["--format", "trl-dpo", "--format", "prm", "--stale", "exclude", "--prm-unedited", "exclude"]
    ran = run("convert", name, *chosen, "--json")
    assert ran.exit_code == 0
    data = tmp_path / "data"
    chosen_text, rejected_text = "Thought: hm\nAction: query", "Thought: hm\nAction: queyr"
    assert entry(data, "trl/dpo.jsonl") == {
        "file": "trl/dpo.jsonl",
        "rows": 1,
        "sha256": entry(data, "trl/dpo.jsonl")["sha256"],
        "characters": len(chosen_text + rejected_text),
        "pairs": 1,
        "stale": 0,
        "left_out": {"invisible": 0, "empty": 0, "stale": 2, "noise": 0, "later": 0, "unedited": 0, "disputed": 0},
    }
    assert (entry(data, "prm/prm.jsonl")["rows"], entry(data, "prm/prm.jsonl")["left_out"]["unedited"]) == (1, 1)
    assert set(entry(data, "rejects.jsonl")) == {"file", "rows", "sha256"}
    assert manifest(data)["training"] == {
        "formats": ["trl-dpo", "prm"],
        "tools": False,
        "tools_key": None,
        "templates": {
            "step": "Thought: {thought}\nAction: {action}",
            "observation": "Observation: {observation}",
            "no_observation": "Observation: (none recorded)",
            "final_answer": "Final Answer: {final_answer}",
        },
        "stale": "exclude",
        "pairs": "every",
        "prm_unedited": "exclude",
        "annotators_policy": "all",
        "min_edit_chars": 0,
        "ignore_whitespace_edits": False,
        "split": None,
        "parquet": False,
        "records": 2,
        "annotations_left_out": 0,
        "edits_left_out": 0,
        "actions_as_calls": 0,
        "actions_as_text": 4,
    }
    assert json.loads(ran.out)["files"] == manifest(data)["files"]


def test_the_summary_says_what_is_left_out(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT, ANSWER)), task(2, annotation(2, BLANK)))
    ran = run("convert", name, "--format", "trl-dpo", "--ignore-whitespace-edits", "--pairs", "first")
    assert "  trl/dpo.jsonl                      1 row   (left out: 1 noise, 1 later)\n" in ran.out


def test_actions_that_are_calls_are_written_as_calls_and_counted(run: Run, tmp_path: Path) -> None:
    call = text_result("step_0__action__corrected", "step_0__action", "search(q='x')")
    name = export(tmp_path, task(1, annotation(1, call)))
    assert run("convert", name, "--format", "trl-dpo", "--tools").exit_code == 0
    (row,) = read_rows(tmp_path / "data" / "trl" / "dpo.jsonl")
    assert row["chosen"][0]["tool_calls"][0]["function"] == {"name": "search", "arguments": {"q": "x"}}
    assert row["rejected"] == [{"role": "assistant", "content": "Thought: hm\nAction: queyr"}]
    training = manifest(tmp_path / "data")["training"]
    assert (training["tools"], training["actions_as_calls"], training["actions_as_text"]) == (True, 1, 1)


# In the order in which a PostgreSQL gives keys: by length, then by bytes.
STORED = """[{"id": 1, "project": 1, "data": {"id": "p", "task": "Find it", "steps": [{"action": "f('SF wether', 5)"}],
"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["query"],
"properties": {"k": {"type": "integer"}, "query": {"type": "string"}}}}}]}, "annotations": [{"id": 10,
"completed_by": 1, "result": [{"id": "fix", "from_name": "fix", "to_name": "act", "type": "textarea",
"value": {"text": ["f('SF weather', 5)"]}}]}]}]"""
CONFIG = '<View><Text name="act" value="$steps[0].action"/><TextArea name="fix" toName="act"/></View>'
TO_DPO = ("convert", "e.json", "--config", "c.xml", "--options", "o.yaml", "--format", "trl-dpo", "--tools")


@pytest.mark.parametrize(
    ("changes", "chosen", "unknown"),
    [
        # `required` comes first, and one parameter is left for the 5.
        ([], {"query": "SF weather", "k": 5}, 0),
        # Nothing says which of two parameters the 5 is for, or which of all comes first.
        ([('"query": {', '"n": {}, "query": {')], None, 1),
        ([('"required": ["query"],', "")], None, 1),
        # Where the tools are not in PostgreSQL's order, the order is theirs, whatever else is in the data.
        ([('"required": ["query"],', ""), ('"name": "f", ', '"strict": true, "name": "f", ')],
         {"k": "SF weather", "query": 5}, 0),
        ([('"required": ["query"],', ""), ('"id": "p", "task": "Find it"', '"task": "Find it", "id": "p"')], None, 1),
        # A push notes the order: here, that it is PostgreSQL's.
        ([('"required": ["query"],', ""), ('"data": {', '"data": {"ls_trajedit": {"layout": {}}, ')],
         {"k": "SF weather", "query": 5}, 0),
        ([('"required": ["query"],', ""),
          ('"data": {', '"data": {"ls_trajedit": {"layout": {"keys": [["query", "k"]]}}, ')],
         {"query": "SF weather", "k": 5}, 0),
    ],
)  # fmt: skip
def test_positional_arguments_get_no_name_from_the_order_in_which_a_database_keeps_keys(
    run: Run, tmp_path: Path, changes: list[tuple[str, str]], chosen: dict[str, Any] | None, unknown: int
) -> None:
    stored = STORED
    for old, new in changes:
        assert old in stored
        stored = stored.replace(old, new)
    (tmp_path / "e.json").write_text(stored)
    (tmp_path / "c.xml").write_text(CONFIG)
    (tmp_path / "o.yaml").write_text("tools_key: tools\n")
    assert run(*TO_DPO).exit_code == 0
    (row,) = read_rows(tmp_path / "data" / "trl" / "dpo.jsonl")
    if chosen is None:
        assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == (
            "Action: f('SF weather', 5)",
            "Action: f('SF wether', 5)",
        )
    else:
        assert row["chosen"][0]["tool_calls"][0]["function"] == {"name": "f", "arguments": chosen}
        wrong = {key: "SF wether" if value == "SF weather" else value for key, value in chosen.items()}
        assert row["rejected"][0]["tool_calls"][0]["function"] == {"name": "f", "arguments": wrong}
    training = manifest(tmp_path / "data")["training"]
    assert training.get("actions_of_unknown_order", 0) == unknown == training["actions_as_text"]
    assert ("actions_of_unknown_order" in training) == bool(unknown)


def test_two_annotators_of_one_task_are_in_one_split_and_stay_there(run: Run, tmp_path: Path) -> None:
    def tasks(count: int) -> list[Any]:
        found = [task(n, annotation(n, EDIT), annotation(n + 100, STOP)) for n in range(1, count)]
        for item in found:
            item["data"]["task_description"] = f"task {item['id']}"
        return found

    def splits(folder: Path) -> dict[str, set[str]]:
        found = {split: read_rows(folder / "trl" / f"dpo.{split}.jsonl") for split in ("train", "test")}
        return {split: {row["trace_id"] for row in rows} for split, rows in found.items()}

    arguments = ("--format", "trl-dpo", "--format", "dpo", "--split", "train=0.8,test=0.2", "-o")
    assert run("convert", export(tmp_path, *tasks(20)), *arguments, "few").exit_code == 0
    assert run("convert", export(tmp_path, *tasks(40)), *arguments, "many").exit_code == 0
    few, many = splits(tmp_path / "few"), splits(tmp_path / "many")
    assert few["train"] & few["test"] == set()
    assert len(few["train"] | few["test"]) == 19
    assert few["train"] <= many["train"]
    assert few["test"] <= many["test"]
    assert "tr8" in few["test"]
    assert files(tmp_path / "few") == ALWAYS | {"trajectory_dpo.jsonl", "trl/dpo.train.jsonl", "trl/dpo.test.jsonl"}


def test_dataset_info_names_every_split(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    assert run("convert", name, "--format", "llamafactory", "--split", "train=0.5,test=0.5").exit_code == 0
    folder = tmp_path / "data" / "llamafactory"
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert {name: item["file_name"] for name, item in info.items()} == {
        "trajedit_sft_train": "sft.train.json",
        "trajedit_sft_test": "sft.test.json",
        "trajedit_dpo_train": "dpo.train.json",
        "trajedit_dpo_test": "dpo.test.json",
    }
    assert info["trajedit_dpo_test"] == {
        "file_name": "dpo.test.json",
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }
    assert sorted(len(json.loads((folder / f"dpo.{split}.json").read_text())) for split in ("train", "test")) == [0, 1]


@pytest.mark.parametrize(
    ("policy", "annotators", "left_out"),
    [("all", ["4", "5", "6"], (0, 0)), ("latest", ["5"], (2, 3)), ("agree", ["4+6"], (1, 2))],
)
def test_the_policy_says_whose_edits_become_training_rows(
    run: Run, tmp_path: Path, policy: str, annotators: list[str], left_out: tuple[int, int]
) -> None:
    item = task(
        1,
        annotation(1, EDIT, STOP),
        annotation(2, THOUGHT, completed_by=5, updated_at="2026-11-23T12:00:00Z"),
        annotation(3, EDIT, completed_by=6),
    )
    (tmp_path / "o.yaml").write_text("editable_fields: [thought, action]\n", encoding="utf-8")
    arguments = ("--format", "trl-sft", "--format", "sft", "--annotators-policy", policy, "--options", "o.yaml")
    assert run("convert", export(tmp_path, item), *arguments).exit_code == 0
    rows = read_rows(tmp_path / "data" / "trl" / "sft.jsonl")
    assert [row["annotator"] for row in rows] == annotators
    training = manifest(tmp_path / "data")["training"]
    assert (training["annotations_left_out"], training["edits_left_out"]) == left_out
    assert training["records"] == len(annotators)
    assert len(read_rows(tmp_path / "data" / "trajectory_sft.jsonl")) == 3


def test_the_same_choices_give_the_same_bytes_in_any_order_of_tasks(run: Run, tmp_path: Path) -> None:
    tasks = [task(n, annotation(n, EDIT, ANSWER), annotation(n + 50, STOP)) for n in (3, 1, 20, 2)]
    for name, order in (("one", tasks), ("two", tasks[::-1])):
        path = export(tmp_path, *order, name=f"{name}.json")
        assert run("convert", path, "--format", "all", "--tools", "-o", name).exit_code == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")
    for file in files(tmp_path / "one"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


# Files of formats that the next run leaves out.


def test_files_that_the_next_run_does_not_write_are_gone(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    run("convert", name, "--format", "all")
    (tmp_path / "data" / "notes.txt").write_text("mine")
    run("convert", name, "--format", "trl-dpo", "--split", "train=0.5,test=0.5")
    assert files(tmp_path / "data") == ALWAYS | {"notes.txt", "trl/dpo.train.jsonl", "trl/dpo.test.jsonl"}
    assert not (tmp_path / "data" / "llamafactory").exists()


def test_a_file_that_somebody_changed_stays(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    run("convert", name, "--format", "all")
    mine = tmp_path / "data" / "trl" / "kto.jsonl"
    mine.write_text("mine")
    (tmp_path / "data" / "openai" / "mine.txt").write_text("mine")
    run("convert", name, "--format", "sft")
    assert files(tmp_path / "data") == ALWAYS | {"trajectory_sft.jsonl", "trl/kto.jsonl", "openai/mine.txt"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": [1]}', '{"files": [{"file": "notes.txt"}]}'])
def test_a_manifest_that_is_not_ours_removes_nothing(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "manifest.json").write_text(text)
    (tmp_path / "data" / "notes.txt").write_text("mine")
    assert run("convert", export(tmp_path, task(1))).exit_code == 0
    assert "notes.txt" in files(tmp_path / "data")


def test_a_manifest_removes_nothing_outside_its_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    named = [{"file": name, "sha256": empty} for name in ("../outside.txt", str(outside))]
    (tmp_path / "data" / "manifest.json").write_text(json.dumps({"files": named}))
    assert run("convert", export(tmp_path, task(1))).exit_code == 0
    assert outside.exists()


def test_when_a_run_fails_the_files_of_the_one_before_stay(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    run("convert", name, "--format", "all")
    before = files(tmp_path / "data")
    (tmp_path / "bad.json").write_text("[5]")
    assert run("convert", "bad.json", "--format", "sft").exit_code == 5
    assert files(tmp_path / "data") == before


def converted_by_hand(run: Run, folder: Path, tags: str, *results: dict[str, Any], **options: list[str]) -> Any:
    """What `convert` prints under `--json` of one annotation under a labeling config with these tags."""
    data = {"id": "t1", "task": "Find the weather", "steps": [{"action": "go queyr"}], "final_answer": "<b>Sunny</b>"}
    tasks = [{"id": 1, "data": data, "annotations": [{"id": 10, "completed_by": 1, "result": list(results)}]}]
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    (folder / "config.xml").write_text(f"<View>{tags}</View>", encoding="utf-8")
    (folder / "trajedit.yaml").write_text(json.dumps(options), encoding="utf-8")
    files_given = ("--config", "config.xml", "--options", "trajedit.yaml")
    done = run("convert", "export.json", *files_given, "--format", "all", "--json")
    assert done.exit_code == 0
    return json.loads(done.out)


ACTION = '<Text name="act" value="$steps[0].action"/>'


def test_a_correction_under_a_hypertext_is_an_edit_and_makes_the_answer_wrong(run: Run, tmp_path: Path) -> None:
    tags = f'{ACTION}<TextArea name="fix" toName="act"/><HyperText name="ans" value="$final_answer"/>'
    tags += '<TextArea name="better" toName="ans"/>'
    results = [text_result("fix", "act", "go queyr"), text_result("better", "ans", "<b>Rainy</b>")]
    assert converted_by_hand(run, tmp_path, tags, *results)["edited"] == 1
    (row,) = read_rows(tmp_path / "data" / "prm" / "prm.jsonl")
    assert row["labels"] == [True, False]


def test_a_comment_on_a_marked_word_is_in_no_training_file(run: Run, tmp_path: Path) -> None:
    tags = f'{ACTION}<Labels name="err" toName="act"><Label value="wrong"/></Labels>'
    tags += '<TextArea name="comment" toName="act" perRegion="true"/>'
    where = {"start": 3, "end": 8}
    marked = {
        "id": "r",
        "from_name": "err",
        "to_name": "act",
        "type": "labels",
        "value": {**where, "labels": ["wrong"]},
    }
    comment = text_result("comment", "act", "a typo")
    comment = {**comment, "id": "r", "value": {**where, **comment["value"]}}
    counts = converted_by_hand(run, tmp_path, tags, marked, comment)
    assert (counts["edited"], counts["unedited"], counts["rejected"], counts["remarks"]) == (0, 1, 0, 1)
    assert manifest(tmp_path / "data")["counts"]["remarks"] == 1
    holding = [name for name in files(tmp_path / "data") if "a typo" in (tmp_path / "data" / name).read_text()]
    assert holding == ["trajectory_corrections.json"]


def test_a_text_that_belongs_to_no_field_is_rejected_until_the_options_name_its_control(
    run: Run, tmp_path: Path
) -> None:
    tags = f'{ACTION}<TextArea name="fix" toName="act"/><Text name="ans" value="Answer: $final_answer"/>'
    tags += '<TextArea name="note" toName="ans"/>'
    results = [text_result("fix", "act", "go query"), text_result("note", "ans", "Rainy")]
    counts = converted_by_hand(run, tmp_path, tags, *results)
    assert (counts["rejected_by_reason"], counts["edited"]) == ({"unattributed_text": 1}, 0)
    counts = converted_by_hand(run, tmp_path, tags, *results, remark_controls=["note"])
    assert (counts["rejected"], counts["edited"], counts["remarks"]) == (0, 1, 1)


def test_a_file_that_cannot_be_removed_is_named_until_a_later_run_removes_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    assert run("convert", name, "--format", "trl-dpo").exit_code == 0
    with monkeypatch.context() as holding:
        holding.setattr(Path, "unlink", refusing(Path.unlink, "dpo.jsonl"))
        ran = run("convert", name)
        assert ran.exit_code == 5
        assert "trl/dpo.jsonl (Operation not permitted), which could not be removed" in ran.err
        assert json.loads(run("convert", name, "--json").out)["left"] == ["trl/dpo.jsonl"]
    # All else is in place.
    assert files(tmp_path / "data") == ALWAYS | INTERCHANGE | {"trl/dpo.jsonl"}
    verified = run("verify", "data")
    assert (verified.exit_code, "unlisted trl/dpo.jsonl\n" in verified.out) == (5, True)
    assert (
        verified.err == "ls-trajedit: data: not what the manifest says: trl/dpo.jsonl; pull again, or convert again\n"
    )
    assert run("convert", name).exit_code == 0
    assert files(tmp_path / "data") == ALWAYS | INTERCHANGE
    assert run("verify", "data").exit_code == 0


def refusing(unlink: Callable[..., None], name: str) -> Callable[..., None]:
    """As a file that is immutable is removed (`chattr +i`)."""

    def refuse(path: Path, **options: Any) -> None:
        if path.name == name:
            raise PermissionError(1, "Operation not permitted")
        unlink(path, **options)

    return refuse


def test_a_file_that_somebody_changed_stays_and_is_named(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    assert run("convert", name, "--format", "trl-dpo").exit_code == 0
    (tmp_path / "data" / "trl" / "dpo.jsonl").write_text("mine", encoding="utf-8")
    (tmp_path / "data" / "trl" / "stray.jsonl").write_text("nobody's", encoding="utf-8")
    for _ in range(2):
        ran = run("convert", name)
        assert ran.exit_code == 0
        assert ran.err.startswith(
            "warning: trl/dpo.jsonl: an earlier run wrote it and somebody changed it, so it stays"
        )
        verified = run("verify", "data")
        assert (verified.exit_code, "kept     trl/dpo.jsonl\n" in verified.out) == (5, True)
        assert "trl/dpo.jsonl; somebody changed what an earlier run wrote, so move it to another folder" in verified.err
    (tmp_path / "data" / "trl" / "dpo.jsonl").unlink()
    assert run("verify", "data").exit_code == 0
    ran = run("convert", name)
    assert (ran.exit_code, ran.err) == (0, "")
    assert files(tmp_path / "data") == ALWAYS | INTERCHANGE | {"trl/stray.jsonl"}


def test_the_next_run_removes_what_a_version_that_remembered_nothing_wrote(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    assert run("convert", name, "--format", "trl-dpo").exit_code == 0
    (tmp_path / "data" / ".ls-trajedit" / "written.json").unlink()
    assert run("verify", "data").exit_code == 0
    assert run("convert", name).exit_code == 0
    assert files(tmp_path / "data") == ALWAYS | INTERCHANGE
    # Nor does it take the manifest to know what was written.
    (tmp_path / "data" / "manifest.json").unlink()
    assert run("convert", name, "--format", "trl-kto").exit_code == 0
    assert files(tmp_path / "data") == ALWAYS | {"trl/kto.jsonl"}


def test_the_output_folder_may_be_a_link(run: Run, tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT)))
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to("disk")
    assert run("convert", name, "--format", "trl-dpo").exit_code == 0
    assert run("convert", name).exit_code == 0
    assert run("verify", "data").exit_code == 0
    assert files(tmp_path / "disk") == ALWAYS | INTERCHANGE


def test_a_distance_beyond_the_budget_is_told_by_summary_manifest_and_record(run: Run, tmp_path: Path) -> None:
    whole = task(1, annotation(1, text_result("step_0__action__corrected", "step_0__action", "y" * 1_200_000)))
    whole["data"]["steps"] = [{"thought": "hm", "action": "x" * 1_200_000}, {"action": "stop"}]
    other = task(2, annotation(2, EDIT))
    done = run("convert", export(tmp_path, whole, other))
    assert "1 edit of texts so long that a distance is a lower bound" in done.out
    assert manifest(tmp_path / "data")["counts"]["lower_bounds"] == 1
    text = (tmp_path / "data" / "trajectory_corrections.json").read_text(encoding="utf-8")
    long, short = json.loads(text)["records"]
    assert (long["total_edit_distance"], long["lower_bounds"]) == (10_001, ["total_edit_distance"])
    assert (long["edits"][0]["edit_distance_chars"], long["edits"][0]["lower_bounds"]) == (
        10_001,
        ["edit_distance_chars"],
    )
    assert "lower_bounds" not in short
    assert "lower_bounds" not in short["edits"][0]
    assert run("report", "data").exit_code == 0
