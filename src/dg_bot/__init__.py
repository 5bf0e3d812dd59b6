"""A trading bot for Upbit's KRW spot markets that keeps its promises through crashes."""

__version__ = "0.1.0"
