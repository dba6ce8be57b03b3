"""The tree of the state, the changes of an event, and the inspector around them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from dive_tui.app.glyphs import UNICODE
from dive_tui.widgets.changes_view import SHOWN, ChangesView
from dive_tui.widgets.events.event_sections import Context
from dive_tui.widgets.events.event_words import TimeFormat
from dive_tui.widgets.inspector import Inspector, Tab, open_places, state_tree
from dive_tui.widgets.json.json_rows import Lazy
from dive_tui.widgets.json.json_tree import JsonTree, Tree
from dive_tui.widgets.outline import Outline
from engine.replay.diffing.diff import Change, Differences, diff_values
from engine.replay.salvaged import UNREADABLE
from tests.screens.execution_app import lines_of, settle, text_of
from tests.screens.histories import HOSTILE, failed_order, history_of, long_loop
from tests.widgets.hosting import Host
from tests.widgets.samples import outlined

VALUE = {"status": "running", "cart": {"items": [1, 2], "total": 118.2}, "log": "line\n" * 40}


def tree(value: Any, before: Any = None, *places: tuple[Any, ...]) -> Tree:
    return Tree(value, value if before is None else before, frozenset(places))


async def test_a_tree_unfolds_and_folds_with_keys() -> None:
    view = JsonTree()
    app = Host(view)
    async with app.run_test(size=(60, 20)) as pilot:
        view.focus()
        view.show(lambda: tree(VALUE))
        await settle(pilot)
        assert [line.strip() for line in lines_of(view)[:3]] == [
            "▌    status  \"running\"",
            "▸ cart  {items: [1, 2], total: 118.2}",
            lines_of(view)[2].strip(),
        ]  # fmt: skip
        view.move_to(1)
        view.action_unfold()
        await settle(pilot)
        assert "▾ cart  {2 keys}" in lines_of(view)[1]
        view.action_unfold()
        assert view.current is not None
        assert view.current.address == "cart.items"
        view.action_unfold()
        await settle(pilot)
        assert "[0]  1" in text_of(view)
        view.action_bottom()
        view.action_fold()
        assert view.current.address == "log"
        view.move_to(3)
        assert view.current.address == "cart.items[0]"
        view.action_fold()
        assert view.current.address == "cart.items"
        view.action_fold()
        await settle(pilot)
        assert "[0]" not in text_of(view)
        view.action_fold()
        assert view.current.address == "cart"


async def test_what_was_opened_stays_open_when_the_value_changes() -> None:
    view = JsonTree()
    app = Host(view)
    async with app.run_test(size=(60, 20)) as pilot:
        view.show(lambda: tree(VALUE, None, ("cart",)))
        await settle(pilot)
        view.move_to(2)
        after = {**VALUE, "cart": {**VALUE["cart"], "total": 1}, "new": None}  # type: ignore[dict-item]
        view.show(lambda: tree(after, VALUE, ("cart",)))
        await settle(pilot)
        assert view.current is not None
        assert view.current.address == "cart.items"
        text = text_of(view)
        assert "~ ▾ cart" in text
        assert "~     total  1" in text
        assert "+   new  null" in text
        assert "~   status" not in text


async def test_a_huge_value_is_opened_part_by_part() -> None:
    view = JsonTree()
    async with Host(view).run_test(size=(60, 20)) as pilot:
        view.show(lambda: tree({"many": list(range(100_000))}))
        await settle(pilot)
        assert "[100,000 items]" in text_of(view)
        assert view.toggle()
        await settle(pilot)
        assert view.row_count == 11
        view.move_to(10)
        assert view.toggle()
        await settle(pilot)
        assert "90,000 – 90,099" in text_of(view)
        assert view.row_count == 111


async def test_what_cannot_be_shown_says_so() -> None:
    view = JsonTree()
    async with Host(view).run_test(size=(60, 20)) as pilot:

        def broken() -> Tree:
            raise ValueError("no state here")

        view.show(lambda: tree(VALUE))
        await settle(pilot)
        view.show(broken)
        await settle(pilot)
        assert "The state cannot be shown: ValueError: no state here" in text_of(view)
        assert not view.toggle()


async def test_only_the_latest_of_many_wishes_is_carried_out() -> None:
    view = JsonTree()
    made: list[int] = []
    gate = threading.Event()
    async with Host(view).run_test(size=(60, 20)) as pilot:

        def make(number: int) -> Tree:
            made.append(number)
            assert gate.wait(10)
            return tree({"number": number})

        for number in range(50):
            view.show(lambda number=number: make(number))  # type: ignore[misc]
            if number == 0:
                await pilot.pause()
        gate.set()
        await settle(pilot)
        assert made == [0, 49]
        assert "number  49" in text_of(view)


async def test_hostile_values_are_shown_safely() -> None:
    view = JsonTree()
    async with Host(view).run_test(size=(60, 20)) as pilot:
        view.show(lambda: tree({HOSTILE: HOSTILE, "x": [HOSTILE]}, None, (HOSTILE,), ("x",)))
        await settle(pilot)
        assert all(line.isprintable() for line in lines_of(view))


def changes(*found: Change) -> Differences:
    return Differences(list(found))


async def test_changes_stand_on_one_line_or_two() -> None:
    view = ChangesView()
    async with Host(view).run_test(size=(60, 20)) as pilot:
        found = changes(
            Change("steps.Pay.status", "changed", "running", "failed"),
            Change("steps.Pay.error", "added", None, {"type": "X"}),
            Change("paths.main.variables.a_rather_long_name", "changed", "a longer old value", "a longer new value"),
            Change("gone", "removed", 1, None),
            Change("cart[0]", "moved", "cart[2]", "cart[0]"),
        )
        view.show(lambda: found, "nothing")
        await settle(pilot)
        assert [line.strip("▌ ") for line in lines_of(view)[:6]] == [
            '~ steps.Pay.status  "running" → "failed"',
            '+ steps.Pay.error  {type: "X"}',
            "~ paths.main.variables.a_rather_long_name",
            '"a longer old value" → "a longer new value"',
            "- gone  1",
            '~ cart[0]  "cart[2]" → "cart[0]"',
        ]
        await pilot.resize_terminal(120, 20)
        await settle(pilot)
        assert lines_of(view)[2].strip().endswith('_name  "a longer old value" → "a longer new value"')


async def test_of_many_changes_the_first_are_listed_and_the_rest_counted() -> None:
    view = ChangesView()
    async with Host(view).run_test(size=(60, 20)) as pilot:
        view.show(lambda: diff_values({}, {f"k{n}": n for n in range(SHOWN + 312)}), "nothing")
        await settle(pilot)
        assert view.row_count == SHOWN + 1
        view.action_bottom()
        await settle(pilot)
        assert "and 312 more" in text_of(view)
        view.show(lambda: Differences([Change(f"k{n}", "added", None, n) for n in range(SHOWN + 1)], more=True), "")
        await settle(pilot)
        view.action_bottom()
        await settle(pilot)
        assert "and 1+ more" in text_of(view)
        view.show(lambda: changes(), "This event changed nothing.")
        await settle(pilot)
        assert "This event changed nothing." in text_of(view)


async def test_long_values_share_the_line() -> None:
    view = ChangesView()
    async with Host(view).run_test(size=(50, 10)) as pilot:
        view.show(lambda: changes(Change("text", "changed", "a" * 5000, "b" * 5000)), "")
        await settle(pilot)
        assert view.row_count == 2
        line = lines_of(view)[1]
        assert "aaa" in line
        assert "bbb" in line
        assert "→" in line


def shown(view: Inspector) -> Tab:
    return view.tab


async def test_the_inspector_opens_on_the_event_at_a_failure_else_on_the_changes() -> None:
    history = await history_of(*await failed_order())
    outline = Outline(history)
    outline.catch_up()
    view = Inspector()
    async with Host(view).run_test(size=(60, 20)) as pilot:
        context = Context(history, outline, UNICODE, TimeFormat.ELAPSED)
        view.show(context, 23)
        assert shown(view) == Tab.EVENT
        view.show(context, 22)
        assert shown(view) == Tab.CHANGES
        view.choose(Tab.STATE)
        view.show(context, 21)
        assert shown(view) == Tab.STATE
        await settle(pilot)
        assert "current_step" in text_of(view.state)
        assert view.why_not_fold() is None
        view.show(context, 23)
        assert shown(view) == Tab.STATE, "who looks at the state goes on looking at it"
        view.show(context, 22)
        assert shown(view) == Tab.STATE
        view.choose(Tab.CHANGES)
        view.show(context, 23)
        assert shown(view) == Tab.EVENT
        await settle(pilot)
        assert "insufficient funds" in text_of(view.event)
        assert "State" in (view.why_not_fold() or "")
        view.show(context, 5)
        await settle(pilot)
        assert "status" in text_of(view.changes)


async def test_where_the_state_is_not_known_none_is_shown_neither_as_a_tree_nor_as_text() -> None:
    events = long_loop(20)
    gap = {"problem": "it is damaged"}
    history, outline = outlined([*events[:9], events[9]._replace(event_type=UNREADABLE, data=gap), *events[10:]])
    view = Inspector()
    async with Host(view).run_test(size=(60, 20)) as pilot:
        context = Context(history, outline, UNICODE, TimeFormat.ELAPSED)
        view.choose(Tab.STATE)
        view.show(context, 9)
        await settle(pilot)
        assert "current_step" in text_of(view.state)
        view.action_raw_state()
        await settle(pilot)
        assert '"current_step"' in text_of(view.raw)
        view.show(context, 12)
        await settle(pilot)
        assert "event 10 cannot be read: it is damaged" in text_of(view.raw)
        assert '"current_step"' not in text_of(view.raw)
        view.action_raw_state()
        await settle(pilot)
        assert "event 10 cannot be read: it is damaged" in text_of(view.state)
        view.show(context, 8)
        await settle(pilot)
        assert "current_step" in text_of(view.state)


async def test_what_was_let_go_of_is_not_shown_when_it_comes_late() -> None:
    view, begun, go_on = JsonTree(), threading.Event(), threading.Event()

    def slow() -> Tree:
        begun.set()
        go_on.wait(10)
        return tree(VALUE)

    async with Host(view).run_test(size=(60, 20)) as pilot:
        view.show(slow)
        await asyncio.to_thread(begun.wait, 10)
        view.clear()
        go_on.set()
        await settle(pilot)
        assert view.row_count == 0
        view.show(lambda: tree(VALUE))
        await settle(pilot)
        assert view.row_count


async def test_the_state_holds_what_finished_but_looks_it_up_only_when_opened() -> None:
    history = await history_of(*await failed_order())
    shown = state_tree(history, 23)
    assert list(shown.value) == [
        "status", "inputs", "outputs", "error", "paths", "signals", "script_globals", "completed_steps",
    ]  # fmt: skip
    assert isinstance(shown.value["completed_steps"], Lazy)
    assert set(shown.value["completed_steps"].make()) == {"Validate", "Reserve Stock", "Notify"}
    assert set(state_tree(history, 4).value["completed_steps"].make()) == {"Validate"}
    assert shown.value["script_globals"].keys() == {"order", "reserved"}
    assert ("paths", "payment", "variables") in shown.open_places


def test_of_many_paths_only_the_one_of_the_event_is_open() -> None:
    history, _ = outlined(long_loop(20))
    value: dict[str, Any] = {"paths": {str(number): {} for number in range(9)}}
    places = open_places(value, history.event(5))
    assert ("paths", "main") in places
    assert ("paths", "3") not in places
