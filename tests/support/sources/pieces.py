"""What sources of every format are made of: texts, names, ids, arguments, and turns of an agent with its calls."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.support.strategies import texts

__all__ = ["Ask", "CallMade", "Turn", "arguments", "json_text", "maybe", "turns"]

_NAMES = st.sampled_from(["search", "open_url", "Web-Search", "run.cell", "naïve"])
_VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | texts() | st.lists(texts(), max_size=2)


def arguments() -> st.SearchStrategy[dict[str, Any]]:
    """The arguments of a call."""
    return st.dictionaries(st.sampled_from(["q", "city", "größe", "n"]), _VALUES, max_size=3)


def json_text(value: Any) -> st.SearchStrategy[str]:
    """The value as JSON in one of the usual styles."""
    styles = [
        json.dumps(value),
        json.dumps(value, separators=(",", ":")),
        json.dumps(value, ensure_ascii=False, indent=2),
    ]
    # Half of a surrogate pair can stand in JSON as an escape only.
    return st.sampled_from([text for text in styles if not re.search("[\ud800-\udfff]", text)])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value, or None."""
    return st.none() | values


@dataclass(frozen=True)
class CallMade:
    """A call, and what it returned (None: nothing was recorded)."""

    id: str
    name: str
    arguments: dict[str, Any]
    result: str | None


@dataclass(frozen=True)
class Turn:
    """What an agent said and did at one time."""

    text: str
    reasoning: str
    calls: list[CallMade]


@dataclass(frozen=True)
class Ask:
    """What a user said."""

    text: str


@st.composite
def turns(draw: st.DrawFn, *, has_results: bool = False, max_calls: int = 3) -> list[Ask | Turn]:
    """A conversation: a task, then turns of the agent, with something from the user now and then. Ids differ. With
    `has_results` each call has one."""
    said: list[Ask | Turn] = [Ask(draw(texts(1)))]
    for number in range(draw(st.integers(1, 4))):
        calls = [
            CallMade(
                f"c{number}_{index}",
                draw(_NAMES),
                draw(arguments()),
                draw(texts() if has_results else maybe(texts())),
            )
            for index in range(draw(st.integers(0, max_calls)))
        ]
        said.append(Turn(draw(texts()), draw(texts()), calls))
        if draw(st.booleans()):
            said.append(Ask(draw(texts())))
    return said
