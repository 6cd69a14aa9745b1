"""Sides of a split: told by the task alone."""

from __future__ import annotations

import pytest
from hypothesis import given

from ls_trajedit.converters.training.split import parse_split, split_file_name
from tests.support.strategies import texts


def test_a_split_is_read_and_told_again() -> None:
    split = parse_split("train=0.9, test=.1")
    assert split.sides == ("train", "test")
    assert str(split) == "train=0.9,test=0.1"
    assert str(parse_split("a=0.1234567,b=0.8765433")) == "a=0.1234567,b=0.8765433"
    assert parse_split("a=1/3,b=1/3,c=1/3").sides == ("a", "b", "c")
    assert parse_split("all=1").side("anything") == "all"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`` is no side with a share, such as `train=0.9`"),
        ("0.9", "`0.9` is no side with a share"),
        ("train=0.9", "the shares add up to 0.9, not to 1"),
        ("train=0.9,test=0.2", "the shares add up to 1.1, not to 1"),
        ("train=0.5,train=0.5", "a side is there twice"),
        ("train=0.5,Train=0.5", "a side is there twice"),
        ("train=1,test=0", "a side has a share of 0; leave it out"),
        ("train=1.5,test=-0.5", "`test=-0.5` is no side with a share"),
        ("train=ninety,test=10", "`train=ninety` is no side with a share"),
        ("../x=0.5,test=0.5", "`../x=0.5` is no side with a share"),
        ("train=1/0", "`1/0` is no share"),
        ("train=nan,test=inf", "`train=nan` is no side with a share"),
    ],
)
def test_what_is_no_split_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse_split(text)
    assert str(error.value).startswith(message)


def test_the_sides_are_these_and_stay_these() -> None:
    """Whoever trained on one side yesterday must find the same tasks there tomorrow."""
    split = parse_split("train=0.8,test=0.2")
    sides = [split.side(f"task {number}") for number in range(12)]
    assert [number for number, side in enumerate(sides) if side == "test"] == [8]


@given(texts())
def test_shares_that_grow_take_tasks_from_one_side_only(task: str) -> None:
    small, large = parse_split("train=0.7,test=0.3").side(task), parse_split("train=0.9,test=0.1").side(task)
    assert (small, large) != ("train", "test")


def test_the_shares_are_kept_more_or_less() -> None:
    split = parse_split("train=0.9,test=0.1")
    test = sum(split.side(f"task {number}") == "test" for number in range(2_000))
    assert 150 < test < 250


def test_a_side_has_a_file_of_its_own() -> None:
    assert split_file_name("trl/sft_prompt_completion.jsonl", "dev") == "trl/sft_prompt_completion.dev.jsonl"
    assert split_file_name("llamafactory/sft.json", "train") == "llamafactory/sft.train.json"
