"""The chain in DBOS on SQLite: `python dbos_chain.py FOLDER STEPS wal|shipped`, with the peers' own interpreter.

Synchronous functions, which it runs faster than asynchronous ones; the database keeps SQLite's default: sync fully.
"""

from __future__ import annotations

import importlib.metadata
import json
import sqlite3
import sys
import time
from pathlib import Path

from dbos import DBOS

WARM_UP = 20


@DBOS.step()
def count(value: int) -> int:
    """The cheapest thing a step can do."""
    return value + 1


@DBOS.workflow()
def chain(steps: int) -> int:
    """So many steps, each using what the one before returned."""
    value = 0
    while value < steps:
        value = count(value)
    return value


def main(folder: Path, steps: int, journal: str) -> None:
    """Run it in a new database and print what it took."""
    database = folder / "dbos.sqlite"
    if journal == "wal":
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
    DBOS(config={"name": "chain", "system_database_url": f"sqlite:///{database}", "log_level": "ERROR"})
    DBOS.launch()
    chain(WARM_UP)
    wall, cpu = time.perf_counter(), time.process_time()
    result = chain(steps)
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    assert result == steps
    print(json.dumps({"version": importlib.metadata.version("dbos"), **took}), flush=True)
    DBOS.destroy()


main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
