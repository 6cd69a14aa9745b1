"""Explains what goes wrong between here and the Hugging Face hub: errors that say what to do."""

from __future__ import annotations

import httpx2
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

from ls_trajedit.label_studio.addresses import without_credentials
from ls_trajedit.label_studio.failures import causes
from ls_trajedit.label_studio.proxy import proxy_for
from ls_trajedit.redaction import redact
from ls_trajedit.traces.errors import RefusedError, ServerError, SetupError, TrajeditError, UsageError

__all__ = ["explain_hub_failure"]

_LONGEST_DETAIL = 500
_TOKENS = "https://huggingface.co/settings/tokens"


def explain_hub_failure(error: Exception, hub: str, repo: str) -> TrajeditError | None:
    """The error for what `huggingface_hub` raised while something was pushed to `repo` on `hub`, or None when it is
    not a failure of that kind."""
    where = without_credentials(hub)
    if isinstance(error, ValueError) and "metadata in README.md" in str(error):
        _, _, why = str(error).partition("\n")
        return SetupError(f"{where}: the hub rejected the dataset card: {_short(why)}")
    for cause in causes(error):
        if isinstance(cause, HFValidationError):
            return UsageError(f"--push-to-hub {repo}: not a valid repository name; write it as owner/name")
        if isinstance(cause, OfflineModeIsEnabled):
            return SetupError("HF_HUB_OFFLINE is set, so nothing is sent to the hub; unset it to push")
        if isinstance(cause, HfHubHTTPError):
            return _refusal(cause, where, repo)
        if isinstance(cause, httpx2.InvalidURL) and _is_address(hub):
            return SetupError(
                f"{where}: NO_PROXY holds something that the hub's client does not understand ({_short(str(cause))}); "
                "unset it, or write names of hosts only"
            )
        if isinstance(cause, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
            return SetupError(f"{where}: not the address of a hub; correct HF_ENDPOINT")
        if isinstance(cause, httpx2.TimeoutException):
            return ServerError(f"{where}: the hub did not answer in time; run it again later")
        if isinstance(cause, httpx2.ConnectError | httpx2.ProxyError) and (proxy := proxy_for(hub)):
            return ServerError(
                f"{where}: no connection through the proxy {proxy.shown} ({proxy.variable}): {_short(str(cause))}; "
                "correct the variable, or exempt the hub with NO_PROXY"
            )
        if isinstance(cause, httpx2.TransportError):
            return ServerError(
                f"{where}: the hub cannot be reached ({type(cause).__name__}); check the network and the proxy settings"
            )
    # What sends large files is written in Rust, and has no error types of its own.
    if isinstance(error, OSError | RuntimeError):
        return ServerError(
            f"{where}: sending the files failed: {_short(str(error))}. Run it again; HF_HUB_DISABLE_XET=1 sends "
            "them in another way"
        )
    return None


def _is_address(hub: str) -> bool:
    try:
        return bool(httpx2.URL(hub).host)
    except httpx2.InvalidURL:
        return False


def _refusal(error: HfHubHTTPError, where: str, repo: str) -> TrajeditError:
    status = error.response.status_code
    if status == 401:
        return RefusedError(
            f"{where}: the hub rejected the token (401). Make one with write access at {_TOKENS} and set HF_TOKEN"
        )
    if status == 403:
        return RefusedError(
            f"{where}: the token may not write to {repo} (403){_server_message(error)}. It needs write access, and "
            f"its owner must be {repo.partition('/')[0]} or belong to it"
        )
    if status == 404:
        return RefusedError(f"{where}: there is no {repo}, or the token may not see it (404){_server_message(error)}")
    if status in (409, 412):
        return ServerError(f"{where}: {repo} was changed by somebody else at the same time ({status}); run it again")
    if status == 429:
        return ServerError(f"{where}: too many requests (429); wait a few minutes and run it again")
    if status >= 500:
        return ServerError(f"{where}: the hub keeps failing ({status}); run it again later")
    return RefusedError(f"{where}: the hub rejected the files for {repo} ({status}){_server_message(error)}")


def _server_message(error: HfHubHTTPError) -> str:
    return f": {_short(error.server_message)}" if error.server_message else ""


def _short(text: str) -> str:
    line = " ".join(redact(text).split()).rstrip(".")
    return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + " …"
