"""The demonstration: a workflow that checks Python files and really fails on one of them."""
