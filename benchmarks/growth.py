"""How the time of each reader grows with what it reads: at 1, 2, 4 and 8 times a size, against a parser's.

What a request, an export or a labeling config holds is somebody else's choice, so no reader may take more than n log n.
For each input the script prints what the largest one takes, how many times as long that is as orjson or lxml takes to
parse the same bytes, and by how much the time grew with each doubling: 2 is linear, 4 is quadratic.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson
from lxml import etree
from measure import machine

from ls_trajedit.backend.answers import answer_predict
from ls_trajedit.backend.requests import BadRequestError
from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.duplicates import join_tasks
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.label_config import read_config as config_reader
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.traces.errors import TrajeditError
from ls_trajedit.traces.json_stream import split_json
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS

_EDITOR = '<Text name="t{0}" value="$steps[{0}].x"/><TextArea name="b{0}" toName="t{0}"/>'
_REPEATER = (
    '<View><Repeater on="$steps"><Text name="t{{idx}}" value="$steps[{{idx}}].x"/>'
    '<TextArea name="b{{idx}}" toName="t{{idx}}"/></Repeater></View>'
)


@dataclass(frozen=True)
class Reader:
    """`read` is measured on what `make` makes of a size. `floor` parses the same."""

    name: str
    size: int
    make: Callable[[int], bytes]
    read: Callable[[bytes], object]
    floor: Callable[[bytes], object] = orjson.loads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement the quickest counts")
    parser.add_argument("--only", default="", help="only the inputs with this in their names")
    parser.add_argument("--most", type=float, default=3.0, help="fail when the last doubling takes more times as long")
    asked = parser.parse_args()
    print(machine("orjson", "lxml"))
    print(f"{'input':<58}{'8 n':>9}{'bytes':>12}{'seconds':>9}{'floors':>9}   growth at 2, 4, 8")
    steep = []
    for reader in readers():
        if asked.only in reader.name and _measure(reader, asked.rounds) > asked.most:
            steep.append(reader.name)
    if steep:
        sys.exit(f"worse than the size: {', '.join(steep)}")


def _measure(reader: Reader, rounds: int) -> float:
    seconds, sizes = [], []
    for factor in (1, 2, 4, 8):
        raw = reader.make(reader.size * factor)
        seconds.append(_quickest(reader.read, raw, rounds))
        sizes.append(len(raw))
    floor = _quickest(reader.floor, raw, rounds)
    # For each doubling of the bytes, which some inputs do not double with their number.
    growth = [2 * (t2 / t1) / (n2 / n1) for (t1, t2), (n1, n2) in zip(pairwise(seconds), pairwise(sizes), strict=True)]
    print(
        f"{reader.name:<58}{reader.size * 8:9}{len(raw):12}{seconds[-1]:9.3f}{seconds[-1] / floor:9.1f}   "
        + " ".join(f"{ratio:5.2f}" for ratio in growth),
        flush=True,
    )
    return growth[-1]


def _quickest(work: Callable[[bytes], object], raw: bytes, rounds: int) -> float:
    found = []
    gc.disable()
    for _ in range(rounds):
        started = time.process_time()
        # A refusal is an answer, and may not take longer.
        with suppress(TrajeditError, BadRequestError):
            work(raw)
        found.append(time.process_time() - started)
    gc.enable()
    return min(found)


def readers() -> Iterator[Reader]:
    """Everything that is measured."""
    yield from _config_readers()
    yield from _request_readers()
    yield from _annotation_readers()
    yield from _chat_readers()
    yield Reader("JSON lines, split", 20_000, lambda n: b'{"a":"[\\"{"}\n' * n, _split, _parse_lines)
    yield Reader("an array, split", 20_000, lambda n: b"[" + b",".join([b'{"a":[{}]}'] * n) + b"]", _split)
    yield Reader("a string of brackets, split", 200_000, lambda n: b'[{"a":"' + b'[{\\"' * n + b'"}]', _split)


def _config(*inside: str) -> bytes:
    return f"<View>{''.join(inside)}</View>".encode()


def _config_readers() -> Iterator[Reader]:
    def reader(name: str, size: int, make: Callable[[int], bytes], options: Options | None = None) -> Reader:
        return Reader(f"config: {name}", size, make, lambda raw: _read_config(raw, options), etree.fromstring)

    stars = Options(remark_controls=["*a*a*a*a*a*a*b"])
    yield reader("editors of steps", 1_000, lambda n: _config(*(_EDITOR.format(i) for i in range(n))))
    yield reader("tags", 4_000, lambda n: _config(_EDITOR.format(0), "<View/>" * n))
    yield reader("attributes in one tag", 10_000, lambda n: _config(f"<View {_attributes(n)}/>", _EDITOR.format(0)))
    yield reader(
        "labels of one step",
        1_000,
        lambda n: _config(_EDITOR.format(0), *(f'<Choices name="c{i}" toName="t0"/>' for i in range(n))),
    )
    yield reader(
        "labels of another list",
        1_000,
        lambda n: _config(
            _EDITOR.format(0),
            *(f'<Text name="o{i}" value="$other[{i}]"/><Choices name="c{i}" toName="o{i}"/>' for i in range(n)),
        ),
    )
    yield reader(
        "editors outside the steps",
        1_000,
        lambda n: _config(
            *(f'<Text name="t{i}" value="$f{i}"/><TextArea name="b{i}" toName="t{i}"/>' for i in range(n))
        ),
        Options(final_answer_key="f1"),
    )
    yield reader("controls of one name", 1_000, lambda n: _config(_EDITOR.format(0) * n))
    yield reader(
        "a long name against patterns",
        100,
        lambda n: _config(_EDITOR.format(0), f'<TextArea name="{"a" * n}c" toName="t0"/>'),
        stars,
    )
    yield reader("a long path", 10_000, lambda n: _config(f'<Text name="t" value="$a{".a" * n}"/>', _EDITOR.format(0)))
    yield reader(
        "a long index", 10_000, lambda n: _config(f'<Text name="t" value="$a[{"1" * n}]"/>', _EDITOR.format(0))
    )
    yield reader(
        "HyperText in HyperText",
        10,
        lambda n: _config('<HyperText name="h">' * n + "x" * 50_000 + "</HyperText>" * n, _EDITOR.format(0)),
    )
    yield reader("a long text", 100_000, lambda n: _config(f"<Style>{'x ' * n}</Style>", _EDITOR.format(0)))
    yield reader("comments", 10_000, lambda n: _config("<!---->" * n, _EDITOR.format(0)))
    yield reader(
        "tags in a Repeater",
        100,
        lambda n: _config(
            '<Repeater on="$steps">',
            *(
                f'<Text name="t{i}_{{{{idx}}}}" value="$steps[{{{{idx}}}}].f{i}"/>'
                f'<TextArea name="b{i}_{{{{idx}}}}" toName="t{i}_{{{{idx}}}}"/>'
                for i in range(n // 2)
            ),
            "</Repeater>",
        ),
    )


def _attributes(count: int) -> str:
    return " ".join(f'a{number}=""' for number in range(count))


def _read_config(raw: bytes, options: Options | None) -> None:
    _forget()
    config_reader.read_config(raw.decode(), options).fields()


def _forget() -> None:
    """What was read before is read again."""
    config_reader._KEPT_SCHEMAS._kept.clear()
    config_reader._KEPT_SCHEMAS.size = 0


def _request(config: bytes | str, tasks: list[Any]) -> bytes:
    return orjson.dumps({"tasks": tasks, "label_config": config if isinstance(config, str) else config.decode()})


def _request_readers() -> Iterator[Reader]:
    hundred = _config(*(_EDITOR.format(i) for i in range(100)))

    def reader(name: str, size: int, make: Callable[[int], bytes]) -> Reader:
        def read(raw: bytes) -> None:
            _forget()
            answer_predict(raw)

        # orjson does not take numbers beyond a double.
        return Reader(f"predict: {name}", size, make, read, json.loads if "number" in name else orjson.loads)

    def noted(notes: dict[str, Any], steps: list[Any]) -> list[Any]:
        return [{"data": {"steps": steps, "ls_trajedit": notes}}]

    yield reader("tasks", 100, lambda n: _request(hundred, [{"data": {"steps": [{"x": "a"}] * 100}}] * n))
    yield reader("tasks without steps", 5_000, lambda n: _request(hundred, [{"data": {}}] * n))
    yield reader("steps of a Repeater", 1_000, lambda n: _request(_REPEATER, [{"data": {"steps": [{"x": "a"}] * n}}]))
    yield reader("empty steps of a Repeater", 2_000, lambda n: _request(_REPEATER, [{"data": {"steps": [0] * n}}]))
    yield reader(
        "tasks of 1, 2, 3, … steps",
        20,
        lambda n: _request(_REPEATER, [{"data": {"steps": [{"x": "a"}] * (i % 160 + 1)}} for i in range(n)]),
    )
    yield reader(
        "a config and tasks, both longer",
        50,
        lambda n: _request(_config(*(_EDITOR.format(i) for i in range(n))), [{"data": {"steps": []}}] * n * 20),
    )
    yield reader(
        "notes of JSON",
        500,
        lambda n: _request(
            _REPEATER, noted({"json": [f"steps[{i}].x" for i in range(n)]}, [{"x": "1"} for _ in range(n)])
        ),
    )
    yield reader(
        "notes of absent fields",
        500,
        lambda n: _request(
            _REPEATER, noted({"absent": [f"steps[{i}].x" for i in range(n)]}, [{"x": ""} for _ in range(n)])
        ),
    )
    yield reader(
        "notes of replaced fields",
        500,
        lambda n: _request(
            _REPEATER, noted({"replaced": {f"steps[{i}].x": None for i in range(n)}}, [{"x": ""} for _ in range(n)])
        ),
    )
    yield reader(
        "one order of keys, noted again and again",
        500,
        lambda n: _request(
            _REPEATER,
            noted(
                {"layout": {"keys": [[f"k{i}" for i in range(n)][::-1]], "exceptions": [[["steps", 0], 0]] * n}},
                [{f"k{i}": 0 for i in range(n)}],
            ),
        ),
    )
    yield reader(
        "exceptions from an order of keys",
        500,
        lambda n: _request(
            _REPEATER,
            noted(
                {"layout": {"keys": [["b", "a"], ["a", "b"]], "exceptions": [[["steps", i], 1] for i in range(n)]}},
                [{"a": 0, "b": 0} for _ in range(n)],
            ),
        ),
    )
    yield reader("keys of an object", 5_000, lambda n: _request(_REPEATER, [{"data": {f"k{i}": i for i in range(n)}}]))
    yield reader(
        "a field nested 80 deep",
        2_000,
        lambda n: _request(
            _REPEATER, [{"data": {"steps": [{"x": json.loads("[" * 80 + "0,0" + ",0" * n + "]" * 80)}]}}]
        ),
    )
    yield reader(
        "long numbers",
        2_000,
        lambda n: _request("x", []).replace(b"[]", b"[" + b",".join([b"1" * 4_000] * (n // 100)) + b"]"),
    )
    yield reader("a long number", 20_000, lambda n: _request("x", []).replace(b"[]", b"[1." + b"1" * n + b"]"))
    yield reader("keys that nobody asks for", 5_000, lambda n: orjson.dumps({f"k{i}": i for i in range(n)}))


def _annotation_readers() -> Iterator[Reader]:
    fixed = config_reader.read_config(_config(*(_EDITOR.format(i) for i in range(4_000))).decode())
    repeated = config_reader.read_config(_REPEATER)

    def reader(name: str, size: int, make: Callable[[int], dict[str, Any]], schema: Any = repeated) -> Reader:
        def read(raw: bytes) -> None:
            list(convert_task(orjson.loads(raw), schema, ReadingRules()))

        return Reader(f"convert: {name}", size, lambda n: orjson.dumps(make(n)), read)

    def result(step: int, *texts: str, **more: Any) -> dict[str, Any]:
        value = {"text": list(texts)}
        return {"id": "r", "from_name": f"b{step}", "to_name": f"t{step}", "type": "textarea", "value": value, **more}

    def task(steps: list[Any], *results: Any, **notes: Any) -> dict[str, Any]:
        data = {"steps": steps, **({"ls_trajedit": notes} if notes else {})}
        return {"id": 1, "data": data, "annotations": [{"id": 2, "result": list(results)}]}

    def texts(count: int) -> list[Any]:
        return [{"x": "a"} for _ in range(count)]

    yield reader("edits of a Repeater", 200, lambda n: task(texts(n), *(result(i, "b") for i in range(n))))
    yield reader(
        "edits of a written-out config", 200, lambda n: task(texts(n), *(result(i, "b") for i in range(n))), fixed
    )
    yield reader("steps that nobody edited", 2_000, lambda n: task(texts(n), result(0, "b")))
    yield reader(
        "empty annotations",
        1_000,
        lambda n: {**task([]), "annotations": [{"id": i, "result": []} for i in range(n)]},
        fixed,
    )
    yield reader("results beyond the last step", 200, lambda n: task([], *(result(i, "b") for i in range(n))))
    yield reader("results for one box", 2_000, lambda n: task(texts(1), *[result(0, "b")] * n))
    yield reader("texts in one box", 2_000, lambda n: task(texts(1), result(0, *(f"b{i}" for i in range(n)))))
    yield reader("JSON texts in one box", 1_000, lambda n: task([{"x": 0}], result(0, *(str(i) for i in range(n)))))
    yield reader(
        "results about regions",
        500,
        lambda n: task(
            texts(1), *(result(0, "b", id=f"r{i}", meta={"text": [f"m{i}"]}, item_index=i) for i in range(n))
        ),
    )
    yield reader(
        "edits of fields noted as JSON",
        200,
        lambda n: task(
            [{"x": "1"} for _ in range(n)],
            *(result(i, "2") for i in range(n)),
            json=[f"steps[{i}].x" for i in range(n)],
        ),
    )
    yield reader(
        "fields noted as absent",
        500,
        lambda n: task(texts(n), result(0, "b"), absent=[f"steps[{i}].x" for i in range(1, n)]),
    )

    def places(count: int) -> bytes:
        annotations = [{"id": 1, "unique_id": str(i), "result": []} for i in range(count)]
        return orjson.dumps({"id": 1, "data": {}, "annotations": annotations})

    yield Reader("convert: annotations of one id", 500, places, lambda raw: join_tasks([orjson.loads(raw)]))
    yield Reader(
        "convert: one task with other data each time",
        100,
        lambda n: orjson.dumps([{"id": 1, "data": {"a": i}, "annotations": [{"id": i}]} for i in range(n)]),
        lambda raw: join_tasks(orjson.loads(raw)),
    )
    yield Reader(
        "push: fields that are not strings",
        500,
        lambda n: orjson.dumps({"steps": [{"x": i} for i in range(n)]}),
        lambda raw: to_task_data(
            orjson.loads(raw), steps_path=("steps",), step_text_key="x", step_fields=[("x",)], top_fields=[("id",)]
        ),
    )


def _chat_readers() -> Iterator[Reader]:
    def conversation(turns: int) -> dict[str, Any]:
        messages: list[dict[str, Any]] = [{"role": "user", "content": "Go."}]
        for turn in range(turns):
            call = {"id": f"c{turn}", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
            messages.append({"role": "assistant", "content": "Looking.", "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": f"c{turn}", "content": "Seen."})
        return {"messages": messages}

    def pushed(turns: int) -> dict[str, Any]:
        return chat_data(read_chat(conversation(turns), "openai-chat", NO_OPTIONS)[0], NO_OPTIONS)

    def edited(count: int) -> bytes:
        data = pushed(count)
        results = [
            {"from_name": f"{name}__corrected", "to_name": name, "type": "textarea", "value": {"text": ["Other."]}}
            for name in (f"step_{i}__content" for i in range(count))
        ]
        return orjson.dumps({"id": 1, "data": data, "annotations": [{"id": 2, "result": results}]})

    config = write_chat_config(Options(), chat_shape([pushed(800)]))
    schema = config_reader.read_config(config)
    as_recorded = config_reader.read_config(
        _config(
            *(
                f'<Text name="t{i}" value="$messages[{i}].content"/><TextArea name="b{i}" toName="t{i}"/>'
                f'<Choices name="c{i}" toName="t{i}"/>'
                for i in range(1, 1_601, 2)
            )
        ).decode()
    )

    def scored(count: int) -> bytes:
        results = [
            {"from_name": f"c{i}", "to_name": f"t{i}", "type": "choices", "value": {"choices": ["good"]}}
            for i in range(1, 2 * count, 2)
        ]
        return orjson.dumps({"id": 1, "data": conversation(count), "annotations": [{"id": 2, "result": results}]})

    yield Reader(
        "chat: turns, read",
        100,
        lambda n: orjson.dumps(conversation(n)),
        lambda raw: read_chat(orjson.loads(raw), "openai-chat", NO_OPTIONS),
    )
    yield Reader(
        "chat: turns, made a task",
        100,
        lambda n: orjson.dumps(conversation(n)),
        lambda raw: chat_data(read_chat(orjson.loads(raw), "openai-chat", NO_OPTIONS)[0], NO_OPTIONS),
    )
    yield Reader(
        "chat: every turn corrected",
        100,
        edited,
        lambda raw: list(convert_task(orjson.loads(raw), schema, ReadingRules())),
    )
    yield Reader(
        "chat: every turn as recorded scored",
        100,
        scored,
        lambda raw: list(convert_task(orjson.loads(raw), as_recorded, ReadingRules())),
    )


def _split(raw: bytes) -> None:
    for value in split_json(io.BytesIO(raw)):
        value.json.value()


def _parse_lines(raw: bytes) -> None:
    for line in raw.splitlines():
        orjson.loads(line)


if __name__ == "__main__":
    main()
