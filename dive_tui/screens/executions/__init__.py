"""The list of executions of a store."""
