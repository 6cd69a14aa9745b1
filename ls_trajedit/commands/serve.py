"""`ls-trajedit serve`: the ML backend."""

from __future__ import annotations

from typing import Annotated

from ls_trajedit.commands.parameters import Option

__all__ = ["serve"]

_MEGABYTE = 1024 * 1024


def serve(
    host: Annotated[str, Option(help="The address to listen on; 0.0.0.0 means every address.")] = "127.0.0.1",
    port: Annotated[int, Option(help="The port to listen on; 0 means any free port.", min=0, max=65535)] = 9090,
    max_body: Annotated[int, Option(help="The largest request to accept, in MB.", min=1)] = 100,
    max_connections: Annotated[int, Option(help="The most connections that may be open at a time.", min=1)] = 1000,
    label_studio_url: Annotated[
        str | None,
        Option(help="Where annotators open Label Studio; enables /live-diff.user.js, which needs it.", metavar="URL"),
    ] = None,
) -> None:
    """Run the ML backend that prefills the editors.

    Also serves the live diff at /live-diff.js, for a proxy in front of Label Studio.

    Set BASIC_AUTH_USER and BASIC_AUTH_PASS to have every request authenticated. Logs one JSON object per line to
    stderr. SIGTERM and Ctrl-C stop it once the requests in progress are answered.
    """
    import logging
    import os

    from ls_trajedit.backend.app import create_app
    from ls_trajedit.backend.basic_auth import credentials_from_environment
    from ls_trajedit.backend.connections import Limits
    from ls_trajedit.backend.log import log_as_json
    from ls_trajedit.backend.server import allowed_connections, is_loopback, listen, run_server

    credentials = credentials_from_environment(os.environ)
    app = create_app(credentials, max_body * _MEGABYTE, label_studio_url)
    allowed = allowed_connections(max_connections)
    listener = listen(host, port)
    log_as_json()
    log = logging.getLogger(__name__)
    fields = {"basic_auth": credentials is not None, "max_body_mb": max_body, "max_connections": allowed}
    log.info("starting", extra={"fields": fields})
    if allowed < max_connections:
        log.warning("the limit of open files allows only %d connections: raise it (LimitNOFILE=, ulimit -n)", allowed)
    if credentials is None and not is_loopback(listener):
        log.warning("anybody who reaches this address can use it: set BASIC_AUTH_USER and BASIC_AUTH_PASS")
    run_server(app, listener, Limits(connections=allowed))
