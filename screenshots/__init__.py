"""The pictures of the README and the documentation, drawn from the real app: `make screenshots`."""
