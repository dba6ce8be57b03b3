"""`dive-tui check`."""
