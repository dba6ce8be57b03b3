"""What steps print and log is kept with the step, and nothing else is touched."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import threading

import pytest

from engine.runtime.capture import StepLog, attach, captured_output


@pytest.fixture
def log() -> StepLog:
    return StepLog(1_000)


async def inside(log: StepLog, work: object) -> None:
    """Run a function in a task of its own whose output goes to the log."""

    async def step() -> None:
        attach(log)
        work()  # type: ignore[operator]

    await asyncio.create_task(step())


async def test_prints_go_to_the_log_and_nowhere_else(log: StepLog, capsys: pytest.CaptureFixture[str]) -> None:
    with captured_output():
        print("outside")
        await inside(log, lambda: (print("one"), print("two", file=sys.stderr), sys.stdout.writelines(["3\n", "4\n"])))
        print("outside again")
    assert log.text() == "one\ntwo\n3\n4\n"
    assert capsys.readouterr() == ("outside\noutside again\n", "")


async def test_each_task_has_its_own_log() -> None:
    logs = [StepLog(1_000) for _ in range(5)]

    async def step(number: int) -> None:
        attach(logs[number])
        for _ in range(3):
            print(number, end="")
            await asyncio.sleep(0)

    with captured_output():
        await asyncio.gather(*(step(number) for number in range(5)))
    assert [log.text() for log in logs] == ["000", "111", "222", "333", "444"]


async def test_threads_that_take_the_context_along_print_to_the_same_log(log: StepLog) -> None:
    async def step() -> None:
        attach(log)
        await asyncio.to_thread(print, "from a thread")

    with captured_output():
        await asyncio.create_task(step())
    assert log.text() == "from a thread\n"


async def test_warnings_and_infos_are_logged_with_their_level_name_and_traceback(log: StepLog) -> None:
    logger = logging.getLogger("tests.capture")
    logger.setLevel(logging.DEBUG)

    def work() -> None:
        logger.debug("too fine")
        logger.info("fine %d", 5)
        try:
            raise ValueError("oops")
        except ValueError:
            logger.exception("broken")

    try:
        with captured_output():
            logger.warning("outside")
            await inside(log, work)
    finally:
        logger.setLevel(logging.NOTSET)
    lines = log.text().splitlines()
    assert lines[:3] == [
        "INFO tests.capture: fine 5",
        "ERROR tests.capture: broken",
        "Traceback (most recent call last):",
    ]
    assert lines[-1] == "ValueError: oops"


async def test_a_log_call_with_wrong_arguments_does_not_fail_the_step(
    log: StepLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise the error
    with captured_output():
        await inside(log, lambda: logging.getLogger("tests.capture").warning("%d files", "many"))
    assert "%d files" in log.text()


async def test_only_text_can_be_written(log: StepLog) -> None:
    def work() -> None:
        for wrong in (b"bytes", 5, None):
            with pytest.raises(TypeError, match="must be str"):
                sys.stdout.write(wrong)  # type: ignore[arg-type]

    with captured_output():
        await inside(log, work)
    assert log.text() == ""


async def test_the_streams_are_put_back() -> None:
    before = sys.stdout, sys.stderr
    handlers = list(logging.getLogger().handlers)
    with captured_output():
        inner = sys.stdout
        assert inner is not before[0]
        with captured_output():
            assert sys.stdout is inner
        assert sys.stdout is inner
    assert (sys.stdout, sys.stderr) == before
    assert logging.getLogger().handlers == handlers


async def test_the_streams_are_put_back_after_an_error_too() -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(KeyError), captured_output():
        raise KeyError
    assert (sys.stdout, sys.stderr) == before


async def test_overlapping_captures_end_with_the_last() -> None:
    before = sys.stdout
    one, two = captured_output(), captured_output()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert sys.stdout is not before
    two.__exit__(None, None, None)
    assert sys.stdout is before


async def test_a_stream_somebody_else_put_in_place_is_left() -> None:
    before = sys.stdout
    theirs = io.StringIO()
    try:
        with captured_output():
            sys.stdout = theirs
        assert sys.stdout is theirs
    finally:
        sys.stdout = before


async def test_a_stream_put_in_place_meanwhile_is_captured_from_the_next_time_on(log: StepLog) -> None:
    before = sys.stdout
    theirs = io.StringIO()
    try:
        with captured_output():
            sys.stdout = theirs
            with captured_output():
                await inside(log, lambda: print("captured"))
        assert sys.stdout is theirs
    finally:
        sys.stdout = before
    assert (log.text(), theirs.getvalue()) == ("captured\n", "")


async def test_a_stream_keeps_its_other_abilities() -> None:
    original = sys.stdout
    with captured_output():
        assert sys.stdout.encoding == original.encoding
        assert sys.stdout.isatty() == original.isatty()
        sys.stdout.flush()


def test_only_the_last_part_of_much_text_is_kept_whole_characters_only() -> None:
    log = StepLog(10)
    for number in range(1_000):
        log.write(f"{number:04d}")
    assert log.text() == "9709980999"
    log.write("☃" * 50)
    assert log.text() == "☃☃☃"


def test_a_long_text_is_not_pushed_out_by_a_short_one() -> None:
    log = StepLog(10)
    log.write("x" * 100)
    log.write("\n")
    assert log.text() == "x" * 9 + "\n"


def test_a_log_that_keeps_nothing_is_empty() -> None:
    log = StepLog(0)
    log.write("text")
    log.write("")
    assert log.text() == ""


def test_what_json_cannot_hold_is_replaced() -> None:
    log = StepLog(100)
    log.write("a\ud800b")
    assert log.text() == "a?b"


def test_an_echo_hears_everything_as_it_comes() -> None:
    heard: list[str] = []
    log = StepLog(3, heard.append)
    for text in ("one", "", "two"):
        log.write(text)
    assert heard == ["one", "two"]
    assert log.text() == "two"


def test_many_threads_may_write_at_once() -> None:
    log = StepLog(100)

    def write() -> None:
        for _ in range(2_000):
            log.write("x" * 30)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.text() == "x" * 100
