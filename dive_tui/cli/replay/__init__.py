"""`dive-tui replay`."""
