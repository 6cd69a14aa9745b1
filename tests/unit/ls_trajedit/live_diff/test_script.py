"""The live diff as one script."""

from __future__ import annotations

import pytest

from ls_trajedit import __version__
from ls_trajedit.live_diff.script import live_diff_script, user_script
from ls_trajedit.traces.errors import UsageError


def test_the_script_has_its_version_and_sends_no_requests() -> None:
    script = live_diff_script()
    assert script.startswith(f"/* ls-trajedit live diff {__version__}, ")
    assert "const BACKEND = null;" in script


def test_nothing_in_it_turns_text_into_markup_or_code() -> None:
    script = user_script("https://labels.example.com", "https://backend.example.com")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        'setTimeout("',
        "import(",
    ):
        assert way not in script


@pytest.mark.parametrize(
    ("address", "pages"),
    [
        ("https://labels.example.com", "https://labels.example.com/*"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/*"),
        ("https://user:secret@labels.example.com/studio", "https://labels.example.com/studio/*"),
    ],
)
def test_the_user_script_is_for_the_pages_of_one_label_studio(address: str, pages: str) -> None:
    script = user_script(address)
    assert f"// @match        {pages}\n" in script
    assert "secret" not in script
    assert "updateURL" not in script


@pytest.mark.parametrize(
    "address", ["labels.example.com", "ftp://labels.example.com", "https://*/", "https://", "https://a\n.b"]
)
def test_an_address_that_no_page_has_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="must start with http:// or https:// and name a host"):
        user_script(address)
