"""The configuration of nginx, with TLS, in front of two real backends."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.contract.conftest import Host, running_host
from tests.support.nginx import check_nginx, free_port, running_nginx

from .deploy_files import DEPLOY
from .test_files import environment_file

CREDENTIALS = environment_file("backend.env")
USER = (CREDENTIALS["BASIC_AUTH_USER"], CREDENTIALS["BASIC_AUTH_PASS"])
CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'
BODY = {"tasks": [{"id": 1, "data": {"steps": [{"action": "look"}]}}], "label_config": CONFIG}
LABEL_STUDIO = "https://label-studio.example.org"


@dataclass
class Proxied:
    """nginx at `url`, whose certificate is in `ca`, and the backends behind it."""

    url: str
    ca: Path
    backends: list[Host]

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, verify=str(self.ca), timeout=60, **options)

    def predicts(self) -> bool:
        answer = self.request("POST", "/predict", json=BODY, auth=USER)
        return answer.status_code == 200 and len(answer.json()["results"]) == 1


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "backend.pem", folder / "backend.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


def put_in(text: str, before: str, after: str) -> str:
    assert text.count(before) == 1, before
    return text.replace(before, after)


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    """nginx as in `deploy/`, at a free port, before two backends at free ports."""
    command = [sys.executable, "-m", "ls_trajedit", "serve", "--port", "0", "--label-studio-url", LABEL_STUDIO]
    text = (DEPLOY / "nginx" / "ls-trajedit.conf").read_text(encoding="utf-8")
    with ExitStack() as stack:
        backends = [
            stack.enter_context(running_host(command, {"PATH": "/usr/bin:/bin", **CREDENTIALS})) for _ in range(2)
        ]
        for host, documented in zip(backends, ("127.0.0.1:9090", "127.0.0.1:9091"), strict=True):
            host.url = host.wait_for_line(lambda line: line["event"] == "listening")["url"]
            text = put_in(text, documented, host.url.removeprefix("http://"))
        port = free_port()
        public, private = certificate(tmp_path)
        text = put_in(text, "listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        text = put_in(text, "/etc/ssl/backend.example.org.pem", str(public))
        text = put_in(text, "/etc/ssl/private/backend.example.org.key", str(private))
        assert "test is successful" in check_nginx(tmp_path, text)
        stack.enter_context(running_nginx(tmp_path, text, port))
        yield Proxied(f"https://127.0.0.1:{port}", public, backends)


def test_what_label_studio_asks_gets_through_and_the_metrics_do_not(proxied: Proxied) -> None:
    assert proxied.predicts()
    assert proxied.request("GET", "/health", auth=USER).json()["status"] == "UP"
    refused = proxied.request("GET", "/health")
    assert (refused.status_code, refused.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert proxied.request("GET", "/metrics", auth=USER).status_code == 404
    script = proxied.request("GET", "/live-diff.user.js").text
    assert f"@updateURL    {proxied.url}/live-diff.user.js" in script


def test_a_body_of_more_than_100_mb_is_refused_before_it_is_sent(proxied: Proxied) -> None:
    context = ssl.create_default_context(cafile=str(proxied.ca))
    connection = http.client.HTTPSConnection(proxied.url.removeprefix("https://"), timeout=60, context=context)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Length", str(100 * 1024 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_one_of_the_two_is_enough_while_the_other_is_replaced(proxied: Proxied) -> None:
    assert all(proxied.predicts() for _ in range(4))
    assert proxied.backends[0].stop() == 0
    assert all(proxied.predicts() for _ in range(10))
    assert proxied.backends[1].stop() == 0
    assert proxied.request("POST", "/predict", json=BODY, auth=USER).status_code == 502
