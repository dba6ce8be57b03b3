"""JSON values as trees, lines and short texts."""
