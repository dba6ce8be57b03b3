"""How much each tier of the tests does: the same code, other sizes. `DIVE_TEST_TIER` is `test` or `full`."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hypothesis import HealthCheck, settings


@dataclass(frozen=True)
class Sizes:
    """Numbers that tests take from here and nowhere else."""

    model_examples: int
    """Runs of a state machine that compares a store with its model."""
    model_steps: int
    """Actions in one such run."""
    random_kills: int
    """Moments at which a process that appends is killed."""
    killed_appends: int
    """Appends that such a process would make if it lived."""
    kills_apart: int
    """Of the boundaries at which a run is killed a second way, every how-manyth is."""
    bytes_apart: int
    """Of the bytes at which a transaction can be torn, every how-manyth is."""
    line_bits_apart: int
    """Of the bits in the lines of a database, every how-manyth is flipped."""
    file_bits_apart: int
    """Of the bits in the file of a database, every how-manyth is flipped."""
    writers: int
    """Processes that write into one database at once."""
    executions_each: int
    """Executions that each of them writes."""
    mass_processes: int
    """Processes that write to one store of files at the same time."""
    mass_executions: int
    """Executions that each of them writes."""


TIERS = {
    "test": Sizes(
        model_examples=60,
        model_steps=40,
        random_kills=8,
        killed_appends=300,
        kills_apart=3,
        bytes_apart=97,
        line_bits_apart=13,
        file_bits_apart=211,
        writers=4,
        executions_each=20,
        mass_processes=4,
        mass_executions=12,
    ),
    "full": Sizes(
        model_examples=300,
        model_steps=60,
        random_kills=50,
        killed_appends=500,
        kills_apart=1,
        bytes_apart=1,
        line_bits_apart=1,
        file_bits_apart=1,
        writers=8,
        executions_each=1_000,
        mass_processes=8,
        mass_executions=100,
    ),
}
TIER = os.environ.get("DIVE_TEST_TIER", "test")
SIZES = TIERS[TIER]

_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("test", deadline=None, derandomize=True, max_examples=60, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("full", deadline=None, max_examples=1_000, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(TIER)
