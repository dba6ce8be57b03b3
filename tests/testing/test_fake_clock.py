"""The clock of tests: time is skipped only while nobody has anything to do."""

from __future__ import annotations

import asyncio

import pytest

from engine.testing import FakeClock


@pytest.mark.parametrize("busy_turns", range(0, 120, 7))
async def test_what_has_just_ended_is_answered_before_time_is_skipped(busy_turns: int) -> None:
    clock = FakeClock(skip=True)
    busy, answered_at = True, -1.0

    async def work_and_answer() -> None:
        nonlocal busy, answered_at
        for _ in range(busy_turns):
            await asyncio.sleep(0)
        busy = False
        for _ in range(20):
            await asyncio.sleep(0)
        answered_at = clock.monotonic()

    clock.busy = lambda: busy
    await asyncio.gather(clock.sleep(3_600, idle=True), work_and_answer())
    assert (answered_at, clock.monotonic()) == (0, 3_600)
