"""`pull --format`: other formats and other choices are applied to what was pulled before, and no old file is left."""

from __future__ import annotations

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
