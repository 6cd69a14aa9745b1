"""Secrets: what is printed is redacted, and an answer of a server that holds one is refused.

Who reads a secret names it here, once; from then on this process prints it nowhere. Whoever wants to leak one can send
it in any form, so a text is searched for its letters and digits, in either case and whatever stands between them, once
`\\u0061`, `\\x61`, `%61` and `&#97;` are read, and for those of its hexadecimal form and of its base64, wherever in a
longer text that begins. What is encoded twice, compressed, or cut into several values is not found.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

__all__ = [
    "REDACTED",
    "find_secret",
    "hide_secret",
    "keep_header",
    "keep_secret",
    "keep_token",
    "redact",
    "redact_json",
]

REDACTED = "…"

# What is shorter is not a secret. Of fewer letters and digits, only the value as it is can be told from other text.
_SHORTEST = 6
_FEWEST_SIGNS = 8
_SHORTEST_CORE = 7
# A mistake about an answer costs a pull. So more is asked there of what is not a token: letters and digits, or very
# many of either.
_FEWEST_IN_ANSWER = 16
_VERY_MANY = 32
_FEWEST_SEARCHED = 6
# So many of the first signs of a secret can be taken for a part of an escape that stands before it.
_SWALLOWED = 8
_LONGEST_PATH = 200

_LOWER = bytes(range(256)).lower()
# Besides all that is neither letter nor digit, the letters of `\n`, `\r` and `\t` go: a secret may be wrapped.
_BETWEEN = bytes(byte for byte in range(256) if byte > 127 or not chr(byte).isalnum()) + b"nrtNRT"
# How JSON, JavaScript, addresses and HTML write a character.
_ESCAPE = (
    r"\\u(?:\{0{0,4})?(?P<long>[0-9a-f]{2,4})|(?:\\x|%|&#x0{0,4})(?P<short>[0-9a-f]{2})|"
    r"&#0{0,4}(?P<decimal>\d{2,3})(?!\d)|&[a-z]{2,9};|\\[nrt]"
)
_WAYS = ("\\u{:04x}", "\\u{{{:x}}}", "\\x{:02x}", "%{:02x}", "&#x{:x};", "&#{};")
_ESCAPES = re.compile(_ESCAPE.encode(), re.IGNORECASE)
_SIGN = re.compile(r"(?P<sign>[a-z0-9])", re.IGNORECASE | re.ASCII)
_ESCAPE_OR_SIGN = re.compile(f"{_ESCAPE}|{_SIGN.pattern}", re.IGNORECASE | re.ASCII)
# Texts are full of escapes, but not of those of letters and digits, or of what wraps lines. Only an answer with one of
# these is decoded, because that takes long. Expressions that begin with a literal are ten times as quick as one for
# all of them.
_NUMBER = rb"(?:0[9aAdD]|3\d|[46][1-9a-fA-F]|[57][\daA])"
_SUSPICIOUS = (
    re.compile(rb"\\u(?:00|\{0{0,4})" + _NUMBER),
    re.compile(rb"\\x" + _NUMBER),
    re.compile(rb"%" + _NUMBER),
    re.compile(rb"&#(?:[xX]0{0,4}" + _NUMBER + rb"|0{0,4}(?:9|1[03]|4[89]|[5-9]\d|1[012]\d)(?!\d))"),
)
# What these headers hold is not secret, and may well stand in a trace.
_DESCRIPTIVE = re.compile(
    "accept.*|cache-control|forwarded|from|origin|pragma|referer|user-agent|via|x-forwarded-.*|x-requested-with",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Secret:
    """What messages call a secret, the signs (letters and digits) of its forms, and what is looked for in answers."""

    name: str
    forms: tuple[str, ...]
    in_answers: tuple[bytes, ...]


_kept: dict[str, _Secret] = {}


def hide_secret(value: str) -> None:
    """Has `value` redacted in all that is printed. Answers may hold it: whoever is given an address with a password in
    it answers with that address."""
    if len(value) >= _SHORTEST and value not in _kept:
        _kept[value] = _secret("", value, is_searched=False)


def keep_token(name: str, value: str | None) -> None:
    """Has a token redacted in all that is printed, and answers that hold it refused. Messages call it `name`, such as
    "the token"."""
    if value is not None and len(_signs(value, _SIGN)) >= _FEWEST_SIGNS:
        _kept[value] = _secret(name, value, is_searched=True)


def keep_secret(name: str, value: str | None) -> None:
    """Like `keep_token`, for what may be as short as a word, such as a password: answers are refused only if it cannot
    be mistaken for one."""
    if value is not None and len(value) >= _SHORTEST and value not in _kept:
        _kept[value] = _secret(name, value, is_searched=_is_unmistakable(_signs(value, _SIGN)))


def keep_header(name: str, value: str) -> None:
    """Keeps what may be secret in the value of a header: all of it, and each word of `Bearer abc`, `a=1; b=2` and the
    like, with the password of `Basic YTpi`."""
    if _DESCRIPTIVE.fullmatch(name):
        return
    for word in dict.fromkeys([value, *re.split(r"[\s;,]+", value), *re.split(r"[\s;,=]+", value)]):
        if len(word) >= _FEWEST_IN_ANSWER or (len(word) >= _FEWEST_SIGNS and any(map(str.isdigit, word))):
            keep_secret(f"the value of the header {name}", word)
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded, validate=True).decode("utf-8")
        except ValueError:
            return
        keep_secret(f"the password in the header {name}", pair.partition(":")[2])


def redact(text: str) -> str:
    """`text` with … in place of each secret in it, in whatever form."""
    for value in sorted(_kept, key=len, reverse=True):
        text = text.replace(value, REDACTED)
    # What is left of a text on both sides of a secret could be one again.
    while _kept and (spans := [*_spans(text, _SIGN), *_spans(text, _ESCAPE_OR_SIGN)]):
        text = _without(text, spans)
    return text


def redact_json(value: Any) -> Any:
    """A JSON value with every string in it redacted, names too."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {redact(str(name)): redact_json(inner) for name, inner in value.items()}
        case list() | tuple():
            return [redact_json(inner) for inner in value]
    return value


def find_secret(body: bytes) -> str | None:
    """Which secret the body of an answer holds, and where: "the token, in `title`". None when it holds none."""
    name = next(_names_in(body), None)
    if name is None:
        return None
    place = next(_places(body), None)
    return f"{name}, in {place}" if place else name


@lru_cache(maxsize=64)  # the same token is kept again with each request
def _secret(name: str, value: str, *, is_searched: bool) -> _Secret:
    raw = value.encode("utf-8", "surrogatepass")
    cores = list(_base64_cores(raw))
    signs = {text for text in (_signs(value, _SIGN), _signs(value, _ESCAPE_OR_SIGN)) if len(text) >= _FEWEST_SIGNS}
    signs |= {text for core in cores if len(text := _signs(core, _SIGN)) >= _SHORTEST_CORE}
    searched = _searched([value, *cores, raw.hex()]) if is_searched else ()
    return _Secret(name, (*sorted(signs), raw.hex()), tuple(searched))


def _is_unmistakable(signs: str) -> bool:
    is_mixed = not (signs.isalpha() or signs.isdecimal())
    return len(signs) >= _VERY_MANY or (len(signs) >= _FEWEST_IN_ANSWER and is_mixed)


def _base64_cores(raw: bytes) -> Iterator[str]:
    """The part of the base64 of a longer text that `raw` alone decides, for each of the three places where `raw` can
    begin in it."""
    for before in range(3):
        first = -(-8 * before // 6)
        last = 8 * (before + len(raw)) // 6
        yield base64.b64encode(b"\0" * before + raw).decode()[first:last]


def _searched(forms: list[str]) -> Iterator[bytes]:
    """What is looked for of each form: its longest word if that is long, because the signs between words can be escaped
    in an answer that is not suspicious; else all of it, with these signs in each way in which they can be."""
    for form in forms:
        word = max(re.findall("[A-Za-z0-9]+", form), key=len, default="")
        if len(word) >= _FEWEST_IN_ANSWER:
            written = {word}
        else:
            written = {form, *("".join(s if _SIGN.match(s) else how.format(ord(s)) for s in form) for how in _WAYS)}
        for whole in sorted(text.encode().translate(_LOWER, _BETWEEN) for text in written):
            if len(whole) >= _FEWEST_SEARCHED:
                yield whole[_SWALLOWED:] if len(whole) >= _VERY_MANY else whole


def _signs(text: str, unit: re.Pattern[str]) -> str:
    return "".join(sign for sign, _, _ in _units(text, unit))


def _units(text: str, unit: re.Pattern[str]) -> Iterator[tuple[str, int, int]]:
    """The letters and digits of `text`, in lower case, and where each begins and ends."""
    for found in unit.finditer(text):
        groups = found.groupdict()
        sign = groups["sign"] or ""
        if number := groups.get("long") or groups.get("short"):
            sign = chr(int(number, 16))
        elif number := groups.get("decimal"):
            sign = chr(int(number))
        if _SIGN.fullmatch(sign):
            yield sign.lower(), found.start(), found.end()


def _spans(text: str, unit: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where secrets begin and end in `text`."""
    units = list(_units(text, unit))
    signs = "".join(sign for sign, _, _ in units)
    for secret in _kept.values():
        for form in secret.forms:
            for found in re.finditer(form, signs):
                yield units[found.start()][1], units[found.end() - 1][2]
            if unit is _SIGN or len(form) < 2 * _SWALLOWED:
                continue
            for found in re.finditer(form[_SWALLOWED:], signs):
                if not signs.endswith(form[:_SWALLOWED], 0, found.start()):
                    # What may have been swallowed is not shown either.
                    begin = units[found.start()][1]
                    yield max(begin - 2 * _SWALLOWED, text.rfind(" ", 0, begin) + 1), units[found.end() - 1][2]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts, done = [], 0
    for begin, end in sorted(spans):
        if end > done:
            parts += [text[done:begin], REDACTED] if begin >= done else []
            done = end
    return "".join((*parts, text[done:]))


def _names_in(body: bytes) -> Iterator[str]:
    searched = [secret for secret in _kept.values() if secret.in_answers]
    if searched:
        readings = list(_readings(body))
        for secret in searched:
            if any(form in signs for form in secret.in_answers for signs in readings):
                yield secret.name


def _readings(body: bytes) -> Iterator[bytes]:
    """The letters and digits of an answer, in lower case, without those of `_BETWEEN`: as they are, and decoded."""
    if b"\\u" in body:
        # Where the escapes of JSON are those of characters that need none, this is ten times as quick as the rest.
        with suppress(orjson.JSONDecodeError):
            body = orjson.dumps(orjson.loads(body))
    yield body.translate(_LOWER, _BETWEEN)
    if any(escape.search(body) for escape in _SUSPICIOUS):
        yield _ESCAPES.sub(_unescaped, body).translate(_LOWER, _BETWEEN)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """The character, if it is one of ASCII; of other escapes NUL, which goes with all that is between."""
    number = escape["long"] or escape["short"]
    value = int(number, 16) if number else int(escape["decimal"] or 0)
    return bytes((value if value < 128 else 0,))


def _places(body: bytes) -> Iterator[str]:
    """The strings in JSON that hold a secret, in words."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return
    tasks = answer.get("tasks") if isinstance(answer, dict) else None
    for task in tasks if isinstance(tasks, list) else ():
        if isinstance(task, dict):
            yield from (f"`{path}` of task {task.get('id')}" for path in _paths(task))
    yield from (f"`{path}`" for path in _paths(answer))


def _paths(value: Any) -> Iterator[str]:
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        path, found = todo.pop()
        if isinstance(found, dict):
            todo += [(f"{path}.{name}".lstrip("."), inner) for name, inner in found.items()]
            todo += [(path, name) for name in found]
        elif isinstance(found, list):
            todo += [(f"{path}[{index}]", inner) for index, inner in enumerate(found)]
        elif isinstance(found, str) and any(_names_in(found.encode("utf-8", "surrogatepass"))):
            yield redact(path)[:_LONGEST_PATH]
