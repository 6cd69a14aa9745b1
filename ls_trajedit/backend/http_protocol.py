"""HTTP/1.1 as uvicorn speaks it, with reason phrases of our own: the only part of a refusal that Label Studio shows."""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ls_trajedit.backend.refusal import REASON_HEADER

__all__ = ["ReasonProtocol"]

_LONGEST_HEAD = 64 * 1024
_REASON = re.compile(rb"\r\n%b: ([^\r\n]*)\r\n" % REASON_HEADER.encode())
_REFUSAL = re.compile(rb"HTTP/1\.1 [45]\d\d ")


class ReasonProtocol(HttpToolsProtocol):
    """uvicorn's protocol on a connection that writes the `x-reason` header of a refusal into its status line too.

    A head of more than 64 kB is refused: unlike h11, httptools would collect it without end.
    """

    _head_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, _ReasonTransport(cast(asyncio.Transport, transport))))

    def data_received(self, data: bytes) -> None:
        self._head_size += len(data)
        super().data_received(data)
        if self._head_size > _LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_body(self, body: bytes) -> None:
        self._head_size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_size = 0
        super().on_message_complete()


class _ReasonTransport:
    """A connection. uvicorn writes the head of an answer in one piece, and what follows it is JSON or text."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(_with_reason(data) if _REFUSAL.match(data) else data)


def _with_reason(head: bytes) -> bytes:
    reason = _REASON.search(head)
    if reason is None:
        return head
    status, rest = head[:13], head[head.index(b"\r\n") :]
    return status + reason[1] + rest
