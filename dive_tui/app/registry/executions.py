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
    Action(
        Scope.EXECUTIONS,
        "mark",
        "Mark",
        ("space",),
        "mark the execution, or take its mark away",
        hint="mark",
        priority=4,
    ),
    Action(Scope.EXECUTIONS, "mark_range", "Mark a range", ("v",), "mark all from the last one marked to this one"),
    Action(
        Scope.EXECUTIONS,
        "diff_marked",
        "Compare executions",
        ("d",),
        "compare the two that are marked, or the marked one and this one; with none, this one with its counterpart",
        hint="diff",
        priority=4,
    ),
    Action(
        Scope.EXECUTIONS, "columns", "Columns", ("c",), "choose the columns and their order", hint="columns", priority=9
    ),
    Action(Scope.EXECUTIONS, "first", "First execution", ("home",), "go to the first execution", palette=False),
    Action(Scope.EXECUTIONS, "last", "Last execution", ("end",), "go to the last execution", palette=False),
)
