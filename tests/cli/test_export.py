"""`dive-tui export`: where it writes to, what it refuses, and exit codes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from engine.replay.pages import MOST_PAGES, PAGE
from tests.app.ptyharness import TerminalApp
from tests.cli.histories import in_store, record
from tests.cli.shop import ROOT, Caller, Shop, environment
from tests.cli.test_hostile import acting, hostile_history
from tests.cli.test_looking import damage
from tests.exporting.samples import repeated

FORMATS = ("json", "jsonl", "markdown", "svg", "html", "trace")


@pytest.fixture
def failed(shop: Shop) -> str:
    """An order that completed and, after it, one that failed; the id of the latter."""
    return record(shop.store, 50, 118.5, labels={"team": "sales"})[-1]


def test_json_to_standard_output(shop: Shop, call: Caller, failed: str) -> None:
    made = call("export", "last").json
    shown = call("show", "last", "--json").json
    assert made["execution"]["id"] == failed and made["inputs"] == shown["inputs"]
    lines = call("events", "last", "--json").out
    assert made["events"] == [json.loads(line) for line in lines.splitlines()]
    assert call("export", "last", "--format", "jsonl", "--to", "-").out == lines
    replayed = call("replay", "last", "--json").json
    assert call("export", "last", "--states").json["state"] == replayed


def test_a_part(shop: Shop, call: Caller, failed: str) -> None:
    part = call("export", "last", "--from", "3", "--until", "5").json
    assert [envelope["sequence"] for envelope in part["events"]] == [3, 4, 5]
    assert call("export", "last@5", "--from", "3").json == part
    state = call("export", "last@5", "--states").json["state"]
    assert state == call("replay", "last@5", "--json").json


@pytest.mark.parametrize("name", FORMATS)
def test_the_ending_of_a_name_tells_the_format(shop: Shop, call: Caller, failed: str, name: str) -> None:
    printed = call("export", "last", "--format", name).out
    ending = {"markdown": "md", "trace": "trace.json"}.get(name, name)
    ended = call("export", "last", "--to", f"out.{ending}")
    assert ended.code == 0 and ended.err == "" and ended.out.startswith(f"✓ out.{ending}  ")
    file = shop.folder / f"out.{ending}"
    assert file.read_text() == printed and file.stat().st_mode & 0o777 == 0o600
    again = call("export", "last", "--to", f"out.{ending}")
    assert again == (2, "", f"out.{ending} is there already; --force writes over it\n")
    assert call("export", "last", "--to", f"out.{ending}", "--force").code == 0


def test_into_a_folder(shop: Shop, call: Caller, failed: str) -> None:
    (shop.folder / "reports").mkdir()
    assert call("export", "last", "--format", "markdown", "--to", "reports").out.startswith(
        "✓ reports/order-00002.md  "
    )
    assert call("export", "last", "--to", "reports/").code == 0
    assert sorted(os.listdir(shop.folder / "reports")) == ["order-00002.json", "order-00002.md"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--format markdwn", "there is no format 'markdwn'; did you mean 'markdown'?"),
        (
            "--to out.txt",
            "the name 'out.txt' does not tell the format; add --format with one of "
            "json, jsonl, markdown, svg, html, trace, pytest",
        ),
        ("--from 0", "--from and --until are event numbers from 1, --until not before --from"),
        ("--from 9 --until 8", "--from and --until are event numbers from 1, --until not before --from"),
        ("--until 22", "{id} has events 1 to 21; there is no event 22"),
        ("--from 22", "{id} has events 1 to 21; there is no event 22"),
        ("--states --format svg", "--states goes with --format json, not with svg"),
        ("--format pytest --to -", "pytest is made of several files; name a folder with --to"),
        ("--to nowhere/x.md", "cannot write nowhere/x.md: No such file or directory"),
        ("--format svg --to nowhere/", "cannot write nowhere/: there is no such folder"),
        ("--to order.yaml/x.md", "cannot write order.yaml/x.md: Not a directory"),
    ],
)
def test_what_is_refused(shop: Shop, call: Caller, failed: str, options: str, sentence: str) -> None:
    before = sorted(os.listdir(shop.folder))
    assert call("export", "last", *options.split()) == (2, "", sentence.format(id=failed) + "\n")
    assert sorted(os.listdir(shop.folder)) == before


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_written_down_and_told(shop: Shop, call: Caller, failed: str, name: str) -> None:
    damage(shop, failed, 10)
    ended = call("export", failed, "--format", name)
    assert ended.code == 4 and ended.err.count("\n") == 1 and "events.jsonl" in ended.err
    if name == "json":
        assert "events.jsonl" in ended.json["damage"]
        kept = [envelope["sequence"] for envelope in ended.json["events"]]
        assert kept == [at for at in range(1, 22) if at not in ended.json["unreadable"]]
        assert 10 in ended.json["unreadable"]
        lines = call("export", failed, "--format", "jsonl").out.splitlines()
        assert [json.loads(line)["sequence"] for line in lines] == kept
    elif name != "jsonl":
        assert "damaged" in ended.out.replace("&#160;", " ")


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_text(shop: Shop, call: Caller, name: str) -> None:
    hostile_history(shop)
    ended = call("export", "last", "--format", name)
    assert (ended.code, ended.err) == (0, "")
    assert acting(ended.out) == []
    assert acting(call("export", "last", "--format", name, "--to", ".").out) == []


@pytest.mark.parametrize("name", ["svg", "markdown"])
def test_in_a_terminal(shop: Shop, failed: str, name: str) -> None:
    argv = [sys.executable, "-m", "dive_tui", "export", "last", "--format", name]
    with TerminalApp(argv, columns=100, rows=30, env=environment(), cwd=Path(shop.folder)) as app:
        if name == "svg":
            app.wait_until(lambda screen: "svg is nothing to read in a terminal" in screen.text)
            app.wait_until(lambda screen: "--to order-00002.svg" in screen.text)
            assert app.wait_for_exit() == 2
        else:
            app.wait_until(lambda screen: "execution failed" in screen.text)
            assert app.wait_for_exit() == 0
    assert ROOT.is_dir()


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_histories_too_long_to_be_held(shop: Shop, call: Caller, kind: str) -> None:
    events = repeated(PAGE * MOST_PAGES // 2 + 100).events
    in_store(shop.folder / "long", lambda store: store.append_events(events), kind)
    store = f"{kind}:{shop.folder / 'long'}"
    lines = call("export", "last", "--format", "jsonl", "--store", store).out.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == list(range(1, len(events) + 1))
    assert call("export", "last", "--to", "out.md", "--store", store).code == 0


def test_a_pytest_case_is_a_folder_of_files(shop: Shop, call: Caller, failed: str) -> None:
    ended = call("export", "last", "--format", "pytest", "--to", "cases")
    assert ended.code == 0 and ended.out.count("✓ cases/") == 2
    files = sorted(os.listdir(shop.folder / "cases"))
    assert [name.rpartition(".")[2] for name in files] == ["jsonl", "py"] and files[1].startswith("test_order_")
    lines = call("events", "last", "--json").out
    assert (shop.folder / "cases" / files[0]).read_text() == lines
    again = call("export", "last", "--format", "pytest", "--to", "cases")
    assert again.code == 2 and "is there already; --force writes over it" in again.err
    (shop.folder / "cases" / files[1]).unlink()
    again = call("export", "last", "--format", "pytest", "--to", "cases")
    assert again.code == 2 and os.listdir(shop.folder / "cases") == files[:1]
    assert call("export", "last", "--format", "pytest", "--to", "cases", "--force").code == 0
    assert call("export", "last", "--format", "pytest").code == 0 and (shop.folder / files[1]).exists()
    assert call("export", "last", "--format", "pytest", "--to", "order.yaml").err == (
        "cannot write order.yaml: Not a directory\n"
    )
    headless = call("export", "last", "--format", "pytest", "--from", "2", "--to", "other")
    assert headless.code == 2 and "without its first event" in headless.err and not (shop.folder / "other").exists()


# Searching among events


def test_events_are_searched(shop: Shop, call: Caller, failed: str) -> None:
    def found(query: str, *options: str) -> list[int]:
        lines = call("events", "last", "--json", "--search", query, *options).out.splitlines()
        return [json.loads(line)["sequence"] for line in lines]

    assert found("insufficient type:step_failed") == [17]
    assert found("type:step_failed,path_failed") == [17, 19]
    assert found("step:Pack type:started") == [5, 6, 8]
    assert found("data.step_params.amount:>100 type:step_started") == [3, 15]
    assert found(r"/insufficient\\nfunds.*tele/") == [] and found(r"/insufficient\\nfunds/")[0] == 17
    assert found("type:failed", "--from", "18") == [19, 21]
    assert found("after:10ms -after:15ms seq:-15", "--type", "path_started") == [13, 14]
    table = call("events", "last", "--search", "insufficient step:*").out
    assert table.count("\n") == 2 and "step failed" in table


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("zebra", "{id} has no event there that fits 'zebra'; see all without --search"),
        ("/(/", "the regular expression /(/ cannot be used: unclosed group"),
        (
            "typ:x",
            "'typ' is no field of events (did you mean 'type'?); put the word in quotes to search for it as text",
        ),
    ],
)
def test_searches_that_find_nothing(shop: Shop, call: Caller, failed: str, query: str, sentence: str) -> None:
    assert call("events", "last", "--search", query) == (2, "", sentence.format(id=failed) + "\n")
