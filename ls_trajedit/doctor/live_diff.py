"""Whether Label Studio's pages come with the live diff, and with which version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from lxml import etree

from ls_trajedit.doctor.finding import Finding, ok, warning
from ls_trajedit.label_studio.addresses import redirect_target, same_origin, without_credentials
from ls_trajedit.label_studio.headers import Headers
from ls_trajedit.label_studio.http_client import open_http
from ls_trajedit.traces.errors import TrajeditError

__all__ = ["LiveDiffInPage", "check_live_diff", "find_live_diff"]

# Every page gets the script, and this one needs no login.
_PAGE = "/user/login/"
_SECONDS = 10
_SCRIPT = re.compile(r"live-diff[^?#]*\.js", re.IGNORECASE)
_VERSION = re.compile(r"/\* ls-trajedit live diff ([^ ,]{1,50})")
# The head of a page is in its beginning.
_LONGEST_PAGE = 1_000_000
_LONGEST_ADDRESS = 2_000


@dataclass(frozen=True)
class LiveDiffInPage:
    """`script` is the address from which the pages load the live diff, None when they load none; `version` is the
    version found there, None when there is something else or nothing. A script on another server is not asked for:
    nobody named that server but the page."""

    script: str | None
    version: str | None = None
    is_elsewhere: bool = False


def find_live_diff(url: str, headers: Headers = ()) -> LiveDiffInPage | None:
    """The live diff in the pages of the Label Studio at `url`, asked with `headers`, or None when its login page cannot
    be read."""
    try:
        with open_http(url, headers, _SECONDS) as client:
            page = client.get(f"{url.rstrip('/')}{_PAGE}")
            if not page.is_success:
                return None
            named = next(filter(_SCRIPT.search, _scripts(page.content[:_LONGEST_PAGE])), None)
            if named is None:
                return LiveDiffInPage(None)
            script = redirect_target(page.url, named)
            if script is None:
                return LiveDiffInPage(named, is_elsewhere=True)
            if not same_origin(page.url, script):
                return LiveDiffInPage(str(script), is_elsewhere=True)
            answer = client.get(script)
    except (httpx.RequestError, httpx.InvalidURL, TrajeditError):
        return None
    version = _VERSION.search(answer.text[:_LONGEST_PAGE]) if answer.is_success else None
    return LiveDiffInPage(str(script), version.group(1) if version else None)


def _scripts(page: bytes) -> list[str]:
    """The addresses of the scripts in a page."""
    try:
        root = etree.fromstring(page, etree.HTMLParser(encoding="utf-8", no_network=True))
    except (etree.LxmlError, ValueError):
        return []
    found = [] if root is None else root.xpath("//script/@src")
    sources = map(str, found) if isinstance(found, list) else ()
    return [source for source in sources if len(source) <= _LONGEST_ADDRESS]


def check_live_diff(found: LiveDiffInPage | None, own_version: str) -> Iterator[Finding]:
    """What the pages have, compared with the `own_version` of ls-trajedit."""
    if found is None:
        yield ok("this machine cannot see whether the pages come with the live diff, because it gets no login page")
    elif found.script is None:
        yield ok(
            "the pages come without the live diff (a user script, which lives in an annotator's browser, cannot be "
            "seen from here)"
        )
    elif found.is_elsewhere:
        yield ok(
            f"the pages load the live diff from another server, {without_credentials(found.script)}, which was not "
            "asked for its version"
        )
    elif found.version is None:
        yield warning(
            f"the pages load the live diff from {found.script}, but it is not there",
            "Is `ls-trajedit serve` running, or is the file that `ls-trajedit live-diff -o` wrote in its place?",
        )
    elif found.version != own_version:
        yield warning(
            f"the pages come with the live diff {found.version}; this is ls-trajedit {own_version}",
            "Update whichever is older: the backend or the file that the script comes from, or ls-trajedit here.",
        )
    else:
        yield ok(f"the pages come with the live diff ({found.version})")
