"""The cycle collector rests during bulk loads, and only then."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from engine.collector import collector_paused


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_it_rests_until_the_last_one_is_done() -> None:
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_wakes_it_too() -> None:
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


def test_threads_that_overlap() -> None:
    entered, leave = threading.Event(), threading.Event()

    def load() -> None:
        with collector_paused():
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=load)
    with collector_paused():
        thread.start()
        assert entered.wait(20)
    assert not gc.isenabled(), "the other is still loading"
    leave.set()
    thread.join()
    assert gc.isenabled()
