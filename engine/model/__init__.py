"""Data only: events and their payloads, workflow definitions, execution state, snapshots, summaries, filters."""
