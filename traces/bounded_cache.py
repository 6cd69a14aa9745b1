"""What was worked out before, kept up to a number of bytes: what comes from a request or an export may be of any size,
so a cache that only counts its entries can fill the memory."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

__all__ = ["BoundedCache"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class BoundedCache(Generic[_Key, _Value]):
    """Values by key, with the bytes that each takes: at most `most` bytes together. The oldest make room for new ones.
    Threads may share one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[_Key, tuple[_Value, int]] = {}
        self._lock = Lock()
        self.size = 0

    def get(self, key: _Key) -> _Value | None:
        """The value that was kept for `key`, or None when there is none (any more)."""
        found = self._kept.get(key)
        return None if found is None else found[0]

    def keep(self, key: _Key, value: _Value, size: int) -> _Value:
        """`value`, kept for the next time if there is room for its `size` in bytes."""
        if size <= self._most:
            with self._lock:
                self.size -= self._kept.pop(key, (None, 0))[1]
                while self.size + size > self._most:
                    self.size -= self._kept.pop(next(iter(self._kept)))[1]
                self._kept[key] = (value, size)
                self.size += size
        return value
