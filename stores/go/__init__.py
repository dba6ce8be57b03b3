"""Stores of the Go system Dive, read as they are and never changed, and their migration into a store of ours."""
