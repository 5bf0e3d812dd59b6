"""Values of the trade: what cannot be true cannot be built. Standard library only."""
