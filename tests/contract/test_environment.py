"""What the environment gets wrong (proxies, certificates, tokens), and what each command says of it: one sentence that
names the variable, and no traceback."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ls_trajedit.cli import main
from ls_trajedit.doctor.backend import probe_backend
from ls_trajedit.hub.push import HubTarget, connect_hub, push_to_hub
from ls_trajedit.traces.errors import ServerError, SetupError

TOKEN = "0123456789abcdef0123456789abcdef01234567"
COMMANDS = {
    "pull": ("pull", "--project", "12", "--max-wait", "0"),
    "push": ("push", "traces.jsonl", "--title", "Traces"),
    "doctor": ("doctor", "--project", "12"),
    "convert": ("convert", "export.json", "--project", "12"),
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*PROXIES, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    monkeypatch.setenv("HF_TOKEN", "hf_abc")
    monkeypatch.chdir(tmp_path)
    Path("traces.jsonl").write_text(
        json.dumps({"id": "t1", "task": "x", "steps": [{"action": "look"}]}), encoding="utf-8"
    )
    Path("export.json").write_text("[]", encoding="utf-8")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command against the server at `url`; its exit code, and all that it printed."""

    def run_command(command: str, url: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ls-trajedit", *COMMANDS[command], "--url", url])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in printed.out + printed.err
        return ended.value.code, printed.out + printed.err

    return run_command


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that answers whatever it is sent with these bytes; gives its host and port."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


HTTP, HTTPS = "http://ls.test", "https://ls.test"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("variable", "value", "url", "words"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", HTTP, "ALL_PROXY names a SOCKS proxy (socks5://127.0.0.1:1080)"),
        ("ALL_PROXY", "socks5h://127.0.0.1:1080", HTTPS, "ALL_PROXY names a SOCKS proxy (socks5h://127.0.0.1:1080)"),
        ("HTTP_PROXY", "socks4://p:1", HTTP, "HTTP_PROXY names a proxy of a kind that is not supported (socks4://p:1)"),
        ("HTTPS_PROXY", "http://p:port", HTTPS, "HTTPS_PROXY is not the address of a proxy (http://p:port)"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", HTTP, "SSL_CERT_FILE names /nowhere/ca.pem, and there is no such file"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", HTTPS, "SSL_CERT_FILE names /nowhere/ca.pem, and there is no such file"),
        ("SSL_CERT_FILE", "traces.jsonl", HTTPS, "SSL_CERT_FILE names traces.jsonl, but it holds no certificates"),
        ("LABEL_STUDIO_HEADERS", "X-Api-Key: k", HTTP, "LABEL_STUDIO_HEADERS, line 1: not a header"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, run: Run, command: str, variable: str, value: str, url: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    code, message = run(command, url)
    assert code == 3
    assert message.startswith(f"ls-trajedit: {words}")
    assert message.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("variable", "url"), [("HTTP_PROXY", HTTP), ("HTTPS_PROXY", HTTPS), ("ALL_PROXY", HTTPS)])
def test_a_dead_proxy_is_not_taken_for_the_server(
    monkeypatch: pytest.MonkeyPatch, run: Run, closed_port: str, command: str, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, f"http://ana:geheim@{closed_port}")
    code, message = run(command, url)
    assert code == (3 if command == "doctor" else 4)
    assert f"{url}: nothing listens at the proxy http://{closed_port} ({variable})" in message
    assert "geheim" not in message


def test_a_proxy_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    with answering(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        code, message = run("pull", HTTPS)
    assert code == 4
    assert f"the proxy http://{proxy} (HTTPS_PROXY) does not let this through: 407 Proxy Auth" in message


def test_a_proxy_that_does_not_speak_https_itself(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy}")
        code, message = run("pull", HTTPS)
    assert code == 4
    assert f"the proxy https://{proxy} (HTTPS_PROXY) does not speak https itself; write http:// there" in message


def test_no_proxy_with_addresses_of_ipv6_is_understood(
    monkeypatch: pytest.MonkeyPatch, run: Run, closed_port: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("NO_PROXY", "::1,fe80::/10,[::],127.0.0.0/8")
    code, message = run("pull", f"http://{closed_port}")
    assert code == 4
    assert "nothing listens there; is Label Studio running" in message


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HF_TOKEN", "hf_schlüssel", "HF_TOKEN .* holds blanks or characters that no token has"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "ALL_PROXY names a SOCKS proxy"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:1080", "HTTPS_PROXY names a proxy of a kind"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "SSL_CERT_FILE names /nowhere/ca.pem"),
    ],
)
def test_the_hub_is_not_asked_when_that_cannot_work(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SetupError, match=words):
        connect_hub()


def test_a_dead_proxy_is_not_taken_for_the_hub(
    monkeypatch: pytest.MonkeyPatch, closed_port: str, written_folder: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{closed_port}")
    with pytest.raises(ServerError, match=rf"no connection through the proxy http://{closed_port} \(HTTPS_PROXY\)"):
        push_to_hub(connect_hub(), HubTarget("ana/traces"), written_folder)


@pytest.fixture
def written_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that `convert` wrote."""
    config = '<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/></View>'
    Path("config.xml").write_text(config, encoding="utf-8")
    arguments = ["ls-trajedit", "convert", "export.json", "--config", "config.xml", "-o", "data"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    return Path("data")


@pytest.mark.parametrize(
    ("variable", "value", "verdict"),
    [
        ("HTTP_PROXY", "http://127.0.0.1:{port}", "no proxy"),
        ("ALL_PROXY", "socks5://127.0.0.1:{port}", "no proxy"),
        ("HTTP_PROXY", "ftp://127.0.0.1:{port}", "no proxy"),
    ],
)
def test_the_probe_of_a_backend_tells_the_proxy_from_the_backend(
    monkeypatch: pytest.MonkeyPatch, closed_port: str, variable: str, value: str, verdict: str
) -> None:
    monkeypatch.setenv(variable, value.format(port=closed_port.partition(":")[2]))
    probe = probe_backend("http://backend.test:9090", None)
    assert probe.verdict == verdict
    assert f"({variable})" in probe.text


def test_the_probe_of_a_backend_names_missing_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    probe = probe_backend("https://backend.test:9090", None)
    assert probe.verdict == "no certificates"
    assert "/nowhere/ca.pem" in probe.text
