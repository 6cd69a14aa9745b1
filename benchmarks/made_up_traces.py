"""Made-up traces and annotations for the benchmarks, the same in every run."""

from __future__ import annotations

from random import Random
from typing import Any

__all__ = ["EDITED_FIELDS", "INSERTED", "OPTIONS", "TEXT_LENGTH", "make_results", "make_trace"]

EDITED_FIELDS = ("thought", "action")
# What a person adds to a text. Nothing is deleted, so both edit distances are known beforehand.
INSERTED = " as the person would say"
OPTIONS = "editable_fields: [thought, action]\n"
TEXT_LENGTH = 200

_WORDS = """
the agent should look up a flight to the city and then compare prices before it books anything because
search(query="weather tomorrow", limit=5) returned {"status": "ok", "items": [1, 2, 3]} and so
user asked for something cheaper I will call the tool again with other arguments 404 not found retry
"""


def _make_text(random: Random, start: str) -> str:
    text = start
    words = _WORDS.split()
    while len(text) < TEXT_LENGTH:
        text += random.choice(words) + random.choice("       \n")
    return text[: TEXT_LENGTH - 1] + "."


_RANDOM = Random(1)
# Every tenth text is not ASCII.
_TEXTS = [_make_text(_RANDOM, "Zürich → Genève " if i % 10 == 0 else "") for i in range(1000)]


def make_trace(number: int, steps: int) -> dict[str, Any]:
    """A trace of that many steps, each with thought, action and observation; it is also its own task data."""
    random = Random(number)
    return {
        "id": f"trace-{number}",
        "task_description": random.choice(_TEXTS),
        "steps": [
            {field: random.choice(_TEXTS) for field in ("thought", "action", "observation")} for _ in range(steps)
        ],
        "final_answer": random.choice(_TEXTS),
    }


def make_results(trace: dict[str, Any], edited_step: int | None) -> list[dict[str, Any]]:
    """What Label Studio saves when a person opens `trace`, inserts INSERTED into both fields of `edited_step`, if there
    is one, and submits."""
    results = []
    for index, step in enumerate(trace["steps"]):
        for field in EDITED_FIELDS:
            text = step[field]
            if index == edited_step:
                middle = text.index(" ", TEXT_LENGTH // 2)
                text = text[:middle] + INSERTED + text[middle:]
            name = f"step_{index}__{field}"
            results.append(
                {
                    "id": f"{name}__corrected",
                    "from_name": f"{name}__corrected",
                    "to_name": name,
                    "type": "textarea",
                    "value": {"text": [text]},
                    "origin": "prediction-changed" if index == edited_step else "prediction",
                }
            )
    return results
