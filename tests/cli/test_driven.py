"""Executions that another process drives, or drove until it died or was stopped."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from dive_tui.launch import LaunchError, launch
from tests.cli.histories import event, forge
from tests.cli.shop import Caller, Shop, environment
from tests.cli.waiting import furnish

STOPPING = "stopping when what is in flight has finished; once more ends at once"


@pytest.fixture(autouse=True)
def _furnished(shop: Shop) -> None:
    furnish(shop)


@contextmanager
def started(shop: Shop, *arguments: str, after: str) -> Iterator[subprocess.Popen[str]]:
    """A command that is left alone once it has said something on stderr, and killed at the end if it still runs."""
    child = shop.start(*arguments)
    assert child.stderr is not None
    for line in child.stderr:
        if line.strip() == after:
            break
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=60)


def keys(shop: Shop) -> list[str]:
    return (shop.folder / "keys").read_text().split()


def test_killed_and_recovered_with_the_same_effect_key(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate"):
        pass
    (summary,) = call("list", "--json").json
    assert (summary["status"], summary["live"]) == ("running", False)
    assert "Go on: dive-tui recover last\n" in call("show", "last").out
    shop.write("open", "")
    ended = shop.process("recover", "last")
    assert ended.code == 3
    lines = ended.out.splitlines()
    assert lines[0] == "↻ recovered  interrupted: Gate"
    assert lines[1].startswith("✗ Gate  Interrupted: ")
    assert not any("Before" in line for line in lines), "what had completed does not run again"
    assert next(line for line in lines if line.startswith("✓")).startswith("✓ Gate attempt 2  ")
    assert len(keys(shop)) == 2 and len(set(keys(shop))) == 1
    assert "recovered once" in call("show", "last").out
    (recovered,) = [call("events", "last", "--type", "execution_recovered", "--json").json["data"]]
    assert recovered["by"] and recovered["interrupted"][0]["effect_key"] == keys(shop)[0]


def test_recover_all(shop: Shop, call: Caller) -> None:
    assert shop.process("run", "order.yaml", "-i", "amount=1").code == 0
    for _ in range(2):
        with started(shop, "run", "gate.yaml", after="at the gate"):
            pass
    shop.write("open", "")
    ended = shop.process("recover", "--all", "--json")
    assert ended.code == 3
    assert [record["status"] for record in ended.json] == ["waiting", "waiting"]
    told = call("recover", "--all")
    assert (told.code, told.out, told.err) == (0, "Nothing is due.\n", "")


def test_recover_all_goes_on_with_parents_of_children(shop: Shop, call: Caller) -> None:
    shop.write(
        "family.yaml",
        "workflows:\n"
        "  - {name: parent, steps: [{name: Kid, workflow: kid}]}\n"
        "  - {name: kid, steps: [{name: Gate, action: gated}]}\n",
    )
    with started(shop, "run", "family.yaml", "-w", "parent", after="at the gate"):
        pass
    shop.write("open", "")
    ended = call("recover", "--all")
    assert ended.code == 0
    assert "↻ recovered  interrupted: Gate\n" in ended.out
    assert {record["status"] for record in call("list", "--json").json} == {"completed"}
    assert len(keys(shop)) == 2 and len(set(keys(shop))) == 1


def test_recover_all_goes_on_after_a_refusal(shop: Shop, call: Caller) -> None:
    for _ in range(2):
        with started(shop, "run", "gate.yaml", after="at the gate"):
            pass
    shop.write("pyproject.toml", '[tool.dive]\nstore = ".dive"\n')
    ended = call("recover", "--all")
    assert ended.code == 2
    assert [line.partition(";")[0] for line in ended.err.splitlines()] == ["there is no action 'gated'"] * 2
    assert ended.out.count("gate  exec_") == 2


def test_sigterm_leaves_what_can_be_recovered(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate") as child:
        child.send_signal(signal.SIGTERM)
        assert child.stderr is not None
        assert child.stderr.readline().strip() == STOPPING
        shop.write("open", "")
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 3
    assert re.search(r"^✓ Gate  ", out, re.MULTILINE), "what was in flight has finished"
    assert "◌ interrupted  gate · " in out or "◔ waiting  gate · " in out
    assert " dive-tui recover last\n" in out
    assert call("signal", "last", "approve").code == 0
    assert call("recover").code == 0
    assert len(keys(shop)) == 1, "it did not run again"


def test_second_sigterm_ends_at_once(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate") as child:
        assert child.stderr is not None
        child.send_signal(signal.SIGTERM)
        assert child.stderr.readline().strip() == STOPPING
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert call("list", "--json").json[0]["live"] is False


def test_ctrl_c_cancels_what_is_recovered(shop: Shop) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate"):
        pass
    with started(shop, "recover", after="at the gate") as child:
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "⊘ cancelled  gate · " in out


def test_signal_to_a_running_execution(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate") as child:
        sent = call("signal", "last", "approve", "--data", "7")
        assert (sent.code, sent.err) == (0, "")
        assert re.fullmatch(r"Sent signal approve to gate …\w{5}, and its runner has received it\.\n", sent.out)
        shop.write("open", "")
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "◆ signal approve  7\n" in out and "\n  answer   7\n" in out


def test_cancel_of_a_running_execution(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate") as child:
        ended = call("cancel", "last")
        out, _ = child.communicate(timeout=60)
    assert (ended.code, ended.out.partition(" …")[0]) == (0, "⊘ cancelled  gate")
    assert child.returncode == 1
    assert "⊘ Gate  cancelled\n" in out


def test_pause_and_resume_of_a_running_execution(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", "--linger", "1h", after="at the gate") as child:
        assert call("pause", "last").out.startswith("‖ paused  gate …")
        resumed = call("resume", "last", "--reason", "again")
        assert "and its runner has received it" in resumed.out
        shop.write("open", "")
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 3
    assert re.search(r"^‖ paused by \S+$", out, re.MULTILINE)
    assert re.search(r"^▸ resumed by \S+  again$", out, re.MULTILINE)


@pytest.mark.parametrize("typed", ["signal last approve", "wake last", "pause last", "cancel last"])
def test_runner_that_does_not_look(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("dive_tui.cli.messages._PATIENCE", 0.2)
    with started(shop, "run", "gate.yaml", after="at the gate") as child:
        child.send_signal(signal.SIGSTOP)
        ended = call(*typed.split())
        if typed == "cancel last":
            child.send_signal(signal.SIGCONT)
            child.communicate(timeout=60)
            assert child.returncode == 1, "in the end it has"
    assert ended.code == 3
    assert re.match(r"Sent [a-z ]+ to gate …\w{5}, but its runner has not seen it yet\.\n", ended.out)


def test_what_a_living_runner_drives_cannot_be_recovered(shop: Shop, call: Caller) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate"):
        ended = call("recover", "last")
    assert (ended.code, ended.out) == (2, "")
    assert re.search(
        r" belongs to runner_\S+ on \S+, which is alive, so there is nothing to recover; watch it: ", ended.err
    )
    assert len(keys(shop)) == 1


def test_history_of_a_newer_version_is_not_driven(shop: Shop, call: Caller) -> None:
    start: dict[str, Any] = {
        "workflow_name": "w",
        "workflow": {},
        "workflow_hash": "h",
        "inputs": {},
        "inputs_hash": "h",
    }
    forge(
        shop.folder / "newer",
        event(1, "execution_started", **start, engine_version="0"),
        event(2, "execution_frozen"),
    )
    ended = call("recover", "last", "--store", "newer")
    assert (ended.code, ended.out) == (4, "")
    assert "was written by a newer version of dive-tui (from event 2 on)" in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_worker_serves_until_it_is_stopped(shop: Shop, call: Caller, number: signal.Signals, code: int) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate"):
        pass
    with started(shop, "work", after="at the gate") as child:
        child.send_signal(number)
        assert child.stderr is not None
        assert child.stderr.readline().strip() == STOPPING
        shop.write("open", "")
        out, _ = child.communicate(timeout=60)
    assert child.returncode == code
    assert re.fullmatch(r"(◌ interrupted|◔ waiting)  gate …\w{5}.*\n", out)
    assert call("signal", "last", "approve").code == 0
    assert call("work", "--once").out.startswith("✓ completed  gate …")


def test_recovery_can_be_launched(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    with started(shop, "run", "gate.yaml", after="at the gate"):
        pass
    found = call("list", "--json").json[0]["id"]
    launched = launch(["recover", found], shop.folder)
    assert launched.execution_id == found
    runner = psutil.Process(launched.pid)
    try:
        with pytest.raises(LaunchError, match="which is alive, so there is nothing to recover") as caught:
            launch(["recover", found], shop.folder)
        assert caught.value.exit_code == 2
        assert call("signal", found, "approve").code == 0
        shop.write("open", "")
        runner.wait(timeout=60)
    finally:
        if runner.is_running():
            runner.kill()
    assert call("show", found, "--json").json["status"] == "completed"


def test_actions_beside_a_workflow_built_in_python(shop: Shop, call: Caller) -> None:
    shop.write(
        "flows.py",
        "from dive_tui import Step, Workflow, action\n"
        "@action\ndef greet(): return 'hello'\n"
        "flow = Workflow(name='greeting', steps=[Step(name='Wait', wait_signal='go'), Step(name='Greet', "
        "action='greet', store='said')])\n",
    )
    assert shop.process("run", "flows:flow").code == 3
    assert call("signal", "last", "go").code == 0
    assert call("recover").code == 0


def test_what_another_host_drives_is_taken_over_when_asked(
    shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(shop, "run", "gate.yaml", after="at the gate"):
        pass
    shop.write("open", "")
    monkeypatch.setattr("stores.runners.HOST", "elsewhere")
    refused = call("recover", "last")
    assert (refused.code, refused.out) == (2, "")
    assert re.search(
        r"whose life cannot be seen from here; if it is dead: dive-tui recover \w{5} --take-over$", refused.err
    )
    assert call("recover", "--all").out == "Nothing is due.\n"
    assert call("recover", "last", "--take-over").code == 3
    assert len(set(keys(shop))) == 1 and len(keys(shop)) == 2


def test_module_that_is_none_of_the_project_is_not_imported(shop: Shop, call: Caller) -> None:
    first = {
        "workflow_name": "w",
        "workflow": {"name": "w", "steps": [{"name": "Wait", "wait_signal": "go"}]},
        "workflow_hash": "h",
        "inputs": {},
        "inputs_hash": "h",
        "engine_version": "0",
        "source": {"kind": "module", "ref": "this:flow", "workflow": "w", "project": str(shop.folder)},
    }
    forge(shop.store, event(1, "execution_started", **first))
    ended = call("recover", "exec_hostile")
    assert (ended.code, ended.err) == (3, "")
    assert "this" not in sys.modules
