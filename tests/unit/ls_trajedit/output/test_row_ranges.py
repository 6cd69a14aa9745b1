"""A file made of ranges of an earlier one and of new rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.chunk import EncodedRow
from ls_trajedit.converters.formats.base import RowFormat, no_rows
from ls_trajedit.output.row_ranges import NO_ROWS, ChangedRangeError, RangedFile, RowRange

ARRAY = RowFormat("rows.json", no_rows, head=b"[\n", separator=b",\n")
LINES = RowFormat("rows.jsonl", no_rows)
TAIL = {"rows.json": b"\n]\n", "rows.jsonl": b"\n"}


def range_of(rows: list[bytes], format_: RowFormat) -> RowRange:
    return NO_ROWS.followed_by([EncodedRow((0, 0), row) for row in rows], format_.separator)


def content(blocks: list[list[bytes]], format_: RowFormat) -> bytes:
    rows = [row for block in blocks for row in block]
    return format_.head + format_.separator.join(rows) + tail(rows, format_)


def tail(rows: list[bytes], format_: RowFormat) -> bytes:
    return b"" if not rows and format_ is LINES else TAIL[format_.file]


@contextmanager
def ranged(folder: Path, old: list[list[bytes]], fresh: list[list[bytes]], format_: RowFormat) -> Iterator[RangedFile]:
    (folder / "old").write_bytes(content(old, format_))
    (folder / "fresh").write_bytes(content(fresh, format_))
    with closing(RangedFile(folder / "old", folder / "fresh", folder / "new", format_)) as file:
        yield file


def test_a_range_knows_its_rows_and_its_bytes() -> None:
    first = range_of([b"{1}", b"{22}"], ARRAY)
    assert (first.rows, first.length) == (2, len(b"{1},\n{22}"))
    assert first.followed_by([EncodedRow((0, 0), b"{3}")], b",\n") == range_of([b"{1}", b"{22}", b"{3}"], ARRAY)
    assert range_of([b"{1}", b"{23}"], ARRAY) != first


ROWS = st.lists(st.sampled_from([b"{1}", b"{22}", b"{333}"]), max_size=3)


@given(st.lists(st.tuples(ROWS, st.none() | ROWS), max_size=6), st.sampled_from([ARRAY, LINES]))
def test_the_file_is_that_of_all_rows(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[tuple[list[bytes], list[bytes] | None]], format_: RowFormat
) -> None:
    folder = tmp_path_factory.mktemp("ranges")
    now = [old if fresh is None else fresh for old, fresh in blocks]
    rows = [row for block in now for row in block]
    with ranged(
        folder, [old for old, _ in blocks], [fresh for _, fresh in blocks if fresh is not None], format_
    ) as file:
        for old, fresh in blocks:
            if fresh is None:
                file.keep(range_of(old, format_))
            else:
                file.replace(range_of(old, format_), range_of(fresh, format_))
        digest = file.finish(tail(rows, format_))
    expected = content(now, format_)
    assert file.rows == len(rows)
    if digest is None:
        assert (folder / "old").read_bytes() == expected
        assert not (folder / "new").exists()
    else:
        assert (folder / "new").read_bytes() == expected
        assert digest == hashlib.sha256(expected).hexdigest()


def test_ranges_longer_than_a_buffer_are_copied_and_compared(tmp_path: Path) -> None:
    long = [b"x" * (1 << 20), b"y" * ((1 << 20) - 1), b"z" * 3_000_000]
    blocks = [[row] for row in long]
    with ranged(tmp_path, blocks, [[b"new"]], ARRAY) as file:
        for block in blocks:
            file.keep(range_of(block, ARRAY))
        file.replace(NO_ROWS, range_of([b"new"], ARRAY))
        assert file.finish(TAIL["rows.json"]) is not None
    assert (tmp_path / "new").read_bytes() == content([*blocks, [b"new"]], ARRAY)
    with ranged(tmp_path, blocks, blocks, ARRAY) as file:
        for block in blocks:
            file.replace(range_of(block, ARRAY), range_of(block, ARRAY))
        assert file.finish(TAIL["rows.json"]) is None


OLD = [[b"{1}", b"{22}"], [b"{333}"], [b"{4}"]]


@pytest.mark.parametrize("place", range(len(content(OLD, ARRAY)) - len(b"\n]\n")))
def test_a_byte_that_somebody_changed_is_not_copied(tmp_path: Path, place: int) -> None:
    with ranged(tmp_path, OLD, [[b"{5}"]], ARRAY) as file:
        changed = bytearray((tmp_path / "old").read_bytes())
        changed[place] ^= 1
        (tmp_path / "old").write_bytes(changed)
        for block in OLD:
            file.keep(range_of(block, ARRAY))
        # What stands before the first row is not copied.
        if place < len(ARRAY.head):
            file.replace(NO_ROWS, range_of([b"{5}"], ARRAY))
            file.finish(TAIL["rows.json"])
            assert (tmp_path / "new").read_bytes() == content([*OLD, [b"{5}"]], ARRAY)
        else:
            with pytest.raises(ChangedRangeError):
                file.replace(NO_ROWS, range_of([b"{5}"], ARRAY))


@pytest.mark.parametrize("size", range(len(content(OLD, ARRAY)) - len(b"\n]\n")))
def test_a_file_that_was_cut_is_not_copied(tmp_path: Path, size: int) -> None:
    with ranged(tmp_path, OLD, [[b"{5}"]], ARRAY) as file:
        (tmp_path / "old").write_bytes((tmp_path / "old").read_bytes()[:size])
        for block in OLD:
            file.keep(range_of(block, ARRAY))
        with pytest.raises(ChangedRangeError):
            file.replace(NO_ROWS, range_of([b"{5}"], ARRAY))


@pytest.mark.parametrize("wrong", [RowRange(1, 0, 0), RowRange(1, 4, 7), RowRange(1, 1 << 40, 0)])
def test_a_range_that_nobody_wrote_is_not_copied(tmp_path: Path, wrong: RowRange) -> None:
    with ranged(tmp_path, OLD, [[b"{5}"]], ARRAY) as file:
        file.keep(wrong)
        file.keep(range_of(OLD[1], ARRAY))
        with pytest.raises(ChangedRangeError):
            file.replace(NO_ROWS, range_of([b"{5}"], ARRAY))


def test_rows_of_the_same_checksum_are_compared(tmp_path: Path) -> None:
    """These two strings have one CRC-32."""
    one, other = b"plumless", b"buckeroo"
    assert range_of([one], LINES) == range_of([other], LINES)
    with ranged(tmp_path, [[one]], [[other]], LINES) as file:
        file.replace(range_of([one], LINES), range_of([other], LINES))
        assert file.finish(b"\n") is not None
    assert (tmp_path / "new").read_bytes() == b"buckeroo\n"


def test_another_ending_is_another_file(tmp_path: Path) -> None:
    with ranged(tmp_path, OLD, [], ARRAY) as file:
        for block in OLD:
            file.keep(range_of(block, ARRAY))
        assert file.finish(b"\n] \n") is not None
    assert (tmp_path / "new").read_bytes() == content(OLD, ARRAY).replace(b"\n]\n", b"\n] \n")
