"""The rules that protect the money, and the only place that approves an order."""
