"""What PostgreSQL's `jsonb` forgets of JSON, and how it is noted and restored.

A Label Studio on PostgreSQL keeps the data of a task as `jsonb`. That type orders the keys of an object by their length
in bytes and then by these bytes, and keeps numbers as decimals without an exponent and without a sign at zero. So
`{"thought": …, "action": …}` comes back with `action` first, `1e+22` as the integer 10000000000000000000000, and `-0.0`
as `0.0`; `1.0` stays `1.0`. (PostgreSQL's documentation, "JSON Types"; tried with PostgreSQL 15.) On SQLite, Label
Studio keeps what it was given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ls_trajedit.traces.bounded_cache import BoundedCache
from ls_trajedit.traces.field_path import Draft, FieldPath, get_field, walk

__all__ = ["Layout", "as_jsonb", "is_jsonb", "layout_of", "noted_layout", "restore_layout"]

Keys = tuple[str, ...]

# From here on, Python writes a float with an exponent, and `jsonb` makes an integer of what has no decimal places.
_FIRST_EXPONENT = 1e16


@dataclass(frozen=True)
class Layout:
    """What `jsonb` forgets of a JSON value.

    `keys` are the orders of keys that occur in it and are not those of `jsonb`. Where objects with the same keys have
    them in several orders, the first of these is that of most of them, and `exceptions` has the paths of the others,
    each with the number of its order in `keys`. `numbers` are the numbers that `jsonb` changes, as JSON text, with
    their paths.
    """

    keys: tuple[Keys, ...] = ()
    exceptions: tuple[tuple[FieldPath, int], ...] = ()
    numbers: tuple[tuple[FieldPath, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The layout as JSON that `jsonb` does not change; empty when there is nothing to note."""
        parts = {"keys": self.keys, "exceptions": self.exceptions, "numbers": self.numbers}
        return {name: _listed(part) for name, part in parts.items() if part}


def layout_of(value: Any) -> Layout:
    """What `jsonb` would forget of `value`."""
    objects: dict[Keys, dict[Keys, list[FieldPath]]] = {}
    numbers: list[tuple[FieldPath, str]] = []
    for path, item in walk(value):
        if isinstance(item, dict):
            if len(item) > 1:
                keys = tuple(item)
                objects.setdefault(_jsonb_order(keys), {}).setdefault(keys, []).append(path)
        elif isinstance(item, float) and _is_changed(item):
            numbers.append((path, repr(item)))
    found: list[Keys] = []
    exceptions: list[tuple[FieldPath, int]] = []
    for order, groups in objects.items():
        if groups.keys() == {order}:
            continue
        for rank, keys in enumerate(sorted(groups, key=lambda keys: -len(groups[keys]))):
            if rank:
                exceptions.extend((path, len(found)) for path in groups[keys])
            found.append(keys)
    return Layout(tuple(found), tuple(exceptions), tuple(numbers))


def noted_layout(noted: Any) -> Layout | None:
    """The layout that `Layout.as_json` wrote, None when `noted` is anything else."""
    if not isinstance(noted, dict):
        return None
    try:
        # Nearly every task has this part, and looking at each key again takes longer than all the rest.
        keys = tuple(map(tuple, noted.get("keys", ())))
        _orders(keys)
        if len(noted) == bool(keys):
            return Layout(keys)
        return Layout(
            keys,
            tuple((_path(path), int(number)) for path, number in noted.get("exceptions", ())),
            tuple((_path(path), _text(number)) for path, number in noted.get("numbers", ())),
        )
    except (ValueError, TypeError):
        return None


def restore_layout(value: Any, layout: Layout) -> Any:
    """`value` in the layout that it had before `jsonb`; `value` itself when it has not been in one.

    Only the order of keys changes, and numbers that are still the same number: what somebody has put into the value in
    the meantime stays. `value` is not changed.
    """
    if layout.keys:
        orders = _orders(layout.keys)
        try:
            value = _reordered(value, orders.by_jsonb_order, orders.foreign)
        except _NotJsonbError:
            return value
        draft = Draft(value)
        # By path: one that is noted again and again would cost as much again and again.
        for path, number in dict(layout.exceptions).items():
            item = get_field(draft.value, path)
            order = layout.keys[number] if 0 <= number < len(layout.keys) else ()
            if isinstance(item, dict) and len(item) == len(order) and item.keys() == set(order):
                draft.set(path, {key: item[key] for key in order})
        value = draft.value
    return _with_numbers(value, _tree(layout.numbers)) if layout.numbers else value


def as_jsonb(value: Any) -> Any:
    """`value` as it comes back from `jsonb`. Values that `jsonb` does not tell apart are the same JSON text then."""
    # Loops, because a comprehension is one more frame for each level, and JSON may be nested deeply.
    if isinstance(value, dict):
        made = {}
        for key in _jsonb_order(tuple(value)):
            made[key] = as_jsonb(value[key])
        return made
    if isinstance(value, list):
        items = []
        for item in value:
            items.append(as_jsonb(item))
        return items
    return _number(value) if isinstance(value, float) and _is_changed(value) else value


def is_jsonb(value: Any) -> bool:
    """Whether `value` may have been in a `jsonb`: if so, the order of its keys means nothing."""
    for _, item in walk(value):
        if isinstance(item, dict):
            keys = tuple(item)
            if len(keys) > 1 and keys != _jsonb_order(keys):
                return False
        elif isinstance(item, float) and _is_changed(item):
            return False
    return True


@dataclass(frozen=True)
class _Orders:
    """The order of each object whose keys `jsonb` has put into another one, and the orders that `jsonb` never has."""

    by_jsonb_order: Mapping[Keys, Keys]
    foreign: frozenset[Keys]


class _NotJsonbError(Exception):
    """The value has not been in a `jsonb`."""


# The traces of a project have few different layouts, and few different objects.
_KEPT_ORDERS: BoundedCache[tuple[Keys, ...], _Orders] = BoundedCache(8_000_000)
_KEPT_JSONB_ORDERS: BoundedCache[Keys, Keys] = BoundedCache(8_000_000)


def _orders(keys: tuple[Keys, ...]) -> _Orders:
    """What the noted orders say. Raises TypeError for a key that is not a string."""
    if (kept := _KEPT_ORDERS.get(keys)) is not None:
        return kept
    by_jsonb_order: dict[Keys, Keys] = {}
    for order in keys:
        by_jsonb_order.setdefault(_jsonb_order(tuple(_text(key) for key in order)), order)
    orders = _Orders(by_jsonb_order, frozenset(order for order in keys if order != _jsonb_order(order)))
    return _KEPT_ORDERS.keep(keys, orders, sum(map(_size, keys)))


def _jsonb_order(keys: Keys) -> Keys:
    if (kept := _KEPT_JSONB_ORDERS.get(keys)) is not None:
        return kept
    return _KEPT_JSONB_ORDERS.keep(keys, tuple(sorted(keys, key=_length_and_bytes)), _size(keys))


def _size(keys: Keys) -> int:
    """About how many bytes these keys take in both orders."""
    return 500 + sum(100 + 4 * len(key) for key in keys)


def _length_and_bytes(key: str) -> tuple[int, bytes]:
    raw = key.encode("utf-8", "surrogatepass")
    return len(raw), raw


def _is_changed(number: float) -> bool:
    if number == 0:
        return math.copysign(1, number) < 0
    return abs(number) >= _FIRST_EXPONENT


def _number(number: float) -> float | int:
    return int(Decimal(repr(number))) if number else 0.0


def _reordered(value: Any, orders: Mapping[Keys, Keys], foreign: frozenset[Keys]) -> Any:
    # One frame for each level, because JSON may be nested almost as deeply as Python allows.
    changed: Any = None
    if isinstance(value, dict):
        keys = tuple(value)
        if keys in orders:
            order = orders[keys]
            if order != keys:
                changed = {key: value[key] for key in order}
        elif keys in foreign:
            raise _NotJsonbError
        children: Any = value.items()
    else:
        children = enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if isinstance(child, dict | list) and child:
            new = _reordered(child, orders, foreign)
            if new is not child:
                changed = value.copy() if changed is None else changed
                changed[key] = new
    return value if changed is None else changed


def _tree(numbers: Sequence[tuple[FieldPath, str]]) -> Any:
    """The noted numbers in objects inside objects, by the segments of their paths."""
    root: dict[str | int, Any] = {}
    for path, number in numbers:
        if not path:
            return number
        node: Any = root
        for segment in path[:-1]:
            node = node.setdefault(segment, {}) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[path[-1]] = number
    return root


def _with_numbers(value: Any, tree: Any) -> Any:
    if isinstance(tree, str):
        return _exact(value, tree)
    if not isinstance(value, dict | list):
        return value
    changed = value
    for segment, below in tree.items():
        child = get_field(value, (segment,))
        new = _with_numbers(child, below)
        if new is not child:
            changed = value.copy() if changed is value else changed
            changed[segment] = new
    return changed


def _exact(value: Any, noted: str) -> Any:
    """The noted number where `value` is what `jsonb` makes of it, else `value`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        number = float(noted)
        same = value == _number(number) and type(value) is type(_number(number))
    except (ValueError, OverflowError, ArithmeticError):
        return value
    return number if same else value


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(value: Any) -> FieldPath:
    if not isinstance(value, list) or not all(isinstance(segment, str | int) for segment in value):
        raise TypeError
    return tuple(value)
