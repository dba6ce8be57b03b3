"""`diff`: states, snapshots and definitions compared; what it prints, for people and for scripts, and how it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from dive_tui.cli.diff import command
from dive_tui.cli.diff.printing import print_change
from dive_tui.cli.printing import Printer
from engine.replay.diffing.diff import diff_values
from engine.replay.diffing.states import comparable_view
from engine.replay.history import History
from stores.codec import seal
from tests.app.ptyharness import TerminalApp
from tests.cli.histories import event, forge, in_store, record
from tests.cli.shop import COMMAND, Caller, Shop, environment, one_step
from tests.cli.test_hostile import EVIL, acting, hostile_history
from tests.go.conftest import write
from tests.go.go_runs import RUNS as GO_RUNS
from tests.replay.patching import canonical, patched


@pytest.fixture
def ids(shop: Shop) -> list[str]:
    """Three orders: the second one failed."""
    return record(shop.store, 50, 200, 60)


def view(shop: Shop, execution_id: str, sequence: int) -> dict[str, Any]:
    events = in_store(shop.store, lambda store: store.get_event_history(execution_id))
    found = comparable_view(History(execution_id, events), sequence)
    decoded: dict[str, Any] = orjson.loads(orjson.dumps(found, default=dict))
    return decoded


# States


def test_states_at_two_events(shop: Shop, call: Caller, ids: list[str]) -> None:
    ended = call("diff", "last@3", "@5")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == (
        "- order after event 3\n"
        "+ order after event 5\n"
        "~ 5 differences\n"
        "\n"
        '  ~ paths.main.current_step  "Check" → "Pack"  by #4 step_completed › Check\n'
        '  + paths.main.variables.valid  {"ok":true}  by #4 step_completed › Check\n'
        "\n"
        '  ~ steps.Check.status  "running" → "completed"  by #4 step_completed › Check\n'
        '  + steps.Check.output  {"ok":true}  by #4 step_completed › Check\n'
        '  + steps.Pack  {"path":"main","visit":1,"status":"running","items":{}}  by #5 step_started › Pack\n'
        "\n"
        "the same: status · inputs · outputs · error · signals\n"
    )
    assert call("diff", "last@3", f"{ids[2]}@5").out == ended.out
    assert call("diff", "last@3", "last@3") == (
        0,
        ended.out.splitlines()[0] + "\n+ order after event 3\n✓ nothing differs\n",
        "",
    )


def test_states_as_json(shop: Shop, call: Caller, ids: list[str]) -> None:
    ended = call("diff", "last@3", "@5", "--json")
    assert ended.code == 1
    assert list(ended.json) == ["equal", "changes", "more", "ignored", "left", "right"]
    assert ended.json["left"] == {"execution_id": ids[2], "sequence": 3}
    assert ended.json["right"] == {"execution_id": ids[2], "sequence": 5}
    assert (ended.json["equal"], ended.json["more"]) == (False, False)
    assert ended.json["changes"][0] == {
        "address": "paths.main.current_step", "kind": "changed", "old": "Check", "new": "Pack", "by": 4
    }  # fmt: skip
    same = call("diff", "last@3", "@3", "--json")
    assert (same.code, same.json["equal"], same.json["changes"]) == (0, True, [])


def test_one_state_alone_is_compared_with_the_latest(call: Caller, ids: list[str]) -> None:
    alone, both = call("diff", "last@5", "--json").json, call("diff", "last@5", "last@21", "--json").json
    assert alone == both and alone["right"]["sequence"] == 21
    turned = call("diff", "last", "@5", "--json").json
    assert (turned["left"]["sequence"], turned["right"]["sequence"]) == (21, 5)
    by = {change["address"]: change["by"] for change in turned["changes"]}
    assert by["status"] == 21


def test_states_of_two_executions(call: Caller, ids: list[str]) -> None:
    found = call("diff", f"{ids[0]}@5", f"{ids[1]}@5", "--json").json
    assert found["changes"] == [
        {"address": "inputs.amount", "kind": "changed", "old": 50, "new": 200, "by": None}
    ]  # fmt: skip
    assert [found[side]["execution_id"] for side in ("left", "right")] == ids[:2]


def test_a_patch(shop: Shop, call: Caller, ids: list[str]) -> None:
    ended = call("diff", "last@3", "--patch")
    assert ended.code == 1
    made = patched(view(shop, ids[2], 3), ended.json)
    assert canonical(made) == canonical(view(shop, ids[2], 21))
    record_ = call("diff", "last@3", "--patch", "--json").json
    assert record_["patch"] == ended.json and record_["changes"]
    assert call("diff", "last@3", "@3", "--patch") == (0, "[]\n", "")


def test_detail(call: Caller, ids: list[str]) -> None:
    ended = call("diff", "last@3", "@4", "--detail")
    assert ended.code == 1
    assert "In detail\n  Item root['paths']['main']['variables']['valid'] ({'ok': True}) added" in ended.out
    detail = call("diff", "last@3", "@4", "--detail", "--json").json["detail"]
    assert detail["delta"]["values_changed"]["root['steps']['Check']['status']"] == {"new_value": "completed"}
    assert (list(detail), detail["note"]) == (["text", "delta", "note"], "")
    assert "In detail" not in call("diff", "last@3", "@3", "--detail").out


def test_ignored_addresses(call: Caller, ids: list[str]) -> None:
    ended = call("diff", "last@3", "@5", "--ignore", "paths", "--ignore", "steps.Check")
    assert (ended.code, ended.err) == (1, "")
    assert "~ 1 difference\n" in ended.out and "ignored: paths · steps.Check\n" in ended.out
    ended = call("diff", "last@3", "@5", "--ignore", "paths", "--ignore", "steps", "--json")
    assert (ended.code, ended.json["equal"], ended.json["ignored"]) == (0, True, ["paths", "steps"])


def test_more_differences_than_are_told(call: Caller, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MOST_CHANGES", 2)
    ended = call("diff", "last@3", "@5")
    assert "~ 2 differences and more\n" in ended.out and "… and more with --json\n" in ended.out
    assert call("diff", "last@3", "@5", "--ignore", "paths").code == 1  # who knows what else there is
    ended = call("diff", "last@3", "@5", "--patch")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "there are more differences than were told; a patch needs them all\n"


WRONG = [
    (["last@99"], "exec_00000000000000000000000003 has events 1 to 21; there is no event 99"),
    (["last@2", "@99"], "exec_00000000000000000000000003 has events 1 to 21; there is no event 99"),
    (["last@0"], "'0' after '@' is no event number; they count from 1"),
    (["last", "last"], "exec_00000000000000000000000003 is the same execution; name events of it: 00003@1 @2"),
    (["last", ""], "there is nothing after EXEC to compare it with: it is empty"),
    (["last@3", "snapshot"], "EXEC@SEQ has no snapshot of its own; leave out @3"),
    (["last@3", "definition"], "EXEC@SEQ has no definition of its own; leave out @3"),
    (["last", "--ignore", "a..b"], "--ignore: 'a..b' is no address: a name is wanted at character 3, not '.b'"),
    (["last@3", "--patch", "--ignore", "a"], "a patch needs all differences; leave out --ignore"),
    (["last", "--patch"], "--patch is for two states, not for two executions; name their events: EXEC@SEQ EXEC@SEQ"),
    (
        ["last", "last-1", "--detail"],
        "--detail is for two states, not for two executions; name their events: EXEC@SEQ EXEC@SEQ",
    ),
    (["nobody", "last"], "no execution's id begins or ends with 'nobody'; dive-tui list shows them all"),
    (
        ["last", "definition"],
        "exec_00000000000000000000000003 does not say which file its definition came from: it was started from Python",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG)
def test_what_cannot_be_compared(call: Caller, ids: list[str], arguments: list[str], sentence: str) -> None:
    assert call("diff", *arguments) == (2, "", sentence + "\n")


# Executions


def test_two_executions(call: Caller, ids: list[str]) -> None:
    ended = call("diff", ids[0], ids[1])
    assert ended.code == 1 and "First divergence: inputs  amount 50 → 200" in ended.out
    found = call("diff", ids[0], ids[1], "--json").json
    assert not found["equal"]
    assert found["changes"][0] == {"address": "inputs.amount", "kind": "changed", "old": 50, "new": 200} | {
        key: found["changes"][0][key] for key in found["changes"][0] if key not in ("address", "kind", "old", "new")
    }
    assert {"address", "kind", "old", "new", "by"} <= set(found["changes"][0])


def test_an_execution_alone_is_compared_with_the_last_good_run(call: Caller, ids: list[str]) -> None:
    ended = call("diff", "last-failed")
    lines = ended.out.splitlines()
    assert ended.code == 1
    assert lines[0] == f"- order  {ids[0]}  ✓ completed  the last good run before it"
    assert lines[1] == f"+ order  {ids[1]}  ✗ failed"


def retry(shop: Shop, source: str) -> str:
    """A retry of an execution, as its history would begin and end."""
    hashes = {"workflow_hash": "v1:0", "inputs_hash": "v1:0", "engine_version": "0"}
    workflow = {"name": "order", "steps": []}
    lineage = {"kind": "retry", "execution_id": source}
    started = event(
        1, "execution_started", workflow_name="order", workflow=workflow, inputs={}, lineage=lineage, **hashes
    )
    forge(shop.store, started)
    folder = shop.store / started.execution_id
    folder.chmod(0o700)
    (folder / "events.jsonl").chmod(0o600)
    return started.execution_id


def test_a_retry_is_compared_with_its_source_either_way(shop: Shop, call: Caller, ids: list[str]) -> None:
    again = retry(shop, ids[1])
    for asked, why in ((again, "the run it is a retry of"), (ids[1], "the run that the other one is a retry of")):
        left, right, *_ = call("diff", asked).out.splitlines()
        assert left.endswith(why) and ids[1] in left and again in right, (left, right)


def test_an_execution_without_counterpart(shop: Shop, call: Caller) -> None:
    (only,) = record(shop.store, 200)
    assert call("diff", "last") == (
        2,
        "",
        f"{only} is no retry, has none, and no other run of 'order' has completed: say what to compare it with\n",
    )


# The snapshot


def spoil(shop: Shop, execution_id: str, change: Any) -> None:
    """Change what a stored snapshot says, and seal it again."""
    file = shop.store / execution_id / "snapshot.json"
    stored = orjson.loads(file.read_bytes())
    stored.pop("crc")
    change(stored)
    file.write_bytes(seal(stored) + b"\n")


def test_the_snapshot_equals_the_replayed_state(call: Caller, ids: list[str]) -> None:
    assert call("diff", "last", "snapshot") == (
        0,
        "- order as stored at event 21\n+ replayed\n✓ the snapshot at event 21 equals the replayed state\n",
        "",
    )
    found = call("diff", "last", "snapshot", "--json").json
    assert (found["equal"], found["verdict"], found["changes"], found["sequence"]) == (True, "equal", [], 21)


def test_a_snapshot_that_drifted(shop: Shop, call: Caller, ids: list[str]) -> None:
    spoil(shop, ids[2], lambda stored: stored["outputs"].update(packed=["LAMP"]))
    ended = call("diff", "last", "snapshot")
    assert ended.code == 1
    assert "~ the snapshot at event 21 differs from the replayed state: 1 difference\n" in ended.out
    assert '  + outputs.packed[1]  "BULB"  by #21 execution_completed\n' in ended.out
    found = call("diff", "last", "snapshot", "--json")
    assert (found.code, found.json["verdict"]) == (1, "drift")
    assert found.json["changes"] == [
        {"address": "outputs.packed[1]", "kind": "added", "old": None, "new": "BULB", "by": 21}
    ]  # fmt: skip
    assert call("diff", "last", "snapshot", "--patch").json == [
        {"op": "add", "path": "/outputs/packed/1", "value": "BULB"}
    ]
    assert call("diff", "last", "snapshot", "--ignore", "outputs").code == 0


def test_a_snapshot_of_another_version_is_no_difference(shop: Shop, call: Caller, ids: list[str]) -> None:
    spoil(shop, ids[2], lambda stored: stored.update(state={"state_version": 1}))
    ended = call("diff", "last", "snapshot")
    assert ended.code == 0 and "is of an older reducer (state version 1, this one makes" in ended.out


def test_snapshots_that_cannot_be_used(shop: Shop, call: Caller, ids: list[str]) -> None:
    (shop.store / ids[2] / "snapshot.json").write_bytes(b"{")
    ended = call("diff", "last", "snapshot")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == ("✗ the stored snapshot cannot be used: it cannot be read\nMore: dive-tui verify 00003\n")
    assert call("diff", "last", "snapshot", "--json").json["verdict"] == "unusable"
    (shop.store / ids[2] / "snapshot.json").unlink()
    ended = call("diff", "last", "snapshot")
    assert (ended.code, ended.err) == (2, f"{ids[2]} has no stored snapshot; it is a cache, and nothing needs it\n")


# The definition


def test_a_definition_that_changed_since(shop: Shop, call: Caller) -> None:
    assert call("run", "order.yaml", "-i", "amount=5").code == 0
    ended = call("diff", "last", "definition")
    assert ended.code == 0
    assert ended.out == f"- order as recorded\n+ {shop.folder / 'order.yaml'}\n✓ nothing differs\n"
    text = (shop.folder / "order.yaml").read_text().replace("text: hello", "text: goodbye")
    before = "  - {name: Before, action: say, parameters: {text: first}}\n"
    shop.write("order.yaml", text.replace("steps:\n", f"steps:\n{before}"))
    found = call("diff", "last", "definition", "--json")
    assert (found.code, found.json["workflow"], found.json["file"]) == (1, "order", str(shop.folder / "order.yaml"))
    told = {(change["kind"], change["address"]): (change["old"], change["new"]) for change in found.json["changes"]}
    assert ("added", "steps[0]") in told and told["added", "steps[0]"][1]["name"] == "Before"
    assert told["changed", "steps[4].parameters.text"] == ("hello", "goodbye")
    assert {change["by"] for change in found.json["changes"]} == {None}
    assert '  ~ steps[4].parameters.text  "hello" → "goodbye"\n' in call("diff", "last", "definition").out


def test_children_are_part_of_a_definition(shop: Shop, call: Caller) -> None:
    several = "workflows:\n  - name: parent\n    steps:\n      - {name: Child, workflow: child}\n  - "
    child = one_step("say", "{text: hello}", name="child").replace("\n", "\n    ").rstrip() + "\n"
    shop.write("both.yaml", several + child)
    assert call("run", "both.yaml", "-w", "parent").code == 0
    parent = call("list", "workflow:parent", "--json").json[0]["id"]
    assert call("diff", parent, "definition").code == 0
    shop.write("both.yaml", (several + child).replace("hello", "bye"))
    (change,) = call("diff", parent, "definition", "--json").json["changes"]
    assert change["address"] == "children.child.steps[0].parameters.text"
    shop.write("both.yaml", one_step("say", "{text: hello}", name="parent").replace("action: say", "workflow: child"))
    assert call("diff", parent, "definition").code == 2


def test_definitions_that_are_not_there(shop: Shop, call: Caller) -> None:
    assert call("run", "order.yaml", "-i", "amount=5").code == 0
    name = call("show", "last", "--json").json["id"]
    file = shop.folder / "order.yaml"
    file.write_text("name: order\nsteps: 3\n")
    ended = call("diff", "last", "definition")
    assert ended.code == 2 and ended.err.startswith(f"{file}:2:8: ")
    shop.write("order.yaml", one_step("say", name="other"))
    assert "has no workflow 'order'" in call("diff", "last", "definition").err
    file.unlink()
    assert call("diff", "last", "definition") == (
        2, "", f"the definition of {name} came from {file}, which is no longer there\n"
    )  # fmt: skip


def test_no_code_is_run_to_look_at_a_definition(shop: Shop, call: Caller) -> None:
    shop.write(
        "built.py",
        "from dive_tui import Step, Workflow\n"
        "flow = Workflow(name='built', steps=[Step(name='A', action='say', parameters={'text': 'x'})])\n",
    )
    assert call("run", "built:flow").code == 0
    shop.write("built.py", "raise SystemExit('it was run')\n")
    sys.modules.pop("built", None)
    ended = call("diff", "last", "definition")
    assert ended.code == 2
    assert ended.err.endswith(" is made by Python code (built:flow), and looking at it runs no code\n")


# Other systems, damage, terminals


def test_histories_of_the_go_system(shop: Shop, call: Caller, tmp_path: Path) -> None:
    runs = [make("d") for make in GO_RUNS]
    store = write(tmp_path, "folder", runs)
    whole = next(run for run in runs if run.snapshot and run.status == "completed")
    ended = call("diff", whole.id, "snapshot", "--store", str(store))
    assert (ended.code, ended.err) == (0, "")
    assert "equals the replayed state; it has no state" in ended.out and "as the Go system kept none" in ended.out
    found = call("diff", f"{whole.id}@2", "--store", str(store), "--json")
    assert (found.code, found.err) == (1, "")
    status = next(change for change in found.json["changes"] if change["address"] == "status")
    assert status["new"] == "completed" and status["by"] is not None
    ended = call("diff", whole.id, "definition", "--store", str(store))
    assert ended == (2, "", f"{whole.id} was recorded without its definition, as the Go system does\n")


def test_a_damaged_history_is_compared_as_far_as_it_can_be_read(shop: Shop, call: Caller, ids: list[str]) -> None:
    file = shop.store / ids[2] / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:10], b"X" + lines[10][1:], *lines[11:]]))
    ended = call("diff", f"{ids[2]}@3", "@99")
    assert ended.code == 4
    assert "- order after event 3\n+ order after event 10\n" in ended.out
    assert "is damaged at" in ended.err or "makes no sense" in ended.err


@pytest.mark.parametrize("options", [[], ["--json"], ["--ascii"], ["--detail"], ["--patch"]])
def test_hostile_histories(shop: Shop, call: Caller, options: list[str]) -> None:
    hostile_history(shop)
    for arguments in (["last@1"], ["last", "@3"], ["last", "snapshot"], ["last", "definition"]):
        ended = call("diff", *arguments, *options)
        assert ended.code in (0, 1, 2) and acting(ended.out + ended.err) == []
        assert options != ["--ascii"] or ended.out.isascii()
    assert EVIL not in call("diff", "last@1").out


@pytest.mark.parametrize("width", [40, 80, 200])
def test_long_values(
    call: Caller, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    old = {
        "text": "one\ntwo\nthree\n" * 3,
        "long": "x" * 300,
        "l": [{"id": 1}, {"id": 2}],
        "gone": {"k": ["v" * 30] * 9},
    }
    new = {"text": "one\ntwo\n3\n" + "one\ntwo\nthree\n" * 2, "long": "y" * 300, "l": [{"id": 2}, {"id": 1}]}
    printer = Printer()
    for change in diff_values(old, new).changes:
        print_change(printer, change, "by #7 step_completed")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert "    -three" in lines and "    +3" in lines and "    +  " + "y" * (width - 7) not in lines
    assert any("moved here from l[1]" in line for line in lines)
    assert any(line.startswith("  - gone") for line in lines) and any("more with --json" in line for line in lines)


def test_in_a_terminal_it_has_colours_unless_they_are_not_wanted(shop: Shop, ids: list[str]) -> None:
    for more, has_colours in (({}, True), ({"NO_COLOR": "1"}, False)):
        env = environment({"TERM": "xterm-256color", **more})
        env["PATH"] = os.environ["PATH"]
        with TerminalApp([*COMMAND, "diff", "last@3", "@4"], columns=100, rows=24, env=env, cwd=shop.folder) as app:
            app.wait_for("the same:")
            assert (b"\x1b[33m" in app.raw) is has_colours
            assert app.wait_for_exit() == 1
