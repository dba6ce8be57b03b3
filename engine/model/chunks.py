"""An immutable sequence that grows cheaply: a step over a long list changes one small node per item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

CHUNK = 256


class Chunks:
    """A persistent sequence of JSON values in nodes of at most 256, sharing all but the changed node.

    Setting beyond the end fills the gap with None. Equality compares contents.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self, values: Iterable[Any] = ()) -> None:
        items = list(values)
        self._nodes: tuple[tuple[Any, ...], ...] = tuple(
            tuple(items[at : at + CHUNK]) for at in range(0, len(items), CHUNK)
        )
        self._size = len(items)

    def set(self, index: int, value: Any) -> Chunks:
        """A copy with `value` at `index`; costs one node of 256 and the list of nodes."""
        if index < 0:
            raise IndexError("an index counts from 0")
        which, place = divmod(index, CHUNK)
        nodes = list(self._nodes)
        while len(nodes) <= which:
            if nodes and len(nodes[-1]) < CHUNK:
                nodes[-1] += (None,) * (CHUNK - len(nodes[-1]))
            nodes.append(())
        node = nodes[which]
        if place < len(node):
            nodes[which] = (*node[:place], value, *node[place + 1 :])
        else:
            nodes[which] = (*node, *((None,) * (place - len(node))), value)
        copy = Chunks()
        copy._nodes = tuple(nodes)
        copy._size = max(self._size, index + 1)
        return copy

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self._size:
            raise IndexError(index)
        return self._nodes[index // CHUNK][index % CHUNK]

    def __iter__(self) -> Iterator[Any]:
        for node in self._nodes:
            yield from node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chunks) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self._size)

    def __repr__(self) -> str:
        return f"Chunks({list(self)!r})"
