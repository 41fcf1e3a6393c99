"""Sounds of games and films."""
