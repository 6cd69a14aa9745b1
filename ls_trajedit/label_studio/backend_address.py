"""Why Label Studio does not connect a backend because of its address, and what to do about it."""

from __future__ import annotations

from typing import Any

from ls_trajedit.label_studio.failures import without_credentials
from ls_trajedit.traces.errors import RefusedError

__all__ = ["explain_backend_address"]


def explain_backend_address(url: str, backend: str, body: Any) -> RefusedError | None:
    """The error for the answer `body` with which the Label Studio at `url` refuses the address `backend`; None when it
    refuses for another reason."""
    detail = str(body.get("detail")) if isinstance(body, dict) else ""
    shown = without_credentials(backend)
    if "reserved network address" in detail:
        return RefusedError(
            f"{url}: this Label Studio connects no backend at a local or private address such as {shown}. To allow "
            "it, start the Label Studio server with both ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false "
            "in its environment"
        )
    if "Can't resolve hostname" in detail:
        return RefusedError(
            f"{url}: Label Studio does not find the host of the backend {shown}; the address must be one that the "
            "machine or container on which Label Studio runs can reach"
        )
    return None
