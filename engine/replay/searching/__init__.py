"""Searching the events of a history: the query language and what finds the hits."""
