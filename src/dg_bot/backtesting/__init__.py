"""History: strategies run over recorded candles."""
