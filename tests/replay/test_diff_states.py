"""States of one history compared, and which events made the differences, against reading every state there is."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.replay.addressing.addresses import Address, descend, resolve
from engine.replay.diffing.diff import Change
from engine.replay.diffing.explain import explain
from engine.replay.diffing.states import comparable_view, diff_states
from engine.replay.history import History
from engine.replay.view import full_view
from tests.lifecycle.driven import drive
from tests.lifecycle.generated import definitions
from tests.replay.golden_runs import RUNS, recorded
from tests.replay.patching import canonical, patched


async def history_of(name: str) -> History:
    store, execution_id = await recorded(RUNS[name])
    return History(execution_id, await store.get_event_history(execution_id))


def brute_force(views: list[dict[str, Any]], change: Change, before: int, after: int) -> int | None:
    """The last event after one and up to another that changed what is at the address of a change."""
    found = [str(descend(view, change.keys)) for view in views]
    return max((at for at in range(before + 1, after + 1) if found[at] != found[at - 1]), default=None)


@given(definitions(), st.data())
def test_each_difference_is_explained_by_the_last_event_that_changed_the_value(
    definition: dict[str, Any], data: st.DataObject
) -> None:
    ran = drive(definition)
    history = History(ran.result.id, ran.events)
    last = len(history)
    after = data.draw(st.integers(1, last))
    before = data.draw(st.integers(max(0, after - 30), after))
    views = [orjson.loads(orjson.dumps(comparable_view(history, at))) for at in range(after + 1)]
    differences = diff_states(history, before, after)
    assert canonical(patched(views[before], differences.to_patch())) == canonical(views[after])
    for change, by in explain(history, differences.changes, after, before):
        assert by is not None and before < by <= after
        if not any(isinstance(key, int) for key in change.keys):
            assert by == brute_force(views, change, before, after), change.address


@pytest.mark.parametrize("name", RUNS)
async def test_what_differs_can_be_looked_up_at_its_address(name: str) -> None:
    history = await history_of(name)
    for before, after in itertools.pairwise([*range(0, len(history), 3), len(history)]):
        view = full_view(history, after)
        for change in diff_states(history, before, after).changes:
            first = change.keys[0]
            if change.kind in ("added", "changed") and "items" not in change.keys and change.keys[:1] != ("steps",):
                assert resolve(view, Address(change.keys)) == change.new, first
            elif change.kind == "changed" and len(change.keys) == 3 and first == "steps" and change.keys[2] != "status":
                assert resolve(view, Address(change.keys)) == change.new, change


async def test_a_loop_and_its_latest_visit() -> None:
    history = await history_of("loop")
    starts = [event.sequence for event in history if event.event_type == "step_started"]
    changes = diff_states(history, starts[0] + 1, starts[2]).changes
    assert [(c.address, c.old, c.new) for c in changes if c.address.startswith("steps")] == [
        ("steps.Count.visit", 1, 3),
        ("steps.Count.status", "completed", "running"),
        ("steps.Count.output", 1, None),
    ]
    by = {explained.change.address: explained.by for explained in explain(history, changes, starts[2], starts[0] + 1)}
    assert by["steps.Count.visit"] == by["steps.Count.status"] == starts[2]
    assert by["paths.main.variables.n"] == starts[2] - 1


async def test_items_of_an_each_are_told_one_by_one() -> None:
    history = await history_of("failing")
    ends = [
        event.sequence for event in history if event.event_type == "step_completed" and event.step_name == "Measure"
    ]
    changes = diff_states(history, ends[0], ends[1]).changes
    assert 'steps.Measure.items["1"]' in " ".join(change.address for change in changes)
    assert not any(change.address == "steps.Measure.output" for change in changes)
    (whole,) = explain(history, [Change("steps.Measure", "added", None, {}, ("steps", "Measure"))], ends[1])
    assert whole.by == ends[1]


async def test_backwards_is_the_same_the_other_way_round() -> None:
    history = await history_of("waiting")
    there, back = diff_states(history, 4, 12), diff_states(history, 12, 4)
    assert {(c.address, str(c.old), str(c.new)) for c in there.changes if c.kind == "changed"} == {
        (c.address, str(c.new), str(c.old)) for c in back.changes if c.kind == "changed"
    }
    assert diff_states(history, 7, 7).equal
    assert diff_states(history, 0, 4, limit=1).more


async def test_what_no_event_made_is_not_explained() -> None:
    history = await history_of("loop")
    elsewhere = Change("state.paths", "changed", 1, 2, ("state", "paths"))
    missing = Change("paths.ghost", "removed", 1, None, ("paths", "ghost"))
    nothing = Change("", "changed", 1, 2)
    assert [explained.by for explained in explain(history, [elsewhere, missing, nothing], len(history))] == [None] * 3
    status = Change("status", "changed", "pending", "running", ("status",))
    (explained,) = explain(history, [status], 3)
    assert explained.to_dict() == {"address": "status", "kind": "changed", "old": "pending", "new": "running", "by": 2}
    assert explain(history, [status], 3, after=2)[0].by is None


def test_members_of_lists_are_explained_by_who_changed_their_place() -> None:
    scripts = {
        "A": "[{'id': 1, 'n': 0}, {'id': 2, 'n': 0}]",
        "B": "[{'id': 2, 'n': 0}, {'id': 1, 'n': 0}, {'id': 3, 'n': 1}]",
        "C": "[{'id': 2, 'n': 0}, {'id': 1, 'n': 7}, {'id': 3, 'n': 1}]",
        "D": "[{'id': 4}, {'id': 2, 'n': 0}, {'id': 3, 'n': 1}]",
        "E": "[{'id': 4}, {'id': 2, 'n': 0}, {'id': 3, 'n': 1}]",
    }
    steps = [{"name": name, "script": script, "store": "rows"} for name, script in scripts.items()]
    ran = drive({"name": "lists", "steps": steps}, inputs={})
    history = History(ran.result.id, ran.events)
    a, b, c, d, e = (event.sequence for event in history if event.event_type == "step_completed")

    def told(before: int, after: int) -> set[tuple[str, str, int | None]]:
        changes = [change for change in diff_states(history, before, after).changes if "rows" in change.keys]
        explained = explain(history, changes, after, before)
        return {(one.change.kind, one.change.address.partition("rows")[2], one.by) for one in explained}

    assert told(a, c) == {("moved", "[0]", b), ("changed", "[1].n", c), ("added", "[2]", b)}
    assert told(c, e) == {("added", "[0]", d), ("removed", "[1]", d)}


async def test_what_only_changed_places_is_explained_by_who_wrote_the_list() -> None:
    history = await history_of("loop")
    last = len(history)
    wrote = [event.sequence for event in history if event.event_type == "step_completed"][-1]
    moved = Change("", "moved", "", "", ("paths", "main", "variables", "n", 0))
    assert explain(history, [moved], last, 0)[0].by == wrote
