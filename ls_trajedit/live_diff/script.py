"""The live diff as one script: `serve` offers it, `live-diff` prints it, and a page loads it."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from ls_trajedit import __version__
from ls_trajedit.traces.errors import UsageError

__all__ = ["SCRIPT_PATH", "USER_SCRIPT_PATH", "live_diff_script", "user_script"]

SCRIPT_PATH = "/live-diff.js"
USER_SCRIPT_PATH = "/live-diff.user.js"

_PARTS = (
    "diff.js",
    "call_check.js",
    "step_structure.js",
    "page_fields.js",
    "change_panel.js",
    "keep_typing.js",
    "live_diff.js",
)


@lru_cache
def live_diff_script(backend_url: str | None = None) -> str:
    """The script. With a `backend_url` it asks there, once per page, whether there is a newer version; otherwise it
    sends no requests."""
    folder = files("ls_trajedit.live_diff")
    parts = "\n".join((folder / name).read_text(encoding="utf-8") for name in _PARTS)
    return (
        f"/* ls-trajedit live diff {__version__}, Apache-2.0 */\n"
        '(() => {\n"use strict";\n'
        f"const VERSION = {json.dumps(__version__)};\n"
        f"const BACKEND = {_literal(backend_url)};\n"
        f"{parts}\n"
        "})();\n"
    )


def user_script(label_studio_url: str, backend_url: str | None = None) -> str:
    """The script with the header that user-script managers read: it runs on the pages of the Label Studio at
    `label_studio_url`. With a `backend_url` they look there for updates, too.

    Raises UsageError when `label_studio_url` is not an http or https address.
    """
    lines = [
        ("name", "ls-trajedit live diff"),
        ("namespace", "ls-trajedit"),
        ("version", __version__),
        ("description", "Shows in Label Studio what was changed in a trace, as it is typed"),
        ("match", _match_pattern(label_studio_url)),
        ("run-at", "document-idle"),
        ("grant", "none"),
    ]
    if backend_url is not None:
        address = f"{backend_url}{USER_SCRIPT_PATH}"
        lines += [("updateURL", address), ("downloadURL", address)]
    head = "".join(f"// @{name:<12} {value}\n" for name, value in lines)
    return f"// ==UserScript==\n{head}// ==/UserScript==\n\n{live_diff_script(backend_url)}"


def _match_pattern(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() or c == "*" for c in url):
        raise UsageError(f"{url}: the address of Label Studio must start with http:// or https:// and name a host")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/*"


def _literal(text: str | None) -> str:
    return "null" if text is None else json.dumps(text)
