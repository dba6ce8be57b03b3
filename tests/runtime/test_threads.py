"""Sync actions run in daemon threads, and whatever they do, the call ends."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from engine.runtime.threads import MAX_ABANDONED, AbandonedCalls, DaemonThreads


async def test_a_call_gives_its_result() -> None:
    assert await DaemonThreads().run(lambda: 5) == 5


class OddError(BaseException):
    pass


@pytest.mark.parametrize("kind", [ValueError, KeyError, SystemExit, KeyboardInterrupt, GeneratorExit, OddError])
async def test_an_exception_of_any_kind_is_raised_here(kind: type[BaseException]) -> None:
    error = kind("no")

    def fail() -> None:
        raise error

    threads = DaemonThreads()
    with pytest.raises(kind) as caught:
        await threads.run(fail)
    assert caught.value is error
    assert await threads.run(lambda: "alive") == "alive"


async def test_a_stop_iteration_becomes_a_runtime_error() -> None:
    def fail() -> None:
        raise StopIteration(7)

    with pytest.raises(RuntimeError, match="StopIteration: 7"):
        await DaemonThreads().run(fail)


async def test_a_thousand_calls_reuse_threads() -> None:
    threads = DaemonThreads()
    names = set()
    for number in range(1_000):
        name = await threads.run(lambda number=number: (number, threading.current_thread().ident))
        assert name[0] == number
        names.add(name[1])
    assert len(names) <= 3


async def test_calls_at_once_run_side_by_side() -> None:
    meeting = threading.Barrier(8)
    threads = DaemonThreads()
    await asyncio.gather(*(threads.run(meeting.wait) for _ in range(8)))
    again = threading.Barrier(8)
    before = threading.active_count()
    await asyncio.gather(*(threads.run(again.wait) for _ in range(8)))
    assert threading.active_count() <= before


async def test_threads_are_daemons() -> None:
    assert await DaemonThreads().run(lambda: threading.current_thread().daemon)


async def test_a_call_sees_its_callers_context_and_changes_a_copy() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("mine")

    def work() -> str:
        seen = variable.get()
        variable.set("theirs")
        return seen

    assert await DaemonThreads().run(work) == "mine"
    assert variable.get() == "mine"


async def test_a_cancelled_call_is_left_to_itself_and_its_result_dropped() -> None:
    go_on, begun, done = threading.Event(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> str:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        done.set()
        return "late"

    threads = DaemonThreads()
    task = asyncio.create_task(threads.run(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    assert await asyncio.to_thread(done.wait, 10)
    assert await threads.run(lambda: "next") == "next"


def test_a_result_for_a_loop_that_is_gone_harms_nobody() -> None:
    go_on, begun = threading.Event(), threading.Event()
    threads = DaemonThreads()

    def work() -> None:
        begun.set()
        go_on.wait()

    async def leave() -> None:
        task = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()

    asyncio.run(leave())
    go_on.set()
    assert asyncio.run(threads.run(lambda: "alive")) == "alive"


async def test_without_a_thread_the_call_is_not_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    threads = DaemonThreads()

    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            await threads.run(lambda: made.append("ghost"))
    await threads.run(lambda: made.append("asked for"))
    assert made == ["asked for"]


async def leave(threads: DaemonThreads, go_on: threading.Event) -> None:
    """Make a call that waits for `go_on`, and leave it."""
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()

    task = asyncio.create_task(threads.run(work))
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})


async def test_abandoned_calls_are_counted_until_they_end() -> None:
    threads = DaemonThreads(AbandonedCalls(2))
    first, second = threading.Event(), threading.Event()
    await leave(threads, first)
    assert (threads.abandoned, threads.exhausted) == (1, False)
    await threads.available()
    await leave(threads, second)
    assert (threads.abandoned, threads.exhausted) == (2, True)
    waiting = [asyncio.create_task(threads.available()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    first.set()
    await asyncio.gather(*waiting)
    assert (threads.abandoned, threads.exhausted) == (1, False)
    second.set()


async def test_a_wait_for_threads_can_be_given_up() -> None:
    threads, go_on = DaemonThreads(AbandonedCalls(1)), threading.Event()
    await leave(threads, go_on)
    task = asyncio.create_task(threads.available())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    go_on.set()
    await threads.available()


async def test_calls_that_end_are_not_counted_however_they_end() -> None:
    threads = DaemonThreads(AbandonedCalls())

    def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await threads.run(cancelled)
    await threads.run(lambda: 5)
    assert threads.abandoned == 0


async def test_all_threads_of_the_process_count_together() -> None:
    one, other, go_on = DaemonThreads(), DaemonThreads(), threading.Event()
    before = one.abandoned
    await leave(one, go_on)
    assert other.abandoned == before + 1
    go_on.set()
    assert AbandonedCalls().limit == MAX_ABANDONED == 8


async def test_a_call_that_was_left_before_it_began_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    threads = DaemonThreads(AbandonedCalls(1))
    ready = threading.Event()
    work = threads._work

    def late() -> None:
        ready.wait()
        work()

    monkeypatch.setattr(threads, "_work", late)
    task = asyncio.create_task(threads.run(lambda: made.append(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert threads.exhausted
    ready.set()
    await threads.available()
    assert made == []
