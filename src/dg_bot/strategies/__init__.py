"""Rule strategies: bars in, signals for every bar out."""
