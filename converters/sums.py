"""Numbers under names, in any number of levels, that parts of a run counted and that are added up to those of the run.

They are JSON, so that they can be kept and read again.
"""

from __future__ import annotations

from typing import TypeAlias, Union

__all__ = ["Sums", "add_sums", "number_in", "numbers_in", "sums_in"]

Sums: TypeAlias = dict[str, Union[int, "Sums"]]


def add_sums(total: Sums, part: Sums) -> None:
    """Adds `part`, which may have been read from anywhere, to `total`. Raises ValueError when it is not sums, or not
    sums of the same things.

    >>> total: Sums = {"tasks": 1, "kinds": {"edited": 2}}
    >>> add_sums(total, {"tasks": 1, "kinds": {"edited": 1, "skipped": 1}})
    >>> total
    {'tasks': 2, 'kinds': {'edited': 3, 'skipped': 1}}
    """
    for name, value in part.items():
        before = total.get(name)
        if type(value) is int and value >= 0:
            if before is None:
                total[name] = value
            elif isinstance(before, int):
                total[name] = before + value
            else:
                raise ValueError(f"`{name}` is a number and numbers")
        elif isinstance(value, dict):
            if before is None:
                before = total[name] = {}
            if isinstance(before, int):
                raise ValueError(f"`{name}` is a number and numbers")
            add_sums(before, value)
        else:
            raise ValueError(f"`{name}` is not a number")


def sums_in(value: Sums, name: str) -> Sums:
    """The sums under that name, none where there is nothing. Raises ValueError when it is a number."""
    found = value.get(name, {})
    if isinstance(found, int):
        raise ValueError(f"`{name}` is a number")
    return found


def numbers_in(value: Sums, name: str) -> dict[str, int]:
    """The numbers under that name, none where there is nothing. Raises ValueError when anything else is there."""
    found = sums_in(value, name)
    numbers = {key: number for key, number in found.items() if isinstance(number, int)}
    if len(numbers) < len(found):
        raise ValueError(f"`{name}` holds something that is not a number")
    return numbers


def number_in(value: Sums, name: str) -> int:
    """The number under that name, 0 where there is nothing. Raises ValueError when it is not one."""
    found = value.get(name, 0)
    if not isinstance(found, int):
        raise ValueError(f"`{name}` is not a number")
    return found
