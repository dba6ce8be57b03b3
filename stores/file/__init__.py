"""Executions in a folder of files."""
