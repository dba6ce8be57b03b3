"""The life of executions as wholes: the engine's front door that creates and runs them."""
