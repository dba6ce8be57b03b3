"""Executions in one SQLite database."""
