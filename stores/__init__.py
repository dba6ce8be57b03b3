"""Implementations of the engine's store port, and `open_store`, which chooses one by looking at a location."""
