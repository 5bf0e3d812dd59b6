"""Settings, wiring and the processes that run."""
