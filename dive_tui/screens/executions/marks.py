"""What a person does with the list of executions itself: marks, columns, and taking things out of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping

import orjson

from dive_tui.app.text import human_count
from dive_tui.app.user_state import Memory
from dive_tui.screens.taking_out import NoSourceError, Source, TakingOut
from dive_tui.widgets.dialogs.copy_menu import Offer
from dive_tui.widgets.executions_columns import BY_NAME
from dive_tui.widgets.executions_list import ExecutionsList, ListTime
from dive_tui.widgets.filter_bar import FilterBar
from engine.model.snapshot import ExecutionSummary
from engine.store import StoreError

_TWO = 2


class Marking(TakingOut):
    """The part of the screen that knows marks and columns."""

    _memory: Memory
    _summaries: Mapping[str, ExecutionSummary]

    @property
    def _list(self) -> ExecutionsList:
        return self.query_one(ExecutionsList)

    def _update(self) -> None:
        raise NotImplementedError

    # How the list was left

    def come_back(self) -> None:
        """Show the list as it was left."""
        state = self._memory.state
        self._list.choose_columns([name for name in state.columns if name in BY_NAME])
        if state.times in set(ListTime):
            self._list.set_time_form(ListTime(state.times))

    def save_memory(self) -> None:
        """Write down what is remembered."""
        self.run_worker(asyncio.to_thread(self._memory.save), group="remember", exit_on_error=False)

    def action_columns(self) -> None:
        """Ask for the columns and their order."""
        from dive_tui.widgets.dialogs.columns_dialog import ColumnsDialog

        def chosen(names: tuple[str, ...] | None) -> None:
            if names is None:
                return
            self._list.choose_columns(names)
            if self._memory.change(columns=names):
                self.save_memory()
            self._update()

        self.app.push_screen(ColumnsDialog(self._list.chosen), chosen)

    # Marks

    def marks_told(self) -> str:
        """How many are marked; empty when none is."""
        marked, seen = len(self._list.marked), self._list.marks_in_sight
        if not marked:
            return ""
        hidden = f" ({human_count(marked - seen)} not shown)" if seen != marked else ""
        return f"{human_count(marked)} marked{hidden}"

    def clear_marks(self) -> None:
        """Take all marks away."""
        self._list.marked.clear()
        self._list.refresh_rows()
        self._update()

    def why_not_mark(self) -> str | None:
        """Only an execution can be marked."""
        return None if self._list.current is not None else "There is no execution to mark."

    def action_mark(self) -> None:
        """Mark the execution under the cursor, or take its mark away."""
        self._list.toggle_mark()
        self._update()

    def why_not_mark_range(self) -> str | None:
        """A range begins at a mark that is in sight."""
        if self._list.marks_in_sight:
            return None
        return "A range goes from the last mark to the cursor, and no execution shown here is marked; space marks one."

    def action_mark_range(self) -> None:
        """Mark all from the last one marked to the cursor."""
        self._list.mark_range()
        self._update()

    # Comparing

    def _pair(self) -> tuple[str, str] | None:
        """The two executions to compare, the one that started first at the left; None where that is not decided."""
        ids = list(self._list.marked)
        current = self._list.current
        if len(ids) == 1 and current is not None:
            ids.append(current.id)
        if len(set(ids)) != _TWO:
            return None
        started = {each: (self._summaries[each].start_time, each) for each in ids}
        left, right = sorted(ids, key=started.__getitem__)
        return left, right

    def why_not_diff_marked(self) -> str | None:
        """There must be one, and no more than two can be marked."""
        marked = len(self._list.marked)
        if self._list.current is None:
            return "There is no execution to compare."
        if marked > _TWO:
            return f"{human_count(marked)} are marked, and two can be compared; esc takes the marks away."
        return None

    def action_diff_marked(self) -> None:
        """Compare the two marked; with one mark, that and the one here; with none, this one with its counterpart."""
        from dive_tui.screens.diff.opening import open_counterpart, open_diff

        current = self._list.current
        assert current is not None and self.steering is not None
        pair, option = self._pair(), self.steering.store_option
        if pair is None:
            open_counterpart(self._shell, self.steering.store, current, store_option=option)
        else:
            open_diff(self._shell, self.steering.store, *pair, store_option=option)

    # Taking out

    def copy_offers(self) -> list[Offer]:
        """The id, those of what is marked, and the commands that show the same."""
        current = self._list.current
        option = self.steering.store_option if self.steering is not None else ""
        offers = []
        if current is not None:
            offers.append(Offer("execution id", current.id))
        if marked := list(self._list.marked):
            offers.append(Offer(f"{human_count(len(marked))} marked ids", "\n".join(marked)))
        if current is not None:
            offers.append(Offer("summary as JSON", summary_json(current)))
            if current.error:
                offers.append(Offer("error", current.error))
            offers.append(Offer("command", f"dive-tui open {current.id}{option}"))
        query = self.query_one(FilterBar).text.strip()
        if query:
            offers.append(Offer("filter", query))
        if self._summaries:
            words = f" {shlex.quote(query)}" if query else ""
            offers.append(Offer("list as a command", f"dive-tui list{words}{option}"))
        return offers

    def reading_offers(self) -> list[Offer]:
        """The summary of the execution under the cursor."""
        current = self._list.current
        return [] if current is None else [Offer("execution.json", summary_json(current, indented=True))]

    async def export_source(self) -> Source:
        """The execution under the cursor, read as far as it can be."""
        from dive_tui.cli.problems import CommandError
        from dive_tui.cli.reading import read_execution

        current = self._list.current
        if current is None or self.steering is None:
            raise NoSourceError("There is no execution here that could be exported.")
        try:
            reading = await read_execution(self.steering.store, current.id)
        except (CommandError, StoreError) as problem:
            raise NoSourceError(str(problem)) from None
        return Source(reading.summary, reading.history, reading.damage)


def summary_json(summary: ExecutionSummary, *, indented: bool = False) -> str:
    """What the store knows of an execution, as JSON."""
    return orjson.dumps(summary.to_dict(), default=dict, option=orjson.OPT_INDENT_2 if indented else 0).decode()
