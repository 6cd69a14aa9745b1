"""Options that most commands take."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from ls_trajedit.commands.parameters import Argument, Option
from ls_trajedit.input_streams import read_text
from ls_trajedit.output.whole_file import write_whole
from ls_trajedit.redaction import keep_secret, keep_token
from ls_trajedit.storage.address import Address, check_writable, place_named
from ls_trajedit.traces.errors import SetupError, UsageError
from ls_trajedit.traces.options import Options

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server
    from ls_trajedit.label_studio.headers import Headers

__all__ = [
    "DEFAULT_OPTIONS_FILE",
    "Json",
    "OptionsFile",
    "OutputFolder",
    "OutputPlace",
    "ServerOptions",
    "WrittenFolder",
    "WrittenPlace",
    "check_backend",
    "check_finite",
    "max_wait",
    "named_path",
    "options_here",
    "options_in",
    "write_file",
]

DEFAULT_OPTIONS_FILE = Path("trajedit.yaml")


def named_path(value: str | Path) -> Path:
    """The path that the command line gives. An empty one, as of a variable of the shell that is not set, would mean the
    current folder."""
    match _named_place(value):
        case Path() as path:
            return path
        case Address() as address:
            raise click.BadParameter(f"{address} is an address, and this must be on this machine")


def _named_place(value: str | Path) -> Path | Address:
    if value == "":
        raise click.BadParameter("it is empty; give a path")
    return place_named(value) if isinstance(value, str) else value


def _named_folder(value: str | Path) -> Path:
    match _output_place(value):
        case Path() as path:
            return path
        case Address() as address:
            raise click.BadParameter(
                f"{address} is an address, and only `convert` writes to one; give a folder, and copy its files there, "
                "manifest.json last"
            )


def _output_place(value: str | Path) -> Path | Address:
    place = _named_place(value)
    if isinstance(place, Address):
        check_writable(place)
        return place
    # What cannot be looked at is explained when it is written to.
    with suppress(OSError):
        if place.exists() and not place.is_dir():
            raise click.BadParameter(f"{place} is not a folder")
    return place


def _written_folder(value: str | Path) -> Path:
    match _named_place(value):
        case Path() as path:
            return path
        case Address() as address:
            raise click.BadParameter(f"{address} is an address; copy its files into a folder first, and give that")


OptionsFile = Annotated[
    Path | None,
    Option("--options", parser=named_path, help="The options file, such as trajedit.yaml.", metavar="FILE"),
]
OutputFolder = Annotated[
    Path,
    Option("-o", "--output", parser=_named_folder, help="The folder to write into.", metavar="FOLDER"),
]
OutputPlace = Annotated[
    Path | Address,
    Option(
        "-o",
        "--output",
        parser=_output_place,
        help="The folder to write into, or an address, such as s3://bucket/data.",
        metavar="FOLDER",
    ),
]
WrittenPlace = Annotated[
    Path | Address,
    Argument(
        parser=_named_place,
        help="The folder that `pull` or `convert` wrote, or its address, such as s3://bucket/data.",
        metavar="FOLDER",
    ),
]
WrittenFolder = Annotated[
    Path,
    Argument(parser=_written_folder, help="The folder that `pull` or `convert` wrote.", metavar="FOLDER"),
]
Json = Annotated[bool, Option("--json", help="Print one JSON object instead of text.")]


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Which Label Studio a command talks to, and the token that it shows there."""

    url: Annotated[
        str,
        Option(
            "--url",
            envvar="LABEL_STUDIO_URL",
            help="The address of Label Studio.",
            metavar="URL",
            show_default=True,
        ),
    ] = "http://localhost:8080"
    api_key: Annotated[
        str | None,
        Option(
            "--api-key",
            envvar="LABEL_STUDIO_API_KEY",
            help="An access token, legacy or personal. Safer in the environment than on the command line.",
            metavar="TOKEN",
            show_default=False,
        ),
    ] = field(default=None, repr=False)
    header: Annotated[
        list[str] | None,
        Option(
            "--header",
            help="A header for each request, for what stands in front of Label Studio; repeatable. Safer in the "
            "environment: LABEL_STUDIO_HEADERS, one on a line.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = field(default=None, repr=False)

    def __post_init__(self) -> None:
        keep_token("the token", self.api_key and self.api_key.strip())
        keep_secret("BASIC_AUTH_PASS", os.environ.get("BASIC_AUTH_PASS"))

    def connect(self) -> Server:
        """The server, once it has answered and taken the token.

        Raises SetupError without a token and for what is not a header, UsageError for what is not an address, and what
        `connect` raises.
        """
        from ls_trajedit.label_studio.client import connect

        return connect(self.url, self._token(), self.headers)

    def open(self, max_wait: float) -> Server:
        """The server, before it is asked for anything; failed requests that only read are retried for `max_wait`
        seconds. Raises SetupError without a token and for what is not a header, and UsageError for what is not an
        address."""
        from ls_trajedit.label_studio.client import open_server

        return open_server(self.url, self._token(), max_wait, self.headers)

    @property
    def headers(self) -> Headers:
        """What `--header` and LABEL_STUDIO_HEADERS add to each request. Raises SetupError for what is not a header."""
        from ls_trajedit.label_studio.headers import HEADERS_VARIABLE, parse_headers

        return parse_headers(self.header or [], os.environ.get(HEADERS_VARIABLE, ""))

    def _token(self) -> str:
        if not self.api_key:
            raise SetupError(
                "no token: set LABEL_STUDIO_API_KEY (in Label Studio: Account & Settings), or give --api-key"
            )
        if not self.url.startswith(("http://", "https://")):
            raise UsageError(f"--url {self.url}: the address must start with http:// or https://")
        return self.api_key


def check_finite(number: float) -> None:
    """Raises BadParameter for `nan` and `inf`, which are numbers, too."""
    if not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a number of seconds")


def max_wait(text: str) -> Any:
    """The option `--max-wait`, of which `text` says what for: a number of seconds."""
    return Option("--max-wait", help=text, metavar="SECONDS", min=0, check=check_finite)


def options_in(path: Path | None) -> Options | None:
    """The options in the file that `--options` names, if it names one. Raises UsageError when the file cannot be read,
    OptionsError when it holds anything but options."""
    if path is None:
        return None
    # It loads pydantic and YAML.
    from ls_trajedit.traces.options_file import parse_options

    return parse_options(read_text(path), str(path))


def options_here(path: Path | None) -> Options:
    """The options in the file that `--options` names, else those in `trajedit.yaml` in the current folder, else the
    defaults. Raises what `options_in` raises."""
    if path is None and DEFAULT_OPTIONS_FILE.is_file():
        path = DEFAULT_OPTIONS_FILE
    return options_in(path) or Options()


def check_backend(url: str) -> None:
    """Raises UsageError when `url` cannot be the address of an ML backend. A password in it is shown nowhere."""
    from ls_trajedit.label_studio.addresses import hide_password, server_address, without_credentials

    hide_password(url)
    if server_address(url) is None:
        raise UsageError(
            f"--backend {without_credentials(url)}: this is not the address of a backend; write it like "
            "http://localhost:9090"
        )


def write_file(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all. Raises UsageError when it cannot be written."""
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; choose another name with -o") from None
