"""Streams of events to many listeners, capped and ended in time."""
