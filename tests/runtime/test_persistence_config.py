"""The configuration of recording: its values, its ranges, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.runtime.config import PersistenceConfig


def test_everything_is_full_and_patient_by_default() -> None:
    config = PersistenceConfig()
    assert (config.durability, config.store_patience) == ("full", 60.0)
    assert (config.warn_payload, config.warn_events, config.warn_state) == (256 * 1024, 10_240, 1024 * 1024)
    assert config.warn_bytes < config.max_bytes


@pytest.mark.parametrize(
    "fields",
    [
        {"max_events": 9},
        {"max_bytes": 1},
        {"max_payload": 0},
        {"snapshot_events": 0},
        {"colour": 1},
        {"max_log": -1},
        {"durability": "safe"},
        {"store_patience": -1},
        {"store_patience": float("inf")},
        {"store_patience": float("nan")},
        {"batch_size": 0, "durability": "relaxed"},
        {"flush_interval": 0, "durability": "relaxed"},
        {"flush_interval": 61, "durability": "relaxed"},
        {"max_batch_bytes": 10, "durability": "relaxed"},
        {"warn_events": 0},
        {"warn_bytes": 0},
        {"warn_payload": 0},
        {"warn_state": 0},
    ],
)
def test_a_configuration_out_of_range_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        PersistenceConfig(**fields)


@pytest.mark.parametrize("name", ["batch_size", "flush_interval", "max_batch_bytes"])
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_batches_are_for_relaxed_durability_only(name: str, durability: str) -> None:
    fields: dict[str, Any] = {name: 10_000 if name == "max_batch_bytes" else 5}
    assert PersistenceConfig(durability="relaxed", **fields).durability == "relaxed"
    with pytest.raises(ValidationError, match=f"{name}: only durability 'relaxed' gathers events"):
        PersistenceConfig.model_validate(fields | {"durability": durability})
