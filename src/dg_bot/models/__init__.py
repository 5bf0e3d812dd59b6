"""Decision models: what proposes BUY, SELL or HOLD."""
