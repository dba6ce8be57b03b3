"""What `dive-tui diff` prints of two executions: where they part first, then unit beside unit."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dive_tui.app.text import set_ascii
from dive_tui.cli.diff.executions import diff_executions
from dive_tui.cli.problems import STORE_TROUBLE, CommandError
from dive_tui.cli.reading import Reading, read_execution
from engine.model.snapshot import summarize
from engine.replay.history import History
from stores.location import open_store
from tests.cli.histories import record
from tests.core.written import Written, edge
from tests.replay.compared import begun

Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What comparing two of them prints, lines without the spaces at their ends."""
    monkeypatch.setenv("COLUMNS", "100")

    def tell(left: Reading, right: Reading, code: int = 1, **options: Any) -> str:
        assert diff_executions(left, right, **options) == code
        return "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())

    yield tell
    set_ascii(False)


def reading(written: Written, damage: str = "") -> Reading:
    history = History("exec_written", written.events)
    return Reading(summarize(history.latest), history, damage, bool(damage))


def ran(amount: float = 1, *, end: str = "ok") -> Written:
    """Four steps in a row, the third of which is what matters."""
    names = ("Check", "Pack", "Charge Card", "Thank")
    written = begun(*({"name": name, "action": "a"} for name in names))
    del written.events[1:], written.states[2:]
    written.path("main", "Check")
    for step, following in itertools.pairwise(names):
        paid = step == "Charge Card"
        written.started(step)
        if paid and end == "failed":
            written.failed(step, error="insufficient\nfunds \x1b[31m")
            written.add("path_failed", "main", error="x", error_type="Trouble", caused_by=len(written.events))
            failure = {"error": "x", "error_type": "Trouble", "caused_by": [len(written.events)]}
            written.add("execution_failed", **failure)
            return written
        written.completed(step, {"amount": amount} if paid else step, edges=[edge(following)])
    written.started("Thank")
    written.completed("Thank", "bye")
    written.add("path_completed", "main", final_step="Thank", reason="end")
    written.add("execution_completed", outputs={})
    return written


def test_the_first_divergence_is_on_top_and_equal_stretches_are_folded(told: Told) -> None:
    assert told(reading(ran(118.2)), reading(ran(120)), why="the last good run before it") == (
        "- written  exec_written  ✓ completed  the last good run before it\n"
        "+ written  exec_written  ✓ completed\n"
        "\n"
        "First divergence: Charge Card  output.amount 118.2 → 120\n"
        "steps: 3 the same · 1 different\n"
        "\n"
        "Steps\n"
        "  … 2 steps the same …\n"
        "~ Charge Card   ✓ completed  1.0 s         │ ✓ completed  1.0 s\n"
        "  ~ output.amount  118.2 → 120  #8\n"
        "  … 1 step the same …"
    )


def test_equal_ones_are_said_to_be(told: Told) -> None:
    out = told(reading(ran()), reading(ran()), code=0)
    assert out.splitlines()[3:] == ["✓ nothing differs", "", "Steps", "  … 4 steps the same …"]


def test_what_one_of_them_alone_has_is_marked(told: Told) -> None:
    out = told(reading(ran()), reading(ran(end="failed")))
    assert "First divergence: Charge Card  completed → failed (Trouble: insufficient funds ␛[31m)" in out
    assert "steps: 2 the same · 1 different · 1 only left" in out
    rows = [line for line in out.splitlines() if line[:1] in "~-+" and "│" in line]
    assert rows == [
        "~ Charge Card   ✓ completed  1.0 s         │ ✗ failed  1.0 s",
        "- Thank         ✓ completed  1.0 s         │",
    ]
    turned = told(reading(ran(end="failed")), reading(ran()))
    assert "+ Thank                                    │ ✓ completed  1.0 s" in turned.splitlines()
    assert "\x1b" not in out + turned


def test_time_alone_is_dim_and_no_difference(told: Told) -> None:
    slow = ran()
    later = [
        event._replace(timestamp=event.timestamp[:17] + f"{event.sequence + 5:02d}" + event.timestamp[19:])
        for event in slow.events[7:]
    ]
    slow.events[7:] = later
    out = told(reading(ran()), reading(slow), code=0)
    assert "✓ nothing differs; 1 took another time" in out
    assert "  Charge Card   ✓ completed  1.0 s         │ ✓ completed  6.0 s  6.0x slower" in out
    assert "timing" not in out


def test_inputs_and_what_is_ignored(told: Told, tmp_path: Path) -> None:
    changed = ran()
    changed.events[0] = changed.events[0]._replace(data={**changed.events[0].data, "inputs": {"n": "\x1b[2J"}})
    out = told(reading(ran()), reading(changed))
    assert 'First divergence: inputs  n 3 → "\\u001b[2J"' in out
    assert '  ~ inputs.n  3 → "\\u001b[2J"  #1' in out.splitlines()
    assert "nothing differs" in told(reading(ran()), reading(changed), code=0, ignore=["inputs.n"])


def test_json_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff_executions(reading(ran(1)), reading(ran(2)), json=True) == 1
    found = json.loads(capsys.readouterr().out)
    address = 'paths.main.steps["Charge Card"].output.amount'
    change = {"address": address, "kind": "changed", "old": 1, "new": 2, "by": 8, "by_left": 8, "part": "output"}
    assert found["equal"] is False
    assert found["changes"] == [change] == found["first"]["changes"]
    assert [row["row"] for row in found["rows"]] == ["equal", "pair", "equal"]
    assert (found["left"]["execution_id"], found["right"]["status"]) == ("exec_written", "completed")
    assert diff_executions(reading(ran(1)), reading(ran(1)), json=True) == 0
    assert json.loads(capsys.readouterr().out)["equal"] is True


def test_damage_is_said_after_what_could_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    torn = ran()
    del torn.events[6:]
    with pytest.raises(CommandError, match="the file is torn") as error:
        diff_executions(reading(ran()), reading(torn, damage="the file is torn"))
    assert error.value.exit_code == STORE_TROUBLE
    out = capsys.readouterr().out
    assert "the right one has not ended; it is compared up to event 6" in out
    assert "First divergence: Charge Card  only in the left one; the right one ends before it" in out


def test_damage_of_the_left_one_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="the left file is torn"):
        diff_executions(reading(ran(), damage="the left file is torn"), reading(ran(), damage="the other too"))
    assert "nothing differs" in capsys.readouterr().out


def looped(values: list[object], step: str = "A") -> Written:
    """A step that goes round and gives these."""
    written = begun({"name": step, "action": "a", "next": [step]})
    del written.events[1:], written.states[2:]
    written.path("main", step)
    for visit, value in enumerate(values, 1):
        written.started(step, visit=visit)
        written.completed(step, value, visit=visit, edges=[edge(step)])
    return written


def test_of_many_changes_and_many_rows_the_first_are_printed(told: Told) -> None:
    few = told(reading(looped([{str(n): n for n in range(9)}])), reading(looped([{str(n): -n - 1 for n in range(9)}])))
    assert "  … 3 more with --json" in few.splitlines()
    left, right = looped([1, 2] * 210), looped([1, 3] * 210)
    out = told(reading(left), reading(right)).splitlines()
    assert out[-1] == "… 220 more with --json"
    assert sum(line.startswith("~ A, visit") for line in out) == 100


def test_a_long_name_is_cut(told: Told) -> None:
    name = "\x1b[2J" + "long " * 30
    lines = told(reading(looped([1], name)), reading(looped([2], name))).splitlines()
    (row,) = [line for line in lines if "│" in line]
    assert len(row) <= 100
    assert "…" in row
    assert not any("\x1b" in line for line in lines)


def test_without_unicode(told: Told) -> None:
    out = told(reading(ran()), reading(ran(end="failed")), ascii_only=True)
    assert out.isascii()


def test_on_a_narrow_terminal_no_line_of_the_table_is_wider(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = told(reading(ran()), reading(ran(end="failed")))
    assert max(len(line) for line in out.splitlines() if "│" in line) <= 80


async def test_real_runs_from_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = await asyncio.to_thread(record, tmp_path / "store", 10, 10, 200)
    store = open_store(f"file:{tmp_path / 'store'}")
    good, same, failed = [await read_execution(store, execution_id) for execution_id in ids]
    assert diff_executions(good, same) == 0
    capsys.readouterr()
    assert diff_executions(good, failed) == 1
    out = capsys.readouterr().out
    assert "First divergence: inputs  amount 10 → 200" in out
    assert "~ pay › Charge Card" in out
    await store.close()
