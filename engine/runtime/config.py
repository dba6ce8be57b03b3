"""How executions are recorded: limits and the pace of snapshots, validated."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PersistenceConfig(BaseModel):
    """Limits of one execution's history; each one reached is an error that names the step.

    Raises:
        pydantic.ValidationError: a value out of range or an unknown field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
