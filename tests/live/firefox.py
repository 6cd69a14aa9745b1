"""Debian's Firefox, driven by Playwright: what is tested in Chromium can be tested in it with the same page objects.

Playwright's own browsers cannot be had from a package registry. Its channel `moz-firefox` is for a Firefox as
everybody has it, through WebDriver BiDi. Type with `page.keyboard`: what `fill` inserts through BiDi comes from a
script, and Label Studio's editors do not notice it.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

from . import bidi_relay

__all__ = ["running_firefox"]

_NOWHERE = {"host": "127.0.0.1", "port": 9}
_PREFERENCES = {
    # Firefox calls home from many places. Nothing gets further than a proxy that does not exist; loopback needs none.
    "network.proxy.type": 1,
    **{f"network.proxy.{kind}": _NOWHERE["host"] for kind in ("http", "ssl", "socks")},
    **{f"network.proxy.{kind}_port": _NOWHERE["port"] for kind in ("http", "ssl", "socks")},
    "network.proxy.no_proxies_on": "127.0.0.1, localhost",
    "network.proxy.allow_bypass": False,
    "network.proxy.failover_direct": False,
    # And these need not even try.
    "app.update.auto": False,
    "app.normandy.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": f"http://{_NOWHERE['host']}:{_NOWHERE['port']}",
    "toolkit.telemetry.unified": False,
}


@contextmanager
def running_firefox(playwright: Playwright, folder: Path) -> Iterator[Browser]:
    """A headless Firefox that reaches nothing but this machine. `folder` is for the program that starts it."""
    executable = shutil.which("firefox-esr")
    if executable is None:
        pytest.fail("the live tests need Firefox: install the package `firefox-esr`, so that it is on PATH")
    starter = folder / "firefox"
    command = shlex.join([sys.executable, bidi_relay.__file__, executable])
    starter.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    starter.chmod(0o700)
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=starter, firefox_user_prefs={**_PREFERENCES}
    )
    try:
        yield browser
    finally:
        browser.close()
