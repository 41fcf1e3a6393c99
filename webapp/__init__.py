"""Soundloom: a self-hosted text-to-audio server."""

__version__ = "0.1.0"
