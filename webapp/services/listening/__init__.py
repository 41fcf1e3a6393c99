"""Sounds that are heard while they are being made."""
