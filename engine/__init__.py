"""The durable workflow engine: a pure core and the runtime around it. Knows no store implementation and no terminal."""

__version__ = "0.1.0"
