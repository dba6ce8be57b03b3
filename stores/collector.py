"""Where stores find `collector_paused`, which the engine uses as well."""

from __future__ import annotations

from engine.collector import collector_paused

__all__ = ["collector_paused"]
