"""Pure functions: reduce, decide, expressions, hashing and the query language. Nothing here reads a clock or a file."""
