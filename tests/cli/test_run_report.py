"""What `run` tells of retries, forks and joins, items, children and caught errors."""

from __future__ import annotations

import re

import pytest

from tests.cli.shop import ACTIONS, Caller, Shop

FLAKY = """
tried = []

@action
def flaky(n, fail=0):
    tried.append(n)
    if tried.count(n) <= fail:
        raise ValueError(f"no {n}")
    return n
"""

RETRY = """\
name: retry
steps:
  - {name: Try, action: flaky, parameters: {n: 1, fail: 1}, retry: {initial_delay: 20ms}}
"""
FORK = """\
name: fork
steps:
  - {name: Fork, pass: true, next: [{step: L, path: left}, {step: R, path: right}]}
  - {name: L, sleep: 20ms, next: [Join]}
  - {name: R, action: say, parameters: {text: r}, next: [Join]}
  - {name: Join, join: [left, right]}
"""
ITEMS = """\
name: items
steps:
  - name: All
    each: {items: [1, 2, 3], on_item_failure: collect}
    action: flaky
    parameters: {n: "${item}", fail: "${1 if item == 2 else 0}"}
"""
CAUGHT = """\
name: caught
steps:
  - {name: Try, action: flaky, parameters: {n: 1, fail: 9}, catch: {errors: ValueError, step: Mend}, end: true}
  - {name: Mend, pass: true}
"""
CHILD = """\
workflows:
  - name: parent
    steps:
      - {name: Kid, workflow: child, parameters: {n: 7}, store: kid}
    outputs: [{name: got, value: "${state.kid.n}"}]
  - name: child
    inputs: [{name: n, type: integer}]
    steps:
      - {name: Say, action: say, parameters: {text: "${str(inputs.n)}"}, store: n}
    outputs: [{name: n, value: "${state.n}"}]
"""
EXPECTED = {
    RETRY: [
        r"✗ Try  ValueError: no 1  shop_actions\.py:\d+",
        r"↻ Try  retry in \d+ ms  attempt 2",
        r"✓ Try attempt 2  .*",
    ],
    FORK: [
        r"✓ Fork  .*",
        r"◔ left › L  waiting: sleep until \S+( \S+)? \(in 1 s\)",
        r"✓ right › R  .*",
        r"✓ left › L  .*",
        r"✓ main~2 › Join  joined right, left  .*|✓ main~2 › Join  joined left, right  .*",
    ],
    ITEMS: [r"✗ All item 2  ValueError: no 2  shop_actions\.py:\d+  collected", r"✓ All  3 items  1 failed  .*"],
    CAUGHT: [r"✗ Try  ValueError: no 1  shop_actions\.py:\d+  goes on at Mend", r"✓ Mend  .*"],
    CHILD: [r"◔ Kid  waiting: child …\w{5}", r"✓ Kid  .*"],
}


@pytest.mark.parametrize("text", EXPECTED, ids=["retry", "fork", "items", "caught", "child"])
def test_lines_of_a_run(shop: Shop, call: Caller, text: str) -> None:
    shop.write("shop_actions.py", ACTIONS + FLAKY)
    shop.write("flow.yaml", text)
    ended = call("run", "flow.yaml", *(["-w", "parent"] if text is CHILD else []))
    assert ended.code == 0
    lines = ended.out[: ended.out.index("\n\n")].splitlines()
    for line, wanted in zip(lines, EXPECTED[text], strict=True):
        assert re.fullmatch(wanted, line)


def test_failure_after_others_were_mended_is_told_once(shop: Shop, call: Caller) -> None:
    shop.write("shop_actions.py", ACTIONS + FLAKY)
    shop.write("flow.yaml", RETRY + 'outputs: [{name: x, value: "${state.none}"}]\n')
    ended = call("run", "flow.yaml")
    assert ended.code == 1
    assert "\n  " in ended.out[ended.out.index("✗ failed") :], "no line had told of what ended it"


def test_children_are_shown_with_what_runs_them(shop: Shop, call: Caller) -> None:
    shop.write("flow.yaml", CHILD)
    ended = call("run", "flow.yaml", "-w", "parent")
    child, parent = call("list", "--json").json
    assert f"Look: dive-tui open {parent['id'][-5:]} · " in ended.out, "the last one is its child"
    shown = call("show", parent["id"]).out
    assert re.search(rf"Children\n.*\n  Kid +…{child['id'][-5:]} +child +✓ completed\n", shown)
    assert f"child of …{parent['id'][-5:]}" in call("show", child["id"]).out


def test_attempts_of_items_are_shown(shop: Shop, call: Caller) -> None:
    shop.write("shop_actions.py", ACTIONS + FLAKY)
    shop.write("flow.yaml", ITEMS.replace("collect}", "collect}\n    retry: {initial_delay: 1ms}"))
    assert call("run", "flow.yaml").code == 0
    rows = [" ".join(line.split()[:5]) for line in call("show", "last").out.splitlines()]
    assert any(row.startswith("item 2 ✗ failed") for row in rows)
    assert any(row.startswith("item 2 attempt 2 ✓") for row in rows)
    assert "3 items" in call("show", "last").out


def test_child_that_nobody_defined(shop: Shop, call: Caller) -> None:
    shop.write("flow.yaml", "name: lonely\nsteps: [{name: Kid, workflow: kid}]\n")
    ended = call("run", "flow.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "workflow 'lonely' runs 'kid' as a child, but there is no such workflow\n"
    assert not shop.store.exists()


def test_children_beside_a_workflow_built_in_python(shop: Shop, call: Caller) -> None:
    shop.write(
        "flows.py",
        "from dive_tui import Step, Workflow\n"
        "kid = Workflow(name='kid', steps=[Step(name='Do', action='say', parameters={'text': 'hello'})])\n"
        "flow = Workflow(name='parent', steps=[Step(name='Kid', workflow='kid')])\n",
    )
    ended = call("run", "flows:flow")
    assert (ended.code, ended.err) == (0, "hello\n")
