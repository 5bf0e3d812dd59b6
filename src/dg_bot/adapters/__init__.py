"""The thin edges: one foreign thing a file."""
