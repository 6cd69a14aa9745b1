"""The memory that large requests share."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ls_trajedit.backend.requests import error_response

__all__ = ["SHORT", "share_memory"]

SHORT = 256 * 1024
"""So many bytes of each body and of each answer are not counted."""

_TOO_MANY = "too many large requests at once, try again later"


class _Memory:
    """What all have taken of `most` bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0


class _Share:
    """What one request has of `memory`."""

    def __init__(self, memory: _Memory) -> None:
        self._memory = memory
        self._mine = 0
        self._length = 0

    def add(self, size: int) -> bool:
        """Whether there is room for `size` bytes more, which then are taken. Whoever is alone may take anything."""
        self._length += size
        more = max(self._length - SHORT, 0) - self._mine
        others = self._memory.taken - self._mine
        if others and self._memory.taken + more > self._memory.most:
            return False
        self._memory.taken += more
        self._mine += more
        return True

    def give_back(self) -> None:
        self._memory.taken -= self._mine


def share_memory(app: ASGIApp, most_bodies: int, most_answers: int) -> ASGIApp:
    """`app`, in which the bodies that are being read or answered have `most_bodies` bytes together, and the answers
    that are being taken `most_answers`. A request that would need more is a 503, if others have some. The first 256 kB
    of each count for nothing, so short requests are answered whatever the long ones take."""
    bodies, answers = _Memory(most_bodies), _Memory(most_answers)

    async def sharing(scope: Scope, receive: Receive, send: Send) -> None:
        body, answer = _Share(bodies), _Share(answers)
        is_refused = False

        async def counted() -> Message:
            message = await receive()
            if not body.add(len(message.get("body", b""))):
                raise HTTPException(503, _TOO_MANY)
            return message

        async def in_pieces(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                is_refused = not answer.add(int(Headers(raw=message["headers"]).get("content-length", 0)))
                if is_refused:
                    await error_response(503, _TOO_MANY)(scope, receive, send)
                    return
            elif is_refused:
                return
            content = message.get("body", b"")
            if len(content) <= SHORT:
                await send(message)
                return
            # Each piece waits until the client has taken most of those before: what it has not taken stays counted.
            ends = range(SHORT, len(content) + SHORT, SHORT)
            for end in ends:
                is_more = end != ends[-1] or message.get("more_body", False)
                await send({**message, "body": content[end - SHORT : end], "more_body": is_more})

        try:
            await app(scope, counted, in_pieces)
        finally:
            body.give_back()
            answer.give_back()

    return sharing
