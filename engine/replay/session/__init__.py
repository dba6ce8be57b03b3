"""A cursor over a history with breakpoints, watches and marks, without any idea of a terminal."""
