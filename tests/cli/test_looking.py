"""`show`, `events`, `logs` and `replay`: what was recorded, for people and for scripts."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from engine.replay.replayer import ExecutionReplayer
from tests.cli.histories import event, forge, in_store, record
from tests.cli.shop import Caller, Shop


@pytest.fixture
def failed(shop: Shop) -> str:
    """An order that completed and, after it, one that failed; the id of the latter."""
    return record(shop.store, 50, 118.5, labels={"team": "sales"})[-1]


def test_show_a_failure(shop: Shop, call: Caller, failed: str) -> None:
    ended = call("show", "last")
    assert ended.code == 0
    head, facts, *rest = ended.out.splitlines()
    assert head == f"✗ FAILED  order  {failed}"
    assert facts.endswith("21 events · 3 paths · team=sales")
    text = "\n".join(rest)
    assert "Inputs\n  amount  118.5\n" in text
    assert "Error\n  CardDeclinedError: insufficient\n  funds\n  histories.py:" in text
    assert "Traceback (most recent call last):" in text and 'raise CardDeclinedError("insufficient\\nfunds")' in text
    assert "pay     ✗ failed     main" in text
    assert "Charge Card  ✗ failed" in text and "CardDeclinedError: insufficient funds" in text
    assert "Pack         ✓ completed" in text and "2 items" in text
    sequence = call("events", "last", "--type", "step_failed", "--json").json["sequence"]
    assert f"step Charge Card · path pay · event {sequence}\n" in text
    assert rest[-1].startswith(f"Look: dive-tui open last@{sequence} · dive-tui replay last --to {sequence} · ")


def test_show_json(shop: Shop, call: Caller, failed: str) -> None:
    record_ = call("show", failed, "--json").json
    listed = call("list", "--limit", "1", "--json").json[0]
    assert {name: record_[name] for name in listed if name != "error"} == {
        name: value for name, value in listed.items() if name != "error"
    }
    assert record_["error"]["type"] == "CardDeclinedError" and record_["error"]["step"] == "Charge Card"
    assert record_["inputs"] == {"amount": 118.5} and record_["outputs"] is None
    assert set(record_["paths"]) == {"main", "pay", "thanks"}
    completed = call("show", "last-1", "--json").json
    assert completed["outputs"] == {"packed": ["LAMP", "BULB"]} and completed["error"] is None


def test_show_a_success(shop: Shop, call: Caller, failed: str) -> None:
    out = call("show", "last-1").out
    assert "✓ COMPLETED  order" in out and 'Outputs\n  packed  ["LAMP","BULB"]\n' in out and "Error" not in out


def test_events(shop: Shop, call: Caller, failed: str) -> None:
    header, *lines = call("events", failed).out.splitlines()
    assert header.split() == ["EVENT", "AFTER", "WHAT", "WHERE", "DETAIL"]
    assert len(lines) == 21
    assert [int(line.split()[0]) for line in lines] == list(range(1, 22))
    failure = next(line for line in lines if "step failed" in line)
    assert "✗ step failed" in failure and "pay › Charge Card" in failure
    assert failure.endswith("CardDeclinedError: insufficient funds")


def test_events_json_is_one_envelope_a_line(shop: Shop, call: Caller, failed: str) -> None:
    stored = [json.loads(line) for line in (shop.store / failed / "events.jsonl").read_text().splitlines()]
    for envelope in stored:
        del envelope["crc"]
    assert [json.loads(line) for line in call("events", failed, "--json").out.splitlines()] == stored
    part = call("events", failed, "--from", "3", "--to", "5", "--json").out.splitlines()
    assert [json.loads(line)["sequence"] for line in part] == [3, 4, 5]
    kinds = call("events", failed, "--type", "path_started,path_failed", "--json").out.splitlines()
    assert [json.loads(line)["event_type"] for line in kinds] == ["path_started"] * 3 + ["path_failed"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--from 0", "--from and --to are event numbers from 1, --to not before --from"),
        ("--from 5 --to 4", "--from and --to are event numbers from 1, --to not before --from"),
        ("--from 22", "{id} has no event 22; without --from all are shown"),
        ("--type step_faild", "there is no event type 'step_faild'; did you mean 'step_failed'?"),
        ("--type step_waiting", "{id} has no event of type step_waiting there; see all without --type"),
    ],
)
def test_events_that_are_not_there(shop: Shop, call: Caller, failed: str, options: str, sentence: str) -> None:
    assert call("events", "last", *options.split()) == (2, "", sentence.format(id=failed) + "\n")


def test_logs(shop: Shop, call: Caller, failed: str) -> None:
    out = call("logs", "last").out
    assert "main › Check  event 4\n  checking 118.5\n\n" in out
    assert "main › Pack  item 2  event 9\n  packing bulb\n" in out
    assert call("logs", "last", "Pack").out.count("packing") == 2
    assert call("logs", "last", "Charge Card").out == "Step 'Charge Card' printed nothing.\n"
    assert call("logs", "last", "Pakc").err == f"{failed} ran no step 'Pakc'; did you mean 'Pack'?\n"


def test_logs_json(shop: Shop, call: Caller, failed: str) -> None:
    entries = call("logs", "last", "--json").json
    assert entries[0] == {
        "step": "Check", "path": "main", "visit": 1, "attempt": 1, "log": "checking 118.5\n", "sequence": 4,
    }  # fmt: skip
    assert [entry["iteration"] for entry in entries if entry["step"] == "Pack"] == [0, 1]
    assert call("logs", "last", "Charge Card", "--json").json == []


def test_replay(shop: Shop, call: Caller, failed: str) -> None:
    out = call("replay", "last", "--to", "4").out
    assert out.startswith(f"● RUNNING  order  {failed}\nevent 4 of 21  ✓ step completed  main › Check\n")
    assert "\nPath main\n  ● running at Pack\n" in out
    assert '    valid  {"ok":true}\n' in out
    assert "What event 4 changed\n" in out and '+ paths.main.variables.valid  {"ok":true}' in out
    assert "~ paths.main.current_step" in out and '"Check" → "Pack"' in out
    assert out.endswith("Look: dive-tui replay last --to 3\n")
    assert call("replay", "last@4").out == out
    assert "✗ FAILED" in call("replay", "last").out


def test_replay_json_is_the_result(shop: Shop, call: Caller, failed: str) -> None:
    for sequence in (1, 7, 21):
        expected = in_store(
            shop.store, lambda store, at=sequence: ExecutionReplayer(store).replay_execution(failed, at)
        ).to_dict()
        assert call("replay", "last", "--to", str(sequence), "--json").json == expected
    assert call("replay", "last", "--json").json["sequence"] == 21


def test_replay_of_what_is_not_there(shop: Shop, call: Caller, failed: str) -> None:
    assert call("replay", "last", "--to", "22") == (2, "", f"{failed} has events 1 to 21; there is no event 22\n")
    assert call("replay", "last", "--to", "0").err == "--to must be an event number from 1, not 0\n"


@pytest.mark.parametrize("command", ["show", "events", "logs", "replay"])
@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("../x", "'../x' is not an execution id"),
        ("a/b", "'a/b' is not an execution id"),
        ("..", "'..' is not an execution id"),
        ("zzz", "no execution's id begins or ends with 'zzz'; dive-tui list shows them all"),
        ("last-7", "there are only 2 executions; last-7 is not among them"),
        ("owners", "'owners' cannot be an execution id"),
    ],
)
def test_executions_that_are_none(
    shop: Shop, call: Caller, failed: str, command: str, reference: str, sentence: str
) -> None:
    ended = call(command, reference)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(sentence) and ended.err.count("\n") == 1


def test_references(shop: Shop, call: Caller) -> None:
    ok, failed = record(shop.store, 50, 118)
    for reference in (failed, failed[-5:], f"…{failed[-5:]}", f"~{failed[-3:]}", "last", "last-0", "last-failed"):
        assert call("show", reference, "--json").json["id"] == failed
    assert call("show", "last-1", "--json").json["id"] == ok
    ambiguous = call("show", "exec_")
    assert ambiguous.code == 2
    assert ambiguous.err.splitlines() == [
        "'exec_' fits 2 executions; give more of the id:",
        f"  {failed}  order  failed  2026-03-01T09:15:02.{ambiguous.err.splitlines()[1].rpartition('.')[2]}",
        f"  {ok}  order  completed  2026-03-01T09:14:02.{ambiguous.err.splitlines()[2].rpartition('.')[2]}",
    ]


def test_empty_store_and_missing_store(shop: Shop, call: Caller) -> None:
    assert call("show", "last").code == 4
    record(shop.store, 1)
    for folder in shop.store.glob("exec_*"):
        shutil.rmtree(folder)
    assert call("show", "last") == (2, "", "the store holds no executions yet, run one first: dive-tui run FILE\n")


def damage(shop: Shop, execution_id: str, line: int) -> int:
    """Flip a bit in a line of a history, and forget the snapshot; the last event that can still be read."""
    file = shop.store / execution_id / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b'"timestamp":"2', b'"timestamp":"3')
    file.write_bytes(b"".join(lines))
    (shop.store / execution_id / "snapshot.json").unlink(missing_ok=True)
    return max((at for at in range(1, line) if b'.0"}' in lines[at - 1][-5:]), default=0)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_damaged_history_is_shown_as_far_as_it_goes(shop: Shop, call: Caller, failed: str, options: list[str]) -> None:
    whole = damage(shop, failed, 10)
    readable = 9  # the last before the damage; what was recorded together with it is there too
    shown = {name: call(name, failed, *options) for name in ("show", "events", "logs", "replay")}
    for ended in shown.values():
        assert ended.code == 4
        assert ended.out != "" and ended.err.count("\n") == 1 and "events.jsonl" in ended.err
        short = failed[-5:]
        assert ended.err.endswith(f"; dive-tui verify {short} tells more, dive-tui repair {short} saves the rest\n")
    if options:
        told = [json.loads(line) for line in shown["events"].out.splitlines()]
        assert [event["sequence"] for event in told] == list(range(1, 22))
        assert [event["sequence"] for event in told if event["event_type"] == "unreadable"] == [10]
        assert "its checksum does not match" in told[9]["data"]["problem"]
        assert shown["replay"].json["sequence"] == readable
        assert shown["show"].json["paths"]["main"]["current_step"] == "Pack"
        assert len(shown["logs"].json) == 4
    else:
        problem = re.search(r"events\.jsonl, byte \d+: its checksum does not match", shown["events"].err)
        assert problem is not None
        gap = f"event 10 cannot be read ({problem[0]}); what the 11 events after it changed is not known"
        assert f"event {readable} of 21 " in shown["replay"].out
        assert f"✗ damaged  {gap}" in shown["replay"].out
        said = shown["show"].out.splitlines()
        assert said[2] == f"✗ damaged  shown up to event {readable}; see: dive-tui verify {failed}"
        assert said[3] == f"  {gap}"
        rows = shown["events"].out.splitlines()[1:]
        assert [row.split()[0] for row in rows] == [str(sequence) for sequence in range(1, 22)]
        assert re.search(rf"^10 +\S+ +✗ unreadable +{re.escape(problem[0])}", rows[9].strip())
        assert "Go on:" not in shown["show"].out
    assert call("replay", failed, "--to", "5").code == 0
    assert call("events", failed, "--from", "3", "--to", str(whole)).code == 0
    listed = call("list")
    assert listed.code == 0 and "damaged" in listed.out


def test_item_that_failed_has_a_line_of_its_own(shop: Shop, call: Caller) -> None:
    assert call("run", "order.yaml", "-i", "amount=1", "-i", 'items=["lamp","broken","vase"]').code == 1
    steps = call("show", "last").out.partition("\nSteps\n")[2].splitlines()
    assert [line.split()[:3] for line in steps[1:4]] == [
        ["Validate", "✓", "completed"],
        ["Pack", "✗", "failed"],
        ["item", "2", "✗"],
    ]
    assert steps[2].endswith("1 of 3 items")
    assert steps[3].endswith("ValueError: cannot be packed")


def test_history_of_a_newer_version(shop: Shop, call: Caller) -> None:
    start = {"workflow_name": "w", "workflow": {"name": "w", "steps": []}, "workflow_hash": "h", "inputs": {}}
    forge(
        shop.store,
        event(1, "execution_started", **start, inputs_hash="h", engine_version="9"),
        event(2, "path_started", current_step="A"),
        event(3, "time_travelled", to="yesterday"),
    )
    events = call("events", "last")
    assert (events.code, events.err) == (0, "") and "time travelled" in events.out
    for command in ("show", "replay"):
        ended = call(command, "last")
        assert ended.code == 4 and ended.out
        assert "Go on:" not in ended.out and "damaged" not in ended.out
        assert ended.err == (
            "event 3 was written by a newer version of dive-tui; what is shown of later ones is incomplete\n"
        )
    assert call("replay", "last@2").code == 0


def test_damaged_history_is_not_driven(shop: Shop, call: Caller, failed: str) -> None:
    damage(shop, failed, 10)
    before = (shop.store / failed / "events.jsonl").read_bytes()
    for typed in (["recover", failed], ["pause", failed], ["cancel", failed]):
        ended = call(*typed)
        assert (ended.code, ended.out) == (4, "")
        assert "events.jsonl" in ended.err and ended.err.count("\n") == 1
        assert ended.err.count("dive-tui repair") == 1
    assert (shop.store / failed / "events.jsonl").read_bytes() == before


def test_history_damaged_from_the_start(shop: Shop, call: Caller, failed: str) -> None:
    damage(shop, failed, 1)
    for name in ("show", "events", "logs", "replay"):
        ended = call(name, failed)
        assert (ended.code, ended.err.count("\n")) == (4, 1)
        assert ended.err.count(f"dive-tui repair {failed[-5:]} saves the rest") == 1
    assert call("list").code == 0
