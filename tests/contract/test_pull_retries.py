"""A Label Studio that fails for a while, and one that refuses: what is retried, for how long, and what is reported."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from .hostile_label_studio import personal_token
from .misbehaviour import (
    cut_off,
    cut_off_cleanly,
    dropped,
    echoing,
    foreign,
    hanging,
    not_json,
    refusing,
    saying,
    throttled,
    web_page,
)
from .puller import Puller
from .reply import Fault

TASKS = 150


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled two pages of tasks, before all of them changed."""
    puller.pull_before_all_change(TASKS)
    return puller


PASSING: dict[str, tuple[Fault, str]] = {
    "a dropped connection": (dropped, "the connection broke"),
    "a body that is cut off": (cut_off, "the connection broke"),
    "a body that is cut off and does not say so": (cut_off_cleanly, "is cut off or damaged"),
    "invalid JSON": (not_json, "is cut off or damaged"),
    "a proxy's page": (web_page, "a web page came back"),
    "a proxy that finds nothing": (foreign(404), "no Label Studio is there (404)"),
    "too many requests": (foreign(429), "too many requests"),
    "an error": (refusing(500, "A server error occurred."), "keeps failing"),
    "a proxy that gets no answer": (foreign(502), "keeps failing"),
    "a pause": (foreign(503), "keeps failing"),
    "a proxy that waits no longer": (foreign(504), "keeps failing"),
}


@pytest.mark.parametrize("failure", PASSING)
def test_a_transient_error_is_reported_and_retried(puller: Puller, failure: str) -> None:
    fault, words = PASSING[failure]
    for kind, nth in (("changed", 1), ("changed", 3), ("version", 1), ("drafts", 1)):
        puller.label_studio.misbehave(fault, on=kind, nth=nth)
    ran = puller.pull()
    assert ran.exit_code == 0
    assert ran.asked == ["project", *["changed"] * 4, "version", "version", "drafts", "drafts"]
    assert puller.completions() == [f"better {number}" for number in sorted(puller.label_studio.tasks)]
    assert len(puller.clock.pauses) == 4
    assert ran.err.count(words) == 4
    assert ran.err.count("\n  retrying in ") == 4


# These look the same when the address is wrong for ever.
UNLIKELY = {"a proxy's page", "a proxy that finds nothing"}


@pytest.mark.parametrize("failure", sorted(PASSING.keys() - UNLIKELY))
def test_a_transient_error_is_retried_from_the_first_request_on(puller: Puller, failure: str) -> None:
    fault, _ = PASSING[failure]
    puller.label_studio.misbehave(fault, on="project", times=3)
    assert puller.pull().exit_code == 0


def test_a_server_that_does_not_answer_in_time_is_retried(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ls_trajedit.label_studio.client._TIMEOUT", httpx.Timeout(0.5))
    puller.label_studio.misbehave(hanging, on="changed", nth=2)
    ran = puller.pull()
    assert ran.exit_code == 0
    assert "no answer while reading the tasks of project 12 for too long" in ran.err
    assert len(puller.completions()) == TASKS


def test_pauses_grow_from_a_second_to_a_minute_and_are_not_all_alike(puller: Puller) -> None:
    puller.label_studio.misbehave(foreign(503), on="changed", times=40)
    assert puller.pull("--max-wait", "100000").exit_code == 0
    pauses = puller.clock.pauses
    assert len(pauses) == 40
    for number, pause in enumerate(pauses):
        assert 0 <= pause <= min(60, 2**number)
    assert max(pauses) > 10
    assert len(set(pauses)) == 40


def test_a_pause_is_as_long_as_the_server_asks_for(puller: Puller) -> None:
    puller.label_studio.misbehave(throttled("97"), on="changed")
    puller.label_studio.misbehave(foreign(503, **{"Retry-After": "98"}), on="changed", nth=2)
    puller.label_studio.misbehave(throttled("when I am done"), on="changed", nth=3)
    ran = puller.pull()
    assert ran.exit_code == 0
    assert puller.clock.pauses[:2] == [97, 98]
    assert puller.clock.pauses[2] <= 60
    assert "too many requests while reading the tasks of project 12 (429)" in ran.err
    assert "retrying in 97 s" in ran.err


def test_a_pause_lasts_until_the_time_that_the_server_names(puller: Puller) -> None:
    later = datetime.now(timezone.utc) + timedelta(hours=2)
    puller.label_studio.misbehave(throttled(format_datetime(later, usegmt=True)), on="changed")
    assert puller.pull("--max-wait", "10000").exit_code == 0
    # Hours: however slow this test is, it is not as slow as that.
    assert 3600 < puller.clock.pauses[0] <= 7200


@pytest.mark.parametrize("failure", PASSING)
def test_an_error_that_lasts_ends_with_4_after_max_wait_and_the_files_stay(puller: Puller, failure: str) -> None:
    fault, words = PASSING[failure]
    before, times = puller.outputs(), puller.times()
    puller.label_studio.misbehave(fault, on="changed", nth=2, times=1000)
    ran = puller.pull("--max-wait", "120")
    assert ran.exit_code == 4
    assert ran.out == ""
    assert ran.err.splitlines()[-1].startswith(f"ls-trajedit: {puller.label_studio.url}: ")
    assert words in ran.err.splitlines()[-1]
    assert len(puller.clock.pauses) > 2
    assert sum(puller.clock.pauses) <= 120
    assert (puller.outputs(), puller.times()) == (before, times)
    puller.label_studio.heal()
    assert puller.pull().exit_code == 0
    assert len(puller.completions()) == TASKS


def test_a_server_that_wants_a_longer_pause_than_anybody_will_wait_is_given_up_at_once(puller: Puller) -> None:
    puller.label_studio.misbehave(throttled("3600"), on="changed")
    ran = puller.pull()
    assert ran.exit_code == 4
    assert puller.clock.pauses == []
    assert ran.asked == ["project", "changed"]


def test_a_job_that_cannot_wait_need_not(puller: Puller) -> None:
    puller.label_studio.misbehave(foreign(503), on="project")
    ran = puller.pull("--max-wait", "0")
    assert (ran.exit_code, ran.asked, puller.clock.pauses) == (4, ["project"], [])


REFUSALS: dict[str, tuple[Fault, str]] = {
    "a token that stops working": (refusing(401, "Invalid token."), "does not accept the token (401)"),
    "no permission": (refusing(403, "You do not have permission."), "(403): You do not have permission"),
    "a proxy that forbids": (foreign(403), "(403): a web page that says so"),
    "a project that vanishes": (refusing(404, "No Project matches the given query."), "not found while reading"),
    "a request that it does not understand": (refusing(400, "Invalid filter"), "(400): Invalid filter"),
}


@pytest.mark.parametrize("failure", REFUSALS)
def test_a_refusal_is_not_retried_and_the_files_stay(puller: Puller, failure: str) -> None:
    fault, words = REFUSALS[failure]
    before, times = puller.outputs(), puller.times()
    puller.label_studio.misbehave(fault, on="changed", nth=2)
    ran = puller.pull()
    assert ran.exit_code == 3
    assert ran.asked == ["project", "changed", "changed"]
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert puller.clock.pauses == []
    assert (puller.outputs(), puller.times()) == (before, times)


@pytest.mark.parametrize("happens", ["takes_tokens", "has_project"])
def test_what_ends_half_way_ends_the_pull(puller: Puller, happens: str) -> None:
    before = puller.outputs()
    puller.label_studio.meanwhile(lambda: setattr(puller.label_studio, happens, False), on="changed")
    ran = puller.pull()
    assert (ran.exit_code, ran.asked) == (3, ["project", "changed", "changed"])
    assert puller.outputs() == before


@pytest.mark.parametrize(
    "answer", [{}, [], {"tasks": 3, "total": 1}, {"tasks": [], "total": "1"}, {"tasks": [{}], "total": 1}, None, 7]
)
def test_an_answer_of_another_service_is_recognized(puller: Puller, answer: object) -> None:
    before = puller.outputs()
    puller.label_studio.misbehave(saying(answer), on="changed", nth=2)
    ran = puller.pull()
    assert ran.exit_code == 4
    assert "the answer while reading the tasks of project 12 is not one of Label Studio's" in ran.err
    assert puller.outputs() == before


@pytest.mark.parametrize("number", [-5, 2**63, 2**70, True, "7"])
def test_a_task_with_an_id_that_no_task_has_is_not_label_studios(puller: Puller, number: object) -> None:
    task = {"id": number, "data": {}, "annotations": []}
    puller.label_studio.misbehave(saying({"tasks": [task], "total": 1}), on="changed")
    ran = puller.pull()
    assert ran.exit_code == 4
    assert "is not one of Label Studio's" in ran.err


@pytest.mark.parametrize("fault", [web_page, foreign(404), saying({"status": "ok"}), saying([1])])
def test_somebody_elses_server_is_not_asked_again(puller: Puller, fault: Fault) -> None:
    puller.label_studio.misbehave(fault, on="project", times=10)
    ran = puller.pull()
    assert (ran.exit_code, ran.asked, puller.clock.pauses) == (4, ["project"], [])
    assert "is the address right?" in ran.err


def test_a_host_that_does_not_exist_is_not_asked_for_again(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    monkeypatch.setenv("NO_PROXY", "*")
    ran = puller.pull("--url", "http://no-such-host.invalid")
    assert (ran.exit_code, puller.clock.pauses) == (4, [])
    assert "there is no such host" in ran.err


def test_a_host_that_vanishes_half_way_is_asked_for_again(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of a name server can be transient too."""
    real, calls = socket.getaddrinfo, []

    def lost_once(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", lost_once)
    ran = puller.pull("--url", puller.label_studio.url.replace("127.0.0.1", "localhost"), "--full")
    assert ran.exit_code == 0
    assert "there is no such host" in ran.err


def test_plain_http_where_https_was_asked_for_is_not_asked_again(puller: Puller) -> None:
    ran = puller.pull("--url", puller.label_studio.url.replace("http:", "https:"))
    assert (ran.exit_code, puller.clock.pauses) == (4, [])
    assert "does not speak https" in ran.err


def test_a_personal_token_works_and_is_exchanged_once(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    puller.label_studio.misbehave(foreign(503, **{"Retry-After": "33"}), on="token")
    ran = puller.pull()
    assert ran.exit_code == 0
    assert ran.asked == ["token", "token", "project", "changed", "changed", "version", "drafts"]
    assert puller.clock.pauses == [33]
    assert len(puller.completions()) == TASKS


def test_a_refused_personal_token_is_not_sent_again(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    puller.label_studio.takes_tokens = False
    ran = puller.pull()
    assert (ran.exit_code, ran.asked) == (3, ["token"])
    assert "does not accept the token (401)" in ran.err


@pytest.mark.parametrize("kind", ["legacy", "personal"])
def test_no_token_is_shown_even_when_the_server_shows_it(
    puller: Puller, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Every run of these tests is searched for a token that was printed or written; this one makes it hard."""
    if kind == "personal":
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    puller.label_studio.misbehave(echoing, on="changed", nth=2)
    ran = puller.pull()
    assert ran.exit_code == 3
    scheme = "Token" if kind == "legacy" else "Bearer"
    assert f"Bad request. Headers: Authorization: {scheme} …" in ran.err


def test_nor_is_a_personal_token_shown_that_is_not_taken(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    puller.label_studio.misbehave(refusing(400, f"No good: {personal_token('refresh')}"), on="token")
    ran = puller.pull()
    assert (ran.exit_code, ran.asked) == (3, ["token"])
    assert "(400): No good: …" in ran.err
