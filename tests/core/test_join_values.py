"""What a join hands over: by mappings, or each path's own writes under its name."""

from __future__ import annotations

from tests.core.rules import END, error_of, flow, fork, join, naps, output, run_workflow, sets, showing

WRITING = (
    sets("Begin", "base", "1", "Fork"),
    fork("left:L", "right:R"),
    sets("L", "x", "state.base + 10", "J"),
    sets("R", "x", "state.base + 20", "J"),
)


async def test_without_mappings_each_paths_own_writes_are_under_its_name() -> None:
    run = await run_workflow(showing("state", *WRITING, join("left", "right"), END))
    assert output(run) == {"base": 1, "left": {"x": 11}, "right": {"x": 21}}


async def test_mappings_name_what_is_taken() -> None:
    mappings = {"left.x": "one", "right.x": "two", "left.base": "three"}
    run = await run_workflow(showing("state", *WRITING, join("left", "right", mappings=mappings), END))
    assert output(run) == {"base": 1, "one": 11, "two": 21, "three": 1}


async def test_what_a_path_does_not_have_cannot_be_mapped() -> None:
    run = await run_workflow(flow(*WRITING, join("left", "right", mappings={"left.nope": "one"}), END))
    error_type, message = error_of(run)
    assert (error_type, message) == ("ExpressionError", "path 'left' has no variable 'nope' that could become 'one'")


async def test_what_an_absent_path_would_have_given_is_null() -> None:
    begin = fork("left:L", "right:R")
    begin["next"][0]["condition"] = "False"
    steps = (begin, sets("L", "x", "1", "J"), sets("R", "x", "2", "J"))
    mappings = {"left.x": "one", "right.x": "two"}
    run = await run_workflow(showing("state", *steps, join("left", "right", mappings=mappings), END))
    assert output(run) == {"one": None, "two": 2}


async def test_a_path_after_an_inner_join_hands_over_what_it_has_then() -> None:
    workflow = showing(
        "state",
        fork("a:Inner", "b:B"),
        fork("x:X", "y:Y", name="Inner"),
        sets("X", "v", "1", "Both"),
        sets("Y", "v", "2", "Both"),
        join("x", "y", name="Both", then="After", mappings={"x.v": "xv", "y.v": "yv"}),
        sets("After", "sum", "state.xv + state.yv", "J"),
        naps("B", "1s", "J"),
        join("a", "b", mappings={"a.sum": "total"}),
        END,
    )
    assert output(await run_workflow(workflow)) == {"total": 3}
