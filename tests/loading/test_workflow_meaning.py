"""Mistakes in what a workflow file means: its graph, its defaults, the names in its templates; and warnings."""

from __future__ import annotations

import pytest

from engine.loading import workflow_file
from tests.loading.flows import assert_told, assert_warned, flow, problems_of, read, warnings_of

AB = "  - {name: A, action: a, next: [%s]}\n  - {name: B, action: b}\n"
ONE_STEP = "  - {name: A, action: a}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            flow("  - {name: A, action: a}\n  - {name: §A, action: b}\n"),
            "a second step is named 'A'; the first is on line 3",
        ),
        (flow(AB % "§BB, B"), "'BB' is no step; did you mean 'B'?"),
        (flow(AB % "{step: §bb}, B"), "'bb' is no step; did you mean 'B'?"),
        (flow(AB % "B", start="§Z"), "'start' names 'Z', which is no step"),
        (flow(AB % "B", start="§b"), "'start' names 'b', which is no step; did you mean 'B'?"),
        (flow(AB % "A").replace("B", "§B"), "no path leads to step 'B'"),
        (flow(AB % "B", start="B").replace("A", "§A"), "no path leads to step 'A'"),
        (flow("  - {name: A, action: a, end: true}\n  - {name: §B, action: b}\n"), "no path leads to step 'B'"),
        (
            flow("  - {name: A, action: a, §end: true, next: A}\n"),
            "a step has either 'end: true' or 'next', not both",
        ),
        (
            flow(AB % "{step: A, path: x}, {step: B, path: §x}"),
            "a second path is named 'x'; the first is on line 3",
        ),
        (
            flow(ONE_STEP, outputs="[{name: a, value: 1}, {name: §a, value: 2}]"),
            "a second output is named 'a'; the first is on line 4",
        ),
    ],
)
def test_every_mistake_in_the_graph_has_its_place(text: str, problem: str) -> None:
    assert_told(text, problem)


def test_steps_are_called_unreachable_only_when_the_edges_are_clear() -> None:
    assert_told(
        flow("  - {name: A, action: a, next: §5}\n  - {name: B, action: b}\n"),
        "'next' must be the name of a step or a mapping, not 5",
    )
    assert_told(
        flow("  - {name: A, action: a, end: §x}\n  - {name: B, action: b}\n"), "'end' must be true or false, not 'x'"
    )


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ("{name: x, type: integer, default: §'5'}", "must be a whole number, not '5': the input is of type integer"),
        ("{name: x, type: integer, default: §true}", "must be a whole number, not true: the input is of type integer"),
        ("{name: x, default: §5}", "must be text, not 5: the input is of type string"),
        ("{name: x, type: boolean, default: §on}", "must be true or false, not 'on': the input is of type boolean"),
        ("{name: x, type: array, default: §{}}", "must be a list, not a mapping: the input is of type array"),
    ],
)
def test_a_default_must_be_of_its_type(declared: str, problem: str) -> None:
    assert_told(flow(ONE_STEP, inputs=f"[{declared}]"), f"'default' {problem}")


def test_a_default_of_null_makes_an_input_optional() -> None:
    loaded = read(flow(ONE_STEP, inputs="[{name: x, type: array, default: null}]"))
    assert not loaded.workflows[0].inputs[0].is_required


# Templates and conditions


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('"${§stat.x}"', "unknown name 'stat'; did you mean 'state'?"),
        ("'before ${inputs.§rot} after'", "there is no input 'rot'; did you mean 'root'?"),
        ("""'${inputs[§"rot"]}'""", "there is no input 'rot'; did you mean 'root'?"),
        ("'${has(inputs.§rot) or get(inputs.§zot, 1)}'", None),
        ("ok ${inputs.root} ${ §nope }", "unknown name 'nope'"),
        ("'é😀 ${§nope}'", "unknown name 'nope'"),
        ('"${§root}"', "unknown name 'root'; did you mean 'inputs.root'?"),
        ('"${§out}"', "unknown name 'out'; did you mean 'state.out'?"),
        ('"${§len}"', "unknown name 'len'; len is a function, call it: len(...)"),
        ('"${§paths.x}"', "unknown name 'paths': only outputs can use 'paths'"),
        ('"${[m for m in §m]}"', "unknown name 'm'"),
        ('"${[m for m in inputs.root] + §m}"', "unknown name 'm'"),
        ('"${[m.a + §n for m in inputs.root if m]}"', "unknown name 'n'"),
        ('"${{k: §v for k in inputs.root}}"', "unknown name 'v'"),
        ('"${[inputs.§rot for root in inputs.root]}"', "there is no input 'rot'; did you mean 'root'?"),
        ('"${inputs.root +§}"', "the expression ends too early"),
        ('"${§nofunction(1)}"', "there is no function 'nofunction'"),
        ('"a §${inputs.root"', "'${' is never closed; a literal one is written '$${'"),
        ("|\n          two\n          ${§nope}", "unknown name 'nope'"),
        ('§"\\t${nope}"', "unknown name 'nope'"),
        ("§'it''s ${nope}'", "unknown name 'nope'"),
    ],
)
def test_names_and_syntax_in_templates_are_told_at_their_column(value: str, problem: str | None) -> None:
    text = flow(
        f"  - name: A\n    action: a\n    store: out\n    parameters:\n      deep:\n        - {value}\n",
        inputs="[{name: root}]",
    )
    if problem is None:
        assert_told(text, "there is no input 'rot'; did you mean 'root'?", "there is no input 'zot'")
    else:
        assert_told(text, problem)


@pytest.mark.parametrize(
    "value",
    [
        "$${nope}",
        "${inputs.get('x')} ${inputs.keys()} ${inputs.root}",
        "${[inputs.x for inputs in inputs.root]}",
        "${[state for state in inputs.root]}",
        "${[a for a in inputs.root for b in a.b]} ${{k: v for k, v in inputs.items()}}",
        "${len(inputs)} ${inputs}",
    ],
)
def test_names_that_exist_are_not_told(value: str) -> None:
    assert (
        warnings_of(flow(f'  - {{name: A, action: a, parameters: {{x: "{value}"}}}}\n', inputs="[{name: root}]")) == []
    )


def test_inputs_that_cannot_be_read_are_not_missed() -> None:
    assert_told(
        flow('  - {name: A, action: a, parameters: {x: "${inputs.root}"}}\n', inputs="[§{nme: root}]").replace(
            "[§{", "[{§"
        ),
        "unknown key 'nme'; did you mean 'name'?",
    )


def test_conditions_are_checked_like_templates() -> None:
    text = flow(
        "  - name: A\n    action: a\n    next:\n"
        "      - {step: A, condition: §stat.x}\n"
        "      - {step: A, condition: '1 +§'}\n"
        '      - {step: A, condition: "inputs.n §&& True"}\n'
        '      - {step: A, condition: "len(inputs.§n) > 1"}\n',
        inputs="[]",
    )
    assert_told(
        text,
        "unknown name 'stat'; did you mean 'state'?",
        "the expression ends too early",
        "write 'and' instead of '&&'",
        "there is no input 'n'",
    )


def test_the_loop_variable_exists_only_in_what_the_step_runs() -> None:
    where = (
        "unknown name 'file': the variable of 'each' exists only in what the step runs: "
        "'parameters', 'prompt', 'content', 'script'"
    )
    assert_told(
        flow(
            "  - name: A\n    action: a\n    each: {items: '${§file}', as: file}\n    parameters: {x: '${file}'}\n"
            "    next: {step: B, condition: §file}\n"
            "  - {name: B, action: b, parameters: {x: '${§file}'}}\n"
        ),
        where,
        where,
        "unknown name 'file'",
    )


def test_outputs_may_use_paths_but_no_loop_variable() -> None:
    steps = "  - {name: A, action: a, each: {items: [1]}}\n"
    assert_told(flow(steps, outputs="[{name: x, value: '${paths.main}${§item}'}]"), "unknown name 'item'")


# Warnings


def test_a_variable_no_step_stores_is_a_warning() -> None:
    assert_warned(
        flow('  - {name: A, action: a, store: files, parameters: {x: "${state.§fils}", y: "${state.§zzz}"}}\n'),
        "no step stores 'fils'; did you mean 'files'?",
        "no step stores 'zzz'",
    )


def test_it_is_none_where_a_store_cannot_be_read() -> None:
    assert_told(
        flow('  - {name: A, action: a, store: §5, parameters: {x: "${state.x}"}}\n'),
        "'store' must be text, not 5; put it in quotes",
    )


def test_a_default_that_is_never_used_is_a_warning() -> None:
    assert_warned(
        flow(ONE_STEP, inputs="[{name: x, §default: y, required: true}]"),
        "the input is required, so this default is never used",
    )


def fork(edges: str, output: str = "${state.§r}") -> str:
    return flow(
        f"  - {{name: Fork, action: f, next: [{edges}]}}\n"
        "  - {name: A, action: a, store: r, end: true}\n"
        "  - {name: B, action: b, store: r, end: true}\n",
        outputs=f'[{{name: x, value: "{output}"}}]',
    )


@pytest.mark.parametrize(
    "edges",
    [
        "A, B",
        "{step: A, path: a}, {step: B, path: b}",
        "{step: A, condition: '1', path: a}, {step: B, condition: '2', path: b}",
        "{step: A, condition: '1'}, B",
    ],
)
def test_an_output_that_two_paths_compete_for_is_a_warning(edges: str) -> None:
    assert_warned(
        fork(edges),
        "paths that run at the same time both store 'r' (steps 'A' and 'B' do), so either value may end up here; "
        "name the path: paths.NAME.r",
    )


def test_paths_that_go_through_one_storing_step_compete_too() -> None:
    text = fork("{step: A, path: a}, {step: B, path: b}, {step: A, path: c}").replace("b, store: r", "b, store: other")
    assert_warned(
        text,
        "paths that run at the same time both store 'r' (step 'A' does), so either value may end up here; "
        "name the path: paths.NAME.r",
    )


@pytest.mark.parametrize(
    "text",
    [
        fork("{step: A, condition: '1 < 2'}, {step: B, condition: '2 < 1'}", "${state.r}"),
        fork("{step: A, path: a}, B", "${paths.a.r}"),
        fork("A, B", "${paths['main-2'].r} ${paths.main.r}"),
        fork("A, B", "${state.r}").replace("b, store: r", "b, store: s"),
    ],
)
def test_alternatives_named_paths_and_different_variables_compete_for_nothing(text: str) -> None:
    assert warnings_of(text) == []


def test_of_very_many_steps_nothing_is_compared() -> None:
    many = "".join(f"  - {{name: S{n}, action: a, store: r, next: [A, B]}}\n" for n in range(2, 1000))
    text = fork("A, B, S2", "${state.r}").replace("  - {name: A,", many + "  - {name: A,", 1)
    text = text.replace("next: [A, B]", "next: [A, B, S%d]")
    for n in range(3, 1001):
        text = text.replace("S%d", f"S{n}" if n < 1000 else "A", 1)
    assert warnings_of(text) == []


def test_warnings_stand_among_the_errors_in_order() -> None:
    assert_told(
        flow('  - {name: A, action: a, parameters: {x: "${state.§x}"}, §nxt: 1}\n'),
        "warning: no step stores 'x'",
        "unknown key 'nxt'; did you mean 'next'?",
    )


def test_thousands_of_mistakes_do_not_repeat_the_search_for_near_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("engine.loading.findings.nearest", lambda name, known: asked.append(name))
    many = "".join(f"  - {{name: step {n}, action: a, nxt{n}: 1, next: missing {n}}}\n" for n in range(2000))
    assert len(problems_of(flow(many))) == 4000
    assert len(asked) == 100


def test_what_only_the_model_refuses_still_has_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_file, "check_workflow", lambda found, at, definition: None)
    assert_told(
        flow(ONE_STEP, version="§1", labels="{a: §5}", inputs="[{name: §my-input}]"),
        "Input should be a valid string",
        "Input should be a valid string",
        "String should match pattern '^[A-Za-z_][A-Za-z0-9_]*$'",
    )
    assert_told(flow(AB % "A").replace("name: flow", "§name: flow"), "Value error, step 'B' cannot be reached")
