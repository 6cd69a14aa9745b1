"""A server that sends the token back, in any form and at any place: it is in nothing that is printed or kept. What is
encoded here was encoded with coreutils."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .hostile_label_studio import TOKEN, corrected, personal_token
from .misbehaviour import changed_page, refusing, saying
from .puller import Puller
from .reply import Fault, Reply

ESCAPED = "\\u0030\\u003123456789\\u0061bcdef0123456789abcdef01234567"
"""As it stands in the JSON of an answer, which is plain once that is read."""

FORMS = {
    "plain": TOKEN,
    "capitals": TOKEN.upper(),
    "base64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nw==",
    "base64 of user and token": "dXNlcjowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    "address": "%30%31234567%38%39%61%62cdef0123456789abcdef01234567",
    "HTML": "&#48;&#x31;23456789&#97;&#x62;cdef0123456789abcdef01234567",
    "hexadecimal": "30313233343536373839616263646566303132333435363738396162636465663031323334353637",
    "wrapped": "0123456789\r\nabcdef0123456789\nabcdef01234567",
}
PLACES: dict[str, Callable[[str], tuple[Fault, str]]] = {
    "the title": lambda text: (_with(title=f"Traces {text}"), "project"),
    "the labeling config": lambda text: (_with(label_config=f"<View><Header value='{text}'/></View>"), "project"),
    "a task's data": lambda text: (
        changed_page(lambda tasks, total: (_spoiled(tasks, "data", text), total)),
        "changed",
    ),
    "a name in a task's data": lambda text: (
        changed_page(lambda tasks, total: (_spoiled(tasks, "data", {text: "x"}), total)),
        "changed",
    ),
    "what somebody typed": lambda text: (
        changed_page(lambda tasks, total: (_spoiled(tasks, "annotations", text), total)),
        "changed",
    ),
    "the version": lambda text: (saying({"release": f"1.23.2 {text}", "edition": "Community"}), "version"),
    "an address": lambda text: (saying([{"id": 1, "email": f"{text}@example.com"}]), "users"),
}


def _with(**fields: str) -> Fault:
    def spoiled(reply: Reply) -> Reply:
        return replace(reply, body=json.dumps({**json.loads(reply.body), **fields}).encode())

    return spoiled


def _spoiled(tasks: list[Any], where: str, value: Any) -> list[Any]:
    if where == "data":
        tasks[0]["data"] = {**tasks[0]["data"], "note": value}
    else:
        tasks[0]["annotations"][0]["result"] = [corrected(value)]
    return tasks


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled a project, before all of its tasks changed."""
    puller.pull_before_all_change(3)
    return puller


def everything(puller: Puller) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in puller.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", PLACES)
def test_an_answer_with_the_token_is_refused_and_nothing_of_it_is_kept(puller: Puller, place: str, form: str) -> None:
    before = everything(puller)
    fault, on = PLACES[place](FORMS[form])
    puller.label_studio.misbehave(fault, on=on, times=5)
    ran = puller.pull("--json", "--annotators", "email")
    assert (ran.exit_code, ran.out) == (5, "")
    assert "holds the token" in ran.err
    assert "so nothing of it was kept" in ran.err
    assert FORMS[form] not in ran.err
    assert everything(puller) == before
    puller.label_studio.heal()
    assert puller.pull().exit_code == 0


@pytest.mark.parametrize(
    ("place", "named"),
    [("the title", "in `title`"), ("a task's data", "in `data.note` of task 1"), ("an address", "in `[0].email`")],
)
def test_the_place_is_named(puller: Puller, place: str, named: str) -> None:
    fault, on = PLACES[place](f"say {TOKEN}")
    puller.label_studio.misbehave(fault, on=on)
    assert f"holds the token, {named}, so nothing" in puller.pull("--annotators", "email").err


def test_escapes_in_the_json_hide_nothing(puller: Puller) -> None:
    before = everything(puller)
    puller.label_studio.misbehave(
        lambda reply: replace(reply, body=reply.body.replace(b'"Traces"', f'"{ESCAPED}"'.encode())), on="project"
    )
    ran = puller.pull()
    assert (ran.exit_code, "holds the token, in `title`" in ran.err) == (5, True)
    assert everything(puller) == before


@pytest.mark.parametrize("form", FORMS)
def test_an_error_is_shown_without_the_token_in_it(puller: Puller, form: str) -> None:
    puller.label_studio.misbehave(refusing(400, f"No: {FORMS[form]}, sorry"), on="changed")
    ran = puller.pull()
    assert ran.exit_code == 3
    assert FORMS[form] not in ran.err
    assert "(400): No: " in ran.err
    assert "…" in ran.err
    assert ran.err.endswith(", sorry\n")


def test_an_error_with_escapes_in_its_json_is_shown_without_the_token(puller: Puller) -> None:
    body = f'{{"status_code": 400, "detail": "No: {ESCAPED}, sorry"}}'.encode()
    puller.label_studio.misbehave(lambda _: Reply(400, body), on="changed")
    assert "(400): No: …, sorry\n" in puller.pull().err


def test_a_long_error_is_not_cut_inside_the_token(puller: Puller) -> None:
    puller.label_studio.misbehave(refusing(400, f"{'x' * 480}{TOKEN}"), on="changed")
    ran = puller.pull()
    assert TOKEN[:8] not in ran.err
    assert "xxx…" in ran.err


@pytest.mark.parametrize("secret", ["refresh", "access"])
def test_both_parts_of_a_personal_token_count(puller: Puller, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal_token("refresh"))
    before = everything(puller)
    fault, on = PLACES["a task's data"](personal_token(secret).replace(".", "%2e"))
    puller.label_studio.misbehave(fault, on=on)
    ran = puller.pull()
    assert (ran.exit_code, "holds the token, in `data.note` of task 1" in ran.err) == (5, True)
    assert everything(puller) == before


def test_so_does_the_value_of_a_header(puller: Puller) -> None:
    fault, on = PLACES["the title"]("a1b2c3d4e5f6a7b8c9")
    puller.label_studio.misbehave(fault, on=on)
    ran = puller.pull("--header", "X-Api-Key=Key a1b2c3d4e5f6a7b8c9")
    assert (ran.exit_code, "a1b2c3d4" in ran.err) == (5, False)
    assert "holds the value of the header X-Api-Key, in `title`" in ran.err


def test_so_does_the_password_of_the_backend(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASIC_AUTH_PASS", "Tr0ub4dor&3-and-horses")
    fault, on = PLACES["what somebody typed"]("Basic YTpUcjB1YjRkb3ImMy1hbmQtaG9yc2Vz")
    puller.label_studio.misbehave(fault, on=on)
    ran = puller.pull()
    assert (
        ran.exit_code,
        "holds BASIC_AUTH_PASS, in `annotations[0].result[0].value.text[0]` of task 1" in ran.err,
    ) == (5, True)


@pytest.mark.parametrize(
    "text",
    [TOKEN[:20], TOKEN[:-8], "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "Authorization: Token " + "f" * 40, "agents"],
)
def test_a_trace_that_holds_something_alike_is_pulled(puller: Puller, text: str) -> None:
    puller.label_studio.add_task({"id": "t9", "task_description": text, "steps": [{"action": "a"}, {"action": text}]})
    puller.label_studio.annotate(max(puller.label_studio.tasks), corrected("better"))
    ran = puller.pull("--header", "X-Team=agents", "--header", "Origin=https://label-studio-01.example.com")
    assert ran.exit_code == 0
    assert puller.read("trajectory_sft.jsonl")[-1]["prompt"] == text


def test_where_a_redirect_leads_is_shown_without_the_token(puller: Puller) -> None:
    target = f"https://elsewhere.test/{TOKEN}/?next={TOKEN}"
    puller.label_studio.misbehave(lambda _: Reply(302, b"", {"Location": target}), on="changed")
    ran = puller.pull()
    assert ran.exit_code == 4
    assert "https://elsewhere.test/…" in ran.err
