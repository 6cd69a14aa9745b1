"""What Label Studio may expect of the backend, on every host that can serve it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

TWO_STEPS = """
<View>
  <Text name="task" value="$task"/>
  <Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/>
  <Text name="b" value="$steps[1].action"/><TextArea name="b_new" toName="b"/>
  <Text name="end" value="$final_answer"/><TextArea name="end_new" toName="end"/>
</View>
"""
NOTES = '<View><Text name="note" value="$turns[0].note"/><TextArea name="note_new" toName="note"/></View>'
WITHOUT_EDITORS = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="good"/></Choices></View>'
)
TOKEN = "5ecre7c0ffee5ecre7c0ffee5ecre7c0ffee5ecr"


def setup_request(config: str) -> dict[str, Any]:
    """As Label Studio sends it."""
    return {
        "project": "12.1795342701",
        "schema": config,
        "hostname": "http://localhost:8080",
        "access_token": TOKEN,
        "extra_params": None,
    }


def predict_request(tasks: list[Any], config: str, context: Any = None) -> dict[str, Any]:
    """As Label Studio sends it."""
    return {
        "tasks": tasks,
        "project": "12.1795342701",
        "label_config": config,
        "params": {"login": None, "password": None, "context": context},
    }


def task(number: int, data: Any) -> dict[str, Any]:
    return {"id": number, "data": data, "meta": {}, "project": 12, "is_labeled": False}


def prefilled(answer: requests.Response) -> list[dict[str, list[str]]]:
    """For each task, what each editor is filled with."""
    assert answer.status_code == 200, answer.text
    return [{r["from_name"]: r["value"]["text"] for r in one["result"]} for one in answer.json()["results"]]


@pytest.mark.parametrize("path", ["/", "/health"])
def test_health_says_up(host: Host, path: str) -> None:
    answer = host.get(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "UP")


def test_a_project_with_editors_connects(host: Host) -> None:
    answer = host.post("/setup", setup_request(TWO_STEPS))
    assert (answer.status_code, answer.json()) == (200, {"model_version": "ls-trajedit"})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (WITHOUT_EDITORS, "the labeling config has no TextArea that corrects a field"),
        ("<View><Text", "the labeling config is not XML"),
        ("", "the labeling config is not XML"),
    ],
    ids=["no editors", "invalid", "empty"],
)
def test_a_refusal_shows_the_person_in_label_studio_why(host: Host, config: str, words: str) -> None:
    answer = host.post("/setup", setup_request(config))
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    with pytest.raises(requests.HTTPError) as shown:  # Label Studio shows the text of this, as HTML
        answer.raise_for_status()
    assert words in str(shown.value)
    assert "<" not in str(shown.value)


def test_an_open_task_is_prefilled_with_the_originals(host: Host) -> None:
    data = {"task": "find it", "steps": [{"action": "search(queyr)"}, {"action": "open(1)"}], "final_answer": "42"}
    answer = host.post("/predict", predict_request([task(7, data)], TWO_STEPS))
    assert answer.json()["model_version"] == "ls-trajedit"
    assert answer.json()["results"][0]["result"][0] == {
        "id": "a_new",
        "from_name": "a_new",
        "to_name": "a",
        "type": "textarea",
        "value": {"text": ["search(queyr)"]},
    }
    assert prefilled(answer) == [{"a_new": ["search(queyr)"], "b_new": ["open(1)"], "end_new": ["42"]}]


@pytest.mark.parametrize(
    "text", ["", " \t ", "a\r\nb\rc\n", "<b>&amp;</b>", "ünï “x” 語 🙂 שלום\u2028\u0000", "\ud800", "x" * 100_000]
)
def test_text_is_verbatim(host: Host, text: str) -> None:
    data = {"steps": [{"action": text}]}
    assert prefilled(host.post("/predict", predict_request([task(1, data)], TWO_STEPS))) == [{"a_new": [text]}]


def test_fields_that_a_task_lacks_get_nothing(host: Host) -> None:
    tasks = [
        task(1, {"steps": []}),
        task(2, {"steps": [{"thought": "hm"}, {"action": None}]}),
        task(3, {"final_answer": ""}),
    ]
    assert prefilled(host.post("/predict", predict_request(tasks, TWO_STEPS))) == [{}, {}, {"end_new": [""]}]


def test_every_task_gets_one_prediction_in_order_even_an_unreadable_one(host: Host) -> None:
    def readable(number: int) -> dict[str, Any]:
        return task(number, {"steps": [{"action": f"step of {number}"}]})

    unreadable = [None, 5, "text", [], {}, {"data": None}, {"data": "text"}, {"data": [1]}]
    tasks = [readable(1), *unreadable, readable(2), *(readable(number) for number in range(3, 103))]
    expected = [{"a_new": ["step of 1"]}, *({} for _ in unreadable)]
    expected += [{"a_new": [f"step of {number}"]} for number in range(2, 103)]
    assert prefilled(host.post("/predict", predict_request(tasks, TWO_STEPS))) == expected


def test_no_tasks_no_predictions(host: Host) -> None:
    assert prefilled(host.post("/predict", predict_request([], TWO_STEPS))) == []


def test_each_request_brings_its_own_config(host: Host) -> None:
    data = {"steps": [{"action": "a"}], "turns": [{"note": "n"}]}
    for _ in range(3):  # there is more than one process behind some hosts
        assert host.post("/setup", setup_request(NOTES)).status_code == 200
        assert prefilled(host.post("/predict", predict_request([task(1, data)], TWO_STEPS))) == [{"a_new": ["a"]}]
        assert host.post("/setup", setup_request(TWO_STEPS)).status_code == 200
        assert prefilled(host.post("/predict", predict_request([task(1, data)], NOTES))) == [{"note_new": ["n"]}]


def test_a_config_without_editors_gets_no_empty_predictions(host: Host) -> None:
    """Label Studio would store them, and not ask again once the config is fixed."""
    answer = host.post("/predict", predict_request([task(1, {"text": "x"})], WITHOUT_EDITORS))
    assert answer.status_code == 400
    assert "no TextArea that corrects a field" in answer.json()["error"]


@pytest.mark.parametrize("config", [TWO_STEPS, WITHOUT_EDITORS], ids=["editors", "no editors"])
@pytest.mark.parametrize("typed", [[], [{"from_name": "a_new", "value": {"text": ["typed"]}}]])
def test_auto_annotation_replaces_nothing(host: Host, config: str, typed: list[Any]) -> None:
    tasks = [task(1, {"steps": [{"action": "original"}]}), task(2, {"steps": [{"action": "another"}]})]
    assert prefilled(host.post("/predict", predict_request(tasks, config, {"result": typed}))) == [{}, {}]


def test_the_same_request_has_the_same_answer(host: Host) -> None:
    request = predict_request([task(1, {"steps": [{"action": {"b": 1, "a": [2.5]}}]})], TWO_STEPS)
    first, second = host.post("/predict", request), host.post("/predict", request)
    assert prefilled(first) == [{"a_new": ['{\n  "b": 1,\n  "a": [\n    2.5\n  ]\n}']}]
    assert first.content == second.content


@pytest.mark.parametrize("action", ["ANNOTATION_CREATED", "PROJECT_UPDATED", "START_TRAINING", "unheard of"])
def test_events_change_nothing(host: Host, action: str) -> None:
    event = {"action": action, "project": {"id": 12, "label_config": TWO_STEPS}, "annotation": {"id": 1, "result": []}}
    answer = host.post("/webhook", event)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert host.post("/setup", setup_request(TWO_STEPS)).json() == {"model_version": "ls-trajedit"}


INVALID = {
    "no body": b"",
    "not JSON": b"{tasks: 1}",
    "cut off": b'{"tasks": [',
    "not UTF-8": b'{"schema": "\xff"}',
    "not an object": b"[1, 2]",
    "null": b"null",
    "NaN": b'{"tasks": [NaN], "label_config": "", "schema": ""}',
    "a number too large for a double": b'{"tasks": [1e999], "label_config": "", "schema": ""}',
    "a number of ten thousand digits": b'{"tasks": [' + b"9" * 10_000 + b'], "label_config": "", "schema": ""}',
    "nested too deeply": b'{"tasks": ' + b"[" * 100_000 + b"]" * 100_000 + b', "label_config": "", "schema": ""}',
    "of the wrong types": b'{"tasks": {}, "label_config": 1, "schema": 1}',
    "with wrong parameters": b'{"tasks": [], "label_config": "", "params": [], "schema": null}',
    "without what it needs": b'{"project": "1.2"}',
}


@pytest.mark.parametrize("path", ["/setup", "/predict"])
@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
def test_an_invalid_request_is_a_400_with_a_reason(host: Host, path: str, body: bytes) -> None:
    answer = host.post(path, body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"error"}
    assert "Traceback" not in answer.text
    assert answer.reason.strip()
    assert answer.reason != "Bad Request"


def basic(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


@pytest.mark.parametrize("path", ["/", "/health", "/metrics"])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic %%%",
        "Bearer labelstudio",
        basic(b""),
        basic(b":"),
        basic(b"labelstudio:"),
        basic(b"labelstudio:wrong"),
        basic("other:Grüße: $1".encode()),
        basic("labelstudio:Grüße: $1 ".encode()),
        basic(b"labelstudio:Gr??e: $1"),
    ],
)
def test_nobody_gets_in_without_the_credentials(guarded_host: Host, path: str, header: str | None) -> None:
    answer = guarded_host.get(path, headers={} if header is None else {"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("path", ["/setup", "/predict", "/webhook"])
def test_nothing_is_posted_without_the_credentials(guarded_host: Host, path: str) -> None:
    assert guarded_host.post(path, setup_request(TWO_STEPS)).status_code == 401
    assert guarded_host.post(path, b"not JSON").status_code == 401


def test_the_credentials_let_in(guarded_host: Host, credentials: tuple[str, str]) -> None:
    assert guarded_host.get("/health", auth=credentials).status_code == 200  # Latin-1, as Label Studio sends them
    in_utf8 = {"authorization": basic(":".join(credentials).encode())}
    assert guarded_host.get("/health", headers=in_utf8).status_code == 200
    in_lower_case = {"authorization": in_utf8["authorization"].replace("Basic", "basic")}
    assert guarded_host.get("/health", headers=in_lower_case).status_code == 200
    request = predict_request([task(1, {"steps": [{"action": "a"}]})], TWO_STEPS)
    assert prefilled(guarded_host.post("/predict", request, auth=credentials)) == [{"a_new": ["a"]}]


def test_a_process_that_was_never_set_up_predicts(guarded_host: Host, credentials: tuple[str, str]) -> None:
    """After a restart, Label Studio's first request may be any."""
    request = predict_request([task(1, {"turns": [{"note": "n"}]})], NOTES)
    assert prefilled(guarded_host.post("/predict", request, auth=credentials)) == [{"note_new": ["n"]}]


@pytest.mark.parametrize("name", ["ls-trajedit serve", "label-studio-ml 1.0.9"])
def test_the_access_token_is_in_no_log(start_host: StartHost, name: str) -> None:
    host = start_host(name)
    host.post("/setup", setup_request(TWO_STEPS))
    host.post("/setup", setup_request(WITHOUT_EDITORS))
    host.post("/setup", f'{{"access_token": "{TOKEN}"'.encode())
    host.get("/health", params={"access_token": TOKEN}, headers={"authorization": f"Token {TOKEN}"})
    assert host.stop() == 0
    assert host.lines
    assert TOKEN not in "".join(host.lines)
