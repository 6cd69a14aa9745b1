"""A cache is bounded by what its values take, not by how many there are."""

from __future__ import annotations

from ls_trajedit.traces.bounded_cache import BoundedCache


def test_the_oldest_make_room_for_new_values() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10)
    for key in "abc":
        assert cache.keep(key, key.upper(), 4) == key.upper()
    assert [cache.get(key) for key in "abc"] == [None, "B", "C"]
    assert cache.size == 8


def test_what_is_larger_than_the_cache_is_not_kept_and_pushes_nothing_out() -> None:
    cache: BoundedCache[str, int] = BoundedCache(10)
    cache.keep("a", 1, 10)
    assert cache.keep("b", 2, 11) == 2
    assert (cache.get("a"), cache.get("b"), cache.size) == (1, None, 10)


def test_a_value_that_is_kept_again_counts_once() -> None:
    cache: BoundedCache[str, int] = BoundedCache(10)
    for value in range(5):
        cache.keep("a", value, 6)
    assert (cache.get("a"), cache.size) == (4, 6)
