"""A compiler for two systems."""

from __future__ import annotations

import asyncio

from dive_tui import Fatal, action


@action
async def compile_for(system: str) -> str:
    """Compile; returns the name of the binary.

    Raises:
        Fatal: there is no compiler for the system.
    """
    if system not in ("linux", "macos"):
        raise Fatal(f"no compiler for {system}")
    await asyncio.sleep(0.05)
    return f"tool-{system}"
