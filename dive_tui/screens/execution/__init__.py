"""The screen of one execution: timeline, events, inspector, replay."""
