"""`pull --format`: other formats and other choices are applied to what was pulled before, and no old file is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from .hostile_label_studio import corrected
from .puller import OUTPUTS, Puller


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled a project of three tasks, two of them corrected, with the default formats."""
    puller.pull_some_corrected(3)
    return puller


def names(puller: Puller) -> set[str]:
    found = (path.relative_to(puller.folder) for path in puller.folder.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != ".ls-trajedit"}


NOTHING_READ = ["project", "changed", "version", "drafts"]


@pytest.mark.parametrize(
    ("arguments", "message", "exit_code"),
    [
        (["--report", "--format", "trl-dpo"], "--report is made from the corrections; add --format corrections", 2),
        (["--report", "--options", "o.yaml"], "--report is made from the corrections; add --format corrections", 2),
        (["--report"], "report.html: is a folder; name a file in it", 2),
        (["--options", "dop.yaml"], "`formats` in the options: `dop` is not a format", 3),
        (["--to", "parquet"], "--to parquet: none of the formats is for training", 2),
        (["--to", "parquet", "--format", "trl-dpo"], "--to parquet needs pyarrow", 3),
        (["--since", "2026-11-02", "--until", "2026-11-01"], "--since is not before --until", 2),
        (["--since", "2026-11-01", "--until", "2026-11-01"], "--since is not before --until", 2),
        (["--split", f"{'a' * 101}=1"], "is not a split with its share", 2),
        (["--split", "train=0.9"], "the shares add up to 0.9, not to 1", 2),
        (["--header", "malformed"], "header", 3),
        (["--push-to-hub", "traces"], "write the repository as owner/name", 2),
        (["--push-to-hub", "ana/tr aces"], "not a valid repository name", 2),
        (["--push-to-hub", f"ana/{'a' * 100}"], "not a valid repository name", 2),
        (["--hub-public"], "give --push-to-hub OWNER/NAME as well", 2),
        (["--format", "dop"], "`dop` is not a format", 2),
        (["--strict", "--max-rejects", "3"], "give either --strict or --max-rejects, not both", 2),
        (["--check", "--report"], "give either --check or --report, not both", 2),
        (["-o", ""], "it is empty; give a path", 2),
        (["--options", ""], "it is empty; give a path", 2),
        (["-o", "dop.yaml"], "dop.yaml is not a folder", 2),
    ],
)
def test_what_can_be_known_at_the_start_fails_before_anything_is_asked(
    puller: Puller, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str, exit_code: int
) -> None:
    def without(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("ls_trajedit.output.parquet._pyarrow", lambda: without("pyarrow"))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_token")
    Path("o.yaml").write_text("formats: [trl-dpo]\n", encoding="utf-8")
    Path("dop.yaml").write_text("formats: [dop]\n", encoding="utf-8")
    (puller.folder / "report.html").mkdir()
    before = names(puller)
    ran = puller.pull(*arguments)
    assert (ran.exit_code, message in ran.err, ran.asked) == (exit_code, True, []), ran.err
    assert names(puller) == before


def test_other_formats_are_made_of_what_was_pulled_before_and_take_the_place_of_the_old(puller: Puller) -> None:
    ran = puller.pull("--format", "trl-dpo")
    assert (ran.exit_code, ran.asked) == (0, NOTHING_READ)
    assert names(puller) == {"trl/dpo.jsonl", "rejects.jsonl", "manifest.json"}
    assert len(puller.read("trl/dpo.jsonl")) == 2
    assert puller.run("verify", str(puller.folder)).exit_code == 0
    puller.label_studio.pass_time()
    assert puller.pull("--format", "trl-dpo").out.startswith("up to date")
    assert puller.pull().exit_code == 0
    assert names(puller) == set(OUTPUTS)
    assert not (puller.folder / "trl").exists()


def test_what_changed_is_counted_without_the_corrections_file_as_well(puller: Puller) -> None:
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    ran = puller.pull("--format", "trl-dpo", "--json")
    assert ran.json()["changes"] == {"new": 1, "changed": 0, "removed": 0}


@pytest.mark.parametrize(
    "choice",
    [
        ["--format", "trl-kto"],
        ["--tools"],
        ["--stale", "exclude"],
        ["--pairs", "first"],
        ["--prm-unedited", "exclude"],
        ["--annotators-policy", "agree"],
        ["--min-edit-chars", "2"],
        ["--ignore-whitespace-edits"],
        ["--split", "train=0.5,test=0.5"],
    ],
    ids=lambda choice: choice[0],
)
def test_another_choice_is_something_to_pull(puller: Puller, choice: list[str]) -> None:
    formats = ["--format", "trl-dpo", "--format", "prm"]
    assert puller.pull(*formats).exit_code == 0
    puller.label_studio.pass_time()
    assert puller.pull(*formats, "--check").exit_code == 0
    assert puller.pull(*formats, *choice, "--check").exit_code == 1
    ran = puller.pull(*formats, *choice)
    assert (ran.exit_code, ran.asked) == (0, NOTHING_READ)
    assert not ran.out.startswith("up to date")
    puller.label_studio.pass_time()
    assert puller.pull(*formats, *choice, "--check").exit_code == 0


def test_a_format_that_is_not_there_ends_the_pull_before_it_asks_for_anything(puller: Puller) -> None:
    before = names(puller)
    ran = puller.pull("--format", "tlr-dpo")
    assert (ran.exit_code, ran.asked) == (2, [])
    assert "`tlr-dpo` is not a format; did you mean `trl-dpo`?" in " ".join(ran.err.split())
    assert names(puller) == before


def test_formats_of_the_options_are_written(puller: Puller) -> None:
    options = puller.folder.parent / "mine.yaml"
    options.write_text("formats: [trl-kto]\n", encoding="utf-8")
    assert puller.pull("--options", str(options)).exit_code == 0
    assert names(puller) == {"trl/kto.jsonl", "rejects.jsonl", "manifest.json"}
    options.write_text("formats: [kto]\n", encoding="utf-8")
    ran = puller.pull("--options", str(options))
    assert ran.exit_code == 3
    assert "`formats` in the options: `kto` is not a format" in ran.err
    assert names(puller) == {"trl/kto.jsonl", "rejects.jsonl", "manifest.json"}
