"""The chain in this engine: `python -m benchmarks.peers.ours_chain FOLDER STEPS`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import engine
from benchmarks.running import loop, run
from stores.file.store import FileExecutionEventStore


def main(folder: Path, steps: int) -> None:
    """Run it on a file store as the command line does: full durability, committing on the runner's loop."""
    timing = run(FileExecutionEventStore(folder / "store", create=True, offload=False, durability="full"), loop(steps))
    print(json.dumps({"version": engine.__version__, "wall": timing.wall, "cpu": timing.cpu}))


main(Path(sys.argv[1]), int(sys.argv[2]))
