"""Commands: what comes back of them, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.core.settle import Outcome
from engine.runtime import shell
from engine.runtime.actions import ActionRegistry
from engine.runtime.attempt import run_attempt
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext
from engine.runtime.shell import MAX_OUTPUT, run_command
from engine.runtime.threads import DaemonThreads
from engine.testing.ports import FakeClock


async def run(timeout_of_step: float | None = None, **parameters: Any) -> Outcome:
    return await run_attempt(
        ActionRegistry().register(run_command),
        parameters,
        context=ActionContext(effect_key="exec_01/main/Run/1#0"),
        clock=FakeClock(),
        threads=DaemonThreads(),
        config=PersistenceConfig(),
        timeout=timeout_of_step,
    )


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_a_command_gives_its_exit_code_and_output() -> None:
    outcome = await run(command=python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert outcome.output == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n"}


async def test_arguments_are_taken_as_they_are() -> None:
    outcome = await run(command=["echo", "$HOME; *", "`id`"])
    assert outcome.output["stdout"] == "$HOME; * `id`\n"


async def test_text_goes_to_a_shell_only_when_asked_for() -> None:
    outcome = await run(command="echo $((1 + 1)) | cat", shell=True)
    assert outcome.output["stdout"] == "2\n"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"command": "echo hi"}, "a command that is text needs `shell: true`; or give a list"),
        ({"command": ["echo"], "shell": True}, "with `shell: true` the command is one text, not a list"),
        ({"command": []}, "the command is an empty list"),
    ],
)
async def test_a_command_of_the_wrong_form_is_never_retried(parameters: Any, message: str) -> None:
    outcome = await run(**parameters)
    assert (outcome.error_type, outcome.known) == ("Fatal", True)
    assert message in outcome.error


async def test_a_command_has_folder_environment_and_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    code = "import os, sys; print(os.getcwd(), *map(os.environ.get, sys.argv[1:]), sys.stdin.read())"
    outcome = await run(
        command=[*python(code), "INHERITED", "GIVEN", "DIVE_EFFECT_KEY"],
        cwd=str(tmp_path),
        env={"GIVEN": "ü"},
        input="zwölf",
    )
    assert outcome.output["stdout"] == f"{tmp_path} yes ü exec_01/main/Run/1#0 zwölf\n"


async def test_without_input_there_is_none() -> None:
    assert (await run(command=["cat"])).output["stdout"] == ""


async def test_input_that_is_not_read_harms_nobody() -> None:
    assert (await run(command=["true"], input="x" * 1_000_000)).output["exit_code"] == 0


async def test_another_exit_code_is_a_known_error_with_the_end_of_the_output() -> None:
    code = "import sys; print('o' * 3000); print('first\\nlast', file=sys.stderr); sys.exit(3)"
    outcome = await run(command=python(code))
    assert (outcome.error_type, outcome.known) == ("CommandError", True)
    assert outcome.error == f"'{sys.executable}' exited with 3: last"
    assert outcome.details == {"exit_code": 3, "stdout": "o" * 1_999 + "\n", "stderr": "first\nlast\n"}


async def test_unchecked_any_exit_code_is_an_output() -> None:
    assert (await run(command=["false"], check=False)).output == {"exit_code": 1, "stdout": "", "stderr": ""}
    killed = await run(command="kill -9 $$", shell=True, check=False)
    assert killed.output["exit_code"] == -9


async def test_a_command_that_a_signal_ended_leaves_the_outcome_unknown() -> None:
    outcome = await run(command="echo half; kill -9 $$", shell=True)
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert outcome.error == "'/bin/sh' was ended by signal 9 (Killed)"
    assert outcome.details == {"exit_code": -9, "stdout": "half\n", "stderr": ""}


@pytest.mark.parametrize("parameters", [{"command": ["/no/such/program"]}, {"command": ["true"], "cwd": "/no/folder"},
                                        {"command": ["true", "a\0b"]}, {"command": ["/"]}])  # fmt: skip
async def test_what_cannot_be_started_is_known(parameters: Any) -> None:
    outcome = await run(**parameters)
    assert (outcome.error_type, outcome.known) == ("CommandNotStarted", True)


async def test_output_that_is_no_text_is_replaced() -> None:
    outcome = await run(command=["printf", r"a\377b"])
    assert outcome.output["stdout"] == "a\ufffdb"


async def test_the_end_of_much_output_is_kept() -> None:
    code = f"import sys; sys.stdout.write('x' * {3 * MAX_OUTPUT} + 'end'); sys.stderr.write('few')"
    outcome = await run(command=python(code))
    assert outcome.output["truncated"] is True
    assert len(outcome.output["stdout"]) == MAX_OUTPUT
    assert outcome.output["stdout"].endswith("xend")
    assert outcome.output["stderr"] == "few"


async def written(path: Path) -> None:
    while not path.exists() or not path.read_text().endswith("\n"):
        await asyncio.sleep(0.005)


async def gone(pid: int) -> None:
    """Waits until a process that is not our child has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.005)


async def test_a_command_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    outcome = await run(command=f"sleep 600 & echo $! > {pid}; echo half; wait", shell=True, timeout=0.5)
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert outcome.error == "'/bin/sh' was stopped after 0.5 s"
    assert outcome.details["stdout"] == "half\n"
    await gone(int(pid.read_text()))


@pytest.mark.parametrize("by", ["timeout", "cancel"])
async def test_a_step_that_is_ended_ends_its_command(tmp_path: Path, by: str) -> None:
    pid = tmp_path / "pid"
    line = f"sleep 600 & echo $! > {pid}; wait"
    task = asyncio.create_task(run(0.5 if by == "timeout" else None, command=line, shell=True))
    await written(pid)
    if by == "timeout":
        outcome = await task
        assert (outcome.error_type, outcome.known) == ("Timeout", False)
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await gone(int(pid.read_text()))


async def test_a_command_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "GRACE", 0.05)
    ready = tmp_path / "ready"
    line = f"trap '' TERM; echo > {ready}; while true; do sleep 600; done"
    task = asyncio.create_task(run(command=line, shell=True))
    await written(ready)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    outcome = await run(command="sleep 600 & echo $!", shell=True)
    await gone(int(outcome.output["stdout"]))


async def test_a_process_that_left_the_group_does_not_hold_up_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "GRACE", 0.05)
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    outcome = await run(command=python(code))
    os.kill(int(outcome.output["stdout"]), 9)


async def test_commands_leave_no_descriptors_open() -> None:
    await run(command=["true"])
    before = psutil.Process().num_fds()
    for _ in range(3):
        await run(command=["true"])
        await run(command=["/no/such/program"])
        await run(command=["sleep", "600"], timeout=0.01)
    assert psutil.Process().num_fds() <= before
