"""Whatever is printed is one line that commands nothing: no terminal, and no system that keeps a log."""

from __future__ import annotations

import ast
import importlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.console import LineFormatter, print_json, print_labelled, print_line, say, say_lines, shown
from ls_trajedit.redaction import keep_secret

TOKEN = "0123456789abcdef0123456789abcdef01234567"

TEXTS = {
    "an escape sequence": ("a\x1b[2Jb", r"a\x1b[2Jb"),
    "one in one character": ("a\x9b2Jb", r"a\x9b2Jb"),
    "a line of its own": ("a\n::error::b\r\nc", r"a\n::error::b\r\nc"),
    "a line over the one before": ("a\rls-trajedit: done", r"a\rls-trajedit: done"),
    "line separators": ("a\u2028b\u2029c\x85d\x0be\x0cf", r"a\u2028b\u2029c\x85d\x0be\x0cf"),
    "another direction": ("a\u202eb\u2066c\u200fd\u061ce", r"a\u202eb\u2066c\u200fd\u061ce"),
    "what nobody sees": ("a\u200bb\ufeffc\u00add\u2060e\U000e0041f", r"a\u200bb\ufeffc\xadd\u2060e\U000e0041f"),
    "NUL, BEL, backspace, tab, delete": ("\x00\x07\x08\t\x7f", r"\x00\x07\x08\t\x7f"),
    "half a pair": ("a\udc80b", r"a\udc80b"),
    "a command to GitHub": ("::set-output name=a::b", r"\x3a:set-output name=a::b"),
    "one after white space": (" \u3000\u00a0 ::stop-commands::x", " \u3000\u00a0 \\x3a:stop-commands::x"),
    "one with what a comparison passes over": ("\u200d:\u200c:error::a", "\u200d\\x3a\u200c:error::a"),
    "one with what nobody sees": ("\u034f:\u3164:error::a", r"\u034f:\u3164:error::a"),
    "an old one with such": ("#\ufe0f#\u200d[add-mask]a", "#\ufe0f\\x23\u200d[add-mask]a"),
    "an old one, anywhere": ("see ##[add-mask]a", r"see #\x23[add-mask]a"),
    "one to Azure": ("see ##vso[task.setvariable variable=a]b", r"see #\x23vso[task.setvariable variable=a]b"),
    "one to TeamCity": ("##teamcity[testFailed]", r"#\x23teamcity[testFailed]"),
    "a section of GitLab's": ("section_start:1:a\r\x1b[0Kb", r"section_start:1:a\r\x1b[0Kb"),
    "a token": (f"no {TOKEN}", "no …"),
    "a token with an escape in it": (f"{TOKEN[:9]}\x1b{TOKEN[9:]}", "…"),
    "what people write": (
        "# 1 :: naïve 日本 👩\u200d🚀 \u0645\u06cc\u200c\u062e ## [a](b) ::",
        "# 1 :: naïve 日本 👩\u200d🚀 \u0645\u06cc\u200c\u062e ## [a](b) ::",
    ),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_is_shown_as_one_line_that_commands_nothing(what: str) -> None:
    keep_secret("the token", TOKEN)
    text, expected = TEXTS[what]
    assert shown(text) == expected


@pytest.mark.parametrize("what", TEXTS)
def test_it_is_the_same_wherever_it_is_printed(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep_secret("the token", TOKEN)
    text, expected = TEXTS[what]
    print_line(text)
    say(text)
    assert capsys.readouterr() == (f"{expected}\n", f"{expected}\n")


@pytest.mark.parametrize("what", TEXTS)
def test_json_stays_json_and_means_the_same(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep_secret("the token", TOKEN)
    text, _ = TEXTS[what]
    print_json({"text": text, text: [1, None]})
    printed = capsys.readouterr().out
    redacted = "no …" if text == f"no {TOKEN}" else "…" if "token" in what else text
    assert json.loads(printed) == {"text": redacted, redacted: [1, None]}
    assert printed.count("\n") == len(printed.splitlines()) == 7
    assert not set(printed) & set("\x00\x07\x08\t\x0b\x0c\r\x1b\x7f\x85\x9b\u200b\u202e\u2028\u2066\ufeff\U000e0041")
    assert not any(command in printed for command in ("##[", "##vso[", "##teamcity["))
    assert not any(line.lstrip().startswith("::") for line in printed.splitlines())


def test_json_escapes_are_those_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "\x9b\u202e\U000e0041 ##[b]"})
    assert capsys.readouterr().out == '{\n  "a": "\\u009b\\u202e\\udb40\\udc41 #\\u0023[b]"\n}\n'


def test_a_text_with_lines_keeps_them_and_none_of_them_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    say_lines("ls-trajedit: a.jsonl:1: bad\n  ::error::a.jsonl:2\x1b: bad\n")
    assert capsys.readouterr().err == "ls-trajedit: a.jsonl:1: bad\n  \\x3a:error::a.jsonl:2\\x1b: bad\n"


def test_a_label_is_coloured_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_labelled("ok     ", "green", "a\x1bb")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_labelled("ok     ", "green", "a\x1bb")
    assert capsys.readouterr().out == "ok       a\\x1bb\n\x1b[32m\x1b[1mok     \x1b[0m  a\\x1bb\n"


def test_what_libraries_log_is_printed_like_all_else() -> None:
    keep_secret("the token", TOKEN)
    record = logging.LogRecord("urllib3", logging.WARNING, "", 0, "retry %s\n::error::%s", ("/a\x1b", TOKEN), None)
    assert LineFormatter().format(record) == "retry /a\\x1b\n\\x3a:error::…"


@pytest.mark.parametrize(
    "arguments",
    [
        ["pull", "--project", "\x1b[2J\n::error::x"],
        ["pull", "--project", "1", "\x9b\u202e\n ::error::x"],
        ["--\x1bno-such\n::error::option"],
        ["no-such\x1b\n##[add-mask]command"],
        ["convert", "no\x1bsuch\n::error::file"],
        ["push", "no\u202esuch", "--title", "abc", "--url", "\x1b"],
        ["pull", "--project", "1", "--url", "\x1b[0m\n::error::x", "--api-key", "x"],
        ["verify", "no\x1bsuch\n::error::folder"],
    ],
)
def test_what_somebody_typed_is_quoted_as_one_that_commands_nothing(
    run: Callable[..., Any], arguments: list[str]
) -> None:
    ran = run(*arguments)
    assert ran.exit_code in (2, 3, 5)
    assert not set(ran.out + ran.err) & set("\x1b\x9b\u202e\r")
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in ran.err.splitlines())


# The log of `serve` is JSON of its own.
ELSEWHERE = {"backend/log.py": ["stderr"]}
PRINTERS = {
    "print",
    "Console",
    "echo",
    "secho",
    "pprint",
    "print_exc",
    "print_exception",
    "print_stack",
    "StreamHandler",
}


def sources() -> Iterator[tuple[str, ast.AST]]:
    """The modules of each floor, by their paths in it."""
    for floor in ("ls_trajedit", "ls_trajedit.converters", "ls_trajedit.label_config", "ls_trajedit.traces"):
        (folder,) = importlib.import_module(floor).__path__
        for path in sorted(Path(folder).rglob("*.py")):
            yield path.relative_to(folder).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_is_printed_elsewhere() -> None:
    for name, tree in sources():
        if name == "console.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
                allowed = ELSEWHERE.get(name) or []
                assert node.attr not in {"stdout", "stderr", "__stdout__", "__stderr__"} - {*allowed}, (
                    name,
                    node.lineno,
                )
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called not in PRINTERS or (name, called) == ("backend/log.py", "StreamHandler"), (
                    name,
                    node.lineno,
                )
            if isinstance(node, ast.ImportFrom) and node.module == "sys":
                raise AssertionError((name, node.lineno))
