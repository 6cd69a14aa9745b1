"""What can be wrong with an answer: each makes of the right reply the one that is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .reply import Fault, Reply, json_reply, own_error

__all__ = [
    "WEB_PAGE",
    "changed_page",
    "cut_off",
    "cut_off_cleanly",
    "dropped",
    "echoing",
    "empty_page",
    "foreign",
    "hanging",
    "not_json",
    "refusing",
    "saying",
    "throttled",
    "web_page",
    "wire",
    "with_body",
]

WEB_PAGE = b"<!doctype html><html><body>We will be back soon.</body></html>"


def dropped(reply: Reply) -> Reply:
    """The connection is closed with no answer."""
    return Reply(0)


def hanging(reply: Reply) -> Reply:
    """No answer comes, and the connection stays."""
    return Reply(0, hangs=True)


def cut_off(reply: Reply) -> Reply:
    """The connection breaks within the body."""
    return replace(reply, body=reply.body[: len(reply.body) // 2], length=len(reply.body))


def cut_off_cleanly(reply: Reply) -> Reply:
    """Half of the body, which claims to be all of it."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def not_json(reply: Reply) -> Reply:
    """A body that looks like JSON to whoever trusts its Content-Type."""
    return replace(reply, body=b"{'tasks': [], 'total': NaN}")


def web_page(reply: Reply) -> Reply:
    """Somebody's web page, and a status that says all is well."""
    return Reply(200, WEB_PAGE, {"Content-Type": "text/html"})


def foreign(status: int, **headers: str) -> Fault:
    """The error of a proxy."""
    return lambda _: Reply(status, WEB_PAGE, {"Content-Type": "text/html", **headers})


def refusing(status: int, detail: str) -> Fault:
    """An error of Label Studio itself."""
    return lambda _: own_error(status, detail)


def throttled(retry_after: str) -> Fault:
    """Too many requests, and when to come back."""
    return lambda _: replace(own_error(429, "Request was throttled."), headers={"Retry-After": retry_after})


def saying(value: Any) -> Fault:
    """JSON, and not what was asked for."""
    return lambda _: json_reply(value)


def with_body(body: bytes, status: int | None = None, **headers: str) -> Fault:
    """Another body, under the right status when none is given, and headers with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda reply: replace(
        reply, body=body, status=reply.status if status is None else status, headers={**reply.headers, **named}
    )


def wire(content: bytes) -> Fault:
    """These bytes in place of an answer in HTTP, and the end of the connection."""
    return lambda _: Reply(0, wire=content)


def echoing(reply: Reply) -> Reply:
    """An error page for developers, which shows the request with everything in it."""
    return json_reply({"detail": f"Bad request. Headers: Authorization: {reply.authorization}"}, 400)


def changed_page(change: Callable[[list[Any], int], tuple[list[Any], int]]) -> Fault:
    """A page of tasks in which `change` has been at the tasks and the total."""

    def changed(reply: Reply) -> Reply:
        page = json.loads(reply.body)
        page["tasks"], page["total"] = change(page["tasks"], page["total"])
        return json_reply(page)

    return changed


empty_page = changed_page(lambda _, total: ([], total))
"""A page with nothing in it, of which the total is right."""
