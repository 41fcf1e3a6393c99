"""Hears the melody of a hummed or played line: pitch, notes, key and beat."""
