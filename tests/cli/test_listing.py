"""`list`: which executions, in which columns, and how much of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from dive_tui.cli.printing import shown_time
from stores.file.store import FileExecutionEventStore
from tests.cli.histories import in_store, record
from tests.cli.shop import Caller, Shop


def test_columns(shop: Shop, call: Caller) -> None:
    ok, failed = record(shop.store, 50, 118)
    ended = call("list")
    assert ended.code == 0
    header, first, second = ended.out.splitlines()
    assert header.split() == ["EXECUTION", "WORKFLOW", "STATUS", "AT", "STEP", "STARTED", "TOOK", "ERROR"]
    assert first.startswith(f"…{failed[-5:]}") and "✗ failed" in first and "Charge Card" in first
    assert first.endswith("CardDeclinedError: insufficient funds")
    assert second.startswith(f"…{ok[-5:]}") and "✓ completed" in second


def test_json_is_an_array_of_summaries(shop: Shop, call: Caller) -> None:
    ids = record(shop.store, 50, 118, labels={"team": "sales"})
    summaries = call("list", "--json").json
    assert [summary["id"] for summary in summaries] == ids[::-1]
    failed = summaries[0]
    assert (failed["status"], failed["at_step"], failed["error"]) == (
        "failed", "Charge Card", "CardDeclinedError: insufficient\nfunds",
    )  # fmt: skip
    assert failed["labels"] == {"team": "sales"} and failed["live"] is None


@pytest.mark.parametrize(
    ("arguments", "amounts"),
    [
        (["status:failed"], [300, 200]),
        (["--status", "failed"], [300, 200]),
        (["--status", "failed,completed", "-w", "order"], [300, 200, 2, 1]),
        (["-w", "orde"], []),
        (["workflow:ord*", "-status:failed"], [2, 1]),
        (["-status:failed"], [2, 1]),
        (["error:insufficient", "--offset", "1"], [200]),
        (["--limit", "2", "--offset", "1"], [200, 2]),
        (["--limit", "0"], []),
    ],
)
def test_choice(shop: Shop, call: Caller, arguments: list[str], amounts: list[float]) -> None:
    order = [1, 2, 200, 300]
    ids = dict(zip(order, record(shop.store, *order), strict=True))
    assert [summary["id"] for summary in call("list", "--json", *arguments).json] == [ids[a] for a in amounts]


def test_a_cut_list_says_so(shop: Shop, call: Caller) -> None:
    record(shop.store, 1, 2, 3)
    assert call("list", "--limit", "2").out.endswith("\nshowing 2, there are more: --limit N or --offset N\n")
    assert call("list", "--limit", "2", "--json").err == "showing 2, there are more: --limit N or --offset N\n"
    assert call("list", "--limit", "3").out.count("showing") == 0
    assert "\nshowing 2 to 2, there are more" in call("list", "--limit", "1", "--offset", "1").out
    assert "\nshowing 2 of 3: --limit N" in call("list", "--limit", "2", "events>1").out


def test_nothing_to_list(shop: Shop, call: Caller) -> None:
    missing = call("list")
    assert (missing.code, missing.out) == (4, "")
    assert missing.err.startswith(f"there is no store at {shop.store}") and "dive-tui run" in missing.err
    in_store(shop.store, lambda store: FileExecutionEventStore.list_executions(store))
    assert call("list").out == "No executions yet. Run a workflow: dive-tui run FILE\n"
    assert call("list", "--json").json == []
    record(shop.store, 1)
    assert call("list", "nothing-like-this").out == "No execution matches. All of them: dive-tui list\n"
    assert call("list", "--status", "faild").err.startswith("'faild' is no status; there are ")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_lines_fit(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    record(shop.store, 50, 118)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = call("list").out.splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert all("…000" in line for line in lines[1:])
    if width >= 40:
        assert lines[0].split()[:3] == ["EXECUTION", "WORKFLOW", "STATUS"]
        assert "✗ failed" in lines[1]


def test_ascii(shop: Shop, call: Caller) -> None:
    (failed,) = record(shop.store, 118)
    out = call("list", "--ascii").out
    assert out.isascii()
    short = out.splitlines()[1].split()[0]
    assert short == f"~{failed[-5:]}"
    assert call("show", short, "--json").json["id"] == failed


def test_stores_that_are_none(shop: Shop, call: Caller, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "photo.jpg").write_text("")
    assert call("list", "--store", str(other)) == (
        4, "", f"{other} holds other things, not a store of executions\n",
    )  # fmt: skip
    file = other / "photo.jpg"
    assert call("list", "--store", str(file)).err == f"{file} is a file, not a store of executions\n"


def test_store_before_and_behind_and_from_the_environment(
    shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(shop.folder / "a", 1)
    record(shop.folder / "b", 1, 2)
    assert len(call("--store", "a", "list", "--json").json) == 1
    assert len(call("list", "--json", "--store=b").json) == 2
    monkeypatch.setenv("DIVE_STORE", "b")
    assert len(call("list", "--json").json) == 2
    assert len(call("list", "--json", "--store", "a").json) == 1


def test_times_are_local_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC).astimezone()
    moment = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC).astimezone()
    assert shown_time("2026-03-01T09:14:02.000000Z", now) == moment.strftime("%H:%M:%S")
    assert shown_time("2025-03-01T09:14:02.000000Z", now).startswith("2025-03-01 ")
    assert shown_time("no time", now) == "no time"
