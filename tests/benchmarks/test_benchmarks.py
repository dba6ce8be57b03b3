from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.histories import FORK_EVENTS, forked_history
from benchmarks.places import tmpfs
from benchmarks.report import merged, ratio
from benchmarks.running import loop, run, write_again
from engine.core.decide import CommandKind, decide
from engine.core.program import program_from_recorded
from engine.core.reduce import fold, initial_state
from stores.file.store import FileExecutionEventStore


def test_a_renewed_part_replaces_the_old_one_and_the_others_stay() -> None:
    old = "# Results\n\nanything\n\n## earlier\n\nby hand\n\n## many\n\nold\n\n## steps\n\nold steps\n"

    new = merged(old, {"many": "## many\n\nnew", "core": "## core\n\nadded"}, ("steps", "many", "core"))

    assert new.startswith("# Results\n\nWritten by")
    parts = [part.strip() for part in new.split("## ")[1:]]
    assert parts == ["steps\n\nold steps", "many\n\nnew", "core\n\nadded", "earlier\n\nby hand"]
    assert merged(new, {}, ("steps", "many", "core")) == new


def test_ratios_compare_rounds_that_were_taken_together() -> None:
    assert ratio([1.0, 20.0, 3.0], [2.0, 10.0, 3.0]) == "1.00"


def test_a_forked_history_keeps_its_paths_open() -> None:
    events = list(forked_history(3, 2))
    opening = events[: FORK_EVENTS + 3]

    state = fold(initial_state("exec_forked"), opening)

    assert sorted(state.paths) == ["p0", "p1", "p2"]
    assert len(events) == len(opening) + 2 * 2 * 3
    program = program_from_recorded(events[0].data["workflow"])
    for event in events:
        event.validate()
    assert [command.kind for command in decide(program, fold(state, events[len(opening) :]))] == [CommandKind.START] * 3


def test_the_probe_writes_the_same_bytes_in_the_same_commits() -> None:
    with tmpfs() as folder:
        timing = run(FileExecutionEventStore(folder, create=True, offload=False), loop(5), executions=2)
        write_again(folder, timing.commits, sync=False)

        names = {commit.execution_id for commit in timing.commits}
        assert len(names) == 2
        for name in names:
            assert (folder / f"{name}.probe").read_bytes() == (folder / name / "events.jsonl").read_bytes()


def test_without_the_other_engines_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")

    with pytest.raises(SystemExit, match="make bench-peers"):
        peers.measure()


def test_a_forked_history_is_lazy() -> None:
    assert len(list(islice(forked_history(2, 10**9), 20))) == 20
