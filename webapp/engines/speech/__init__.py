"""Turns texts into speech: with eSpeak NG, and with Piper where it is installed and has a voice."""
