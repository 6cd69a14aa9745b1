"""Splits: the task alone says which one a row belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given

from ls_trajedit.converters.training.split import SplitCounts, parse_splits, split_file_name
from tests.support.strategies import texts


def test_splits_are_parsed_and_written_again() -> None:
    splits = parse_splits("train=0.9, test=.1")
    assert splits.names == ("train", "test")
    assert str(splits) == "train=0.9,test=0.1"
    assert str(parse_splits("a=0.1234567,b=0.8765433")) == "a=0.1234567,b=0.8765433"
    assert parse_splits("a=1/3,b=1/3,c=1/3").names == ("a", "b", "c")
    assert parse_splits("all=1").split_of("anything") == "all"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`` is not a split with its share, such as `train=0.9`"),
        ("0.9", "`0.9` is not a split with its share"),
        ("train=0.9", "the shares add up to 0.9, not to 1"),
        ("train=0.9,test=0.2", "the shares add up to 1.1, not to 1"),
        ("train=0.5,train=0.5", "two splits have the same name"),
        ("train=0.5,Train=0.5", "two splits have the same name"),
        ("train=1,test=0", "a split has a share of 0; leave it out"),
        ("train=1.5,test=-0.5", "`test=-0.5` is not a split with its share"),
        ("train=ninety,test=10", "`train=ninety` is not a split with its share"),
        ("../x=0.5,test=0.5", "`../x=0.5` is not a split with its share"),
        ("train=1/0", "`1/0` is not a share"),
        ("train=nan,test=inf", "`train=nan` is not a split with its share"),
    ],
)
def test_what_is_not_a_split_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse_splits(text)
    assert str(error.value).startswith(message)


def test_a_task_stays_in_its_split_from_version_to_version() -> None:
    """Whoever trained on one split yesterday must find the same tasks in it tomorrow."""
    splits = parse_splits("train=0.8,test=0.2")
    chosen = [splits.split_of(f"task {number}") for number in range(12)]
    assert [number for number, name in enumerate(chosen) if name == "test"] == [8]


@given(texts())
def test_a_share_that_grows_takes_tasks_from_the_other_split_only(task: str) -> None:
    small, large = parse_splits("train=0.7,test=0.3").split_of(task), parse_splits("train=0.9,test=0.1").split_of(task)
    assert (small, large) != ("train", "test")


def test_the_splits_have_about_their_shares() -> None:
    splits = parse_splits("train=0.9,test=0.1")
    test = sum(splits.split_of(f"task {number}") == "test" for number in range(2_000))
    assert 150 < test < 250


def counted(*tasks: str) -> SplitCounts:
    """The counts of a trace with each of these tasks, in nine parts of ten and one part of ten."""
    counts = SplitCounts()
    for task in tasks:
        counts.add(SHARES.split_of(task), task)
    return counts


SHARES = parse_splits("train=0.9,test=0.1")


def test_traces_with_one_task_that_all_fall_into_one_split_are_told() -> None:
    (train, test) = counted(*["the same"] * 50).uneven(SHARES)
    assert sorted((train["traces"], test["traces"])) == [0, 50]
    assert (train["expected"], test["expected"], test["of"], test["same_task"]) == (45.0, 5.0, 50, 50)
    # 95 of 100 have one task, and the others are a task each: whichever side they are on, it is far from its share.
    most = list(counted(*["the same"] * 95, *(f"task {number}" for number in range(5))).uneven(SHARES))
    assert [found["split"] for found in most] == ["train", "test"]
    assert most[0]["same_task"] == 95


def test_ordinary_splits_are_not_worth_a_word() -> None:
    single = [f"task {number}" for number in range(400)]
    assert list(counted(*single).uneven(SHARES)) == []
    assert list(counted(*single, *single, *single).uneven(SHARES)) == []
    assert list(SplitCounts().uneven(SHARES)) == []
    (empty,) = counted("task 1", "task 2").uneven(SHARES)
    assert (empty["split"], empty["traces"], empty["same_task"]) == ("test", 0, 1)


def test_the_counts_of_two_parts_make_those_of_the_whole() -> None:
    first, second = counted("a", "b"), counted("b", "c")
    first.update(second)
    assert first == counted("a", "b", "b", "c")


def test_a_split_has_a_file_of_its_own() -> None:
    assert split_file_name("trl/sft_prompt_completion.jsonl", "dev") == "trl/sft_prompt_completion.dev.jsonl"
    assert split_file_name("llamafactory/sft.json", "train") == "llamafactory/sft.train.json"


def test_the_commonest_task_may_have_been_counted_elsewhere() -> None:
    whole = counted(*["the same"] * 50)
    merged = SplitCounts(traces=whole.traces, same_task=50)
    assert list(merged.uneven(SHARES)) == list(whole.uneven(SHARES))
