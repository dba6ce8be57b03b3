"""`run`: what is printed, what is recorded, and the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.model.ids import keyed_execution_id
from tests.cli.histories import event, forge
from tests.cli.shop import Caller, Shop, one_step


def test_success_is_told_step_by_step(shop: Shop) -> None:
    ended = shop.process("run", "order.yaml", "-i", "amount=50")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("✓ Validate  ") and lines[0].endswith(" ms")
    assert lines[1].startswith("✓ Pack  2 items  ")
    assert {line.partition("  ")[0] for line in lines[2:4]} == {"✓ pay › Charge Card", "✓ notify › Notify"}
    assert lines[4] == ""
    assert lines[5].startswith("✓ completed  order · …") and "21 events" in lines[5]
    assert lines[6:] == [
        '  packed  ["LAMP","BULB"]',
        "Look: dive-tui open last · dive-tui events last",
    ]
    assert ended.err.splitlines()[:3] == ["checking 50", "packing lamp", "packing bulb"]


def test_failure_names_step_event_and_line(call: Caller) -> None:
    ended = call("run", "order.yaml", "-i", "amount=118.2")
    assert ended.code == 1
    lineno = (
        Path("shop_actions.py").read_text().splitlines().index('        raise CardDeclined("insufficient funds")') + 1
    )
    failure = f"✗ pay › Charge Card  CardDeclined: insufficient funds  shop_actions.py:{lineno}"
    assert failure in ended.out.splitlines()
    events = call("events", "last", "--type", "step_failed", "--json")
    sequence = events.json["sequence"]
    assert f"✗ failed at Charge Card (event {sequence})  order" in ended.out
    assert ended.out.endswith("Look: dive-tui open last · dive-tui show last\n")


def test_failed_item_is_named(call: Caller) -> None:
    ended = call("run", "order.yaml", "-i", "amount=1", "-i", 'items=["lamp","broken"]')
    assert ended.code == 1
    assert "✗ Pack item 2  ValueError: cannot be packed  shop_actions.py:" in ended.out


def test_failure_without_a_step_is_told_in_the_end(shop: Shop, call: Caller) -> None:
    shop.write(
        "out.yaml", one_step("leave").replace("leave", "shout") + "outputs: [{name: x, value: '${state.none}'}]\n"
    )
    ended = call("run", "out.yaml")
    assert ended.code == 1
    assert "✗ failed (event " in ended.out
    assert "  ExpressionError: output 'x'" in ended.out


def test_bad_file_tells_everything_and_creates_nothing(shop: Shop) -> None:
    shop.write("bad.yaml", "name: bad\nstpes: []\nsteps:\n  - {name: A, action: say, next: [B]}\n  - {nam: C}\n")
    ended = shop.process("run", "bad.yaml")
    assert ended.code == 2
    assert ended.out == ""
    problems = ended.err.splitlines()
    assert len(problems) >= 4
    assert all(line.startswith("bad.yaml:") for line in problems)
    assert "bad.yaml:2:1: unknown key 'stpes'; did you mean 'steps'?" in ended.err
    assert not shop.store.exists()


def test_unknown_action_has_its_place_and_a_suggestion(shop: Shop, call: Caller) -> None:
    steps = "steps: [{name: A, action: ACTION, parameters: {text: x}}]"
    one, two = (f"  - {{name: {name}, {steps}}}\n" for name in ("one", "two"))
    shop.write("several.yaml", f"workflows:\n{one.replace('ACTION', 'say')}{two.replace('ACTION', 'sya')}")
    sentence = "several.yaml:3:43: there is no action 'sya'; did you mean 'say'?\n"
    assert call("run", "several.yaml", "-w", "two") == (2, "", sentence)
    assert call("run", "several.yaml").err.startswith("several.yaml: holds 2 workflows, choose one by its name")
    assert not shop.store.exists()
    assert call("run", "several.yaml", "-w", "one").code == 0


def test_all_input_problems_at_once(shop: Shop, call: Caller) -> None:
    ended = call(
        "run", "order.yaml", "-i", "amount=much", "-i", "itms=[]", "-i", "nothing", "-i", "items={}", "-i", "items=[]"
    )
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "input 'amount' must be a number, not 'much'",
        "-i 'nothing' is not of the form NAME=VALUE",
        "input 'items' must be a list as JSON, not '{}'",
        "input 'items' is given twice",
        "workflow 'order' has no input 'itms'; did you mean 'items'?",
    ]
    assert call("run", "order.yaml").err == "input 'amount' is required (number: what to charge)\n"
    assert not shop.store.exists()


def test_inputs_come_from_a_file_and_options_win(shop: Shop, call: Caller) -> None:
    shop.write("inputs.yaml", "amount: 500\nitems: [vase]\n")
    shop.write("items.json", '["bowl"]')
    ended = call("run", "order.yaml", "--inputs", "inputs.yaml", "-i", "amount=5")
    assert (ended.code, '["VASE"]' in ended.out) == (0, True)
    assert '["BOWL"]' in call("run", "order.yaml", "-i", "amount=5", "-i", "items=@items.json").out
    assert (
        call("run", "order.yaml", "--inputs", "none.yaml", "-i", "amount=1").err == "none.yaml: there is no such file\n"
    )


def test_json_is_all_of_stdout(shop: Shop) -> None:
    shop.write("shop_actions.py", (shop.folder / "shop_actions.py").read_text() + "\nprint('imported')\n")
    shop.write(
        "noisy.yaml",
        "name: noisy\nsteps:\n  - {name: Shout, action: shout, store: x}\n  - {name: Leave, action: leave}\n",
    )
    ended = shop.process("run", "noisy.yaml", "--json")
    assert ended.code == 1
    record = ended.json
    assert record["error"] | {"sequence": 0} == {
        "type": "SystemExit", "message": "3", "sequence": 0, "step": "Leave", "path": "main",
    }  # fmt: skip
    assert record["id"].startswith("exec_") and record["status"] == "failed"
    assert (record["inputs"], record["outputs"], record["paths"]["main"]["variables"]) == ({}, None, {"x": 1})
    assert set(ended.err.splitlines()) == {"imported", "printed", "written to fd 1", "from a child", "unfinished"}


def test_key_returns_what_was_run_before(shop: Shop, call: Caller) -> None:
    first = call("run", "order.yaml", "-i", "amount=118", "--id", "a/b c")
    again = call("run", "order.yaml", "-i", "amount=5", "--id", "a/b c")
    assert (first.code, again.code) == (1, 1)
    assert "the key 'a/b c' was used before: nothing was run" in again.err
    assert "Validate" not in again.out
    assert "✗ failed at Charge Card (event " in again.out
    assert "\n  CardDeclined: insufficient funds\n" in again.out
    assert len(call("list", "--json").json) == 1
    shop.write("other.yaml", one_step("say", "{text: x}"))
    other = call("run", "other.yaml", "--id", "a/b c")
    assert other.code == 2
    assert "stands for an execution of workflow 'order'" in other.err
    assert call("run", "other.yaml", "--id", " ").code == 2


def test_key_of_an_execution_that_has_not_ended(shop: Shop, call: Caller) -> None:
    start: dict[str, Any] = {"workflow_name": "order", "workflow": {}, "workflow_hash": "h", "inputs": {}}
    started = event(1, "execution_started", **start, inputs_hash="h", engine_version="0")
    forge(shop.store, started._replace(execution_id=keyed_execution_id("k")))
    ended = call("run", "order.yaml", "-i", "amount=1", "--id", "k")
    assert ended.code == 3
    assert "◌ interrupted  order" in ended.out or "● running  order" in ended.out


def test_workflow_built_in_python(shop: Shop, call: Caller) -> None:
    shop.write(
        "flows.py",
        "from dive_tui import Step, Workflow, action\n"
        "@action\ndef greet(name): return f'hello {name}'\n"
        "flow = Workflow(name='greeting', steps=[Step(name='Greet', action='greet', parameters={'name': 'you'})])\n",
    )
    assert call("run", "flows:flow").code == 0
    assert call("list", "--json").out.count('"greeting"') == 1
    assert call("run", "flows:folw").err == "module 'flows' has no 'folw'; did you mean 'flow'?\n"
    assert call("run", "nowhere:flow").err.startswith("there is no module 'nowhere'")
    assert (
        call("run", "flows.py").err == "flows.py is Python; run a workflow in it by its name: dive-tui run flows:NAME\n"
    )


def test_actions_that_cannot_be_imported(shop: Shop, call: Caller) -> None:
    shop.write("shop_actions.py", "def f():\n    return 1 / 0\n\nf()\n")
    ended = call("run", "order.yaml", "-i", "amount=x")
    assert ended.code == 2
    module, amount = ended.err.splitlines()
    assert module.startswith("module 'shop_actions' (named in ")
    assert "cannot be imported: ZeroDivisionError: division by zero (" in module and "shop_actions.py:2)" in module
    assert amount == "input 'amount' must be a number, not 'x'"
    shown = call("run", "order.yaml", "--debug").err
    assert "Traceback" in shown and "return 1 / 0" in shown


def test_hints_name_the_store_that_was_named(shop: Shop, call: Caller) -> None:
    ended = call("--store", "my store", "run", "order.yaml", "-i", "amount=1")
    assert ended.code == 0
    assert "Look: dive-tui open last --store 'my store'" in ended.out
    assert (shop.folder / "my store").is_dir() and not shop.store.exists()


def test_store_that_cannot_be_made(shop: Shop, call: Caller) -> None:
    shop.write("occupied", "a file")
    ended = call("run", "order.yaml", "-i", "amount=1", "--store", "occupied")
    assert (ended.code, ended.err) == (4, f"{shop.folder}/occupied is a file, not a store of executions\n")


def test_warnings_come_first(shop: Shop, call: Caller) -> None:
    shop.write("empty_actions.py", "")
    shop.write("pyproject.toml", '[tool.dive]\nactions = ["shop_actions", "empty_actions"]\n')
    ended = call("run", "order.yaml", "-i", "amount=1")
    assert ended.code == 0
    assert ended.err.startswith("warning: module 'empty_actions' (")


def test_reader_who_leaves_does_not_stop_the_run(shop: Shop) -> None:
    child = shop.start("run", "order.yaml", "-i", "amount=118")
    assert child.stdout is not None
    child.stdout.close()
    child.stdout = None
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "Traceback" not in err and "BrokenPipe" not in err
    assert shop.process("list", "--json").json[0]["status"] == "failed"


def test_what_steps_print_is_safe_to_show(shop: Shop, call: Caller) -> None:
    shop.write(
        "evil.yaml",
        'name: "e\\e]0;x\\avil"\nsteps: [{name: "S\\e[31m", action: say, parameters: {text: "\\e]52;c;aGk=\\a"}}]\n',
    )
    ended = call("run", "evil.yaml")
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err and "\x07" not in ended.out + ended.err
    assert "␛]52;c;aGk=␇" in ended.err


def test_module_search_path_is_only_extended(shop: Shop, call: Caller) -> None:
    before = list(sys.path)
    call("run", "order.yaml", "-i", "amount=1")
    assert sys.path[: len(before)] == before
    assert sys.path[len(before) :] == [str(shop.folder)]
