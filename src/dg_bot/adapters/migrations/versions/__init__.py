"""One module a migration; each runs the .sql file of its own name."""
