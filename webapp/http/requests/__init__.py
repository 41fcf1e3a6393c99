"""Readers of a request's parts, with strict bounds, for use before a handler sees it."""
