"""Looking after a store: verifying, repairing and copying it, in a thread with a loop and a store of its own.

It is work on data; no code of a workflow runs. The loop of the screens stays free, and what is read again and again
there is not held up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final, NamedTuple, Protocol

from textual.message import Message

from dive_tui.app.text import human_count
from dive_tui.app.trouble import without_commands
from engine.store import ExecutionEventStore, StoreError
from stores.location import open_store
from stores.maintenance import Finding, Kind, Maintainable, Progress

INTERVAL = 0.05
"""Least seconds between two tellings of how far it is."""
_BY_WEIGHT: tuple[Kind, ...] = ("damaged", "torn", "unsafe", "foreign", "stale")


class ReportLine(NamedTuple):
    """One thing that was found, mended or copied."""

    word: str
    """A kind of finding, `mended`, or what became of a copied execution."""
    execution_id: str
    place: str
    problem: str
    more: str = ""
    """What a repair does about it, or has done."""


class Report(NamedTuple):
    """What came out of some work."""

    sentence: str
    lines: tuple[ReportLine, ...]
    fine: bool
    """Whether nothing is wrong (any more)."""


class Tell(Protocol):
    """Like `Progress`, and with what is counted: a phase of the work with its unit."""

    def __call__(self, done: int, total: int, what: str, phase: str = "", /) -> None:
        """So much is done."""


Work = Callable[[Tell], Awaitable[Report]]


class WorkProgressed(Message):
    """So much is done, of so much; what is being looked at; and the phase, in the words of its unit."""

    def __init__(self, done: int, total: int, what: str, phase: str = "") -> None:
        super().__init__()
        self.done: Final = done
        self.total: Final = total
        self.what: Final = what
        self.phase: Final = phase

    def can_replace(self, message: Message) -> bool:
        """Only the latest counts."""
        return isinstance(message, WorkProgressed)


class WorkEnded(Message):
    """The work is over: with a report, or with a problem in a sentence, or (neither) stopped."""

    def __init__(self, report: Report | None, problem: str = "") -> None:
        super().__init__()
        self.report: Final = report
        self.problem: Final = problem


class _StoppedError(Exception):
    """A person asked for it."""


class Job:
    """Work in a thread of its own; posts `WorkProgressed` and in the end one `WorkEnded`."""

    def __init__(self, work: Work, post: Callable[[Message], object]) -> None:
        self._work = work
        self._post = post
        self._stop = threading.Event()
        self._told = 0.0
        # A daemon: leaving the app does not wait for it. What is cut short then is as after any crash.
        self._thread = threading.Thread(target=self._run, daemon=True, name="dive-maintenance")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Have it end at the next moment at which it tells how far it is."""
        self._stop.set()

    def _run(self) -> None:
        try:
            ended = WorkEnded(asyncio.run(self._carried_out()))
        except _StoppedError:
            ended = WorkEnded(None)
        except Exception as error:  # a store made up by somebody can fail in any way, and the screen must not wait
            plain = isinstance(error, StoreError | ValueError | OSError) and str(error)
            ended = WorkEnded(None, without_commands(str(error)) if plain else f"{type(error).__name__}: {error}")
        self._post(ended)

    async def _carried_out(self) -> Report:
        return await self._work(self._progress)

    def _progress(self, done: int, total: int, what: str, phase: str = "") -> None:
        if self._stop.is_set():
            raise _StoppedError
        now = time.monotonic()
        if now - self._told >= INTERVAL:
            self._told = now
            self._post(WorkProgressed(done, total, what, phase))


@asynccontextmanager
async def _opened(location: str, *, create: bool = False) -> AsyncIterator[ExecutionEventStore]:
    store = open_store(location, create=create, offload=False)
    try:
        yield store
    finally:
        await store.close()


class _Phases:
    """Tells counts together with what is counted: phases follow each other, and each begins to count anew."""

    def __init__(self, tell: Tell, *names: str) -> None:
        self._tell = tell
        self._names = list(names)
        self._done, self._total = 0, 0

    def __call__(self, done: int, total: int, what: str) -> None:
        """A `Progress`."""
        anew = done < self._done or (self._total and total != self._total)
        if anew and len(self._names) > 1:
            del self._names[0]
        self._done, self._total = done, total
        self._tell(done, total, what, self._names[0])


def _phases(store: ExecutionEventStore, tell: Tell, *before: str) -> Progress:
    """The phases of verifying, after others."""
    files = ("files: execution",) if isinstance(store, Maintainable) else ()
    return _Phases(tell, *before, *files, "histories: event")


def verifying(location: str, execution_id: str | None) -> Work:
    """Work that verifies a store, or one execution of it."""

    async def work(tell: Tell) -> Report:
        from stores.verifying import verify

        async with _opened(location) as store:
            findings = await verify(store, execution_id, _phases(store, tell))
            whole = "" if findings else await _whole(store, execution_id)
        return Report(whole or _found(findings), _lines(findings), not findings)

    return work


def repairing(location: str, execution_id: str | None) -> Work:
    """Work that repairs a store, or one execution of it."""

    async def work(tell: Tell) -> Report:
        from stores.verifying import repair

        async with _opened(location) as store:
            mended, remaining = await repair(store, execution_id, _phases(store, tell, "repair: execution"))
        lines = [_line(done.finding)._replace(word="mended", more=done.outcome) for done in mended]
        left = f", {human_count(len(remaining))} cannot be mended" if remaining else ""
        sentence = f"{_counted(len(mended), 'thing')} mended{left}" if mended or remaining else "nothing was to be done"
        return Report(sentence, (*_lines(remaining), *lines), not remaining)

    return work


def copying(location: str, target: str) -> Work:
    """Work that copies all executions of a store into another one, made where there is none."""

    async def work(tell: Tell) -> Report:
        from stores.copying import SUCCESSES, copy_executions
        from stores.go.migrating import Migration
        from stores.go.store import GoExecutionEventStore

        lines: list[ReportLine] = []
        counts: Counter[str] = Counter()
        async with _opened(location) as source, _opened(target, create=True) as copy:
            migration = Migration(source.place) if isinstance(source, GoExecutionEventStore) else None
            progress = _Phases(tell, "copy: event")
            if migration is not None:
                copies = migration.run(copy, progress)
            else:
                copies = copy_executions(source, copy, await source.list_executions(), progress)
            async with aclosing(copies):
                async for done in copies:
                    counts[done.outcome] += 1
                    if done.outcome not in SUCCESSES and migration is None:
                        lines.append(ReportLine(done.outcome, done.execution_id, "", done.problem))
            if migration is not None:
                lines += [ReportLine("faulty", name, "", problem) for name, problem in migration.problems]
                await migration.close()
        words = {} if migration is None else {"copied": "migrated"}
        told = [f"{human_count(count)} {words.get(outcome, outcome)}" for outcome, count in counts.items()]
        return Report(", ".join(told) or "there was nothing to copy", tuple(lines), not lines)

    return work


def _lines(findings: list[Finding]) -> tuple[ReportLine, ...]:
    """The worst first."""
    return tuple(map(_line, sorted(findings, key=lambda finding: _BY_WEIGHT.index(finding.kind))))


def _line(finding: Finding) -> ReportLine:
    return ReportLine(finding.kind, finding.execution_id, finding.place, finding.problem, finding.remedy)


async def _whole(store: ExecutionEventStore, execution_id: str | None) -> str:
    """That nothing is wrong, and with how much."""
    if execution_id is not None:
        summary = await store.get_summary(execution_id)
        return f"it is whole: {_counted(summary.last_event_seq if summary else 0, 'event')}"
    summaries = await store.list_executions()
    events = sum(summary.last_event_seq for summary in summaries)
    return f"everything is whole: {_counted(len(summaries), 'execution')}, {_counted(events, 'event')}"


def _found(findings: list[Finding]) -> str:
    mendable = sum(bool(finding.remedy) for finding in findings)
    every = "r repairs it" if len(findings) == 1 else "r repairs all"
    words = every if mendable == len(findings) else f"r repairs {mendable}" if mendable else "r can do nothing about it"
    return f"{_counted(len(findings), 'finding')}, {words}"


def _counted(number: int, word: str) -> str:
    return f"{human_count(number)} {word}{'' if number == 1 else 's'}"
