"""A real Label Studio on this machine, and people in it: for the demo, the live tests and the benchmarks.

It listens on 127.0.0.1 only, keeps everything in the folder that the caller gives, and sends nothing outside.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
from lxml import etree

from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.errors import RefusedError, ServerError, SetupError

__all__ = ["EXECUTABLE_VARIABLE", "LOG_NAME", "LocalLabelStudio", "add_user", "find_label_studio", "run_label_studio"]

EXECUTABLE_VARIABLE = "LS_TRAJEDIT_LABEL_STUDIO"
LOG_NAME = "label-studio.log"

_HOST = "127.0.0.1"
_START_SECONDS = 180
_STOP_SECONDS = 10
_LOG_LINES = 15
_FORM_SECONDS = 30

# Label Studio reads dozens of variables, some with names like PORT, HOST or DEBUG, so it inherits only these.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_NO_OUTSIDE = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    # If left unset, both default to an address at sentry.io.
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    # Its pages make it fetch tips from GitHub. No setting prevents that, but a proxy that does not exist does.
    "HTTPS_PROXY": "http://127.0.0.1:9",
}
# Both are needed for a backend on loopback: one guards the connection, the other the webhook that comes with it.
_ALLOW_LOCAL_BACKENDS = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}


@dataclass(frozen=True)
class LocalLabelStudio:
    """A running Label Studio, and its owner's credentials."""

    url: str
    token: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    pid: int


def find_label_studio() -> Path:
    """The `label-studio` executable: the one that the environment variable LS_TRAJEDIT_LABEL_STUDIO names, else the one
    beside the running interpreter, else the one on PATH. Raises SetupError when there is none."""
    chosen = os.environ.get(EXECUTABLE_VARIABLE)
    if chosen:
        if found := shutil.which(chosen):
            return Path(found)
        raise SetupError(
            f"{EXECUTABLE_VARIABLE} is {chosen}, which is not a program; let it name `label-studio`, or unset it"
        )
    found = shutil.which("label-studio", path=str(Path(sys.executable).parent)) or shutil.which("label-studio")
    if found is None:
        raise SetupError("Label Studio is not installed; run: pip install label-studio")
    return Path(found)


@contextmanager
def run_label_studio(
    data_dir: Path,
    *,
    port: int | None = None,
    extra_env: Mapping[str, str] = {},
    start_seconds: int = _START_SECONDS,
) -> Iterator[LocalLabelStudio]:
    """A Label Studio with its database, files and log in `data_dir`, up when the block begins and gone after it.

    It listens on `port`, or on a free port. `extra_env` is added to its environment (feature flags, settings). Each
    start makes a new owner with a random password and token, because Label Studio does not change those of a user that
    it has already. In a folder that was used before, the new owner sees the earlier projects too.

    Raises SetupError when Label Studio is not installed, and on Windows, and ServerError when the port is taken, or
    when Label Studio ends or is not up within `start_seconds` (with the last lines of its log).
    """
    if os.name != "posix":
        # A process and all that it started cannot be stopped there in one go, and its environment cannot be stripped.
        raise SetupError(
            "starting a Label Studio, as the demo does, needs Linux or macOS. On Windows, run it in WSL, or start "
            "`label-studio` yourself and use `push` and `pull`"
        )
    executable = find_label_studio()
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = _free_port() if port is None else _require_free(port)
    username = f"owner-{secrets.token_hex(3)}@example.com"
    password, token = secrets.token_urlsafe(9), secrets.token_hex(20)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {
        **_NO_OUTSIDE,
        **_ALLOW_LOCAL_BACKENDS,
        "LABEL_STUDIO_BASE_DATA_DIR": str(data_dir),
        "LABEL_STUDIO_USERNAME": username,
        "LABEL_STUDIO_PASSWORD": password,
        "LABEL_STUDIO_USER_TOKEN": token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        **extra_env,
    }
    log = data_dir / LOG_NAME
    process: subprocess.Popen[bytes] | None = None
    try:
        # Until `process` is set, nothing would stop Label Studio if a signal ended this block.
        with log.open("wb") as log_file, defer_signals():
            process = subprocess.Popen(  # noqa: S603 - the program that was looked up, and no shell
                [executable, "start", "--no-browser", "--internal-host", _HOST, "--port", str(port)],
                cwd=data_dir,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        url = f"http://{_HOST}:{port}"
        started = LocalLabelStudio(url=url, token=token, username=username, password=password, pid=process.pid)
        _wait_until_up(process, started, log, start_seconds)
        yield started
    finally:
        if process is not None:
            _stop(process)


def add_user(label_studio: LocalLabelStudio, email: str, password: str) -> str:
    """Makes a user in the owner's organization, who sees and annotates its projects, and returns the user's API token.

    The user signs up in the form, as a person does: a user that the API makes has no password, and so cannot log in.

    Raises RefusedError when Label Studio does not accept the address or the password (the address is taken, or the
    password is shorter than eight characters), and ServerError when it cannot be reached or fails.
    """
    try:
        with _session() as session:
            _sign_up(session, f"{label_studio.url}/user/signup/", email, password)
            token = session.get(f"{label_studio.url}/api/current-user/token", timeout=_FORM_SECONDS)
            token.raise_for_status()
            return str(token.json()["token"])
    except requests.RequestException as error:
        raise ServerError(f"Label Studio at {label_studio.url} failed to make the user {email}: {error}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(port: int) -> int:
    """`port`, if nothing listens there. Label Studio itself would silently take the next one."""
    with socket.socket() as probe:
        if probe.connect_ex((_HOST, port)) == 0:
            raise ServerError(f"port {port} is in use on this machine; choose another, or give none to get a free one")
    return port


def _wait_until_up(process: subprocess.Popen[bytes], started: LocalLabelStudio, log: Path, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    with _session() as session:
        session.headers["Authorization"] = f"Token {started.token}"
        while (answer := _first_answer(session, started.url)) is None:
            if (status := process.poll()) is not None:
                raise ServerError(f"Label Studio ended with status {status} while starting. {_end_of(log)}")
            if time.monotonic() > deadline:
                raise ServerError(f"Label Studio is not up after {seconds} s. {_end_of(log)}")
            time.sleep(0.2)  # between two questions whether it is up
        # 1.17 refuses the kind of token with which its owner is made, and has no setting for the start that allows it.
        if answer.status_code == 401 and _allow_legacy_tokens(started):
            answer = _ask_who_am_i(session, started.url)
    # If another server took the port in the meantime, it would be up too, but would not know the token.
    if not answer.ok:
        raise ServerError(
            f"what answers at {started.url} does not accept the token of the Label Studio that was just started, so it "
            f"is another one, or a version that ls-trajedit does not know how to start. {_end_of(log)}"
        )


def _first_answer(session: requests.Session, url: str) -> requests.Response | None:
    """What Label Studio replies to the owner's token, or None while it is not up."""
    try:
        if session.get(f"{url}/health", timeout=5).json() != {"status": "UP"}:
            return None
        return _ask_who_am_i(session, url)
    except requests.RequestException:
        return None


def _ask_who_am_i(session: requests.Session, url: str) -> requests.Response:
    return session.get(f"{url}/api/current-user/whoami", timeout=30)


def _allow_legacy_tokens(started: LocalLabelStudio) -> bool:
    """Has the owner log in and allow legacy tokens in the organization; says whether that worked."""
    try:
        with _session() as session:
            fields = {"email": started.username, "password": started.password}
            _send_form(session, f"{started.url}/user/login/", fields)
            answer = session.post(
                f"{started.url}/api/jwt/settings",
                json={"api_tokens_enabled": True, "legacy_api_tokens_enabled": True},
                headers={"X-CSRFToken": session.cookies["csrftoken"]},
                timeout=_FORM_SECONDS,
            )
            return answer.ok
    except (requests.RequestException, KeyError):
        return False


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join([f"The end of its log ({log}):", *lines]) if lines else f"Its log ({log}) is empty."


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and everything that it started. A second Ctrl-C meanwhile kills it at once."""
    try:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    finally:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy from the environment cannot reach loopback
    return session


def _sign_up(session: requests.Session, form: str, email: str, password: str) -> None:
    answer = _send_form(session, form, {"email": email, "password": password, "allow_newsletters": "false"})
    answer.raise_for_status()
    if not answer.is_redirect:
        raise RefusedError(f"Label Studio does not accept the user {email}: {_complaints(answer.text)}")


def _send_form(session: requests.Session, form: str, fields: Mapping[str, str]) -> requests.Response:
    """The answer to the page `form`, filled in with `fields`; a redirect is not followed."""
    session.get(form, timeout=_FORM_SECONDS).raise_for_status()
    return session.post(
        form,
        data={**fields, "csrfmiddlewaretoken": session.cookies["csrftoken"]},
        allow_redirects=False,
        timeout=_FORM_SECONDS,
    )


def _complaints(page: str) -> str:
    found = etree.fromstring(page, etree.HTMLParser()).xpath("//*[@class='field_errors']/li/text()")
    return " ".join(str(text) for text in found) if isinstance(found, list) and found else "it does not say why"
