"""How many calls of an action may be under way at once in this process, over all executions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from engine.runtime.actions import Action


class Slots:
    """Counts the calls of the actions that have a `max_parallel`, and wakes who had to wait for one to end."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, list[Callable[[], None]]] = {}

    def has_room(self, action: Action, wake: Callable[[], None]) -> bool:
        """Whether another call may start; if not, `wake` is called once when one has ended."""
        if action.max_parallel is None or self._taken[action.name] < action.max_parallel:
            return True
        waiting = self._waiting.setdefault(action.name, [])
        if wake not in waiting:
            waiting.append(wake)
        return False

    def take(self, action: Action) -> None:
        """A call is about to start."""
        if action.max_parallel is not None:
            self._taken[action.name] += 1

    def give_back(self, action: Action) -> None:
        """A call has ended."""
        if action.max_parallel is not None:
            self._taken[action.name] -= 1
            for wake in self._waiting.pop(action.name, ()):
                wake()
