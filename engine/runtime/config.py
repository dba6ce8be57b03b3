"""How executions are recorded: what an acknowledged event survives, limits and warnings, the pace; validated."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Durability = Literal["full", "normal", "relaxed"]


class PersistenceConfig(BaseModel):
    """Durability, batches and the limits of one execution's history.

    Each limit reached is an error that names the step; each size to warn of is told once for a step.

    Raises:
        pydantic.ValidationError: a value out of range or an unknown field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    durability: Durability = "full"
    """What a recorded event survives: `full` a loss of power, `normal` the death of the process, `relaxed` neither
    before it is flushed. Of the first two only the store has to know; give it the same when it is opened."""
    batch_size: int = Field(default=256, ge=1, le=100_000)
    """With relaxed durability: so many events, of all executions, are flushed at once."""
    flush_interval: float = Field(default=0.1, gt=0, le=60, allow_inf_nan=False)
    """With relaxed durability: seconds after which an event is flushed at the latest."""
    max_batch_bytes: int = Field(default=1_048_576, ge=1_000, le=1_000_000_000)
    """With relaxed durability: so many bytes of event data, of all executions, are flushed at once."""
    store_patience: float = Field(default=60.0, ge=0, le=86_400, allow_inf_nan=False)
    """Seconds for which what a failing store did not take is tried again, before the runner stops; 0: not at all."""

    max_events: int = Field(default=51_200, ge=10)
    """Events an execution may record before it is failed."""
    max_bytes: int = Field(default=50_000_000, ge=10_000)
    """Bytes of event data an execution may record before it is failed."""
    max_payload: int = Field(default=2_097_152, ge=1_000)
    """Bytes one step's output, parameters or items may have."""
    max_state: int = Field(default=16_777_216, ge=10_000)
    """Bytes of JSON the open state may have when it is saved, before the execution is failed."""
    snapshot_events: int = Field(default=256, ge=1)
    """Least number of events between two snapshots while running."""
    max_log: int = Field(default=65_536, ge=0)
    """Bytes of a step's printed and logged text that are kept: the last ones."""

    warn_events: int = Field(default=10_240, ge=1)
    """Events from which on an execution's history is warned of."""
    warn_bytes: int = Field(default=10_000_000, ge=1)
    """Bytes of event data from which on an execution's history is warned of."""
    warn_payload: int = Field(default=262_144, ge=1)
    """Bytes of data from which on an event is warned of."""
    warn_state: int = Field(default=1_048_576, ge=1)
    """Bytes of JSON from which on the open state is warned of, when it is saved."""

    @model_validator(mode="after")
    def _only_relaxed_gathers(self) -> PersistenceConfig:
        idle = {"batch_size", "flush_interval", "max_batch_bytes"} & self.model_fields_set
        if idle and self.durability != "relaxed":
            names = ", ".join(sorted(idle))
            raise ValueError(f"{names}: only durability 'relaxed' gathers events, this is {self.durability!r}")
        return self
