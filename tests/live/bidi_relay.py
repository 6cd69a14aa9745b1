"""Stands between Playwright and Firefox, as the program that Playwright starts in Firefox's place.

Playwright drives Firefox by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/), and asks for things that are newer
than the Firefox of Debian, such as a colour scheme. It gives up at the first command that the browser does not know.
The relay starts the real Firefox, passes everything on, and answers for it where it does not know how to emulate
something: as if that were done, which nothing here depends on.

    python bidi_relay.py FIREFOX ARGUMENTS
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

_ADDRESS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_HOST = "127.0.0.1"


async def _run(firefox: str, arguments: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(firefox, *arguments, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    address = await _address(process.stderr)
    if address is None:
        return await process.wait()

    async def relay(playwright: ServerConnection) -> None:
        assert playwright.request is not None
        # A page's whole text is one message.
        async with connect(address + playwright.request.path, max_size=None) as browser:
            await _relay(playwright, browser)

    async with serve(relay, _HOST, 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        # What Playwright waits for.
        sys.stderr.write(f"WebDriver BiDi listening on ws://{_HOST}:{port}\n")
        sys.stderr.flush()
        await _forward_lines(process.stderr)
        return await process.wait()


async def _address(messages: asyncio.StreamReader) -> str | None:
    """Where Firefox listens, or None when it ends before it does."""
    async for line in messages:
        if found := _ADDRESS.search(line.decode(errors="replace")):
            return found[1]
        sys.stderr.buffer.write(line)
    return None


async def _forward_lines(messages: asyncio.StreamReader) -> None:
    async for line in messages:
        sys.stderr.buffer.write(line)
        sys.stderr.flush()


async def _relay(playwright: ServerConnection, browser: ClientConnection) -> None:
    methods: dict[int, str] = {}

    async def commands() -> None:
        async for message in playwright:
            command = json.loads(message)
            methods[command["id"]] = command["method"]
            await browser.send(message)

    async def answers() -> None:
        async for message in browser:
            answer = json.loads(message)
            method = methods.pop(answer["id"], "") if answer.get("id") is not None else ""
            if answer.get("error") == "unknown command" and method.startswith("emulation."):
                message = json.dumps({"type": "success", "id": answer["id"], "result": {}})
            await playwright.send(message)

    tasks = [asyncio.create_task(commands()), asyncio.create_task(answers())]
    # When either end has gone, so must the other.
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(sys.argv[1], sys.argv[2:])))
