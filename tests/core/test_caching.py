"""Caches keep to their limit, forget who was not asked for longest, and tell what they hold."""

from __future__ import annotations

import gc
import threading

import pytest

from engine.caching import LRU, CacheInfo, caches, memory_report


def test_what_was_put_is_found_until_there_is_no_room() -> None:
    cache: LRU[int, str] = LRU(2)
    cache.put(1, "a")
    cache.put(2, "b")
    assert cache.get(1) == "a"
    cache.put(3, "c")
    assert [cache.get(key) for key in (1, 2, 3)] == ["a", None, "c"]
    assert cache.info() == CacheInfo(entries=2, weight=2, limit=2, hits=3, misses=1)


def test_putting_counts_as_use_and_replaces() -> None:
    cache: LRU[str, bytes] = LRU(10, len)
    cache.put("a", b"123")
    cache.put("b", b"123")
    cache.put("a", b"12345")
    assert cache.info().weight == 8
    cache.put("c", b"123")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"12345", None, b"123")


def test_a_heavy_value_drives_out_as_many_as_it_must() -> None:
    cache: LRU[int, bytes] = LRU(10, len)
    for key in range(5):
        cache.put(key, b"12")
    cache.put(5, b"1234567")
    assert [key for key in range(6) if cache.get(key)] == [4, 5]
    assert cache.info()[:3] == (2, 9, 10)


def test_what_is_heavier_than_the_cache_is_not_kept_nor_is_what_stood_in_its_place() -> None:
    cache: LRU[str, bytes] = LRU(3, len)
    cache.put("a", b"1")
    cache.put("b", b"2")
    cache.put("a", b"1234")
    assert (cache.get("a"), cache.get("b")) == (None, b"2")
    assert cache.info()[:2] == (1, 1)
    cache.put("c", b"123")
    assert cache.get("c") == b"123"


def test_a_cache_without_room_keeps_nothing() -> None:
    cache: LRU[str, str] = LRU(0)
    cache.put("a", "x")
    assert cache.get("a") is None
    with pytest.raises(ValueError, match="limited to -1"):
        LRU(-1)


def test_pop_and_clear() -> None:
    cache: LRU[str, str] = LRU(5)
    cache.put("a", "x")
    cache.put("b", "y")
    assert (cache.pop("a"), cache.pop("a")) == ("x", None)
    assert cache.info().weight == 1
    cache.clear()
    assert cache.info()[:2] == (0, 0)
    assert cache.get("b") is None


def test_threads_never_make_it_exceed_its_limit_or_miscount() -> None:
    cache: LRU[int, bytes] = LRU(50, len)
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        start.wait()
        for number in range(2_000):
            key = (number * 7 + seed) % 40
            cache.put(key, bytes(1 + key % 5))
            cache.get(key + 1)
            if number % 5 == 0:
                cache.pop(key - 1)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    info = cache.info()
    held = [value for key in range(40) if (value := cache.get(key)) is not None]
    assert (info.entries, info.weight) == (len(held), sum(map(len, held)))
    assert info.weight <= 50
    assert info.hits + info.misses == 8_000


def test_named_caches_are_told_of_while_they_are_in_use() -> None:
    first: LRU[int, str] = LRU(3, name="of a test")
    second: LRU[int, str] = LRU(4, name="of a test")
    LRU(5)
    first.put(1, "a")
    second.put(1, "b")
    second.get(2)
    assert caches()["of a test"] == CacheInfo(entries=2, weight=2, limit=7, hits=0, misses=1)
    assert "" not in caches()
    del first
    gc.collect()
    assert caches()["of a test"].limit == 4
    del second
    gc.collect()
    assert "of a test" not in caches()


def test_the_report_of_memory() -> None:
    cache: LRU[int, str] = LRU(3, name="reported")
    cache.put(1, "a")
    report = memory_report()
    assert report["caches"]["reported"] == {"entries": 1, "weight": 1, "limit": 3, "hits": 0, "misses": 0}
    assert report["rss"] is None or 1_000_000 < report["rss"] <= report["peak"] + 1_000_000
    assert report["peak"] > 1_000_000
    assert report["collector"]["enabled"] is gc.isenabled()
    assert len(report["collector"]["collections"]) == 3
