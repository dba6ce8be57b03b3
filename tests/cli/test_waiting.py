"""Executions that wait: what `run` says of them, what others say, and the messages that let them go on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from dive_tui.cli.waits import time_until, until, wait_words
from engine.model.times import format_time
from tests.cli.shop import Caller, Shop
from tests.cli.waiting import furnish

SIGNAL = """dive-tui signal last approve --data '{"ok": true}'"""


@pytest.fixture(autouse=True)
def _furnished(shop: Shop) -> None:
    furnish(shop)


def short(call: Caller, reference: str = "last") -> str:
    found: str = call("show", reference, "--json").json["id"]
    return found[-5:]


def test_run_leaves_what_waits_and_says_how_it_goes_on(call: Caller) -> None:
    ended = call("run", "approval.yaml")
    assert ended.code == 3
    lines = ended.out.splitlines()
    assert re.fullmatch(r"◔ Approve  waiting: signal approve until \S+( \S+)? \(in 2 h\)", lines[1])
    assert lines[3].startswith("◔ waiting  approval · …")
    assert re.fullmatch(r"  Approve  signal approve  until \S+( \S+)? \(in 2 h\)", lines[4])
    assert lines[5:] == [
        f"Go on: {SIGNAL}",
        " then: dive-tui recover last",
        "Look: dive-tui open last · dive-tui events last",
    ]


def test_json_of_a_run_that_waits(shop: Shop) -> None:
    ended = shop.process("run", "approval.yaml", "--json")
    record = ended.json
    assert (ended.code, record["status"], record["waiting_for"]) == (3, "waiting", "signal approve")
    assert record["paths"]["main"]["waiting_for"]["topic"] == "approve"
    assert record["wake_at"] == record["paths"]["main"]["waiting_for"]["due_at"]


def test_run_stays_when_it_goes_on_soon(shop: Shop, call: Caller) -> None:
    shop.write("short.yaml", "name: short\nsteps: [{name: Nap, sleep: 50ms}]\n")
    assert call("run", "short.yaml").code == 0
    assert call("run", "short.yaml", "--linger", "0s").code == 3
    assert call("run", "short.yaml", "--linger", "soon") == (
        2, "", "--linger: 'soon' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds\n",
    )  # fmt: skip


def test_list_and_show_tell_what_it_waits_for(call: Caller) -> None:
    call("run", "approval.yaml")
    heading, row = call("list").out.splitlines()
    assert "WAITS FOR" in heading and row.endswith("signal approve, in 2 h")
    shown = call("show", "last").out
    assert "at Approve" in shown
    assert re.search(r"Waits for\n  STEP +WHAT +UNTIL\n  Approve  signal approve  \S+( \S+)? \(in 2 h\)\n", shown)
    assert f"\nGo on: {SIGNAL}\n then: dive-tui recover last\nLook: dive-tui open last" in shown
    replayed = call("replay", "last").out
    assert "◔ waiting at Approve  signal approve until " in replayed


def test_signal_and_recover(call: Caller) -> None:
    call("run", "approval.yaml")
    ending = short(call)
    sent = call("signal", "last", "approve", "--data", '{"by": "me"}')
    assert (sent.code, sent.err) == (0, "")
    assert sent.out.splitlines() == [
        f"Sent signal approve to approval …{ending}. Nobody drives it now; the message waits for a runner.",
        f"Go on: dive-tui recover {ending}",
    ]
    shown = call("show", "last").out
    assert re.search(r'Messages\n.*\n  approve  not received yet  \{"by":"me"\}\n', shown)
    assert "\nGo on: dive-tui recover last\nLook" in shown
    went_on = call("recover", "last")
    assert went_on.code == 0
    lines = went_on.out.splitlines()
    assert lines[0] == '◆ signal approve  {"by":"me"}'
    assert lines[1].startswith("✓ Approve  ")
    assert '  answer  {"by":"me"}' in lines
    assert "Ask" not in went_on.out, "what had completed does not run again"


def test_work_drives_what_is_due_once(call: Caller) -> None:
    call("run", "approval.yaml")
    assert call("work", "--once") == (0, "Nothing was due.\n", "")
    call("signal", "last", "approve")
    ending = short(call)
    assert call("work", "--once") == (0, f"✓ completed  approval …{ending}\n", "")
    assert call("show", "last", "--json").json["outputs"] == {"answer": None}


def test_work_without_its_actions(shop: Shop, call: Caller) -> None:
    call("run", "nap.yaml")
    call("wake", "last")
    ending = short(call)
    shop.write("pyproject.toml", '[tool.dive]\nstore = ".dive"\n')
    ended = shop.process("work", "--once")
    assert ended.code == 1
    assert ended.out == (
        f"! not driven  nap …{ending}  there is no action 'say'  where it belongs: dive-tui recover {ending}\n"
    )
    refused = shop.process("recover", "last")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == f"there is no action 'say'; the actions here are those of {shop.folder}\n"
    assert shop.process("list", "--json").json[0]["status"] == "waiting"


def test_mistyped_topic_is_told(call: Caller) -> None:
    call("run", "approval.yaml")
    ended = call("signal", "last", "aprove")
    assert ended.code == 0
    assert "It waits for approve; 'aprove' is kept until a step asks for it; did you mean 'approve'?" in ended.out
    call("signal", "last", "approve")
    call("recover")
    kept = [signal["topic"] for signal in call("replay", "last", "--json").json["signals"]]
    assert kept == ["aprove"]
    assert "Signals\n  aprove (message 1)  null\n" in call("replay", "last").out
    assert re.search(r"Messages\n.*\n  aprove  no step has asked for it  null\n", call("show", "last").out)


def test_same_id_is_the_same_signal(call: Caller) -> None:
    call("run", "approval.yaml")
    for _ in range(2):
        assert call("signal", "last", "approve", "--id", "mail-17").code == 0
    call("recover")
    received = call("events", "last", "--type", "signal_received", "--json")
    assert received.json["data"]["signal_id"] == "signal_mail-17"
    assert received.json["data"]["sender"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("yes", "; for text: --data '\"yes\"'"),
        ("{", "--data is not JSON ("),
        ("@none.json", "none.json: there is no such file"),
        ("@bad.json", "bad.json is not JSON ("),
    ],
)
def test_data_that_is_no_json(shop: Shop, call: Caller, data: str, sentence: str) -> None:
    call("run", "approval.yaml")
    shop.write("bad.json", "{]")
    ended = call("signal", "last", "approve", "--data", data)
    assert (ended.code, ended.out) == (2, "")
    assert sentence in ended.err and ended.err.count("\n") == 1


def test_data_from_a_file(shop: Shop, call: Caller) -> None:
    call("run", "approval.yaml")
    shop.write("answer.json", '{"n": [1, 2]}')
    assert call("signal", "last", "approve", "--data", "@answer.json").code == 0
    assert '  answer  {"n":[1,2]}' in call("recover").out


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["signal", "last", "$pause"], "a topic must not begin with '$', as '$pause' does"),
        (["signal", "last", "x" * 201], "the signal cannot be sent: a topic must not be longer than 200 characters"),
        (["signal", "last", ""], "the signal cannot be sent: a signal needs a topic, and nothing else has one"),
        (["signal", "last", "a", "--id", "ö"], "the signal cannot be sent: 'signal_ö' is not the id of a signal"),
        (["resume", "last"], "is not paused"),
        (["signal", "last"], "dive-tui signal needs TOPIC; see: dive-tui signal --help"),
        (["wake", "nobody"], "no execution's id begins or ends with 'nobody'; dive-tui list shows them all"),
        (["recover", "last", "--all"], "--all and last exclude each other; give one of them"),
        (["recover", "--all", "--take-over"], "--all and --take-over exclude each other; give one of them"),
    ],
)
def test_what_is_refused(call: Caller, typed: list[str], sentence: str) -> None:
    call("run", "approval.yaml")
    ended = call(*typed)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith(sentence + "\n") and ended.err.count("\n") == 1
    assert call("show", "last", "--json").json["last_event_seq"] == 6


def test_ended_executions_take_no_messages(call: Caller) -> None:
    call("run", "order.yaml", "-i", "amount=1")
    ending = short(call)
    for command in ("pause", "resume", "cancel", "wake"):
        assert call(command, "last") == (
            2, "", f"execution …{ending} is completed: it takes no messages; see: dive-tui show {ending}\n",
        )  # fmt: skip
    assert call("signal", "last", "x").code == 2
    assert call("recover", "last") == (
        2, "", f"execution …{ending} is completed: nothing of it is left to run; see: dive-tui show {ending}\n",
    )  # fmt: skip


@pytest.mark.parametrize("typed", ["signal last x", "pause last", "resume last", "cancel last", "wake last"])
def test_messages_make_no_store(shop: Shop, call: Caller, typed: str) -> None:
    ended = call(*typed.split())
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("there is no store at ")
    assert call("recover").code == call("work", "--once").code == 4
    assert not shop.store.exists()


def test_pause_and_resume(call: Caller) -> None:
    call("run", "nap.yaml")
    ending = short(call)
    paused = call("pause", "last", "--reason", "lunch")
    assert paused == (0, f"‖ paused  nap …{ending}\nGo on: dive-tui resume {ending}\n", "")
    assert call("pause", "last") == (2, "", f"execution …{ending} is paused already\n")
    recorded = call("events", "last", "--type", "execution_paused", "--json").json["data"]
    assert recorded["reason"] == "lunch" and recorded["by"]
    left = call("recover", "last")
    assert left.code == 3
    assert (
        "‖ paused  nap · " in left.out and "\nGo on: dive-tui resume last\n then: dive-tui recover last\n" in left.out
    )
    assert call("resume", "last").code == 0
    assert "Go on: dive-tui recover last\n" in call("show", "last").out.replace("dive-tui wake last\n then: ", "")
    assert call("wake", "last").code == 0
    went_on = call("recover", "last")
    assert went_on.code == 0
    assert went_on.out.splitlines()[0].startswith("▸ resumed by ")
    assert went_on.err == "awake\n"


def test_cancel_of_what_nobody_drives_takes_effect_at_once(call: Caller) -> None:
    call("run", "nap.yaml")
    ending = short(call)
    assert call("cancel", "last", "--reason", "enough") == (0, f"⊘ cancelled  nap …{ending}\n", "")
    last = call("events", "last", "--type", "execution_cancelled", "--json").json["data"]
    assert last["reason"] == "enough"
    assert call("show", "last", "--json").json["status"] == "cancelled"


def test_hints_name_the_store(shop: Shop, call: Caller) -> None:
    ended = call("run", "nap.yaml", "--store", "s")
    assert "Go on: dive-tui wake last --store s\n then: dive-tui recover last --store s\n" in ended.out
    sent = call("wake", "last", "--store", "s")
    assert sent.out.endswith(" --store s\n")


def test_times_in_words() -> None:
    now = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    for seconds, words in (
        (-5, "now"), (0, "now"), (0.2, "in 1 s"), (89, "in 89 s"), (240, "in 4 min"), (5400, "in 2 h"),
        (10_800, "in 3 h"), (2 * 86_400, "in 2 days"), (4000 * 86_400, "in 4,000 days"),
    ):  # fmt: skip
        assert time_until(format_time(now + timedelta(seconds=seconds)), now) == words
    assert time_until("whenever", now) == "whenever"
    assert until(None, now) == ""


def test_waits_in_words() -> None:
    assert wait_words({"for": "join", "join": {"fork": 3, "paths": ["a", "b"], "count": 2}}) == "join of a, b"
    assert wait_words({"for": "join", "join": {"fork": 3, "paths": ["a", "b"], "count": 1}}) == "join of 1 of a, b"
    assert wait_words({"for": "child", "child_id": "exec_00000k3rg2"}) == "child …k3rg2"
    assert wait_words({"for": "sleep"}) == "sleep"


def test_recover_uses_the_project_it_was_run_in(
    shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    call("run", "nap.yaml")
    call("wake", "last")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    ended = call("recover", "last", "--store", str(shop.store))
    assert (ended.code, ended.err) == (0, "awake\n")
    monkeypatch.chdir(shop.folder)
    call("run", "nap.yaml")
    call("wake", "last")
    (elsewhere / "dive.toml").write_text("")
    monkeypatch.chdir(elsewhere)
    refused = call("recover", "last", "--store", str(shop.store))
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"there is no action 'say'; the actions here are those of {elsewhere}, "
        f"but it was run in {shop.folder}: recover it there\n"
    )
