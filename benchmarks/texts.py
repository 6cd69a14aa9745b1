"""How the time for one long text grows with its length: everything that `convert` and the readers do with a text.

Each text is measured at 1, 2, 4 and 8 times its length, beside a floor that looks at each character once (`str.split`
and `str.encode`), in the same run. What grows with the length doubles each time: a ratio of 8 at 8 times the length.
Where a limit is reached, the ratio is below that.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from measure import machine

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.annotations.newlines import restore_newlines
from ls_trajedit.converters.training.tool_calls import parse_calls
from ls_trajedit.traces.readers.tags import spoken_parts, tool_responses
from ls_trajedit.traces.template import parse_template

LENGTH = 100_000
TIMES = (1, 2, 4, 8)
STEP = parse_template("Thought: {thought}\nAction: {action}")

Pair = tuple[str, str]
TEXTS: dict[str, Callable[[int], Pair]] = {
    "one character": lambda n: ("a" * n, "b" * n),
    "a change at both ends": lambda n: ("a" * n, "b" + "a" * (n - 2) + "c"),
    "words, all others": lambda n: (_words("v", n), _words("w", n)),
    "words, in another order": lambda n: (_words("w", n), " ".join(reversed(_words("w", n).split()))),
    "white space": lambda n: (" \t" * (n // 2), "\t " * (n // 2)),
    "mixed line ends": lambda n: ("a\r\na\n" * (n // 5), "b\n" + "a\nc\n" * (n // 4)),
    "lines, all others": lambda n: (_lines("v", n, "\r\n"), _lines("w", n, "\n")),
    "lines, in another order": lambda n: (
        _lines("v", n, "\r\n"),
        "\n".join(reversed(_lines("v", n, "\n").split("\n"))),
    ),
    "emoji": lambda n: ("😀\u200d👧" * (n // 3), "😁\u200d👦" * (n // 3)),
    "tags": lambda n: ("<tool_call>{" * (n // 12) + "</tool_call>", "<tool_response>" * (n // 15)),
    "brackets": lambda n: ("f(" + "(" * n, "f(" + ") " * (n // 2) + "x"),
    "think": lambda n: (" " * n + "<think>", "<think>" * (n // 7)),
}


def _words(letter: str, length: int) -> str:
    return " ".join(f"{letter}{number}" for number in range(length // 7))


def _lines(letter: str, length: int, end: str) -> str:
    return "".join(f"{letter}{number}" + ("\n" if number % 2 else end) for number in range(length // 8))


def _reversed(lines: str) -> str:
    return "\n".join(reversed(lines.split("\n")))


WORK: dict[str, Callable[[str, str], object]] = {
    "line ends": lambda a, b: restore_newlines(a, b.replace("\r\n", "\n")),
    "distance, characters": distance_in_characters,
    "distance, words": distance_in_words,
    "tags, thinking": lambda a, b: [list(spoken_parts(text, ())) for text in (a, b)],
    "tags, answers": lambda a, b: [list(tool_responses(text, ())) for text in (a, b)],
    "calls": lambda a, b: [parse_calls(text, {}) for text in (a, b)],
    "template": lambda a, b: STEP.render({"thought": a, "action": b}),
}


def _floor(a: str, b: str) -> object:
    return a.split(), b.split(), a.encode(), b.encode()


def _seconds(work: Callable[[str, str], object], pair: Pair, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work(*pair)
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=LENGTH, help="characters of the shortest text")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the shortest time counts")
    options = parser.parse_args()
    sys.stdout.write(f"{machine('rapidfuzz')}\n")
    sys.stdout.write(
        f"| text | work | {options.length:,} characters | growth at 2, 4, 8 times | floor | time per MB |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for name, text in TEXTS.items():
        pairs = [text(options.length * times) for times in TIMES]
        floors = [_seconds(_floor, pair, options.rounds) for pair in pairs]
        for what, work in WORK.items():
            spent = [_seconds(work, pair, options.rounds) for pair in pairs]
            if spent[-1] < 0.02:
                continue
            grown = ", ".join(f"{seconds / spent[0]:.1f}" for seconds in spent[1:])
            sys.stdout.write(
                f"| {name} | {what} | {spent[0] * 1000:.1f} ms | {grown} | {floors[-1] / floors[0]:.1f} "
                f"| {spent[-1] / options.length / TIMES[-1] * 1e6:.2f} s |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
