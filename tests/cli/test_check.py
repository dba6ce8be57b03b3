"""`check`: what it takes, what it says of histories that fit and that do not, how it ends, and its JUnit XML."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from dive_tui.cli.check.junit import Case, junit_xml
from dive_tui.cli.check.mismatch import aligned
from stores.exported import HistoryFileError, history_files, read_histories
from tests.cli.histories import append, event, forge, record
from tests.cli.shop import ORDER, Caller, Shop, one_step

LAMPS = ORDER.replace("text: hello", "text: bye")


@pytest.fixture
def failed(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> str:
    """An order that failed; the id. Another one, before it, completed."""
    monkeypatch.setenv("DIVE_STORE", f"file:{shop.store}")
    assert call("run", "order.yaml", "-i", "amount=5").code == 0
    assert call("run", "order.yaml", "-i", "amount=500").code == 1
    return str(call("show", "last", "--json").json["id"])


@pytest.fixture
def changed(shop: Shop) -> str:
    """Another version of the workflow."""
    (shop.folder / "changed.yaml").write_text(LAMPS)
    return "changed.yaml"


def exported(call: Caller, execution: str, file: Path) -> Path:
    file.write_text(call("events", execution, "--json").out)
    return file


def test_histories_that_fit(shop: Shop, call: Caller, failed: str) -> None:
    fits = "all fit what was recorded as definition"
    assert call("check") == (0, f"✓ 2 executions, 40 decisions checked: {fits}\n", "")
    assert call("check", failed) == (0, f"✓ 1 execution, 20 decisions checked: {fits}\n", "")
    assert call("check", "last", failed, "last-1").out == call("check").out, "each once"
    assert call("check", "status:failed").out == call("check", failed).out == call("check", "last", "status:failed").out
    assert call("check", "last", "--workflow", "order.yaml").out.endswith("all fit the workflow in order.yaml\n")
    assert call("check", "last", "--json").json == {
        "id": failed, "ok": True, "mismatches": [], "checked": 20, "warnings": [],
    }  # fmt: skip


def test_a_history_that_does_not_fit(shop: Shop, call: Caller, failed: str, changed: str) -> None:
    ended = call("check", failed, "--workflow", changed, "--json")
    assert (ended.code, ended.err) == (1, "")
    (mismatch,) = ended.json["mismatches"]
    events = [json.loads(line) for line in call("events", failed, "--json").out.splitlines()]
    started = next(e for e in events if e["event_type"] == "step_started" and e["step_name"] == "Notify")
    assert mismatch["sequence"] == started["sequence"]
    assert mismatch["recorded"]["data"] == started["data"]
    assert mismatch["recorded"]["data"]["step_params"] == {"text": "hello"}
    assert mismatch["wanted"]["data"]["step_params"] == {"text": "bye"}
    assert {key: mismatch["wanted"][key] for key in ("event_type", "path_id", "step_name")} == {
        "event_type": "step_started", "path_id": "notify", "step_name": "Notify",
    }  # fmt: skip
    assert (ended.json["ok"], ended.json["id"]) == (False, failed)


def test_both_sides_are_shown_with_the_differing_lines_marked(
    shop: Shop, call: Caller, failed: str, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    ended = call("check", failed, "--workflow", changed)
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("✗ event ") and lines[0].endswith(f"order  {failed}")
    assert lines[1].split() == ["recorded", "▸", "step", "started", "notify", "›", "Notify", "text", '"hello"']
    assert lines[2].split()[-1] == '"bye"'
    marked = [line for line in lines if line.startswith("  ~ ")]
    left, _, right = marked[0].partition("│")
    assert left.split() == ["~", '"text":', '"hello"'] and right.split() == ['"text":', '"bye"']
    assert lines[-1].endswith("1 do not fit the workflow in changed.yaml")
    monkeypatch.setenv("COLUMNS", "60")
    below = call("check", failed, "--workflow", changed, "--ascii").out
    assert re.search(r'^  ~ recorded +"text": "hello"$', below, re.MULTILINE)
    assert re.search(r'^  ~ wanted +"text": "bye"$', below, re.MULTILINE)
    assert below.isascii()


def test_nothing_wanted_is_said(shop: Shop, call: Caller, failed: str) -> None:
    (shop.folder / "shorter.yaml").write_text(ORDER.replace("outputs:\n", "max_parallel: 1\noutputs:\n"))
    ended = call("check", failed, "--workflow", "shorter.yaml")
    assert ended.code == 1 and "  wanted    " in ended.out


def test_several_executions_as_json(shop: Shop, call: Caller, failed: str, changed: str) -> None:
    ended = call("check", "--workflow", changed, "--json")
    assert (ended.code, ended.json["ok"]) == (1, False)
    assert [each["ok"] for each in ended.json["executions"]] == [False, False]
    fits = call("check", "--json")
    assert (fits.code, fits.json["ok"], len(fits.json["executions"])) == (0, True, 2)


def test_exported_histories(shop: Shop, call: Caller, failed: str, changed: str) -> None:
    folder = shop.folder / "histories"
    folder.mkdir()
    lines = exported(call, failed, folder / "a.jsonl")
    exported(call, "last-1", folder / "b.jsonl")
    assert call("export", failed, "--to", str(folder / "c.json")).code == 0
    (folder / "other.json").write_text('{"name": "no history"}')
    shutil.rmtree(shop.store)
    assert call("check", str(lines), "--json").json["id"] == failed
    assert call("check", str(folder / "c.json")).out.startswith("✓ 1 execution, 20 decisions")
    assert call("check", "histories").out.startswith("✓ 3 executions, 60 decisions checked: all fit")
    assert call("check", "histories", "--workflow", changed).code == 1
    lines.write_text(lines.read_text() + (folder / "b.jsonl").read_text())
    assert len(call("check", str(lines), "--json").json["executions"]) == 2


def test_stores_by_their_place(shop: Shop, call: Caller, tmp_path: Path) -> None:
    ids = record(tmp_path / "files", 50, 2)
    record(tmp_path / "base", 50, kind="sqlite")
    here = str(tmp_path / "files")
    assert call("check", here, str(tmp_path / "base")).out.startswith("✓ 2 executions"), "the same id counts once"
    assert call("check", here).out.startswith("✓ 2 executions, 40 decisions")
    assert call("check", str(tmp_path / "base" / "store.db")).out.startswith("✓ 1 execution,")
    assert call("check", f"{here}/{ids[0]}", "--json").json["id"] == ids[0]


HEADLESS = "exec_hostile cannot be checked: it has no first event, and so neither inputs nor a definition"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["check", "nowhere"], "no execution's id begins or ends with 'nowhere'; dive-tui list shows them all"),
        (["check", "./nowhere"], "there is nothing at nowhere"),
        (["check", "gone.jsonl"], "there is nothing at gone.jsonl"),
        (["check", "status:paused"], "no execution matches 'status:paused'; dive-tui list shows what there is"),
        (["check", "colour:red"], None),
        (["check", "-w", "order"], "-w order chooses a workflow of a file; name that with --workflow FILE"),
        (["check", "--workflow", "none.yaml"], "none.yaml: there is no such file"),
        (["check", "--workflow", "order.yaml", "-w", "nope"], None),
        (["check", "--junit", "no/such/folder.xml"], "cannot write no/such/folder.xml: No such file or directory"),
        (["check", "empty.jsonl"], "empty.jsonl holds no event"),
        (["check", "bad.jsonl"], "bad.jsonl, line 1: it is not JSON"),
        (["check", "bad.json"], "bad.json is no exported execution: it has no list of events"),
        (["check", "worse.json"], None),
        (["check", "headless.jsonl"], HEADLESS),
    ],
)  # fmt: skip
def test_bad_input(shop: Shop, call: Caller, failed: str, typed: list[str], sentence: str | None) -> None:
    (shop.folder / "empty.jsonl").write_text("\n")
    (shop.folder / "bad.jsonl").write_text("rubbish\n")
    (shop.folder / "bad.json").write_text('{"events": 7}')
    (shop.folder / "worse.json").write_text("{")
    headless = event(2, "path_started", current_step="Only").to_dict()
    (shop.folder / "headless.jsonl").write_text(json.dumps(headless) + "\n")
    ended = call(*typed)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    if sentence is not None:
        assert ended.err == f"{sentence}\n"


def test_an_empty_store(shop: Shop, call: Caller) -> None:
    assert call("check").code == 4, "there is none"
    record(shop.store, 1)
    shutil.rmtree(next(shop.store.glob("exec_*")))
    assert call("check") == (2, "", "the store holds no executions yet; dive-tui list shows what there is\n")


def test_a_file_of_other_workflows(shop: Shop, call: Caller, failed: str) -> None:
    (shop.folder / "two.yaml").write_text(
        "workflows:\n  - name: other\n    steps: [{name: A, pass: true}]\n"
        "  - name: another\n    steps: [{name: B, pass: true}]\n"
    )
    ended = call("check", failed, "--workflow", "two.yaml")
    assert ended.code == 2
    assert ended.err == "two.yaml has no workflow 'order'; it holds 'other', 'another', which -w NAME may choose\n"
    assert call("check", "--workflow", "two.yaml").err == (
        "none of them runs a workflow of two.yaml; -w NAME checks them with that one all the same\n"
    )
    assert call("check", failed, "--workflow", "two.yaml", "-w", "other").code == 1
    (shop.folder / "single.yaml").write_text(one_step("say", "{text: hello}"))
    assert call("run", "single.yaml").code == 0
    assert call("check", "--workflow", "order.yaml").out == (
        "✓ 2 executions, 40 decisions checked: all fit the workflow in order.yaml; "
        "1 execution of other workflows left out\n"
    )


def test_a_workflow_in_python(shop: Shop, call: Caller, failed: str) -> None:
    (shop.folder / "flows.py").write_text(
        "from dive_tui import Step, Workflow\n"
        "ORDER = Workflow(name='order', steps=(Step(name='Validate', action='validate_order'),))\n"
    )
    ended = call("check", failed, "--workflow", "flows:ORDER")
    assert ended.code == 1
    assert call("check", failed, "--workflow", "flows:NOPE").code == 2
    assert call("check", failed, "--workflow", "flows:ORDER", "-w", "x").err == (
        "flows:ORDER names one workflow; -w x is for a file that holds several\n"
    )


def test_damaged_histories_are_store_trouble(shop: Shop, call: Caller, failed: str) -> None:
    file = shop.store / failed / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9].replace(b'"timestamp":"2', b'"timestamp":"3')
    file.write_bytes(b"".join(lines))
    ended = call("check", failed, "--json")
    assert ended.code == 4
    assert (ended.json["ok"], ended.json["mismatches"]) == (False, [])
    assert ended.json["checked"] == 8
    assert ended.json["warnings"][0].startswith("only events 1 to 9 were checked: event 10 cannot be read")
    assert ended.err.count("\n") == 1 and "events.jsonl" in ended.err
    assert ended.json["error"] + "\n" == ended.err
    everything = call("check")
    assert everything.code == 4
    assert everything.out.splitlines()[-1].endswith("1 could not be checked whole")
    forge(shop.store, event(1, "path_started", current_step="Only"))
    assert call("check", "exec_hostile").code == 4


def test_a_history_file_that_makes_no_sense(shop: Shop, call: Caller, failed: str) -> None:
    file = exported(call, failed, shop.folder / "h.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:5], *lines[6:]]))
    ended = call("check", "h.jsonl")
    assert ended.code == 2
    assert ended.err == (
        f"h.jsonl: the history of {failed} makes no sense after event 5: "
        "event 7 (step_completed) does not fit: event 6 should come here\n"
    )


def test_what_comes_from_a_store_does_nothing_to_a_terminal(shop: Shop, call: Caller, tmp_path: Path) -> None:
    evil = "\x1b[2J\x07\x00<&>\u202e"
    steps = [{"name": evil, "pass": True}]
    start = {"workflow_name": evil, "workflow": {"name": evil, "steps": steps}, "workflow_hash": "h", "inputs": {}}
    append(
        shop.store,
        event(1, "execution_started", **start, inputs_hash="h", engine_version="9"),
        event(2, "path_started", current_step=f"{evil}{evil}"),
    )
    ended = call("check", "last", "--junit", "x.xml")
    assert ended.code == 1
    assert "\x1b[2J" not in ended.out and "\x07" not in ended.out and "\u202e" not in ended.out
    assert b"\x1b" not in (shop.folder / "x.xml").read_bytes()
    assert len(cases_in(shop.folder / "x.xml")) == 1


# JUnit


def cases_in(file: Path) -> list[Element]:
    return list(fromstring(file.read_bytes()).iter("testcase"))


def test_junit_has_a_test_for_each_execution(shop: Shop, call: Caller, failed: str, changed: str) -> None:
    assert call("check", "--junit", "fits.xml").code == 0
    assert [list(case) for case in cases_in(shop.folder / "fits.xml")] == [[], []]
    assert call("check", "--workflow", changed, "--junit", "not.xml").code == 1
    cases = cases_in(shop.folder / "not.xml")
    assert (cases[0].get("classname"), cases[0].get("name")) == ("order", failed)
    failure = cases[0].find("failure")
    assert failure is not None
    assert failure.get("message", "").endswith('step_params.text: recorded "hello", wanted "bye"')
    assert '"text": "hello"' in str(failure.text) and '"text": "bye"' in str(failure.text)
    suites = fromstring((shop.folder / "not.xml").read_bytes())
    assert dict(suites.items()) == {"tests": "2", "failures": "2", "errors": "0"}
    assert call("check", failed, "--workflow", "order.yaml", "-w", "order", "--junit", "fits.xml").code == 0


def test_junit_escapes_what_xml_cannot_hold() -> None:
    text = "a<b>&\"'\x00\x1b\ud800￾é🚀\n]]>"
    content = junit_xml(text, [Case(text, text, failure=text, details=text), Case("g", "n", error="e", output=text)])
    root = fromstring(content)
    (first, second) = root.iter("testcase")
    legal = "a<b>&\"'���\N{REPLACEMENT CHARACTER}é🚀\n]]>"
    failure = first.find("failure")
    assert failure is not None and failure.text == legal
    assert second.findtext("system-out") == legal
    assert dict(root.items()) == {"tests": "2", "failures": "1", "errors": "1"}
    long = fromstring(junit_xml("s", [Case("g", "n", failure="f", details="x" * 100_000)]))
    assert len(long.findtext(".//failure") or "") == 20_000


# Parts


def test_lines_are_put_side_by_side() -> None:
    rows = [tuple(row) for row in aligned(["a", "b", "c", "d"], ["a", "B", "d", "e"])]
    assert rows == [(" ", "a", "a"), ("~", "b", "B"), ("+", "c", ""), (" ", "d", "d"), ("-", "", "e")]


def test_files_of_histories(tmp_path: Path) -> None:
    line = json.dumps(event(1, "execution_started").to_dict())
    (tmp_path / "a.jsonl").write_text(f"{line}\n\n")
    (tmp_path / "b.json").write_text(json.dumps({"kind": "dive-tui execution", "events": [json.loads(line)]}))
    (tmp_path / "c.json").write_text("{}")
    (tmp_path / "d.txt").write_text(line)
    (tmp_path / "folder.jsonl").mkdir()
    assert [file.name for file in history_files(tmp_path)] == ["a.jsonl", "b.json"]
    for name in ("a.jsonl", "b.json"):
        assert read_histories(tmp_path / name) == {"exec_hostile": [event(1, "execution_started")]}
    with pytest.raises(HistoryFileError, match="cannot read"):
        read_histories(tmp_path / "folder.jsonl")
    (tmp_path / "a.jsonl").write_text(line.replace("execution_started", 7 * "x") + "\n{}\n")
    with pytest.raises(HistoryFileError, match="line 2: an event has no 'id'"):
        read_histories(tmp_path / "a.jsonl")
