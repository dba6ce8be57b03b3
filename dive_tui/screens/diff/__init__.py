"""What differs: two states, two executions, a snapshot, a definition."""
