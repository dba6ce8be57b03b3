"""Rebuilding state from events, running nothing: histories, the step index, keyframes, state differences."""
