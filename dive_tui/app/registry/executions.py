"""What a person can do in the list of executions."""

from __future__ import annotations

from dive_tui.app.registry.action import Action, Scope

EXECUTIONS_ACTIONS: tuple[Action, ...] = (
    Action(
        Scope.EXECUTIONS,
        "open",
        "Open execution",
        ("enter",),
        "open the execution under the cursor",
        hint="open",
        priority=1,
    ),
    Action(
        Scope.EXECUTIONS,
        "next_failed",
        "Next failed",
        ("F",),
        "go to the next failed execution",
        hint="next failed",
        priority=3,
    ),
    Action(
        Scope.EXECUTIONS,
        "sort",
        "Sort",
        ("S",),
        "sort by the next column; the header says which",
        hint="sort",
        priority=4,
    ),
    Action(Scope.EXECUTIONS, "first", "First execution", ("home",), "go to the first execution", palette=False),
    Action(Scope.EXECUTIONS, "last", "Last execution", ("end",), "go to the last execution", palette=False),
)
