"""The full screens of the app, one per file."""
