"""Which annotations are read, and how records name the annotator."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ls_trajedit.converters.annotations.rules import (
    ReadingRules,
    annotator_identity,
    annotator_name,
    is_wanted,
    parse_time,
    users_without_address,
)
from ls_trajedit.converters.record import RejectedAnnotation, RejectReason

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T12:00:00z", NOON),
        ("2026-11-22T12:00:00+00:00", NOON),
        ("2026-11-22T14:00:00+02:00", NOON),
        ("2026-11-22T12:00", NOON),
        ("2026-11-22 12:00:00", NOON),
        ("2026-11-22T12:00:00.000000Z", NOON),
        ("2026-11-22T12:00:00.250000Z", NOON + timedelta(milliseconds=250)),
        ("2026-11-22", NOON - timedelta(hours=12)),
    ],
)
def test_a_time_is_a_date_or_a_time_of_iso_8601_in_utc_unless_it_says_otherwise(text: str, time: datetime) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize("text", ["", "Z", "yesterday", "22.11.2026", "2026-13-01", "2026-11-22T25:00:00Z", "None"])
def test_anything_else_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@pytest.mark.parametrize(
    ("choice", "marked", "unmarked"), [("include", True, True), ("only", True, False), ("exclude", False, True)]
)
def test_ground_truth_is_read_as_the_rules_say(choice: Any, marked: bool, unmarked: bool) -> None:
    rules = ReadingRules(ground_truth=choice)
    assert is_wanted({"ground_truth": True}, rules) is marked
    assert is_wanted({"ground_truth": False}, rules) is unmarked
    assert is_wanted({}, rules) is unmarked


@pytest.mark.parametrize(
    ("annotation", "wanted"),
    [
        ({"updated_at": "2026-11-22T11:59:59.999999Z"}, False),
        ({"updated_at": "2026-11-22T12:00:00Z"}, True),
        ({"updated_at": "2026-11-22T12:59:59.999999Z"}, True),
        ({"updated_at": "2026-11-22T13:00:00Z"}, False),
        ({"updated_at": "2026-11-22T15:30:00+03:00"}, True),
        ({"created_at": "2026-11-01T00:00:00Z", "updated_at": "2026-11-22T12:30:00Z"}, True),
        ({"created_at": "2026-11-22T12:30:00Z"}, True),
        ({"created_at": "2026-11-22T12:30:00Z", "updated_at": None}, True),
    ],
)
def test_since_is_inclusive_and_until_exclusive_by_the_last_change(annotation: dict[str, Any], wanted: bool) -> None:
    assert is_wanted(annotation, ReadingRules(since=NOON, until=NOON + timedelta(hours=1))) is wanted


def test_since_and_until_each_work_alone() -> None:
    before, after = {"updated_at": "2026-11-22T11:00:00Z"}, {"updated_at": "2026-11-22T13:00:00Z"}
    assert [is_wanted(a, ReadingRules(since=NOON)) for a in (before, after)] == [False, True]
    assert [is_wanted(a, ReadingRules(until=NOON)) for a in (before, after)] == [True, False]


@pytest.mark.parametrize("annotation", [{}, {"updated_at": None}, {"updated_at": "soon"}, {"updated_at": 5}])
def test_an_annotation_without_a_time_is_rejected_when_a_rule_needs_one(annotation: dict[str, Any]) -> None:
    with pytest.raises(RejectedAnnotation) as rejected:
        is_wanted(annotation, ReadingRules(since=NOON))
    assert rejected.value.reason is RejectReason.NO_TIME
    assert is_wanted(annotation, ReadingRules())


@pytest.mark.parametrize(
    ("completed_by", "name"),
    [
        (7, "7"),
        ({"id": 7, "email": "a@example.com"}, "7"),
        (None, "unknown"),
        ({}, "unknown"),
        ({"id": None}, "unknown"),
        ([7], "unknown"),
        (True, "unknown"),
        ("", "unknown"),
        ({"id": {"nested": 1}}, "unknown"),
        ({"email": "Deleted"}, "unknown"),
        ("7", "7"),
        ("ana", "ana"),
        ("a@example.com", "a@example.com"),
        ({"email": "a@example.com"}, "a@example.com"),
        ({"id": None, "email": "a@example.com"}, "a@example.com"),
    ],
)
def test_an_annotator_is_named_by_the_users_id(completed_by: Any, name: str) -> None:
    assert annotator_name(completed_by, ReadingRules()) == name


def test_an_annotator_is_named_by_the_address_when_the_rules_ask_for_it() -> None:
    rules = ReadingRules(annotators="email", emails={7: "seven@example.com"})
    assert annotator_name(7, rules) == "seven@example.com"
    assert annotator_name({"id": 8, "email": "eight@example.com"}, rules) == "eight@example.com"
    assert annotator_name(None, rules) == "unknown"


@pytest.mark.parametrize(
    ("completed_by", "name"),
    [
        (9, "user-9"),
        ({"id": 9, "email": "Deleted"}, "user-9"),
        ({"id": 9, "email": ""}, "user-9"),
        ({"id": 9, "email": None}, "user-9"),
        ({"id": 7, "email": "Deleted"}, "seven@example.com"),
        ("7", "seven@example.com"),
        ({"email": "ten@example.com"}, "ten@example.com"),
        ("ten@example.com", "ten@example.com"),
        ("ana", "user-ana"),
        (8, "user-8"),
    ],
)
def test_who_has_no_address_is_called_by_the_id(completed_by: Any, name: str) -> None:
    rules = ReadingRules(annotators="email", emails={7: "seven@example.com", 8: "Deleted"})
    assert annotator_name(completed_by, rules) == name


def test_the_users_without_an_address_are_found_by_their_names() -> None:
    assert users_without_address(["a@example.com", "user-9", "user-5@example.com", "unknown"]) == ["9"]


def test_two_users_with_one_address_are_two_and_nobody_known_is_nobody() -> None:
    people = [{"id": 5, "email": "a@example.com"}, {"id": 6, "email": "a@example.com"}, 5, {"email": "b@x"}, None]
    assert [annotator_identity(person) for person in people] == ["5", "6", "5", "b@x", None]


def test_somebody_without_an_id_has_a_hash_of_the_address() -> None:
    rules = ReadingRules(annotators="hash")
    assert annotator_name({"email": "a@x"}, rules) == hashlib.sha256(b"label-studio-user:a@x").hexdigest()[:12]
    assert annotator_name(None, rules) == annotator_name({"email": "Deleted"}, rules) == "unknown"


def test_a_hash_is_the_same_for_the_same_user_and_does_not_hold_the_id() -> None:
    rules = ReadingRules(annotators="hash")
    names = [annotator_name(person, rules) for person in (7, {"id": 7, "email": "x"}, 8)]
    assert names[0] == names[1] != names[2]
    assert names[0] == hashlib.sha256(b"label-studio-user:7").hexdigest()[:12]
