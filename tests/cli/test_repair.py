"""`repair`: it shows what it would do, asks, does it, and tells what is left."""

from __future__ import annotations

import io
import sys

import pytest

from dive_tui.cli import selecting
from dive_tui.cli.findings import print_mended
from dive_tui.cli.printing import Printer
from stores.location import open_store
from stores.maintenance import Finding, Maintainable, Mended, Progress
from stores.memory import MemoryExecutionEventStore
from tests.cli.histories import record
from tests.cli.shop import Caller, Shop
from tests.stores.broken_options import CapableMemory

TORN = Finding("torn", "exec_one", "events.jsonl, byte 9", "half a line", "it is cut off and kept beside it")
HOPELESS = Finding("damaged", "exec_two", "events.jsonl, byte 3", "a checksum is wrong")


class Mends(CapableMemory):
    """A store in which what has a remedy can be mended."""

    def __init__(self) -> None:
        super().__init__()
        self.findings = [TORN, HOPELESS]

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        return [finding for finding in self.findings if execution_id in (None, finding.execution_id)]

    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        found = [finding for finding in await self.examine(execution_id) if finding.remedy]
        self.findings = [finding for finding in self.findings if finding not in found]
        return [Mended(finding, "kept in events.jsonl.torn-1") for finding in found]


class Typed(io.StringIO):
    """A terminal at which something was typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def mends(monkeypatch: pytest.MonkeyPatch) -> Mends:
    """The store that commands open."""
    store = Mends()
    monkeypatch.setattr(selecting, "open_store", lambda *args, **options: store)
    return store


def type_in(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(line))


def test_a_dry_run_changes_nothing(call: Caller, mends: Mends) -> None:
    ended = call("repair", "--dry-run")
    assert ended.code == 1
    assert "it is cut off" in ended.out and "nothing can be done" in ended.out
    assert mends.findings == [TORN, HOPELESS]
    assert call("repair", "--dry-run", "--json").json == {
        "mended": [],
        "remaining": [TORN._asdict(), HOPELESS._asdict()],
    }


def test_without_a_terminal_it_needs_to_be_told(call: Caller, mends: Mends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    ended = call("repair")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "repair asks first, and there is no terminal to ask on; --yes says yes\n"
    assert mends.findings == [TORN, HOPELESS]


def test_yes_mends_what_can_be_and_tells_the_rest(call: Caller, mends: Mends) -> None:
    ended = call("repair", "--yes")
    assert (ended.code, ended.err) == (1, "")
    done, left = ended.out.split("1 finding left")
    assert "kept in events.jsonl.torn-1" in done and "a checksum is wrong" in left
    assert mends.findings == [HOPELESS]


def test_all_mended(call: Caller, mends: Mends) -> None:
    mends.findings = [TORN]
    ended = call("repair", "--yes", "--json")
    assert (ended.code, ended.json) == (
        0,
        {"mended": [TORN._asdict() | {"outcome": "kept in events.jsonl.torn-1"}], "remaining": []},
    )
    mends.findings = [TORN]
    assert call("repair", "--yes").out.splitlines()[-1] == "✓ nothing is wrong any more"
    assert call("repair") == (0, "✓ 0 executions, 0 events: nothing wrong\n", "")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_where_something_is_kept_stands_whole_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    long = f"/home/some body/{'deep/' * 30}store.db-damaged/events-1"
    print_mended(
        Printer(),
        [
            Mended(TORN, f"2 events are left, what followed is kept in {long}, whole"),
            Mended(TORN, "cut off and kept as events.jsonl.torn-12"),
        ],
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3] == "Kept aside"
    assert lines[-2:] == [f"  {long}  …c_one", "  events.jsonl.torn-12  …c_one"]
    assert all(len(line) <= width for line in lines[:-2]) and "deep" not in "".join(lines[:-2])


def test_only_what_cannot_be_mended_is_not_asked_about(call: Caller, mends: Mends) -> None:
    mends.findings = [HOPELESS]
    ended = call("repair")
    assert (ended.code, ended.err) == (1, "") and "nothing can be done" in ended.out


@pytest.mark.parametrize("typed", ["no\n", "y\n", ""])
def test_asked_and_not_agreed(call: Caller, mends: Mends, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    type_in(monkeypatch, typed)
    ended = call("repair", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert "it is cut off" in ended.err and ended.err.endswith("Mend 1 finding? Type yes: nothing was changed\n")
    assert mends.findings == [TORN, HOPELESS]


def test_asked_and_agreed(call: Caller, mends: Mends, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "yes\n")
    ended = call("repair", "--json")
    assert (ended.code, len(ended.json["mended"])) == (1, 1)
    assert mends.findings == [HOPELESS]


def test_stores_that_cannot(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "open_store", lambda *args, **options: MemoryExecutionEventStore())
    ended = call("repair")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("this kind of store cannot be repaired in place") and "dive-tui copy" in ended.err


@pytest.mark.parametrize("kind", ["file", "sqlite"])
async def test_the_stores_on_disk_can(shop: Shop, kind: str) -> None:
    store = open_store(f"{kind}:{shop.folder / kind}", create=True, offload=False)
    assert isinstance(store, Maintainable)
    await store.close()


def test_a_torn_history_of_a_store_of_files(shop: Shop, call: Caller) -> None:
    (name,) = record(shop.store, 50)
    events = shop.store / name / "events.jsonl"
    whole = events.read_bytes()
    events.write_bytes(whole + b'{"id":"event_half')
    assert call("verify", "--json").json[0]["kind"] == "torn"
    assert call("repair", "--yes").code == 0
    assert events.read_bytes() == whole
    assert [path.read_bytes() for path in events.parent.glob("events*torn*")] == [b'{"id":"event_half']
    assert call("verify").code == 0


def test_a_database_with_a_broken_page(shop: Shop, call: Caller) -> None:
    record(shop.folder / "files", *range(1, 40))
    assert call("copy", "files", "sqlite:broken.db").code == 0
    database = shop.folder / "broken.db"
    content = bytearray(database.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 4096] = bytes(range(256)) * 16
    database.write_bytes(content)
    ended = call("verify", "--store", "broken.db")
    assert ended.code == 1 and "damaged" in ended.out
    before = len(call("verify", "--store", "broken.db", "--json").json)
    assert before > 0
    call("repair", "--store", "broken.db", "--yes")
    after = call("verify", "--store", "broken.db", "--json").json
    assert [finding for finding in after if finding["remedy"]] == []
    assert (shop.folder / "broken.db-damaged").is_dir()
    assert call("list", "--store", "broken.db").code == 0
