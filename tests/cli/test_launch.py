"""Runners of their own: started, heard of, and gone on when whoever started them is gone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dive_tui.cli import opening, run
from dive_tui.launch import Launched, LaunchError, launch
from stores.location import open_store
from tests.cli.shop import Caller, Shop, environment, one_step
from tests.cli.test_main import FakeApp


@pytest.fixture(autouse=True)
def child_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


def test_launched_runner_goes_on_by_itself(shop: Shop) -> None:
    shop.write("nap.yaml", one_step("block", "{seconds: 0.2}"))
    launched = launch(["run", "nap.yaml"], shop.folder)
    assert isinstance(launched, Launched)
    child = psutil.Process(launched.pid)
    assert os.getsid(launched.pid) == launched.pid != os.getsid(0)
    assert asyncio.run(_status_at_end(shop.store, launched.execution_id)) == "completed"
    child.wait(timeout=30)
    assert not psutil.pid_exists(launched.pid)


async def _status_at_end(folder: Path, execution_id: str) -> str:
    store = open_store(folder)
    changes = store.watch()
    try:
        while True:
            summary = await store.get_summary(execution_id)
            assert summary is not None, "its id was announced once it was recorded"
            if summary.end_time is not None:
                return summary.status
            await anext(changes)
    finally:
        await changes.aclose()  # type: ignore[attr-defined]
        await store.close()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "order.yaml"], 2, "input 'amount' is required (number: what to charge)"),
        (["run", "none.yaml"], 2, "none.yaml: there is no such file"),
        (["run", "order.yaml", "-i", "amount=1", "--store", "order.yaml"], 4, "is a file, not a store of executions"),
    ],
)
def test_what_a_runner_says_before_it_begins(shop: Shop, arguments: list[str], code: int, said: str) -> None:
    with pytest.raises(LaunchError) as caught:
        launch(arguments, shop.folder)
    assert caught.value.exit_code == code
    assert str(caught.value).endswith(said)


def test_runner_that_is_killed_before_it_begins(shop: Shop) -> None:
    shop.write("shop_actions.py", "import os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(LaunchError, match="the runner ended before anything was recorded") as caught:
        launch(["run", "order.yaml", "-i", "amount=1"], shop.folder)
    assert caught.value.exit_code == 137


def test_runner_outlives_whoever_wanted_to_know(shop: Shop) -> None:
    shop.write("shop_actions.py", "import sys\nfrom dive_tui import action\n@action\ndef say(text): return text\n")
    shop.write("said.yaml", one_step("say", "{text: x}"))
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "dive_tui", "run", "said.yaml", "--announce-fd", str(write_end)]
    child = subprocess.run(command, cwd=shop.folder, pass_fds=[write_end], capture_output=True, timeout=60, check=False)
    os.close(write_end)
    assert child.returncode == 0
    assert shop.process("list", "--json").json[0]["status"] == "completed"


def test_watch_opens_the_app_on_what_runs(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    app = FakeApp()
    monkeypatch.setitem(sys.modules, "dive_tui.app.main", app)
    monkeypatch.setattr(opening, "needs_terminal", lambda instead: None)
    monkeypatch.setattr(run, "needs_terminal", lambda instead: None)
    shop.write("inputs.json", '{"items": ["vase"]}')
    typed = "run order.yaml -w order -i amount=1 --inputs inputs.json --id k --watch --store s"
    ended = call(*typed.split())
    assert ended == (7, "", "")
    (wanted,) = app.calls
    assert (wanted["location"].text, wanted["sequence"]) == (str(shop.folder / "s"), None)
    assert asyncio.run(_status_at_end(shop.folder / "s", wanted["execution"])) == "completed"
    assert call("show", "last", "--json", "--store", "s").json["inputs"] == {"amount": 1, "items": ["vase"]}
    assert call("run", "order.yaml", "--watch") == (2, "", "input 'amount' is required (number: what to charge)\n")
    again = call("run", "order.yaml", "-i", "amount=1", "--id", "k", "--watch", "--store", "s")
    assert again.code == 7 and app.calls[-1]["execution"] == wanted["execution"]
