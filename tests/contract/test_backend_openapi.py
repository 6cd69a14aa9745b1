"""The service against its own description, fuzzed by schemathesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import schemathesis
from hypothesis import strategies as st

from ls_trajedit.backend.openapi import openapi_document

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

ROUTES = {
    "/": {"get"},
    "/health": {"get"},
    "/setup": {"post"},
    "/predict": {"post"},
    "/webhook": {"post"},
    "/validate": {"post"},
    "/versions": {"get", "post"},
    "/metrics": {"get"},
    "/openapi.json": {"get"},
    "/livez": {"get"},
    "/live-diff.js": {"get"},
    "/live-diff.user.js": {"get"},
}
UNROLLED = '<View><Text name="a" value="$a"/><TextArea name="b" toName="a"/></View>'
REPEATED = """
<View><Repeater on="$steps" indexFlag="{{i}}">
  <Text name="a{{i}}" value="$steps[{{i}}].b"/><TextArea name="c{{i}}" toName="a{{i}}"/>
</Repeater></View>
"""

schemathesis.openapi.format("labeling-config", st.sampled_from([UNROLLED, REPEATED]))
# Not loaded over HTTP: schemathesis can do that in a fixture only with a pytest before 9.
described = schemathesis.openapi.from_dict(openapi_document(has_auth=False))


@described.parametrize()
@hypothesis.settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_every_answer_is_as_described(case: schemathesis.Case, service: Host) -> None:
    """Valid requests are accepted, others refused with a 4xx, and each answer has the form that its status promises."""
    answer = case.call(base_url=service.url)
    case.validate_response(answer)
    if case.path == "/predict" and answer.status_code == 200:
        assert len(answer.json()["results"]) == len(case.body["tasks"])


def test_the_document_names_every_route(service: Host) -> None:
    document = service.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert {path: set(operations) for path, operations in document["paths"].items()} == ROUTES
    assert document == described.raw_schema


def test_the_document_says_when_credentials_are_wanted(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve", BASIC_AUTH_USER="a", BASIC_AUTH_PASS="b")
    document = host.get("/openapi.json", auth=("a", "b")).json()
    assert document["security"] == [{"basic": []}]
    assert all(
        ("401" in operation["responses"]) != (operation.get("security") == [])
        for operations in document["paths"].values()
        for operation in operations.values()
    )
    assert [path for path, found in document["paths"].items() if found.get("get", {}).get("security") == []] == [
        "/livez",
        "/live-diff.js",
        "/live-diff.user.js",
    ]
