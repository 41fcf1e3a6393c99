"""Turns texts into speech: with a neural English voice, eSpeak NG, and the voices of Piper that are there."""
