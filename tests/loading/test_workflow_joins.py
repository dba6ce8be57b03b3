"""Where paths part and meet: targets of errors and timeouts, joins, and what is left to compete."""

from __future__ import annotations

import pytest

from tests.loading.flows import assert_told, assert_warned, flow, read, warnings_of

END = "  - {name: End, pass: true}\n"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{name: A, action: a, catch: {step: §Edn}}", "'Edn' is no step; did you mean 'End'?"),
        ("{name: A, action: a, catch: [{step: End}, {step: §Z}]}", "'Z' is no step"),
        ("{name: A, wait_signal: x, timeout: 1, on_timeout: §Edn}", "'Edn' is no step; did you mean 'End'?"),
    ],
)
def test_what_follows_an_error_or_a_timeout_must_be_a_step(step: str, problem: str) -> None:
    assert_told(flow(f"  - {step}\n{END}"), problem)


@pytest.mark.parametrize(
    "step",
    [
        "{name: A, action: a, end: true, catch: {step: End}}",
        "{name: A, action: a, end: true, catch: [{step: A}, {step: End}]}",
        "{name: A, wait_signal: x, timeout: 1, end: true, on_timeout: End}",
        "{name: A, join: [], timeout: 1, end: true, on_timeout: End}",
    ],
)
def test_it_is_reached_that_way(step: str) -> None:
    assert warnings_of(flow(f"  - {step}\n{END}")) == []


def test_steps_are_not_called_unreachable_while_a_target_is_unclear() -> None:
    assert_told(
        flow(f"  - {{name: A, action: a, end: true, catch: {{step: §5}}}}\n{END}"),
        "'step' must be text, not 5; put it in quotes",
    )
    assert_told(
        flow(f"  - {{name: A, action: a, end: true, catch: {{step: A}}}}\n{END}").replace("End", "§End"),
        "no path leads to step 'End'",
    )


def forked(join: str, **parts: str) -> str:
    """Two named paths, each storing a variable, and a join."""
    return flow(
        "  - {name: Fork, pass: true, next: [{step: A, path: left}, {step: B, path: right}]}\n"
        "  - {name: A, action: a, store: r, next: Join}\n"
        "  - {name: B, action: b, store: s, next: Join}\n"
        f"  - {{name: Join, {join}}}\n",
        **parts,
    )


@pytest.mark.parametrize(
    ("join", "problem"),
    [
        ("join: §lft", "no edge starts a path 'lft'; did you mean 'left'?"),
        ("join: [left, §zzz]", "no edge starts a path 'zzz'"),
        ("type: join, paths: [§lft]", "no edge starts a path 'lft'; did you mean 'left'?"),
        ("type: join, paths: §lft", "no edge starts a path 'lft'; did you mean 'left'?"),
        ("join: [left, §left]", "a second path is named 'left'; the first is on line 6"),
        ("join: [left, right], count: §3", "'count' must not be more than the 2 paths the join waits for, and is 3"),
        ("join: left, count: §2", "'count' must not be more than the one path the join waits for, and is 2"),
        ("join: [], mappings: {§r: x}", "a key of 'mappings' is 'path.variable'; 'r' is not"),
        ("join: [], mappings: {§left.: x}", "a key of 'mappings' is 'path.variable'; 'left.' is not"),
        ("join: [], mappings: {§left.r.x: x}", "a key of 'mappings' is 'path.variable'; 'left.r.x' is not"),
        ("join: [], mappings: {§lft.r: x}", "no edge starts a path 'lft'; did you mean 'left'?"),
        ("join: [left], mappings: {§right.s: x}", "the join does not wait for a path 'right'"),
        ("join: [left], mappings: {§lft.r: x}", "the join does not wait for a path 'lft'; did you mean 'left'?"),
        ("join: [], mappings: {left.r: §5}", "'left.r' must be text, not 5; put it in quotes"),
        (
            "join: [], mappings: {left.r: x, right.s: §x}",
            "a second mapped variable is named 'x'; the first is on line 6",
        ),
    ],
)
def test_a_join_waits_for_paths_that_exist(join: str, problem: str) -> None:
    assert_told(forked(join), problem)


@pytest.mark.parametrize("join", ["join: []", "join: [], count: 9", "join: [left, right], count: 2", "join: right"])
def test_a_join_that_can_be_satisfied_is_fine(join: str) -> None:
    assert warnings_of(forked(join)) == []


def test_a_join_of_paths_from_different_forks_is_a_warning() -> None:
    text = flow(
        "  - {name: Fork, pass: true, next: [{step: A, path: left}, {step: Again, path: right}]}\n"
        "  - {name: Again, pass: true, next: [{step: A, path: inner}, {step: Join, path: other}]}\n"
        "  - {name: A, pass: true}\n"
        "  - {name: Join, join: [§left, inner]}\n"
    )
    assert_warned(text, "no step forks into all these paths; the join waits only for those of one fork")
    assert warnings_of(text.replace("§left, inner", "other, inner")) == []


def test_a_mapping_takes_what_a_step_stores() -> None:
    assert_warned(forked("join: [], mappings: {§left.zzz: x}"), "no step stores 'zzz'")


@pytest.mark.parametrize(
    ("join", "used", "missing"),
    [
        ("join: [left, right]", "left right r s", ""),
        ("join: left", "left r", "right"),
        ("join: []", "left right", "middle"),
        ("join: [], mappings: {left.r: one}", "one", "left"),
        ("join: [], mappings: {}", "left right", "one"),
    ],
)
def test_after_a_join_there_are_the_variables_it_gives(join: str, used: str, missing: str) -> None:
    for name in used.split():
        assert warnings_of(forked(join, outputs=f"[{{name: x, value: '${{state.{name}}}'}}]")) == []
    if missing:
        assert_warned(
            forked(join, outputs=f"[{{name: x, value: '${{state.§{missing}}}'}}]"), f"no step stores '{missing}'"
        )


def test_what_a_catch_and_a_spread_store_can_be_used() -> None:
    text = flow(
        "  - {name: A, action: a, store: {one: a, two: b}, catch: {step: End, store: error_of_a}}\n" + END,
        outputs="[{name: x, value: '${state.one} ${state.two} ${state.error_of_a} ${state.§three}'}]",
    )
    assert_warned(text, "no step stores 'three'")


COMPETING = (
    "paths that run at the same time both store 'r' (steps 'A' and 'B' do), so either value may end up here; "
    "name the path: paths.NAME.r"
)


def competing(join: str, edges: str = "{step: A, path: left}, {step: B, path: right}") -> str:
    return flow(
        f"  - {{name: Fork, pass: true, next: [{edges}]}}\n"
        "  - {name: A, action: a, store: r, next: Join}\n"
        "  - {name: B, action: b, store: r, next: Join}\n"
        f"  - {{name: Join, {join}}}\n",
        outputs="[{name: x, value: '${state.§r}'}]",
    )


@pytest.mark.parametrize(
    ("join", "edges"),
    [
        ("join: []", "{step: A, path: left}, {step: B, path: right}"),
        ("join: []", "A, B"),
        ("join: [left, right]", "{step: A, path: left}, {step: B, path: right}"),
        ("join: [left, right]", "{step: A, path: left}, {step: B, path: right}, Join"),
        ("join: [left]", "{step: A, path: left}, B"),
        ("join: [], count: 1, rest: cancel", "A, B"),
    ],
)
def test_paths_that_a_join_gathers_do_not_compete(join: str, edges: str) -> None:
    assert warnings_of(competing(join, edges).replace("§", "")) == []


@pytest.mark.parametrize(
    ("join", "edges"),
    [
        ("pass: true", "A, B"),
        ("join: [left]", "{step: A, path: left}, {step: B, path: right}"),
        ("join: [left]", "{step: Join, path: left}, A, B"),
        ("join: [], count: 1", "A, B"),
    ],
)
def test_paths_that_a_join_leaves_running_compete(join: str, edges: str) -> None:
    assert_warned(competing(join, edges), COMPETING)


def test_of_edges_of_which_the_first_is_taken_none_compete() -> None:
    text = competing("pass: true", "A, B").replace("pass: true, next", "pass: true, edge_matching: first, next")
    assert warnings_of(text.replace("§", "")) == []


def test_an_output_can_name_a_path_that_some_edge_starts() -> None:
    outputs = "[{name: x, value: '${paths.left.r} ${paths.main} ${paths[\"main-2\"]} ${paths.§rihgt.s}'}]"
    assert_warned(forked("join: []", outputs=outputs), "no edge starts a path 'rihgt'; did you mean 'right'?")


def test_joins_whose_paths_cannot_be_read_are_told_once() -> None:
    assert_told(forked("join: [§5], count: 3"), "entry 1 of 'join' must be text, not 5; put it in quotes")
    assert read(forked("join: []")).workflows[0].steps[3].join == ()


def test_a_path_name_that_is_none_keeps_nothing_else_from_being_told() -> None:
    text = competing("join: [left]", "{step: A, path: left}, {step: B, path: §{a: 1}}")
    assert_told(text, "'path' must be text, not a mapping", f"warning: {COMPETING}")
