"""The speech page."""
