"""Caches with a limit, and what they hold: every cache that can grow is an `LRU` and tells its size by name."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class CacheInfo(NamedTuple):
    """What a cache holds and how well it serves."""

    entries: int
    weight: int
    """Of all entries together, in the cache's own unit: entries, events or bytes."""
    limit: int
    """The weight it never exceeds."""
    hits: int
    misses: int


def one(value: object) -> int:
    """The weight of a value in a cache that counts its entries."""
    return 1


class LRU(Generic[K, V]):
    """Facts that never change, kept while there is room: who was not asked for longest goes first.

    Any thread may use it at any time. What is in it must not be changed in place.
    """

    def __init__(self, limit: int, weigh: Callable[[V], int] = one, *, name: str = "") -> None:
        """Keep at most `limit` of the unit that `weigh` measures; 0 keeps nothing. With a name it is told of in
        `caches`.

        Raises:
            ValueError: the limit is negative.
        """
        if limit < 0:
            raise ValueError(f"a cache cannot be limited to {limit}")
        self.limit = limit
        self._weigh = weigh
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = self._hits = self._misses = 0
        self._lock = threading.Lock()
        if name:
            _register(name, self)

    def get(self, key: K) -> V | None:
        """The value, or None when it is not there (any more)."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V) -> None:
        """Keep a value, in the place of an older one; one that is heavier than the whole cache is not kept."""
        weight = self._weigh(value)
        with self._lock:
            self._drop(key)
            if weight > self.limit:
                return
            self._entries[key] = (value, weight)
            self._weight += weight
            while self._weight > self.limit:
                self._drop(next(iter(self._entries)))

    def pop(self, key: K) -> V | None:
        """Take a value out; None when it is not there."""
        with self._lock:
            return self._drop(key)

    def clear(self) -> None:
        """Forget everything; the counts of hits and misses go on."""
        with self._lock:
            self._entries.clear()
            self._weight = 0

    def info(self) -> CacheInfo:
        """What it holds now."""
        with self._lock:
            return CacheInfo(len(self._entries), self._weight, self.limit, self._hits, self._misses)

    def _drop(self, key: K) -> V | None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._weight -= entry[1]
        return entry[0]


_named: dict[str, weakref.WeakSet[LRU[object, object]]] = {}
_naming = threading.Lock()


def _register(name: str, cache: LRU[K, V]) -> None:
    with _naming:
        _named.setdefault(name, weakref.WeakSet()).add(cache)  # type: ignore[arg-type]  # only asked for its info


def caches() -> dict[str, CacheInfo]:
    """All caches of this process that have a name and are in use, by name; those of one name added up."""
    with _naming:
        living = {name: list(same) for name, same in sorted(_named.items())}
    return {name: _added_up([cache.info() for cache in same]) for name, same in living.items() if same}


def _added_up(infos: list[CacheInfo]) -> CacheInfo:
    return CacheInfo(*map(sum, zip(*infos, strict=True)))


def memory_report() -> dict[str, Any]:
    """What this process uses: `{rss, peak, collector, caches}`.

    `rss` and `peak` are bytes of memory now (None where the system does not say) and at most so far; `collector` is
    `{enabled, collections}` of the cycle collector, its runs by generation; `caches` are the `CacheInfo` of `caches`
    as objects.
    """
    return {
        "rss": _resident(),
        "peak": _peak(),
        "collector": {
            "enabled": gc.isenabled(),
            "collections": [generation["collections"] for generation in gc.get_stats()],
        },
        "caches": {name: info._asdict() for name, info in caches().items()},
    }


def _resident() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:  # not Linux
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
