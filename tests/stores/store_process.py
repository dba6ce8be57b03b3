"""Other processes with stores of their own on the same data."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class StoreProcess:
    """Obeys orders of `store_child`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, base: Path) -> Self:
        command = (sys.executable, "-m", "tests.stores.store_child", str(base))
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        return cls(await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes))

    def tell(self, *order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")

    async def hear(self) -> tuple[str | None, Any]:
        assert self.process.stdout is not None
        error, result = json.loads(await self.process.stdout.readline())
        return error, result

    async def do(self, *order: Any) -> Any:
        """The result, or the name of the error."""
        self.tell(*order)
        error, result = await self.hear()
        return error or result

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
