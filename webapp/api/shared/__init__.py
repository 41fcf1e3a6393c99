"""Helpers that several controllers use."""
