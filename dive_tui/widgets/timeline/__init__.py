"""The timeline: rows of paths and steps, bars in time."""
