"""HTTP/1.1 as uvicorn speaks it, with reason phrases of our own: the only part of a refusal that Label Studio shows."""

from __future__ import annotations

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ls_trajedit.backend.refusal import REASON_HEADER

__all__ = ["ReasonProtocol"]


class ReasonProtocol(H11Protocol):
    """uvicorn's protocol on a connection that writes the `x-reason` header of a response into its status line too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = _Connection(h11.SERVER)


class _Connection(h11.Connection):
    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        if isinstance(event, h11.Response):
            event = _with_reason(event)
        return super().send_with_data_passthrough(event)


def _with_reason(response: h11.Response) -> h11.Response:
    for name, value in response.headers:
        if name == REASON_HEADER.encode():
            return h11.Response(
                status_code=response.status_code,
                headers=response.headers.raw_items(),
                http_version=response.http_version,
                reason=value,
            )
    return response
