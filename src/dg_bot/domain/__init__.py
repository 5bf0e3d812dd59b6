"""Values of the trade, of which none can be built that cannot be true; standard library only."""
