"""Months of a whole bot in seconds, out of one seed: a market, a venue that fails, a process that dies, and the checks."""
