"""Actions that do what a test says: answer, fail, and remember how they were called."""

from __future__ import annotations

import copy
from typing import Any, Protocol

from engine.runtime.actions import action
from engine.runtime.context import ActionContext


class StubAction(Protocol):
    """An action for tests; register it like any other one."""

    calls: list[dict[str, Any]]
    """The parameters of every call, in order."""
    effect_keys: list[str]
    """The effect key of every call, in order."""

    async def __call__(self, context: ActionContext, **parameters: Any) -> Any:
        """The answer that is due; an exception among the answers is raised."""
        ...


def stub(name: str, *answers: Any) -> StubAction:
    """An action of this name that gives these answers in turn, the last one again and again; without any, None.

    An answer that is an exception is raised; a function is called with the parameters and gives the answer.
    """

    @action(name=name)
    async def answer(context: ActionContext, **parameters: Any) -> Any:
        place = min(len(stubbed.calls), len(answers) - 1)
        stubbed.calls.append(copy.deepcopy(parameters))
        stubbed.effect_keys.append(context.effect_key)
        due = answers[place] if answers else None
        if isinstance(due, BaseException):
            raise due
        return due(**parameters) if callable(due) else copy.deepcopy(due)

    answer.calls, answer.effect_keys = [], []  # type: ignore[attr-defined]
    stubbed: StubAction = answer  # type: ignore[assignment]
    return stubbed


def fails(times: int, error: BaseException) -> tuple[BaseException, ...]:
    """So many failing answers, for `stub`: `stub("charge", *fails(2, ConnectionError()), {"paid": True})`."""
    return (error,) * times
