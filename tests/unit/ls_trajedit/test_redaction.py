"""Secrets are found in every form in which a server could send them. The encoded texts were made with coreutils."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit import redaction
from ls_trajedit.redaction import find_secret, hide_secret, keep_header, keep_secret, keep_token, redact, redact_json

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJyZWZyZXNoLW9mLWFuYSJ9.c2lnbmF0dXJlX29m-YW5h_3"

FORMS = {
    "as it is": (LEGACY, "…"),
    "in capitals": ("0123456789ABCDEF0123456789ABCDEF01234567", "…"),
    "one character as in JSON": ("012345678\\u0039abcdef0123456789abcdef01234567", "…"),
    "all but one as in JSON": ("0" + "".join(f"\\u{ord(sign):04X}" for sign in LEGACY[1:]), "…"),
    "as in JSON in JSON": ("012345678\\\\u0039abcdef0123456789abcdef01234567", "…"),
    "as in JavaScript": ("0\\x312\\u{33}456789abcdef0123456789abcdef01234567", "…"),
    "in base64": ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nw==", "…w=="),
    "in base64, after one byte": ("YTAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc=", "YT…c="),
    "in base64, after two bytes": ("YWIwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "YWI…"),
    "in base64, after a user": ("dXNlcjowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "dXNlcjo…"),
    "in base64, wrapped": ("YTAxMjM0NTY3ODlhYmNkZWYwMTIz\nNDU2Nzg5YWJjZGVmMDEyMzQ1Njc=", "YT…c="),
    "in base64, wrapped, as in JSON": ("YTAxMjM0NTY3ODlhYmNkZWYwMTIz\\r\\nNDU2Nzg5YWJjZGVmMDEyMzQ1Njc=", "YT…c="),
    "in base64, for an address": ("YTAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc%3D", "YT…c%3D"),
    "as in an address": ("%30%31234567%38%39%61%62cdef0123456789abcdef01234567", "…"),
    "after a percent sign": ("100%0123456789abcdef0123456789abcdef01234567", "100%…"),
    "as in HTML": ("&#48;&#x31;23456789&#97;&#X62;cdef0123456789abcdef01234567", "…"),
    "in hexadecimal": (
        "30313233343536373839616263646566303132333435363738396162636465663031323334353637",
        "…",
    ),
    "in hexadecimal, with colons": (
        "30:31:32:33:34:35:36:37:38:39:61:62:63:64:65:66:30:31:32:33:34:35:36:37:38:39:61:62:63:64:65:66:30:31:32:33:34"
        ":35:36:37",
        "…",
    ),
    "wrapped": ("0123456789\nabcdef0123\r\n456789abcd\tef01234567", "…"),
    "wrapped, as in JSON": ("0123456789\\nabcdef0123456789abcdef\\u000a01234567", "…"),
    "with what nobody sees": ("0123456789\u200babcdef01234\u2060567\u00ad89abcdef01234567", "…"),
    "spelled": (" ".join(LEGACY), "…"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_token_is_redacted_and_found_in_every_form(form: str) -> None:
    keep_token("the token", LEGACY)
    text, redacted = FORMS[form]
    assert redact(f"no: {text}, it says") == f"no: {redacted}, it says"
    assert find_secret(f'{{"detail" "no: {text}, it says"'.encode()) == "the token"


@pytest.mark.parametrize(
    "text",
    [
        PERSONAL,
        PERSONAL.swapcase(),
        PERSONAL.replace(".", "%2E").replace("_", "%5f"),
        PERSONAL.replace(".", "&period;").replace("_", "&lowbar;").replace("-", "&#45;"),
        "\\n".join((PERSONAL[:30], PERSONAL[30:60], PERSONAL[60:])),
    ],
)
def test_so_is_a_personal_token_although_letters_of_it_are_those_of_escapes(text: str) -> None:
    keep_token("the token", PERSONAL)
    assert redact(f"no: {text}!") == "no: …!"
    assert find_secret(f"no: {text}!".encode()) == "the token"


ESCAPES = (
    "{0}",
    "\\u{1:04x}",
    "\\u{1:04X}",
    "\\u{{{1:x}}}",
    "\\x{1:02x}",
    "%{1:02x}",
    "%{1:02X}",
    "&#{1};",
    "&#x{1:x};",
    "&#X{1:04X};",
    "{0}\n",
    "{0}\\r\\n",
    "{0}%0A",
    "{0}\\u000a",
    "\u200b{0}",
)


@given(st.sampled_from([LEGACY, PERSONAL, "s3cr3t0abc"]), st.data())
def test_a_token_with_any_of_its_characters_escaped_is_found(token: str, data: st.DataObject) -> None:
    escapes = data.draw(st.lists(st.sampled_from(ESCAPES), min_size=len(token), max_size=len(token)))
    text = "".join(escape.format(sign, ord(sign)) for sign, escape in zip(token, escapes, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_kept", {})
        keep_token("the token", token)
        assert find_secret(f'{{"title" "{text}"'.encode()) == "the token"
        redacted = redact(f"no: {text}!")
        assert redacted.startswith("no: ")
        assert "…" in redacted
        assert not any(redacted.count(part) for part in (token[:4], token[-4:]))


def test_what_is_left_of_a_text_does_not_make_a_secret() -> None:
    keep_token("the token", LEGACY)
    assert redact(f"{LEGACY[:20]}{LEGACY}{LEGACY[20:]}") == "…"


def test_where_a_secret_stands_is_said() -> None:
    keep_token("the token", LEGACY)
    task = {"id": 7, "data": {"steps": [{"action": "look"}, {"action": f"curl -H 'Token {LEGACY}'"}]}}
    page = {"tasks": [{"id": 6, "data": {}}, task], "total": 2}
    assert find_secret(json.dumps(page).encode()) == "the token, in `data.steps[1].action` of task 7"
    assert find_secret(json.dumps({"title": LEGACY.upper()}).encode()) == "the token, in `title`"
    assert find_secret(json.dumps([{LEGACY: 1}]).encode()) == "the token, in `[0]`"


@pytest.mark.parametrize(
    "honest",
    [
        b'{"action": "0123456789abcdef"}',
        b'{"sha1": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"}',
        b'{"half": "0123456789abcdef0123"}',
        b"",
        b'{"tasks": [], "total": 0}',
    ],
)
def test_a_part_of_a_token_is_not_one(honest: bytes) -> None:
    keep_token("the token", LEGACY)
    assert find_secret(honest) is None


def test_words_are_not_looked_for_in_answers_and_short_ones_nowhere() -> None:
    keep_secret("the password", "labelstudio")
    keep_secret("the password", "abc")
    keep_secret("the password", None)
    assert find_secret(b'{"title": "LabelStudio abc"}') is None
    assert redact("labelstudio, abc") == "…, abc"


def test_a_short_token_is_looked_for_in_answers_and_a_password_like_it_is_not() -> None:
    keep_secret("the password", "Summer-2026")
    assert find_secret(b'{"title": "Summer-2026"}') is None
    keep_token("the token", "s3cr3t-abc")
    assert find_secret(b'{"title": "czNjcjN0LWFiYw=="}') == "the token, in `title`"
    assert find_secret(b'{"title": "x%73%33cr3t%2Dabc"}') == "the token, in `title`"
    keep_token("the token", "Summer-2026")
    assert find_secret(b'{"title": "Summer-2026"}') == "the token, in `title`"


def test_what_a_server_was_given_to_show_is_only_redacted() -> None:
    hide_secret("a-passw0rd-in-an-address")
    assert find_secret(b'[{"url": "http://ana:a-passw0rd-in-an-address@backend:9090"}]') is None
    assert redact("http://ana:a-passw0rd-in-an-address@backend:9090") == "http://ana:…@backend:9090"


def test_a_password_of_few_letters_is_redacted_as_it_is_and_in_base64() -> None:
    keep_secret("the password", "Tr0ub4dor&3")
    assert redact("Basic YW5hOlRyMHViNGRvciYz, Tr0ub4dor&3, Tr0ub4dor%263") == "Basic YW5hOl…, …, …"
    keep_secret("the password", "§$%&/()")
    assert redact("it is §$%&/()!") == "it is …!"


def test_a_password_that_is_not_ascii_is_redacted() -> None:
    keep_secret("the password", "Grüße: $12345")
    assert redact("Gr%C3%BC%C3%9Fe%3A%20%2412345 or Gr\\u00fc\\u00dfe: $12345") == "… or …"


@pytest.mark.parametrize(
    ("value", "text", "redacted"),
    [
        ("Bearer a1b2c3d4e5", "not a1b2c3d4e5", "not …"),
        ("session=a1b2c3d4e5; csrf=f6g7h8i9j0", "a1b2c3d4e5 and f6g7h8i9j0", "… and …"),
        ("Basic YW5hOlRyMHViNGRvciYz", "Tr0ub4dor&3", "…"),
        ("agents", "the agents", "the agents"),
    ],
)
def test_the_words_of_a_header_are_secrets_if_they_may_be(value: str, text: str, redacted: str) -> None:
    keep_header("X-Login", value)
    assert redact(text) == redacted


def test_headers_that_say_where_a_request_comes_from_are_no_secrets() -> None:
    keep_header("Origin", "https://label-studio-01.example.com")
    assert find_secret(b'{"image": "https://label-studio-01.example.com/data/1.png"}') is None


def test_json_is_redacted_in_names_and_values() -> None:
    keep_token("the token", LEGACY)
    value = {"a": [LEGACY, 7, None, True], LEGACY: (f"<{LEGACY}>",)}
    assert redact_json(value) == {"a": ["…", 7, None, True], "…": ["<…>"]}
