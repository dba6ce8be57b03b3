"""Several executions at once, each named as a single one would be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.selecting import find_execution
from engine.store import DamagedHistoryError, ExecutionEventStore

Executions = Annotated[
    str,
    Parameter(name="EXEC", help="Ids, beginnings or endings of them, last, last-failed, last-N."),
]

Yes = Annotated[bool, Parameter(name="--yes", help="Do not ask.")]


async def find_executions(store: ExecutionEventStore, references: Iterable[str]) -> list[str]:
    """The ids of the executions a person means, each once, in the order they were named.

    Raises:
        InvalidIdError: one cannot be (part of) an id.
        UsageError: one names no execution, or several.
        StoreError: the store cannot be read.
    """
    found: dict[str, None] = {}
    for reference in references:
        try:
            found[await find_execution(store, reference)] = None
        except DamagedHistoryError:
            found[reference] = None  # only an id by itself is looked up in a history
    return list(found)


def counted(number: int, noun: str) -> str:
    """`1 event`, `3,402 events`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
