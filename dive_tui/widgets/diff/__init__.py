"""Rows of differences and how they are drawn."""
