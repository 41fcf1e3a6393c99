"""The speech worker: a small process that speaks texts, whatever else is being generated."""
