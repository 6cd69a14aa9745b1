"""Headers from the command line and the environment: which are taken, and that no value is shown."""

from __future__ import annotations

import pytest

from ls_trajedit.label_studio.headers import parse_headers
from ls_trajedit.traces.errors import SetupError


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ([], "", ()),
        (["X-Api-Key=k1"], "", (("X-Api-Key", "k1"),)),
        (["X-Api-Key=a=b=="], "", (("X-Api-Key", "a=b=="),)),
        (["Proxy-Authorization=Bearer ey.J.x"], "", (("Proxy-Authorization", "Bearer ey.J.x"),)),
        ([], "X-Api-Key=k1\n\n  CF-Access-Client-Id = id \r\n", (("X-Api-Key", "k1"), ("CF-Access-Client-Id", "id"))),
        (["x-api-key=k2"], "X-Api-Key=k1", (("x-api-key", "k2"),)),
        (["A=1", "a=2"], "", (("a", "2"),)),
    ],
)
def test_headers(given: list[str], environment: str, expected: object) -> None:
    assert parse_headers(given, environment) == expected


@pytest.mark.parametrize(
    ("given", "environment", "words"),
    [
        (["X-Api-Key: geheim"], "", "--header: not a header; write NAME=VALUE"),
        (["X-Api-Key: geheim=="], "", "--header: not a header; write NAME=VALUE"),
        (["=geheim"], "", "--header: not a header"),
        (["Ключ=geheim"], "", "--header: not a header"),
        (["X-Api-Key="], "", "--header: the value of X-Api-Key is empty"),
        (["X-Api-Key=geheim\r\nX-Other: 1"], "", "the value of X-Api-Key holds characters"),
        (["X-Api-Key=geheimé"], "", "the value of X-Api-Key holds characters"),
        ([], "A=1\nX-Api-Key=geheimé", "LABEL_STUDIO_HEADERS, line 2: the value of X-Api-Key holds characters"),
        (["authorization=Bearer geheim"], "", "Google IAP reads Proxy-Authorization"),
        (["Host=geheim.test"], "", "Host belongs to the request itself"),
    ],
)
def test_what_is_not_a_header_is_refused_without_its_value(given: list[str], environment: str, words: str) -> None:
    with pytest.raises(SetupError) as refused:
        parse_headers(given, environment)
    assert words in str(refused.value)
    assert "geheim" not in str(refused.value)
