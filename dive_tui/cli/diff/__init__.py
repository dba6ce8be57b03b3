"""`dive-tui diff`: what to compare, and how it is printed."""
