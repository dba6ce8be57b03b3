"""The timeline of an execution as rows of cells, for what cannot zoom: long stretches in which nothing ran are cut."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from dive_tui.app.text import display_text, fit
from dive_tui.exporting.formats import Scope
from engine.replay.history import History
from engine.replay.index import Attempt, PathRecord, UnitRecord

WORK, FAILED, WAIT, REST = "work", "failed", "wait", "rest"
"""What a cell of a unit shows: work, a failed try, a wait, the time between two tries."""
ALIVE, CUT, NOTHING = "alive", "cut", ""
"""Of a path the time it was there; in any row a stretch that was cut, or nothing."""
MOST_ROWS = 60
FEW_UNITS = 20
"""Up to so many units of a path each have a row of their own; of more, the visits of a step share one."""
_IDLE_SHARE, _IDLE_SECONDS = 0.25, 1.0
"""Stretches in which nothing ran are cut when they last longer than this share of the whole and so many seconds."""
_CUT_CELLS = 3
"""What is left of such a stretch; the one in the middle says that it was cut."""


class Bar(NamedTuple):
    """A row: a path, a unit of it, or all visits of one of its steps."""

    path: str
    step: str
    """Empty for the path itself."""
    status: str
    """Of several visits that of the last one."""
    seconds: float | None
    """How long it took, all visits together; None while it goes on."""
    cells: Sequence[str]
    visits: int = 1

    def label(self, cells: int) -> str:
        """Its name in so many cells, safe to show; units stand in from their path."""
        visits = f" ×{self.visits:,}" if self.visits > 1 else ""
        name = f"  {self.step}" if self.step else self.path
        return fit(display_text(name, max_cells=cells - len(visits)) + visits, cells)


Units = tuple[UnitRecord, ...]


def timeline(history: History, scope: Scope, width: int, most: int = MOST_ROWS) -> tuple[list[Bar], int]:
    """The rows, each with so many cells, and how many more there would be: those that matter least are left out."""
    drawing = _Drawing(history, scope, width)
    spans = list(drawing.spans())
    kept = _chosen(spans, most)
    scaled = drawing.scaled([unit for span in spans if isinstance(span, tuple) for unit in span])
    return [scaled.bar(span) for span in kept], len(spans) - len(kept)


def _chosen(spans: list[PathRecord | Units], most: int) -> list[PathRecord | Units]:
    """Paths first, then what went wrong, then what came first; in their order."""
    if len(spans) <= most:
        return spans

    def rank(place: int) -> tuple[bool, bool, int]:
        span = spans[place]
        went_well = all(one.status == "completed" for one in (span if isinstance(span, tuple) else (span,)))
        return went_well, isinstance(span, tuple), place

    return [spans[place] for place in sorted(sorted(range(len(spans)), key=rank)[:most])]


class _Drawing:
    def __init__(self, history: History, scope: Scope, width: int) -> None:
        self._columns = history.columns
        self._index = history.index
        self._first = scope.first
        self._last = len(history) if scope.last is None else min(scope.last, len(history))
        self._width = width
        self._times: list[float] = []
        self._places: list[float] = []
        self._cut: set[int] = set()

    def spans(self) -> Iterator[PathRecord | Units]:
        """Paths with their units, in order, as far as they are within the scope."""
        for path in self._index.paths.values():
            if self._within(path):
                yield path
                units = tuple(filter(self._within, path.units))
                yield from ((unit,) for unit in units) if len(units) <= FEW_UNITS else self._visits(units)

    def _visits(self, units: Units) -> Iterator[Units]:
        steps: dict[str, list[UnitRecord]] = {}
        for unit in units:
            steps.setdefault(unit.step, []).append(unit)
        return map(tuple, steps.values())

    def _within(self, span: PathRecord | UnitRecord) -> bool:
        return span.started_seq <= self._last and (span.ended_seq is None or span.ended_seq >= self._first)

    def scaled(self, units: Sequence[UnitRecord]) -> _Drawing:
        """Itself, with a scale that leaves out long stretches in which none of these units works."""
        start, end = self._columns.seconds(self._first), self._columns.seconds(self._last)
        whole = max(end - start, 1e-6)
        least = max(whole * _IDLE_SHARE, _IDLE_SECONDS)
        gaps = [gap for gap in self._gaps(units, start, end) if gap[1] - gap[0] > least]
        room = self._width - _CUT_CELLS * len(gaps)
        shown = max(whole - sum(until - since for since, until in gaps), 1e-6)
        self._times, self._places = [start], [0.0]
        for since, until in gaps:
            place = self._places[-1] + (since - self._times[-1]) / shown * room
            self._cut.add(min(int(place) + _CUT_CELLS // 2, self._width - 1))
            self._times += [since, until]
            self._places += [place, place + _CUT_CELLS]
        self._times.append(start + whole)
        self._places.append(float(self._width))
        return self

    def _gaps(self, units: Sequence[UnitRecord], start: float, end: float) -> Iterator[tuple[float, float]]:
        busy = sorted(stretch for unit in units for stretch in self._busy(unit))
        reached = start
        for since, until in busy:
            if since > reached:
                yield reached, since
            reached = max(reached, until)
        if end > reached:
            yield reached, end

    def _busy(self, unit: UnitRecord) -> Iterator[tuple[float, float]]:
        if unit.items is not None:
            yield self._time(unit.started_seq), self._time(unit.ended_seq)
        else:
            for attempt in unit.attempts:
                until = attempt.waiting_seq if attempt.waiting_seq is not None else attempt.ended_seq
                yield self._time(attempt.started_seq), self._time(until)

    def _time(self, sequence: int | None) -> float:
        return self._columns.seconds(self._last if sequence is None else min(sequence, self._last))

    def _cell(self, sequence: int | None) -> float:
        time = self._time(sequence)
        at = min(max(bisect_right(self._times, time) - 1, 0), len(self._times) - 2)
        length = self._times[at + 1] - self._times[at]
        share = min(1.0, max(0.0, (time - self._times[at]) / length)) if length > 0 else 0.0
        return self._places[at] + share * (self._places[at + 1] - self._places[at])

    def bar(self, span: PathRecord | Units) -> Bar:
        """The row of a path, a unit, or several visits of a step."""
        cells = [NOTHING] * self._width
        if isinstance(span, PathRecord):
            self._fill(cells, ALIVE, span.started_seq, span.ended_seq)
            return self._row(span.id, "", (span,), cells)
        # What failed is drawn last: among many visits it must not be drawn over.
        for unit in sorted(span, key=lambda unit: unit.status_at(self._last) == "failed"):
            self._draw_unit(cells, unit)
        return self._row(span[0].path, span[0].step, span, cells)

    def _row(self, path: str, step: str, spans: Sequence[PathRecord | UnitRecord], cells: list[str]) -> Bar:
        for cell in self._cut:
            cells[cell] = cells[cell] if cells[cell] in (WORK, FAILED) else CUT
        ended = [span.ended_by(self._last) for span in spans]
        seconds = sum(self._time(end) - self._time(span.started_seq) for span, end in zip(spans, ended, strict=True))
        status = spans[-1].status_at(self._last)
        return Bar(path, step, status, None if ended[-1] is None else seconds, cells, len(spans))

    def _draw_unit(self, cells: list[str], unit: UnitRecord) -> None:
        if unit.items is None and unit.attempts:
            for attempt, following in pairwise([*unit.attempts, None]):
                self._draw_attempt(cells, attempt, following)
            return
        end = self._fill(cells, WORK, unit.started_seq, unit.ended_seq)
        if unit.status_at(self._last) == "failed":
            cells[end - 1] = FAILED

    def _draw_attempt(self, cells: list[str], attempt: Attempt | None, following: Attempt | None) -> None:
        if attempt is None or attempt.started_seq > self._last:
            return
        failed = attempt.status_at(self._last) == "failed"
        if following is not None and attempt.ended_seq is not None:
            self._fill(cells, REST, attempt.ended_seq, following.started_seq)
        self._fill(cells, FAILED if failed else WORK, attempt.started_seq, attempt.ended_seq)
        if attempt.waiting_seq is not None:
            self._fill(cells, WAIT, attempt.waiting_seq, attempt.ended_seq)

    def _fill(self, cells: list[str], kind: str, first: int, last: int | None) -> int:
        """Fill the cells from one event to another, at least one; the cell behind them."""
        start = min(int(self._cell(first)), self._width - 1)
        end = max(start + 1, min(round(self._cell(last)), self._width))
        cells[start:end] = [kind] * (end - start)
        return end
